"""Each way in which a curve is not chosen, provoked alone, with the number that decided."""

from __future__ import annotations

from typing import Any

import pytest
from recommend_samples import KNEE_AT_8, MODEL, Shelf, curve, machine, make_intent, point

from giqplan.errors import CatalogError, Exit, RecommendError
from giqplan.model.recommendation import Provenance, Reason, Rejection, Statistic
from giqplan.recommend import recommend

GOOD = curve("c-good")
CHEAP = {"cost": {"maxUsdPerHour": 15}, "autoscaling": {"maxReplicas": 1}}

CASES: list[tuple[Reason, dict[str, Any], dict[str, Any], str]] = [
    (Reason.OTHER_SERVER, {"model_server": "sglang"}, {}, "sglang, wanted vllm"),
    (Reason.OTHER_STACK, {"serving_stack": "llm-d"}, {}, "llm-d, wanted none"),
    (Reason.UNSUPPORTED_HERE, {"model_server": "sglang"}, {"serving": {"server": "any"}}, "does not deploy sglang yet"),
    (Reason.UNSUPPORTED_HERE, {"accelerator": "tpu7x"}, {}, "TPUs"),
    (Reason.UNSUPPORTED_HERE, {"variant": "eagle"}, {}, "measured with eagle"),
    (
        Reason.OTHER_ACCELERATOR,
        {"accelerator": "nvidia-l4"},
        {"accelerator": {"types": ["nvidia-h100-80gb"]}},
        "nvidia-l4, wanted nvidia-h100",
    ),
    (Reason.OTHER_COUNT, {"accelerator_count": 4}, {"accelerator": {"count": 1}}, "4 accelerators a replica, wanted 1"),
    (
        Reason.PROVENANCE_NOT_ALLOWED,
        {"provenance": Provenance.MODELLED},
        {"evidence": {"allow": ["measured"]}},
        "modelled, allowed measured",
    ),
    (Reason.VERSION_UNKNOWN, {"model_server_version": ""}, {}, "names no server version"),
    (Reason.OTHER_VERSION, {"model_server_version": "0.9.2"}, {}, "0.9.2, wanted 0.10.0, the newest measured"),
    (Reason.OTHER_VERSION, {"model_server_version": "0.11.0"}, {"serving": {"version": "v0.10.0"}}, "0.11.0, wanted 0.10.0"),
    (Reason.LENGTHS_UNKNOWN, {"input_tokens": None}, {}, "no token lengths"),
    (Reason.LENGTHS_TOO_FAR, {"input_tokens": 401}, {}, "distance 0.70, at most 0.69; nearest is c-good at 200/100"),
    (Reason.TOO_FEW_LOADS, {"points": KNEE_AT_8[:2]}, {}, "2 trustworthy loads of 2, 3 are needed"),
    (Reason.ALL_POINTS_SUSPECT, {"points": (point(2, 10, suspect="odd"), point(4, 12, queue_dominated=True))}, {}, "all 2 points"),
    (Reason.STATISTIC_MISMATCH, {"statistic": Statistic.MEAN}, {}, "holds mean, wanted p90"),
    (
        Reason.LATENCY_NOT_MEASURED,
        {"points": (point(2, 10), point(4, 12), point(8, 16, ttft_ms=None))},
        {"slo": {"ttftMilliseconds": 150}},
        "TTFT is known at 2 of 3 loads",
    ),
    (
        Reason.LATENCY_NOT_MEASURED,
        {"points": tuple(point(n, 10, ntpot_ms=None, ttft_ms=None) for n in (1, 2, 3))},
        {},
        "known at 0 of 3 loads",
    ),
    (
        Reason.SLO_BELOW_RANGE,
        {"points": tuple(point(n, 20 + n) for n in (2, 4, 8))},
        {"slo": {"ntpotMilliseconds": 11}},
        "NTPOT 22 ms at its lowest",
    ),
    (Reason.NO_MACHINE, {"accelerator_count": 16}, {}, "no machine has 16 x nvidia-h100-80gb"),
    (
        Reason.TOO_EXPENSIVE_PER_HOUR,
        {"accelerator_count": 2, "machine_type": "a3-highgpu-2g"},
        CHEAP,
        "$20.00/h at 1 replicas, at most $15.00/h",
    ),
    (
        Reason.TOO_EXPENSIVE_PER_TOKEN,
        {"points": tuple(point(n, 60 + n) for n in (2, 4, 8))},
        {"cost": {"maxUsdPerMillionOutputTokens": 10}},
        "per million output tokens, at most $10.000",
    ),
    (Reason.DEARER, {"points": tuple(point(n, 20 + n) for n in (2, 4, 8))}, {}, "1 replica = 1 accelerators on 1 x a3-highgpu-1g"),
    (
        Reason.SLOWER,
        {"points": tuple(point(n, 40 + n) for n in (2, 4, 8))},
        {"accelerator": {"prefer": "latency"}},
        "NTPOT 48 ms, chosen NTPOT 16 ms",
    ),
    (
        Reason.SLOWER,
        {"points": tuple(point(n, 40 + n) for n in (2, 4, 8))},
        {"accelerator": {"prefer": "throughput"}},
        "167 output tokens/s, chosen 500",
    ),
    (Reason.LESS_TRUSTED, {"input_tokens": 300}, {}, "near, no match"),
    (Reason.LESS_TRUSTED, {"provenance": Provenance.MODELLED}, {}, "but modelled, chosen measured"),
    (Reason.LESS_TRUSTED, {}, {}, "the order of keys decides"),
    (Reason.LESS_TRUSTED, {"shared_from": "acme/base-7b"}, {}, "measured with acme/base-7b"),
    (Reason.LESS_TRUSTED, {"model_server_version": ""}, {"serving": {"version": "0.10.0"}}, "no server version; 0.10.0 is run"),
]


