"""Writing a layer: all of a change or none of it; equal content gives equal bytes; what cannot be read is never written."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from giqplan.catalog import open_catalog
from giqplan.catalog.layer import NewCurve, add_curves, cell, replace_layer, set_prices, source_of
from giqplan.catalog.layers import COMMITTED, Layer
from giqplan.errors import CatalogError, GiqplanError
from giqplan.model.recommendation import PricingModel

SOURCE = source_of("own bench", "", "2026-11-01")
PRICE = {
    "machine_type": "g2-standard-12",
    "region": "us-central1",
    "pricing_model": "on-demand",
    "usd_per_hour": "0.5",
    "quality": "single-source",
    "as_of": "2026-11-01",
    "source": SOURCE.id,
}


def new_curve(**cells: str) -> NewCurve:
    curve = {
        "provenance": "user",
        "model_id": "google/gemma-2-27b-it",
        "model_server": "vllm",
        "model_server_version": "0.11.0",
        "accelerator": "nvidia-h100-80gb",
        "accelerator_count": "1",
        "parallelism": "tp1",
        "input_tokens": "128",
        "output_tokens": "128",
        "statistic": "p50",
        "load_kind": "concurrency",
        "replicas": "1",
        "measured_at": "2026-11-01",
        "source": SOURCE.id,
    }
    points = [{"load": cell(n), "ntpot_ms": cell(10.0 + n), "qps": cell(n / 2), "queue_dominated": "no"} for n in (8, 1, 4)]
    return NewCurve({**curve, **cells}, points)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_curve_that_was_added_is_in_the_catalog(tmp_path: Path) -> None:
    changes = add_curves(tmp_path / "giqplan-catalog", [new_curve()], [SOURCE], "2026-11-01")
    assert [c.table for c in changes] == ["curves", *["points"] * 3, "sources"] and all(c.before is None for c in changes)
    own = [c for c in open_catalog(tmp_path).curves_for("google/gemma-2-27b-it") if c.provenance == "user"]
    assert [(p.load, p.ntpot_ms) for p in own[0].points] == [(1, 11), (4, 14), (8, 18)]
    assert (own[0].source, len(own)) == ("own bench", 1)


def test_the_order_in_which_curves_come_does_not_matter(tmp_path: Path) -> None:
    first, second = new_curve(), new_curve(precision="fp8")
    add_curves(tmp_path / "a", [first, second], [SOURCE], "2026-11-01")
    add_curves(tmp_path / "b", [second], [SOURCE], "2026-11-01")
    add_curves(tmp_path / "b", [first], [SOURCE], "2026-10-01")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_the_same_curve_again_changes_nothing_and_a_judgement_changes_only_itself(tmp_path: Path) -> None:
    add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01")
    assert add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01") == ()
    (change,) = add_curves(tmp_path, [new_curve(note="warm")], [SOURCE], "2026-11-01")
    assert (change.table, change.columns) == ("curves", ("note",))


def test_a_price_replaces_only_the_same_machine_region_and_pricing_model(tmp_path: Path) -> None:
    folder = tmp_path / "giqplan-catalog"
    set_prices(folder, [PRICE, {**PRICE, "region": "us-east1"}], [SOURCE], "2026-11-01")
    (change,) = set_prices(folder, [{**PRICE, "usd_per_hour": "0.4"}], [SOURCE], "2026-11-02")
    assert (change.before or {})["usd_per_hour"] == "0.5"
    found = open_catalog(tmp_path)
    prices = [found.price("g2-standard-12", region, PricingModel.ON_DEMAND) for region in ("us-central1", "us-east1", "us-east4")]
    assert [(str(p.usd_per_hour), p.source == "own bench") for p in prices if p] == [
        ("0.4", True),
        ("0.5", True),
        (str(getattr(open_catalog().price("g2-standard-12", "us-east4", PricingModel.ON_DEMAND), "usd_per_hour", "")), False),
    ]
    about = json.loads((folder / "catalog.json").read_text())
    assert about == {"schema_version": 1, "name": "user", "date": "2026-11-02", "checked": Layer("user", folder).tables_digest}


def test_replacing_a_layer_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01", name="synced")
    replace_layer(tmp_path, {"prices": [PRICE], "sources": [files_source()]}, "2026-11-02", name="synced")
    layer = Layer("synced", tmp_path)
    assert [len(list(layer.rows(table))) for table in ("curves", "points", "prices")] == [0, 0, 1]


def test_a_layer_that_is_replaced_may_be_broken(tmp_path: Path) -> None:
    add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01", name="synced")
    (tmp_path / "curves.csv").write_text("key\nx\n")
    (tmp_path / "catalog.json").write_text("{")
    replace_layer(tmp_path, {"prices": [PRICE], "sources": [files_source()]}, "2026-11-02", name="synced")
    layer = Layer("synced", tmp_path)
    assert (layer.date, len(list(layer.rows("curves")))) == ("2026-11-02", 0)


def test_the_same_data_of_another_day_has_its_date(tmp_path: Path) -> None:
    tables = {"prices": [PRICE], "sources": [files_source()]}
    replace_layer(tmp_path, tables, "2026-11-01", name="synced")
    assert replace_layer(tmp_path, tables, "2026-11-05", name="synced") == ()
    assert Layer("synced", tmp_path).date == "2026-11-05"


def files_source() -> dict[str, str]:
    return {"id": SOURCE.id, "citation": SOURCE.citation, "licence": "", "date": ""}


def test_a_dry_run_says_what_would_change_and_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "giqplan-catalog"
    assert len(add_curves(folder, [new_curve()], [SOURCE], "2026-11-01", dry_run=True)) == 5
    assert not folder.exists()


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"source": "s-00000000"}, "source: s-00000000"),
        ({"accelerator_count": "many"}, "accelerator_count: 'many'"),
        ({"statistic": "best"}, "statistic: 'best'"),
        ({"load_kind": "mood"}, "load_kind: 'mood'"),
    ],
)
def test_what_cannot_be_read_is_not_written(tmp_path: Path, cells: dict[str, str], told: str) -> None:
    add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01")
    before = files(tmp_path)
    with pytest.raises(GiqplanError, match=told):
        add_curves(tmp_path, [new_curve(**cells)], [], "2026-11-01")
    assert files(tmp_path) == before


def test_a_disk_that_is_full_leaves_the_layer_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01")
    before, sync, calls = files(tmp_path), os.fsync, [0]

    def full(handle: int) -> None:
        calls[0] += 1
        if calls[0] == 3:
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CatalogError, match=r"GIQ1206.*No space left on device; it is as it was"):
        set_prices(tmp_path, [PRICE], [SOURCE], "2026-11-01")
    assert files(tmp_path) == before


def test_a_run_that_dies_while_files_move_leaves_the_new_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01")
    move, calls = Path.replace, [0]

    def dies(source: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == 3:
            raise KeyboardInterrupt
        return move(source, target)

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        add_curves(tmp_path, [new_curve(precision="fp8")], [SOURCE], "2026-11-02")
    monkeypatch.undo()
    assert (tmp_path / COMMITTED).is_dir()
    half = Layer("user", tmp_path)
    assert (half.date, len(list(half.rows("curves"))), len(list(half.rows("points")))) == ("2026-11-02", 2, 6)
    assert add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01") == () and not (tmp_path / COMMITTED).exists()
    assert Layer("user", tmp_path).digest == half.digest


def test_who_is_never_done_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(CatalogError, match="GIQ1207"):
        set_prices(tmp_path, [PRICE], [SOURCE], "2026-11-01")
    os.close(handle)
    assert set_prices(tmp_path, [PRICE], [SOURCE], "2026-11-01")


def test_a_layer_edited_into_nonsense_is_not_built_upon(tmp_path: Path) -> None:
    set_prices(tmp_path, [PRICE], [SOURCE], "2026-11-01")
    (tmp_path / "prices.csv").write_text("machine_type\nx\n")
    with pytest.raises(CatalogError, match=r"GIQ1202: prices.csv: column region, .* is missing"):
        add_curves(tmp_path, [new_curve()], [SOURCE], "2026-11-01")
