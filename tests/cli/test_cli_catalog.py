"""catalog show, verify and diff: what the layers hold, whether it can be, and what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Run

from giqplan.catalog import open_catalog
from giqplan.catalog.layer import NewCurve, add_curves, cell, set_prices, source_of
from giqplan.data_files import data_path

SOURCE = source_of("our load test", "", "2026-11-01")
PRICE = {
    "machine_type": "a3-highgpu-8g",
    "region": "us-central1",
    "pricing_model": "on-demand",
    "usd_per_hour": "60.5",
    "quality": "single-source",
    "as_of": "2026-11-01",
    "note": "framework agreement",
    "source": SOURCE.id,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def layer(home: Path) -> Path:
    """A user's layer: one price, and one curve of a model that nobody else has measured."""
    folder = home / "giqplan-catalog"
    set_prices(folder, [PRICE], [SOURCE], "2026-11-01")
    add_curves(folder, [own_curve()], [SOURCE], "2026-11-01")
    return folder


def own_curve(itl_ms: float = 60.0, **cells: str) -> NewCurve:
    curve = {
        "provenance": "user",
        "model_id": "google/gemma-2-9b-it",
        "model_server": "vllm",
        "model_server_version": "0.11.0",
        "accelerator": "nvidia-l4",
        "accelerator_count": "2",
        "machine_type": "g2-standard-24",
        "parallelism": "tp2",
        "input_tokens": "128",
        "output_tokens": "100",
        "statistic": "p50",
        "load_kind": "concurrency",
        "replicas": "1",
        "measured_at": "2026-11-01",
        "source": SOURCE.id,
        "note": "warm",
    }
    points = []
    for load in (1, 2, 4):
        itl = itl_ms * (1 + load / 10)
        request_ms = 100 + itl * 99
        rate = load * 1000 / request_ms
        numbers = {
            "load": load,
            "qps": rate,
            "output_tokens_per_second": rate * 100,
            "ttft_ms": 100,
            "itl_ms": itl,
            "ntpot_ms": request_ms / 100,
        }
        points.append({**{name: cell(float(number)) for name, number in numbers.items()}, "queue_dominated": "no"})
    return NewCurve({**curve, **cells}, points)


