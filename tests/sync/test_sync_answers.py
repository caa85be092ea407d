"""Whatever an answer holds, it is understood or refused by name; nothing else escapes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giqplan.errors import CatalogError
from giqplan.model.recommendation import PricingModel
from giqplan.sync import answers
from giqplan.sync.questions import Served, Workload

ASKED = Workload(Served("acme/Anvil-7B", "vllm", "0.18.0"))
PAGE: dict[str, Any] = {
    "profile": [
        {
            "modelServerInfo": {"model": "acme/Anvil-7B", "modelServer": "vllm", "modelServerVersion": "0.18.0"},
            "acceleratorType": "nvidia-l4",
            "instanceType": "g2-standard-12",
            "resourcesUsed": {"acceleratorCount": 1},
            "servingStack": {"name": "llm-d", "version": "0.3"},
            "workloadSpec": {"useCase": "Chatbot", "averageInputLength": 128, "averageOutputLength": 128},
            "modelInfo": {"hiddenLayersCount": 32, "parametersBillionsCount": 7.5},
            "performanceStats": [
                {
                    "queriesPerSecond": 1.5,
                    "outputTokensPerSecond": 192,
                    "ntpotMilliseconds": 21,
                    "ttftMilliseconds": 90,
                    "itlMilliseconds": 20,
                    "cost": [
                        {
                            "pricingModel": "spot",
                            "outputInputCostRatio": 4.0,
                            "costPerMillionOutputTokens": {"units": "1", "nanos": 250000000},
                            "costPerMillionInputTokens": {"nanos": 312500000},
                        }
                    ],
                }
            ],
        }
    ]
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, "9" * 5000, "\ud800", -1, "-0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value below the top."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*at, key)
        yield from places(one, (*at, key))


def understood(page: Any) -> list[answers.Profile]:
    return answers.profiles(page, "benchmarkingData:fetch", ASKED, PricingModel.SPOT, {"nvidia-l4"})


def test_a_good_page_is_understood() -> None:
    (profile,) = understood(PAGE)
    (stats,) = profile.stats
    (cost,) = stats.costs
    assert (str(profile.stack), profile.use_case, profile.input_tokens) == ("llm-d/0.3", "Chatbot", 128)
    assert (stats.qps, stats.ntpot_ms, stats.input_tokens_per_second) == (1.5, 21, None)
    assert (str(cost.output), str(cost.input), cost.ratio) == ("1.250000000", "0.312500000", 4.0)
    assert profile.model_info == {"hidden_layers": 32, "parameters_b": 7.5}


@given(place=st.sampled_from(list(places(PAGE))), value=JSON)
def test_any_value_anywhere_is_understood_or_refused_with_the_request(place: tuple[Any, ...], value: Any) -> None:
    page = copy.deepcopy(PAGE)
    inner = page
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        found = understood(page)
    except CatalogError as error:
        assert error.code in ("GIQ1225", "GIQ1229") and error.detail.startswith("benchmarkingData:fetch: ")
    else:
        assert all(stats.qps > 0 and stats.ntpot_ms > 0 for profile in found for stats in profile.stats)


@given(value=JSON)
def test_lists_are_understood_or_refused_too(value: Any) -> None:
    readers: tuple[tuple[str, Callable[[Any, str], Any]], ...] = (
        ("models", lambda body, request: answers.names(body, request, "models")),
        ("servingStacks", answers.stacks),
        ("workloadSpecs", answers.use_cases),
    )
    for field, reader in readers:
        for body in (value, {field: value}):
            try:
                reader(body, f"{field}:fetch")
            except CatalogError as error:
                assert error.code == "GIQ1225" and error.detail.startswith(f"{field}:fetch: ")


@pytest.mark.parametrize("place", [p for p in places(PAGE) if p[-1] in ("units", "nanos")])
def test_whole_dollars_and_parts_of_one_may_be_missing(place: tuple[Any, ...]) -> None:
    page = json.loads(json.dumps(PAGE))
    inner = page
    for key in place[:-1]:
        inner = inner[key]
    del inner[place[-1]]
    assert understood(page)[0].stats[0].costs[0].ratio == 4.0
