"""Layers of the catalog in the life of a deployment: they decide a first plan; what is applied stays until the intent changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine_house import House, writes

from giqplan.catalog import open_catalog
from giqplan.catalog.layer import NewCurve, add_curves, set_prices, source_of

SOURCE = source_of("our load test", "", "2026-11-01")


def own_curve(key: str) -> NewCurve:
    """A shipped curve as a measurement of one's own."""
    catalog = open_catalog()
    (curve,) = (row.cells() for row in catalog.rows("curves") if row.text("key") == key)
    points = [row.cells() for row in catalog.rows("points") if row.text("curve") == key]
    return NewCurve({**curve, "provenance": "user", "measured_at": "2026-11-01", "source": SOURCE.id, "note": ""}, points)


def add_own(house: House, key: str) -> None:
    add_curves(house.folder / "giqplan-catalog", [own_curve(key)], [SOURCE], "2026-11-01")


def add_price(house: House, usd_per_hour: str) -> None:
    price = {"machine_type": "a3-highgpu-8g", "region": "us-central1", "pricing_model": "on-demand", "usd_per_hour": usd_per_hour}
    told = {"quality": "single-source", "as_of": "2026-11-01", "source": SOURCE.id}
    set_prices(house.folder / "giqplan-catalog", [{**price, **told}], [SOURCE], "2026-11-01")


def chosen(house: House) -> str:
    recommendation = house.plan().plan.recommendation
    assert recommendation is not None
    return recommendation.evidence.curve_key


def test_what_is_applied_stays_when_a_curve_of_ones_own_comes(applied: House) -> None:
    before = chosen(applied)
    add_own(applied, before)
    code, out, err = applied.cli("plan", "--detailed-exitcode")
    assert (code, chosen(applied)) == (0, before), err
    assert "No changes" in out and "catalog   user      sha256:" in out


def test_a_price_of_ones_own_changes_the_cost_and_nothing_in_the_world(applied: House) -> None:
    add_price(applied, "60.5")
    code, out, err = applied.cli("plan", "--detailed-exitcode")
    assert code == 0, err
    assert "$121.00/h initial (min $60.50" in out


def test_a_curve_of_ones_own_is_applied_and_wanted_again(house: Callable[..., House]) -> None:
    one = house()
    public = chosen(one)
    add_own(one, public)
    own = chosen(one)
    assert own != public
    assert one.cli("apply", "--auto-approve")[0] == 0
    assert (one.cli("plan", "--detailed-exitcode")[0], chosen(one)) == (0, own)


def test_a_layer_that_changes_makes_a_saved_plan_stale(applied: House) -> None:
    add_price(applied, "60.5")
    applied.set("autoscaling.maxReplicas", 4)
    file = applied.folder / "plan.json"
    assert applied.cli("plan", "-o", str(file))[0] == 0
    assert stale(applied, file, lambda: add_price(applied, "61")) == "layer user"
    assert applied.cli("plan", "-o", str(file))[0] == 0
    assert stale(applied, file, lambda: (applied.folder / "giqplan-catalog").rename(applied.folder / "gone")) == "layer user"


def stale(house: House, file: Path, change: Callable[[], object]) -> str:
    """Which layer the refusal names, once ``change`` was made; nothing was written."""
    change()
    told: list[tuple[int, str, str]] = []
    requests = house.requests(lambda: told.append(house.run("apply", str(file), "--sandbox", "--no-color")))
    code, _, err = told[0]
    assert code == 3 and "GIQ1609" in err and not writes(requests), err
    return err.partition("the catalog was changed (")[2].partition(")")[0]


def test_a_broken_layer_stops_apply_before_anything_is_written(applied: House) -> None:
    add_price(applied, "60.5")
    path = applied.folder / "giqplan-catalog" / "prices.csv"
    path.write_text(path.read_text().replace("60.5", "-60.5"))
    told: list[tuple[int, str, str]] = []
    requests = applied.requests(lambda: told.append(applied.cli("apply", "--auto-approve")))
    assert told[0][0] == 1 and "prices.csv:2" in told[0][2] and not writes(requests)
