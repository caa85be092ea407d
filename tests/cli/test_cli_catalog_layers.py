"""What stands in giqplan-catalog/ beside an intent decides its plan; one that is broken is named to the field, and nothing is decided."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Run

from giqplan.catalog import open_catalog
from giqplan.catalog.check import check_columns
from giqplan.catalog.layer import NewCurve, add_curves, replace_layer, set_prices, source_of
from giqplan.catalog.schema import TABLES
from giqplan.errors import GiqplanError

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "quickstart" / "inference.yaml"
POINT_COLUMNS = ("load", "qps", "output_tokens_per_second", "ttft_ms", "itl_ms", "ntpot_ms")
SOURCE = source_of("our load test of November", "", "2026-11-01")
PRICE = {
    "machine_type": "a3-highgpu-8g",
    "region": "us-central1",
    "pricing_model": "on-demand",
    "usd_per_hour": "60.5",
    "quality": "single-source",
    "as_of": "2026-11-01",
    "note": "",
    "source": SOURCE.id,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(EXAMPLE, tmp_path / "inference.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def user_layer(home: Path) -> Path:
    return home / "giqplan-catalog"


def own_curve(home: Path, run: Run, **cells: str) -> NewCurve:
    """The curve that the plan would choose, as a measurement of one's own."""
    key = plan(run)["recommendation"]["evidence"]["curve_key"]
    catalog = open_catalog()
    (curve,) = (row.cells() for row in catalog.rows("curves") if row.text("key") == key)
    points = [row.cells() for row in catalog.rows("points") if row.text("curve") == key]
    own = {"provenance": "user", "measured_at": "2026-11-01", "source": SOURCE.id, "note": ""}
    return NewCurve({**curve, **own, **cells}, points)


def plan(run: Run) -> dict[str, Any]:
    ran = run("plan", "--offline", "--format", "json")
    assert ran.code in (0, 4, 5), ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_a_curve_of_ones_own_wins_at_equal_cost(home: Path, run: Run) -> None:
    before = plan(run)
    add_curves(user_layer(home), [own_curve(home, run)], [SOURCE], "2026-11-01")
    found = plan(run)
    evidence = found["recommendation"]["evidence"]
    assert (evidence["provenance"], evidence["source"]) == ("user", "our load test of November")
    assert found["recommendation"]["cost"]["usd_per_hour"] == before["recommendation"]["cost"]["usd_per_hour"]
    assert "your own benchmark of 2026-11-01" in run("plan", "--offline").out


def test_a_price_of_ones_own_changes_the_cost_and_is_cited(home: Path, run: Run) -> None:
    set_prices(user_layer(home), [PRICE], [SOURCE], "2026-11-01")
    cost = plan(run)["cost"]
    assert (cost["usd_per_hour"]["min"], cost["price"]["source"]) == ("60.500000", "our load test of November")
    assert "$60.5/h as of 2026-11-01 (single-source): our load test of November" in " ".join(run("explain").out.split())


def test_every_layer_stands_in_the_plan(home: Path, run: Run) -> None:
    alone = plan(run)
    assert alone["inputs"] == {"catalog": open_catalog().digest} and "catalog  " not in run("plan", "--offline").out
    set_prices(user_layer(home), [PRICE], [SOURCE], "2026-11-01")
    set_prices(home / ".giqplan" / "catalog", [{**PRICE, "usd_per_hour": "70"}], [SOURCE], "2026-11-02", name="synced")
    layers = {layer.name: layer.digest for layer in open_catalog(home).layers}
    inputs = plan(run)["inputs"]
    assert list(layers) == ["embedded", "synced", "user"] and layers["embedded"] == alone["inputs"]["catalog"]
    assert inputs == {"catalog": open_catalog(home).digest, **{f"catalog.{name}": digest for name, digest in layers.items()}}
    for words in (("plan", "--offline"), ("explain",)):
        text = run(*words).out
        assert all(digest in text for digest in layers.values()), text