def rejection_of(shelf: Shelf, key: str, **spec: Any) -> Rejection:
    return next(r for r in recommend(make_intent(**spec), shelf).rejected if r.curve_key == key)  # type: ignore[arg-type]


@pytest.mark.parametrize(("reason", "changes", "spec", "words"), CASES, ids=[f"{c[0].value}-{i}" for i, c in enumerate(CASES)])
def test_a_curve_beside_a_good_one_is_rejected_for_its_one_fault(
    reason: Reason, changes: dict[str, Any], spec: dict[str, Any], words: str
) -> None:
    good = GOOD if reason is not Reason.STATISTIC_MISMATCH else None
    if good is None:
        with pytest.raises(RecommendError) as caught:
            recommend(make_intent(slo={"percentile": "p90"}), Shelf(curves=(curve("c-odd", **changes),)))  # type: ignore[arg-type]
        assert words in caught.value.detail
        return
    found = rejection_of(Shelf(curves=(good, curve("c-odd", **changes))), "c-odd", **spec)
    assert found.reason is reason
    assert words in found.detail


@pytest.mark.parametrize(
    ("reason", "shelf", "words"),
    [
        (Reason.NOT_OFFERED_HERE, Shelf(places=frozenset()), "a3-highgpu-1g is not known to be offered in us-central1"),
        (
            Reason.NOT_SOLD_THIS_WAY,
            Shelf(not_sold={(f"a3-highgpu-{n}g", "on-demand") for n in (1, 2, 4, 8)}),
            "a3-highgpu-8g is not sold on-demand",
        ),
        (
            Reason.NOT_SOLD_THIS_WAY,
            Shelf(unknown_sale={(f"a3-highgpu-{n}g", "on-demand") for n in (1, 2, 4, 8)}),
            "is not known to be sold",
        ),
        (Reason.PRICE_UNKNOWN, Shelf(prices={("a3-highgpu-1g", "europe-west4"): "10"}), "nearest regions with one: europe-west4"),
        (Reason.PRICE_UNKNOWN, Shelf(prices={}), "nor anywhere else"),
        (Reason.PRICE_SUSPECT, Shelf(suspect_prices={f"a3-highgpu-{n}g" for n in (1, 2, 4, 8)}), "$10/h, is marked suspect"),
    ],
)
def test_a_machine_that_cannot_be_bought_leaves_nothing(reason: Reason, shelf: Shelf, words: str) -> None:
    with pytest.raises(RecommendError) as caught:
        recommend(make_intent(), shelf)  # type: ignore[arg-type]
    assert caught.value.code == "GIQ1302"
    assert caught.value.exit is Exit.BLOCKED
    assert f"{reason.value} 1" in caught.value.detail
    assert words in caught.value.detail
    assert "target.location" in caught.value.remedy or "pricingModel" in caught.value.remedy


