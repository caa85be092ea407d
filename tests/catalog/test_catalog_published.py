"""Rows that a page prints alone: shown as what they are, never a curve."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from giqplan.catalog import Catalog
from giqplan.catalog.verify import verify

Change = Callable[[dict[str, str]], bool]


def test_googles_page_prints_one_row_of_gpt_oss_20b_and_leaves_out_its_load_and_lengths(catalog: Catalog) -> None:
    (row,) = catalog.published("gpt-oss-20b")
    assert (row.machine_type, row.output_tokens_per_second, row.ntpot_ms, row.ttft_ms) == ("a3-highgpu-1g", 13335, 67, 297)
    assert (row.usd_per_million_input_tokens, row.usd_per_million_output_tokens) == (Decimal("0.009"), Decimal("0.035"))
    assert {"load", "token lengths", "statistic"} <= set(row.unstated)
    assert (row.date, row.itl_ms) == ("", None)
    assert "documentation page" in row.source


def test_it_is_asked_for_by_model_and_accelerator_and_is_no_curve(catalog: Catalog) -> None:
    assert catalog.published("openai/gpt-oss-20b", "nvidia-h100-80gb")
    assert not catalog.published("openai/gpt-oss-20b", "nvidia-l4")
    assert not catalog.published("nobody/knows-me")
    assert not any(curve.profile.model_id == "openai/gpt-oss-20b" for curve in catalog.curves())


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("model_id", "nobody/knows-me", "model nobody/knows-me is unknown"),
        ("machine_type", "g2-standard-4", "does not carry nvidia-h100-80gb"),
        ("unstated", "", "what it leaves unsaid"),
    ],
)
def test_a_row_of_nothing_known_is_a_problem(edited: Callable[[str, Change], Catalog], column: str, value: str, told: str) -> None:
    def put(row: dict[str, str]) -> bool:
        row[column] = value
        return True

    assert any(told in problem for problem in verify(edited("published", put)))
