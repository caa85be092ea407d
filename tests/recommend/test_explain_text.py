"""What people read: every number of the recommendation with its origin, aligned, within the width."""

from __future__ import annotations

from typing import Any

import pytest
from recommend_samples import KNEE_AT_8, Shelf, curve, make_intent, point

from giqplan.catalog import open_catalog
from giqplan.recommend import recommend
from giqplan.render.explain import explain_text

SLOW = tuple(point(n, 20 + n) for n in (2, 4, 8))
TRAFFIC = {"workload": {"requestsPerSecond": {"mean": 4, "peak": 12}}, "slo": {"ntpotMilliseconds": 14}}


def text(*curves: Any, width: int = 100, **spec: Any) -> str:
    return explain_text(recommend(make_intent(**spec), Shelf(curves=curves or (curve(),))), width=width)  # type: ignore[arg-type]


def test_it_names_the_choice_its_evidence_points_sizing_and_cost() -> None:
    shown = text(curve("c-1"), curve("c-2", SLOW), **TRAFFIC)
    for line in (
        "chosen            vllm 0.10.0 on 1 x nvidia-h100-80gb (tp1)",
        "curve             c-1, 5 loads at 200/100 tokens",
        "provenance        measured: public measurement, 2026-01-01",
        "distance          0.00 in token lengths (a match)",
        "set by            the NTPOT target",
        "replicas          1 to 8,",
        "per hour          $",
        "price             $10/h as of 2026-07-30 (verified): a list",
        "not included      Autopilot's premium",
        "Not chosen: 1 curves",
        "  slo below range (1)",
        "NTPOT 22 ms at its lowest load, wanted 14 ms: 1.57\n      times",
    ):
        assert line in shown


def test_figures_stand_under_their_headings() -> None:
    lines = text(**TRAFFIC).splitlines()
    start = next(i for i, line in enumerate(lines) if "operating point  saturation point" in line)
    assert {len(line) for line in lines[start : start + 8]} == {len(lines[start])}


@pytest.mark.parametrize("width", [70, 100, 140])
def test_no_line_is_wider_than_asked_and_none_ends_in_a_space(width: int) -> None:
    found = recommend(make_intent(model={"id": "Qwen/Qwen3-32B"}, workload={"inputTokens": 1024, "outputTokens": 1024}), open_catalog())
    lines = explain_text(found, width=width).splitlines()
    assert all(len(line) <= width or " " not in line.strip() for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_curves_of_one_profile_and_detail_are_one_row() -> None:
    shown = text(curve("c-1"), curve("c-2", model_server="sglang"), curve("c-3", model_server="sglang"))
    assert "sglang 0.10.0 on 1 x nvidia-h100-80gb (tp1) [2 curves]: sglang, wanted vllm" in shown


def test_a_miss_is_no_choice() -> None:
    shown = text(slo={"ntpotMilliseconds": 5})
    assert "nearest miss      vllm" in shown
    assert "target missed     NTPOT 5 ms; at best 10 ms, at its lowest load" in shown
    assert "in reach          NTPOT 10 to 64.5 ms with vllm" in shown
    assert "chosen  " not in shown


def test_what_is_unknown_is_said_and_what_is_absent_is_not_shown() -> None:
    points = tuple(point(n, 20 + n, ttft_ms=None) for n in (2, 4, 8))
    shown = text(curve(points=points, measured_at=""))
    assert "TTFT ms".ljust(27) + "unknown" in shown
    assert "date unknown" in shown
    assert "at the peak" not in shown
    assert "autoscaler        none; no latency target is given" in shown
    assert shown.endswith("No other curve of the model is in the catalog.\n")


def test_doubts_packing_commitment_and_a_peak_beyond_the_maximum_are_shown() -> None:
    odd = curve(points=KNEE_AT_8, input_tokens=300, model_server_version="")
    shelf = Shelf(curves=(odd,), not_sold={("a3-highgpu-1g", "1-year-cud")})
    spec: dict[str, Any] = {
        "serving": {"version": "0.10.0"},
        "model": {"weightsGiB": 14},
        "workload": {"requestsPerSecond": {"mean": 4, "peak": 90}},
        "cost": {"pricingModel": "1-year-cud"},
    }
    shown = explain_text(recommend(make_intent(**spec), shelf))  # type: ignore[arg-type]
    assert "distance          0.41 in token lengths (near); the source names no server version" in shown
    assert "weights 14 GiB" in shown
    assert "1-year-cud, 2 replicas each" in shown
    assert "assumes your commitment" in shown
    assert "at the peak       18, 10 more than the maximum" in shown
