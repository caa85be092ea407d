"""Columns: the same curves as one by one, kept in files, mapped, built again when they are broken."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from giqplan.catalog import Catalog, open_catalog
from giqplan.catalog.columns import HEADER, build, load, open_columns, save
from giqplan.catalog.ladders import SATURATED
from giqplan.catalog.levels import ladder, trustworthy_loads


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


def same(found: float, wanted: float | None) -> bool:
    return math.isnan(found) if wanted is None else math.isclose(found, wanted, rel_tol=1e-12)


def test_every_curve_of_the_catalog_is_the_same_in_columns(catalog: Catalog) -> None:
    table = open_columns(catalog)
    curves = sorted(catalog.curves(), key=lambda c: c.key)
    assert len(table) == len(curves) > 500
    for i, curve in enumerate(curves):
        assert (table.key(i), table.profile(i)) == (curve.key, curve.profile)
        assert (table.provenance(i), table.statistic(i)) == (curve.provenance, curve.statistic)
        start, end = table.ladders.starts[i : i + 2]
        if curve.output_tokens is None:
            assert start == end
            continue
        one = ladder(curve, curve.output_tokens)
        assert (end - start, table.ladders.top[i]) == (len(one.levels), one.top)
        if one.levels:
            assert SATURATED[table.ladders.saturated[i]] is one.saturated
        for j, level in enumerate(one.levels, start):
            for name in ("qps", "output_tokens_per_second", "ntpot_ms", "ttft_ms", "itl_ms"):
                assert same(table.ladders.levels[name][j], getattr(level, name)), (curve.key, name)


def test_points_stand_as_measured(catalog: Catalog) -> None:
    table = open_columns(catalog)
    curves = {c.key: c for c in catalog.curves()}
    for i in range(len(table)):
        start, end = table.point_starts[i : i + 2]
        points = curves[table.key(i)].points
        assert end - start == len(points)
        for j, point in enumerate(points, start):
            assert same(table.points["ntpot_ms"][j], point.ntpot_ms)
            assert bool(table.points["suspect"][j]) == bool(point.suspect)


def test_points_that_come_apart_from_their_curves_give_the_same_columns(catalog: Catalog) -> None:
    """As they stand in the tables, and with their curves."""
    apart, together = open_columns(catalog), build(catalog.curves(), catalog.digest)
    assert (apart.names, apart.hardware) == (together.names, together.hardware)
    for name, column in together.curves.items():
        assert (apart.curves[name] == column).all(), name
    for name, column in together.points.items():
        assert np.array_equal(apart.points[name], column, equal_nan=column.dtype == float), name
    assert [int(n) for n in apart.curves["loads"]] == [trustworthy_loads(c) for c in sorted(catalog.curves(), key=lambda c: c.key)]


def test_columns_are_built_once_for_a_catalog_and_then_mapped(catalog: Catalog, tmp_path: Path) -> None:
    first = open_columns(catalog, tmp_path)
    (folder,) = tmp_path.iterdir()
    stamp = (folder / HEADER).stat().st_mtime_ns
    again = open_columns(catalog, tmp_path)
    assert (folder / HEADER).stat().st_mtime_ns == stamp
    assert again.nbytes == first.nbytes
    column = again.ladders.levels["ntpot_ms"]
    assert not column.flags.owndata and not column.flags.writeable
    assert isinstance(column.base, np.memmap)


def test_another_catalog_takes_the_place_of_the_columns(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "catalog-0123456789abcdef").mkdir()
    open_columns(catalog, tmp_path)
    (folder,) = tmp_path.iterdir()
    assert folder.name == "catalog-" + catalog.digest.removeprefix("sha256:")[:16]


@pytest.mark.parametrize("name", [HEADER, "level.qps.npy", "curve.key.npy"])
@pytest.mark.parametrize("broken", [b"", b"{", None])
def test_broken_columns_are_built_again(catalog: Catalog, tmp_path: Path, name: str, broken: bytes | None) -> None:
    open_columns(catalog, tmp_path)
    (folder,) = tmp_path.iterdir()
    if broken is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(broken)
    assert load(folder, catalog.digest) is None
    assert len(open_columns(catalog, tmp_path)) > 500
    assert load(folder, catalog.digest) is not None


def test_a_folder_that_cannot_be_written_costs_time_only(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be")
    assert len(open_columns(catalog, tmp_path / "cache")) > 500


def test_no_curves_are_columns_too(tmp_path: Path) -> None:
    save(build((), "sha256:0"), tmp_path / "catalog-0")
    found = load(tmp_path / "catalog-0", "sha256:0")
    assert found is not None
    assert len(found) == 0
