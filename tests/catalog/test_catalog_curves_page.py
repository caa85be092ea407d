"""The figures on docs/curves.md are those that the code gives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from giqplan.catalog import Catalog, open_catalog
from giqplan.catalog.levels import MIN_LOADS, highest_within, ladder, levels
from giqplan.model.profiles import Saturated

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "curves.md").read_text(encoding="utf-8")


def cells(first: str) -> list[list[str]]:
    """The rows of the table whose header begins with ``first``."""
    lines = PAGE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |")) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


def test_the_catalog_s_curves_are_counted_by_whether_they_saturate(catalog: Catalog) -> None:
    ladders = [ladder(c, c.output_tokens) for c in catalog.curves() if c.output_tokens]
    counts = Counter(found.saturated for found in ladders if len(found.levels) >= MIN_LOADS)
    assert {row[0]: int(row[2]) for row in cells("`saturated`")} == {str(s): counts[s] for s in Saturated}


def test_the_share_of_values_that_move(catalog: Catalog) -> None:
    for name, share in (("ntpot_ms", "1.4 % of NTPOTs"), ("ttft_ms", "14 % of TTFTs")):
        pairs = [
            (getattr(measured, name), getattr(fitted, name))
            for c in catalog.curves()
            if c.output_tokens and len((found := ladder(c, c.output_tokens)).levels) >= MIN_LOADS
            for measured, fitted in zip(found.measured, found.levels, strict=True)
            if measured.metric(name.removesuffix("_ms")) is not None
        ]
        moved = 100 * sum(a != b for a, b in pairs) / len(pairs)
        assert share in PAGE
        assert f"{moved:.2g}" == share.split()[0]


def test_the_recorded_ladder(catalog: Catalog) -> None:
    curve = catalog.curve("c-a2ec03ec3011")
    assert curve is not None and curve.output_tokens == 62
    found = ladder(curve, 62)
    fitted = {level.step: level for level in found.levels}
    rows = cells("sent/s")
    points = sorted(curve.points, key=lambda p: p.load or 0)
    for row, point in zip(rows, points, strict=True):
        sent, answered, load, ntpot, ttft, smooth, said = row
        assert (float(sent), float(answered)) == (point.load, point.qps)
        assert ntpot == f"{point.ntpot_ms:.2f}" and ttft == f"{point.ttft_ms:.2f}"
        assert load == f"{(point.qps or 0) * (point.ntpot_ms or 0) * 62 / 1000:.1f}"
        level = fitted.get(float(sent))
        assert smooth == ("" if level is None else f"{level.ttft_ms:.2f}")
        assert (said == "waits in the queue") == point.queue_dominated == (level is None)
        assert (said == "saturation point") == (level is not None and level.step == found.usable[-1].step)


def test_its_operating_points(catalog: Catalog) -> None:
    curve = catalog.curve("c-a2ec03ec3011")
    assert curve is not None
    usable = ladder(curve, 62).usable
    level = highest_within(usable, {"ntpot": 12})
    assert level is not None
    assert f"so {level.qps:.2f} requests/s at {level.ttft_ms:.1f} ms" in PAGE.replace("\n", " ")
    assert highest_within(usable, {"ttft": 30}) is None
    assert min(x.ttft_ms or 0 for x in levels(curve, 62)) < 30