def shown(run: Run, *words: str) -> Any:
    ran = run("catalog", *words, "--format", "json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


# -- show


def test_show_names_layers_counts_and_curves_by_provenance(layer: Path, run: Run) -> None:
    found = shown(run, "show")
    assert [(one["name"], one["folder"], one["date"]) for one in found["layers"]] == [
        ("embedded", None, open_catalog().date),
        ("user", "giqplan-catalog", "2026-11-01"),
    ]
    assert found["layers"][1]["tables"] == {
        "prices": {"rows": 1, "replacing": 1},
        "curves": {"rows": 1, "replacing": 0},
        "points": {"rows": 3, "replacing": 0},
        "sources": {"rows": 1, "replacing": 0},
    }
    assert found["digest"] == open_catalog(layer.parent).digest
    assert found["rows"]["curves"] == len(open_catalog().curves()) + 1
    assert {"model_id": "google/gemma-2-9b-it", "curves": {"user": 1}, "points": 3} in found["models"]
    text = run("catalog", "show").out
    assert all(one["digest"] in text for one in found["layers"]) and "giqplan-catalog: prices 1 (1 replace), curves 1" in text


def test_show_of_a_model_a_curve_and_a_machine(layer: Path, run: Run) -> None:
    (curve,) = shown(run, "show", "google/gemma-2-9b-it")["curves"]
    assert (curve["provenance"], curve["layer"], curve["points"]) == ("user", "user", 3)
    one = shown(run, "show", curve["key"])
    assert (one["curve"]["source"], one["curve"]["notes"], len(one["curve"]["points"])) == ("our load test", ["warm"], 3)
    prices = shown(run, "show", "a3-highgpu-8g")["prices"]
    (own,) = (price for price in prices if price["layer"] == "user")
    assert (own["usd_per_hour"], own["note"], own["source"]) == ("60.5", "framework agreement", "our load test")
    assert "framework agreement" in run("catalog", "show", "a3-highgpu-8g").out
    assert curve["key"] in run("catalog", "show", "google/gemma-2-9b-it").out
    assert "output_tokens_per_second" in run("catalog", "show", curve["key"]).out


def test_show_of_another_name_says_what_is_near(home: Path, run: Run) -> None:
    ran = run("catalog", "show", "openai/gpt-oss-12b")
    assert ran.code == 1 and "GIQ1212" in ran.err and "openai/gpt-oss-120b" in ran.err


# -- verify


def test_verify_passes_what_agrees(layer: Path, run: Run) -> None:
    ran = run("catalog", "verify")
    assert ran.code == 0 and ran.out.endswith("No problem found.\n") and "user      2026-11-01  sha256:" in ran.out


@pytest.mark.parametrize(
    ("price", "curve", "told"),
    [
        ({"pricing_model": "spot", "usd_per_hour": "99"}, own_curve(), "order of prices"),
        ({"machine_type": "a9-huge-1g"}, own_curve(), "user: prices.csv:3: a9-huge-1g is priced in us-central1"),
        ({}, own_curve(itl_ms=0.5), "reading the weights takes"),
        ({}, own_curve(model_id="nobody/knows"), "model, accelerator, points or source unknown"),
    ],
)
def test_verify_names_what_cannot_be(home: Path, run: Run, price: dict[str, str], curve: NewCurve, told: str) -> None:
    folder = home / "giqplan-catalog"
    set_prices(folder, [{**PRICE, "usd_per_hour": "60"}, {**PRICE, **price}] if price else [PRICE], [SOURCE], "2026-11-01")
    add_curves(folder, [curve], [SOURCE], "2026-11-01")
    ran = run("catalog", "verify", "--format", "json")
    assert ran.code == 1 and any(e["code"] == "GIQ1213" and told in e["detail"] for e in json.loads(ran.err)["errors"]), ran.err


def test_a_price_of_ones_own_may_lie_below_the_lists_commitment(home: Path, run: Run) -> None:
    set_prices(home / "giqplan-catalog", [{**PRICE, "usd_per_hour": "1"}], [SOURCE], "2026-11-01")
    assert run("catalog", "verify").code == 0


# -- diff


def test_diff_tells_rows_added_removed_and_changed(layer: Path, run: Run) -> None:
    copy = Path(shutil.copytree(layer, layer.parent / "before"))
    set_prices(layer, [{**PRICE, "usd_per_hour": "59"}, {**PRICE, "region": "us-east4"}], [SOURCE], "2026-11-02")
    changes = shown(run, "diff", str(copy), "user")
    assert changes == [
        {
            "table": "prices",
            "key": ["a3-highgpu-8g", "us-central1", "on-demand"],
            "change": "changed",
            "before": {"usd_per_hour": "60.5"},
            "after": {"usd_per_hour": "59"},
        },
        {
            "table": "prices",
            "key": ["a3-highgpu-8g", "us-east4", "on-demand"],
            "change": "added",
            "before": None,
            "after": {**PRICE, "region": "us-east4"},
        },
    ]
    assert run("catalog", "diff", "user", str(copy)).out == (
        "prices: 1 removed, 1 changed\n"
        "  ~ a3-highgpu-8g us-central1 on-demand: usd_per_hour 59 -> 60.5\n"
        "  - a3-highgpu-8g us-east4 on-demand: usd_per_hour 60.5, quality single-source, as_of 2026-11-01, note framework agreement, "
        f"source {SOURCE.id}\n"
    )
    assert run("catalog", "diff", str(copy), str(copy)).out == "No difference.\n"


def test_against_a_layer_only_what_the_other_brings_counts(layer: Path, run: Run) -> None:
    changes = shown(run, "diff", "user", "--against", "embedded")
    assert [(c["table"], c["change"]) for c in changes] == [
        ("prices", "changed"),
        ("curves", "added"),
        *[("points", "added")] * 3,
        ("sources", "added"),
    ]
    assert changes[0]["before"]["usd_per_hour"] == "88.49"


def test_the_shipped_catalog_does_not_differ_from_its_copy(home: Path, run: Run) -> None:
    shutil.copytree(data_path("catalog"), home / "copy")
    assert shown(run, "diff", "copy", "embedded") == []


@pytest.mark.parametrize(
    ("words", "code"), [(("user", "embedded"), "GIQ1214"), (("embedded",), "GIQ0101"), (("a", "b", "--against", "user"), "GIQ0101")]
)
def test_what_cannot_be_compared_is_said(home: Path, run: Run, words: tuple[str, ...], code: str) -> None:
    ran = run("catalog", "diff", *words)
    assert ran.code == 1 and code in ran.err


def test_a_broken_table_is_named_by_diff(layer: Path, run: Run) -> None:
    (layer / "prices.csv").write_text("machine_type\nx\n")
    ran = run("catalog", "diff", "user", "embedded")
    assert ran.code == 1 and "GIQ1202" in ran.err and "prices.csv" in ran.err
