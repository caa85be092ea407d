"""Questions that the estimator answers, and those that it says why it does not."""

from __future__ import annotations

import numpy as np
import pytest

from giqplan.catalog import Catalog, open_catalog
from giqplan.catalog.layers import Layer
from giqplan.errors import RecommendError
from giqplan.model.estimate import EstimatedCurve, LoadKind, NoEstimate, Setup
from giqplan.recommend.estimator.door import Estimator

LLAMA = Setup("meta-llama/Llama-3.1-70B", "vllm", "", "nvidia-h100-80gb", 4, "fp8", "tp4")


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator(open_catalog())


def refusal(estimator: Estimator, lengths: tuple[int, int] = (1024, 128), **changes: object) -> NoEstimate:
    from dataclasses import replace

    found = estimator.curve(replace(LLAMA, **changes), *lengths)
    assert isinstance(found, NoEstimate)
    return found


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"model_id": "meta-llama/Llama-3.1-71B"}, "GIQ1320", "did you mean meta-llama/Llama-3.1-70B"),
        ({"model_id": "casperhansen/deepseek-r1-distill-llama-70b-awq"}, "GIQ1325", "config.json"),
        ({"model_server": "tgi"}, "GIQ1326", "vllm"),
        ({"precision": "fp7"}, "GIQ1327", "fp8"),
        ({"accelerator": "nvidia-h100"}, "GIQ1205", "nvidia-h100-80gb"),
        ({"accelerator_count": 1, "precision": "bf16", "parallelism": ""}, "GIQ1305", "what fits"),
        ({"parallelism": "tp3"}, "GIQ1306", ""),
    ],
)
def test_a_replica_that_cannot_be_says_why_and_what_helps(estimator: Estimator, changes: dict[str, object], code: str, said: str) -> None:
    found = refusal(estimator, **changes)
    assert found.code == code
    assert said in found.remedy


@pytest.mark.parametrize("lengths", [(0, 128), (1024, 0), (-5, 128), (131_072, 1)])
def test_lengths_that_are_none_or_beyond_the_context_are_refused(estimator: Estimator, lengths: tuple[int, int]) -> None:
    found = refusal(estimator, lengths)
    assert (found.code, "131072" in found.reason) == ("GIQ1329", True)


def test_a_rate_above_what_the_replica_serves_has_no_steady_state(estimator: Estimator) -> None:
    found = estimator.curve(LLAMA, 1024, 1024, LoadKind.RATE, [1000.0])
    assert isinstance(found, NoEstimate)
    assert (found.code, "at most" in found.reason) == ("GIQ1329", True)


def test_a_catalog_without_calibration_estimates_nothing() -> None:
    full = open_catalog().layers[0]
    with pytest.raises(RecommendError) as error:
        Estimator(Catalog((Layer("embedded", full.root, {"catalog.json": full.bytes_of("catalog.json")}),)))
    assert error.value.code == "GIQ1328"


def test_one_answer_of_a_table_is_that_of_the_curve(estimator: Estimator) -> None:
    curve = estimator.curve(LLAMA, 1024, 1024, loads=[8, 64])
    assert isinstance(curve, EstimatedCurve)
    ones = np.ones(2)
    table = estimator.table([LLAMA], np.zeros(2, dtype=int), 1024 * ones, 1024 * ones, ones > 1, np.array([8.0, 64.0]))
    for index, load in enumerate(curve.loads):
        itl = load.itl_ms
        assert table.metrics["itl_ms"][:, index] == pytest.approx([itl.value, itl.low, itl.high])
        assert itl.low < itl.value < itl.high
    assert set(table.grade) == {curve.grade.value}
    assert table.reasons[table.reason[0]] == curve.basis


def test_a_row_without_an_answer_has_a_reason_and_never_a_number(estimator: Estimator) -> None:
    setups = [LLAMA, Setup("nobody/nothing", "vllm", "", "nvidia-h100-80gb", 4)]
    nan = float("nan")
    inputs, outputs = np.array([1024.0, 0, 1024, nan, 1024]), np.array([128.0, 128, 128, 128, 128])
    load = np.array([8.0, 8, nan, 8, 8])
    table = estimator.table(setups, np.array([0, 0, 0, 0, 1]), inputs, outputs, np.zeros(5, dtype=bool), load)
    assert list(np.isfinite(table.metrics["ttft_ms"][0])) == [True, False, False, False, False]
    assert list(table.grade[1:]) == [""] * 4
    said = [table.reasons[index] for index in table.reason]
    assert ("length" in said[1], "load" in said[2], "length" in said[3], "nobody/nothing" in said[4]) == (True,) * 4


def test_an_open_loop_has_the_requests_in_flight_that_little_s_law_says(estimator: Estimator) -> None:
    closed = estimator.curve(LLAMA, 1024, 256, loads=[20.0])
    assert isinstance(closed, EstimatedCurve)
    opened = estimator.curve(LLAMA, 1024, 256, LoadKind.RATE, [closed.loads[0].qps])
    assert isinstance(opened, EstimatedCurve)
    assert opened.loads[0].concurrency == pytest.approx(20, rel=0.02)
    assert opened.loads[0].ntpot_ms.value == pytest.approx(closed.loads[0].ntpot_ms.value, rel=0.02)