def test_the_users_layer_wins_over_the_synced_one(home: Path, run: Run) -> None:
    set_prices(home / ".giqplan" / "catalog", [{**PRICE, "usd_per_hour": "70"}], [SOURCE], "2026-11-01", name="synced")
    assert plan(run)["cost"]["usd_per_hour"]["min"] == "70.000000"
    set_prices(user_layer(home), [PRICE], [SOURCE], "2026-11-01")
    assert plan(run)["cost"]["usd_per_hour"]["min"] == "60.500000"


def test_a_layer_beside_another_intent_is_not_used(home: Path, run: Run) -> None:
    set_prices(home / "elsewhere" / "giqplan-catalog", [PRICE], [SOURCE], "2026-11-01")
    assert list(plan(run)["inputs"]) == ["catalog"]


def _edit(table: str, column: str, value: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / f"{table}.csv"
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        rows[-1][column] = value
        with path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    return edit


def _text(file: str, content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / file).write_text(content)

    return write


@pytest.mark.parametrize(
    ("breaks", "file", "told"),
    [
        (_edit("prices", "usd_per_hour", "-1"), "prices.csv:2", "usd_per_hour: -1 is not a price"),
        (_edit("prices", "usd_per_hour", "NaN"), "prices.csv:2", "usd_per_hour: NaN is not a price"),
        (_edit("prices", "pricing_model", "barter"), "prices.csv:2", "pricing_model: 'barter'"),
        (_edit("prices", "source", "s-00000000"), "prices.csv:2", "source: s-00000000"),
        (_edit("prices", "quality", "good"), "prices.csv:2", "quality: 'good'"),
        (_edit("prices", "region", ""), "prices.csv:2", "region is blank"),
        (_edit("points", "ttft_ms", "-5"), "points.csv:6", "ttft_ms: -5 is negative"),
        (_edit("points", "qps", "0"), "points.csv:6", "qps: 0 is not possible"),
        (_edit("curves", "output_tokens", "0"), "curves.csv:2", "output_tokens: 0 is not possible"),
        (_edit("points", "ttft_ms", "nan"), "points.csv:6", "ttft_ms: nan is not a finite number"),
        (_edit("points", "ttft_ms", "5"), "curves.csv:2", "is not of this content"),
        (_edit("points", "curve", "c-000000000000"), "points.csv:6", "c-000000000000 does not stand in curves.csv"),
        (_edit("curves", "statistic", "p42"), "curves.csv:2", "statistic: 'p42'"),
        (_text("prices.csv", "machine_type,price\n"), "prices.csv:1", "unknown column price; column region"),
        (_text("prices.csv", ""), "prices.csv:1", "empty"),
        (_text("prices.csv", "machine_type,price\nx,1\n"), "prices.csv:1", "unknown column price; column region"),
        (_text("prises.csv", "a\n1\n"), "prises.csv", "no table of a catalog"),
        (_text("catalog.json", '{"schema_version": 7, "date": "2026-01-01"}'), "catalog.json:1", "schema_version is 7"),
        (_text("catalog.json", '{"schema_version": 1, "date": "soon"}'), "catalog.json:1", "date: 'soon'"),
    ],
)
def test_a_broken_layer_is_named_to_the_field(home: Path, run: Run, breaks: Callable[[Path], None], file: str, told: str) -> None:
    folder = user_layer(home)
    add_curves(folder, [own_curve(home, run)], [SOURCE], "2026-11-01")
    set_prices(folder, [PRICE], [SOURCE], "2026-11-01")
    breaks(folder)
    before = {p: p.read_bytes() for p in home.rglob("*") if p.is_file()}
    ran = run("plan", "--offline", "--format", "json")
    assert ran.code == 1 and not ran.out
    errors = json.loads(ran.err)
    assert any(told in e["detail"] for e in errors["errors"]), ran.err
    places = [f"{e['place']['file']}:{e['place']['line']}".removesuffix(":0") for e in errors["errors"]]
    assert str(folder / file) in places
    assert {p: p.read_bytes() for p in home.rglob("*") if p.is_file()} == before


def test_a_layer_without_its_catalog_json_is_refused(home: Path, run: Run) -> None:
    set_prices(user_layer(home), [PRICE], [SOURCE], "2026-11-01")
    (user_layer(home) / "catalog.json").unlink()
    assert "GIQ1201" in run("plan", "--offline").err


#: Columns of a layer that a plan is decided by, or that it tells: another value for the row that decides.
ACTS = {
    ("prices", "usd_per_hour"): "61",
    ("prices", "as_of"): "2026-10-01",
    ("prices", "quality"): "suspect",
    ("prices", "region"): "us-east1",
    ("prices", "pricing_model"): "spot",
    ("prices", "machine_type"): "a3-highgpu-4g",
    ("curves", "provenance"): "modelled",
    ("curves", "model_id"): "Qwen/Qwen3-32B",
    ("curves", "model_server"): "sglang",
    ("curves", "model_server_version"): "0.17.0",
    ("curves", "accelerator"): "nvidia-l4",
    ("curves", "accelerator_count"): "4",
    ("curves", "machine_type"): "a3-highgpu-4g",
    ("curves", "precision"): "bf16",
    ("curves", "parallelism"): "tp4dp2",
    ("curves", "serving_stack"): "llm-d",
    ("curves", "variant"): "eagle",
    ("curves", "input_tokens"): "900",
    ("curves", "output_tokens"): "900",
    ("curves", "statistic"): "p50",
    ("curves", "load_kind"): "rate",
    ("curves", "replicas"): "2",
    ("curves", "measured_at"): "2026-10-01",
    ("points", "load"): "7",
    ("points", "qps"): "3",
    ("points", "output_tokens_per_second"): "4000",
    ("points", "ttft_ms"): "1000",
    ("points", "itl_ms"): "9",
    ("points", "ntpot_ms"): "9",
    ("points", "suspect"): "outlier",
    ("points", "queue_dominated"): "yes",
}


@pytest.mark.parametrize(("table", "column"), ACTS)
def test_a_cell_of_a_layer_acts(home: Path, run: Run, table: str, column: str) -> None:
    folder, curve, other = user_layer(home), own_curve(home, run), {column: ACTS[table, column]}

    def told(curve: NewCurve, price: dict[str, str]) -> dict[str, Any]:
        shutil.rmtree(folder, ignore_errors=True)
        add_curves(folder, [curve], [SOURCE], "2026-11-01")
        set_prices(folder, [price], [SOURCE], "2026-11-01")
        ran = run("plan", "--offline", "--format", "json")
        found = json.loads(ran.out or ran.err)  # without a price nothing can be recommended: an error with its reasons
        return {k: v for k, v in found.get("recommendation", found).items() if k != "catalog_digest"}

    before = told(curve, PRICE)
    if table == "curves":
        curve = NewCurve({**curve.cells, **other}, curve.points)
    elif table == "points":
        curve = NewCurve(curve.cells, [{**point, **other} for point in curve.points])
    assert told(curve, {**PRICE, **other} if table == "prices" else PRICE) != before


def test_damage_of_any_kind_is_refused_or_changes_nothing_else(home: Path, run: Run) -> None:
    """Bytes flipped, cut out, doubled or cut off anywhere in a layer: the plan is made, or an error names the file. Never a traceback."""
    folder = user_layer(home)
    add_curves(folder, [own_curve(home, run)], [SOURCE], "2026-11-01")
    set_prices(folder, [PRICE], [SOURCE], "2026-11-01")
    whole = {p: p.read_bytes() for p in folder.iterdir()}
    chance = random.Random(4)
    outcomes = set()
    for _ in range(150):
        path = chance.choice(sorted(whole))
        data = whole[path]
        at, to = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        damage = (
            data[:at],
            data[:at] + data[to:],
            data[:to] + data[at:],
            data[:at] + bytes([chance.choice(b'0-9,"\n\r\0;eN\xff{')]) + data[at + 1 :],
        )
        path.write_bytes(chance.choice(damage))
        ran = run("plan", "--offline", "--format", "json")
        path.write_bytes(data)
        codes = {error["code"] for error in json.loads(ran.err)["errors"]} if ran.err else set()
        assert codes <= {"GIQ1201", "GIQ1202", "GIQ1302"}, (path.name, ran.err)
        outcomes |= codes or {"plan"}
    assert {"plan", "GIQ1202"} <= outcomes


@pytest.mark.parametrize(("column", "value"), [(c, v) for c in POINT_COLUMNS for v in ("1e-300", "1e300", "")])
def test_extreme_figures_are_planned_with_or_refused(home: Path, run: Run, column: str, value: str) -> None:
    curve = own_curve(home, run)
    add_curves(user_layer(home), [NewCurve(curve.cells, [{**point, column: value} for point in curve.points])], [SOURCE], "2026-11-01")
    ran = run("plan", "--offline", "--format", "json")
    assert ran.out or "GIQ0199" not in ran.err, ran.err


def copied(home: Path, table: str, **where: str) -> list[dict[str, str]]:
    """Shipped rows as rows of the user's layer, with all that they cite."""
    catalog = open_catalog()
    rows = [row.cells() for row in catalog.rows(table) if all(row.text(column) == cell for column, cell in where.items())]
    put(home, table, rows)
    return rows


def put(home: Path, table: str, rows: list[dict[str, str]]) -> None:
    cited = [row.cells() for row in open_catalog().rows("sources")]
    replace_layer(user_layer(home), {"sources": cited, table: rows}, "2026-11-01", name="user")


@pytest.mark.parametrize(
    ("table", "where", "column", "value"),
    [
        ("models", {"model_id": "openai/gpt-oss-120b"}, "weights_gib_4bit", "30"),
        ("machines", {"machine_type": "a3-highgpu-8g"}, "accelerator_count", "4"),
        ("machines", {"machine_type": "a3-highgpu-8g"}, "vcpu", "100"),
        ("machines", {"machine_type": "a3-highgpu-8g"}, "memory_gb", "900"),
        ("zones", {"machine_type": "a3-highgpu-8g", "region": "us-central1"}, "zone", "us-central1-z"),
        ("consumption_options", {"machine": "a3-highgpu-8g", "option": "on-demand"}, "answer", "no"),
    ],
)
def test_a_fact_of_a_layer_decides(home: Path, run: Run, table: str, where: dict[str, str], column: str, value: str) -> None:
    def told() -> dict[str, Any]:
        ran = run("plan", "--offline", "--format", "json")
        found: dict[str, Any] = json.loads(ran.out or ran.err)
        own = {"digest", "inputs", "recommendation"}
        return {
            **{k: v for k, v in found.items() if k not in own},
            "cost": found.get("cost"),
            "sizing": found.get("recommendation", {}).get("sizing"),
        }

    rows = copied(home, table, **where)
    before = told()
    put(home, table, [{**row, column: value} for row in (rows[:1] if table == "zones" else rows)])
    assert told() != before


@pytest.mark.parametrize("table", [table for table, shape in TABLES.items() if shape.shipped and table not in ("points", "curves")])
def test_every_cell_of_a_layer_is_told_or_refused(home: Path, run: Run, table: str) -> None:
    first = next(iter(open_catalog().rows(table))).cells()
    for column in TABLES[table].columns:
        other = {"yes": "no", "no": "yes"}.get(first[column], "3" if first[column] != "3" else "4")
        try:
            put(home, table, [{**first, column: other}])
        except GiqplanError as error:
            assert column in error.detail, error.detail
            continue
        ran = run("catalog", "diff", "user", "--against", "embedded", "--format", "json")
        (change,) = (one for one in json.loads(ran.out) if one["table"] == table)
        assert change["after"][column] == other, column


def test_the_shipped_tables_have_the_columns_of_the_schema() -> None:
    layer = open_catalog().layers[0]
    for table in layer.tables():
        check_columns(layer, table)