def test_every_reason_of_the_closed_list_is_provoked() -> None:
    market = {Reason.NOT_OFFERED_HERE, Reason.NOT_SOLD_THIS_WAY, Reason.PRICE_UNKNOWN, Reason.PRICE_SUSPECT}
    modelled = {Reason.DOES_NOT_FIT, Reason.NOT_MODELLED}  # test_recommend_modelled.py
    assert {case[0] for case in CASES} | market | modelled == set(Reason)


def test_the_detail_of_a_lost_curve_names_hardware_and_money() -> None:
    slow = curve("c-slow", points=tuple(point(n, 60 + n) for n in (2, 4, 8)))
    found = rejection_of(Shelf(curves=(GOOD, slow)), "c-slow", workload={"requestsPerSecond": {"mean": 4}})
    assert found.detail == "needs 5 replicas = 5 accelerators on 5 x a3-highgpu-1g: $50.00/h, chosen $10.00/h"
    assert found.usd_per_hour_initial == 50


def test_a_name_that_nobody_knows_is_an_error_of_the_intent_and_says_what_may_be_meant() -> None:
    with pytest.raises(CatalogError, match="GIQ1320") as caught:
        recommend(make_intent(model={"id": "acme/other"}), Shelf())  # type: ignore[arg-type]
    assert caught.value.exit is Exit.ERROR
    assert f"did you mean {MODEL}?" in caught.value.remedy


def test_nothing_near_enough_names_the_nearest_lengths() -> None:
    with pytest.raises(RecommendError) as caught:
        recommend(make_intent(workload={"inputTokens": 5000, "outputTokens": 5}), Shelf())  # type: ignore[arg-type]
    assert "it is the nearest" in caught.value.detail
    assert "200/100 tokens" in caught.value.remedy


def test_when_only_data_is_missing_no_change_of_the_intent_helps() -> None:
    with pytest.raises(RecommendError) as caught:
        recommend(make_intent(), Shelf(curves=(curve(points=KNEE_AT_8[:1]),)))  # type: ignore[arg-type]
    assert caught.value.remedy == "no change of the intent helps: measure the model"


def test_packing_on_a_larger_machine_is_said() -> None:
    shelf = Shelf(not_sold={("a3-highgpu-1g", "on-demand"), ("a3-highgpu-2g", "on-demand")})
    found = recommend(make_intent(), shelf)  # type: ignore[arg-type]
    assert (found.cost.machine_type, found.cost.replicas_per_machine) == ("a3-highgpu-4g", 4)
    assert "measured on a3-highgpu-1g, runs on a3-highgpu-4g: a3-highgpu-1g is not sold on-demand" in found.notes
    assert "4 replicas of 1 accelerators share one a3-highgpu-4g" in found.notes


def test_of_equally_large_machines_the_cheapest_is_taken() -> None:
    shelf = Shelf(machines=(machine("big", 1), machine("small", 1)), prices={("big", "us-central1"): "9", ("small", "us-central1"): "7"})
    assert recommend(make_intent(), shelf).cost.machine_type == "small"  # type: ignore[arg-type]
