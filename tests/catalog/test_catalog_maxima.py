"""What pages say that a replica serves at most: bounds, never curves."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from giqplan.catalog import Catalog
from giqplan.catalog.verify import verify
from giqplan.errors import CatalogError

Change = Callable[[dict[str, str]], bool]
Edited = Callable[[str, Change], Catalog]

_ROW = {
    "model_server": "trtllm",
    "gke_accelerator": "nvidia-b200",
    "parallelism": "DEP2PP4",
    "num_gpus": "8",
    "precision": "FP4",
    "isl": "1000",
    "osl": "2000",
    "output_tok_per_s_total": "25852.0",
    "load": "offline max throughput (all requests queued)",
    "note": "table unit: tok/s/GPU",
    "source": "some/repo@abc page.md (Apache-2.0)",
    "model_id": "a/b",
}


def put(column: str, value: str) -> Change:
    def change(row: dict[str, str]) -> bool:
        row[column] = value
        return True

    return change


def test_a_maximum_is_of_the_whole_replica_and_says_its_source(catalog: Catalog) -> None:
    rows = catalog.maxima()
    (row,) = [
        one
        for one in rows
        if (one.model_id, one.accelerator, one.input_tokens) == ("deepseek-ai/DeepSeek-R1-0528", "nvidia-h200-141gb", 1000)
    ]
    assert (row.accelerator_count, row.precision, row.parallelism, row.output_tokens) == (8, "fp8", "tp1dp8", 1000)
    assert row.output_tokens_per_second == 8 * 1627
    assert "TensorRT-LLM" in row.source and "all requests queued" in row.note


def test_a_source_row_becomes_a_maximum_in_the_catalog_s_words() -> None:
    path = Path(__file__).parents[2] / "scripts" / "build_catalog.py"
    spec = importlib.util.spec_from_file_location("build_catalog", path)
    assert spec is not None and spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    other = {**_ROW, "parallelism": "TP8PP1", "isl": "128"}
    unsold = {**_ROW, "gke_accelerator": ""}
    found = build.build_maxima([_ROW, other, unsold], build.Sources())
    assert build.build_maxima([unsold, other, _ROW], build.Sources()) == found
    assert [(row["parallelism"], row["input_tokens"], row["output_tokens_per_second"]) for row in found] == [
        ("tp1dp2pp4", "1000", "25852"),
        ("tp8", "128", "25852"),
    ]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("model_id", "nobody/knows-me", "model or accelerator unknown"),
        ("gke_accelerator", "nvidia-z9", "model or accelerator unknown"),
        ("precision", "fp7", "precision 'fp7'"),
        ("accelerator_count", "3", "on 3 accelerators"),
        ("parallelism", "DEP4", "parallelism DEP4"),
        ("source", "", "without a source"),
    ],
)
def test_a_row_of_nothing_known_is_a_problem(edited: Edited, column: str, value: str, told: str) -> None:
    assert any(told in problem for problem in verify(edited("maxima", put(column, value))))


@pytest.mark.parametrize(
    ("column", "value"), [("output_tokens_per_second", "0"), ("input_tokens", ""), ("output_tokens", "-1"), ("accelerator_count", "many")]
)
def test_a_cell_that_cannot_be_read_is_refused_with_its_line(edited: Edited, column: str, value: str) -> None:
    with pytest.raises(CatalogError) as raised:
        edited("maxima", put(column, value)).maxima()
    assert raised.value.code == "GIQ1202" and raised.value.place is not None and raised.value.place.line == 2
