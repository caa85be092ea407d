"""Laws of what the whole estimator answers, whatever it is asked: the same replicas of all servers and accelerators at drawn lengths and
loads, through the door that commands and plans use."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog import Catalog, open_catalog
from giqplan.catalog.layer import NewCurve, add_curves, cell, source_of
from giqplan.model.estimate import METRICS, Setup
from giqplan.recommend.estimator.door import Estimator, Table
from giqplan.recommend.estimator.physics import fastest, places
from giqplan.recommend.estimator.replicas import Facts, describe

SERVERS = ("vllm", "sglang", "trtllm")
FEW = settings(max_examples=50, deadline=None, derandomize=True)
SLACK = 1e-4
"""Between nodes, at the lattice's edges and where requests wait, laws hold up to this."""

LEAST_MEASURED_OUTPUT = 32
"""Shorter answers were never measured, and stand in one step of the lattice."""


def lengths(least: int, most: int) -> st.SearchStrategy[float]:
    """Whole numbers, the short as often as the long."""
    return st.floats(np.log(least), np.log(most)).map(lambda log: float(round(np.exp(log))))


INPUT, OUTPUT, LOAD = lengths(1, 120_000), lengths(1, 32_000), lengths(1, 8192)
LONG_OUTPUT = lengths(LEAST_MEASURED_OUTPUT, 32_000)
FACTOR = st.floats(0, np.log(60)).map(np.exp)


@dataclass(frozen=True)
class Asked:
    """An estimator and replicas that it is asked of, each in one row of every answer."""

    estimator: Estimator
    setups: tuple[Setup, ...]
    facts: Facts

    def table(self, input_tokens: float, output_tokens: float, load: float | np.ndarray, *, is_rate: bool = False) -> Table:
        count = len(self.setups)
        loads = np.full(count, load) if isinstance(load, float) else load
        ones = np.ones(count)
        which = np.arange(count)
        return self.estimator.table(self.setups, which, input_tokens * ones, output_tokens * ones, np.full(count, is_rate), loads)

    def places(self, input_tokens: float, output_tokens: float) -> np.ndarray:
        ones = np.ones(len(self.setups))
        return places(self.facts, input_tokens * ones, output_tokens * ones)


MEASURED = (
    Setup("meta-llama/Llama-3.1-70B", "vllm", "", "nvidia-h100-80gb", 4, "fp8", "tp4"),
    Setup("openai/gpt-oss-120b", "sglang", "", "nvidia-h100-80gb", 4),
    Setup("deepseek-ai/DeepSeek-R1", "trtllm", "", "nvidia-b200", 8, "fp4", "tp8"),
)
"""With corrections by measurements of just these, and stated maxima."""


def replicas(catalog: Catalog) -> Iterator[Setup]:
    """Of each server on each accelerator one replica that fits, by a fixed draw from all models and counts."""
    drawn, models = random.Random(5), catalog.model_ids()
    for accelerator in catalog.accelerators():
        for server in SERVERS:
            for _ in range(200):
                model, count = drawn.choice(models), drawn.choice((1, 2, 4, 8))
                setup = Setup(model, server, "", accelerator.name, count)
                if not describe([setup], catalog, catalog.model)[2]:
                    yield setup
                    break


@pytest.fixture(scope="module")
def asked() -> Asked:
    catalog = open_catalog()
    setups = (*MEASURED, *replicas(catalog))
    assert len(setups) == len(MEASURED) + len(SERVERS) * len(catalog.accelerators())
    return Asked(Estimator(catalog), setups, describe(setups, catalog, catalog.model)[0].facts)


def never_falls(before: np.ndarray, after: np.ndarray, slack: float = SLACK, where: np.ndarray | bool = True) -> None:
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero((after < before * (1 - slack)) & where)  # NaN: no answer, nothing to compare
    assert not len(wrong), f"rows {wrong}: {before[wrong]} -> {after[wrong]}"


def value(table: Table, metric: str) -> np.ndarray:
    return table.metrics[metric][0]


@FEW
@given(INPUT, OUTPUT, LOAD, FACTOR)
def test_more_load_makes_no_request_faster(asked: Asked, input_tokens: float, output_tokens: float, load: float, factor: float) -> None:
    light, heavy = (asked.table(input_tokens, output_tokens, one) for one in (load, load * factor))
    for metric in ("itl_ms", "ttft_ms", "ntpot_ms"):
        never_falls(value(light, metric), value(heavy, metric))


@FEW
@given(INPUT, LONG_OUTPUT, LOAD, FACTOR)
def test_more_load_never_serves_less(asked: Asked, input_tokens: float, output_tokens: float, load: float, factor: float) -> None:
    """Exact where lengths are nodes of the lattice; between them up to half a per cent."""
    light, heavy = (asked.table(input_tokens, output_tokens, one) for one in (load, load * factor))
    never_falls(value(light, "output_tokens_per_second"), value(heavy, "output_tokens_per_second"), 0.005)


@FEW
@given(INPUT, lengths(1, LEAST_MEASURED_OUTPUT), LOAD, FACTOR)
def test_more_load_serves_hardly_less_of_answers_of_a_few_tokens(
    asked: Asked, input_tokens: float, output_tokens: float, load: float, factor: float
) -> None:
    """One step of the lattice goes from answers of one token, all prompt, to those of 32, nearly all decode: between them it bends."""
    light, heavy = (asked.table(input_tokens, output_tokens, one) for one in (load, load * factor))
    never_falls(value(light, "output_tokens_per_second"), value(heavy, "output_tokens_per_second"), 0.12)


@FEW
@given(INPUT, OUTPUT, LOAD, FACTOR)
def test_a_longer_prompt_makes_no_request_faster(
    asked: Asked, input_tokens: float, output_tokens: float, load: float, factor: float
) -> None:
    """ITL only while all requests have a place: of longer prompts fewer run at once, the others wait, and those that run may be quicker.
    TTFT not at every point where a stated maximum holds throughput back (one question in a thousand, none of these): it is what is left of
    a request whose ITL has grown."""
    longer = float(np.ceil(input_tokens * factor))
    short, long = (asked.table(one, output_tokens, load) for one in (input_tokens, longer))
    for metric in ("ttft_ms", "ntpot_ms"):
        never_falls(value(short, metric), value(long, metric), 0.003)
    never_falls(value(short, "itl_ms"), value(long, "itl_ms"), SLACK, asked.places(longer, output_tokens) >= load)


@FEW
@given(INPUT, OUTPUT, LOAD, FACTOR)
def test_a_longer_answer_ends_no_earlier(asked: Asked, input_tokens: float, output_tokens: float, load: float, factor: float) -> None:
    """The whole request. Up to a few per cent between nodes, and where longer requests leave places to fewer, which run quicker."""
    longer = float(np.ceil(output_tokens * factor))
    short, long = (asked.table(input_tokens, one, load) for one in (output_tokens, longer))
    before, after = value(short, "ntpot_ms") * output_tokens, value(long, "ntpot_ms") * longer
    have_places = asked.places(input_tokens, longer) >= load
    never_falls(before, after, 0.1)
    never_falls(before, after, 0.015 if output_tokens >= LEAST_MEASURED_OUTPUT else 0.05, have_places)


@FEW
@given(INPUT, OUTPUT, LOAD)
def test_nothing_is_faster_than_the_hardware(asked: Asked, input_tokens: float, output_tokens: float, load: float) -> None:
    ones = np.ones(len(asked.setups))
    table = asked.table(input_tokens, output_tokens, load)
    for metric, limit in zip(
        ("itl_ms", "ttft_ms"), fastest(asked.facts, input_tokens * ones, output_tokens * ones, load * ones), strict=True
    ):
        never_falls(limit, value(table, metric))


@FEW
@given(INPUT, OUTPUT, LOAD, st.booleans())
def test_an_answer_is_whole_with_its_interval_or_there_is_a_reason(
    asked: Asked, input_tokens: float, output_tokens: float, load: float, is_rate: bool
) -> None:
    table = asked.table(input_tokens, output_tokens, load, is_rate=is_rate)
    answered = table.grade != ""
    for metric in METRICS:
        best, low, high = table.metrics[metric]
        assert (np.isfinite([best, low, high]) == answered).all()
        assert ((low <= best) & (best <= high) & (low > 0))[answered].all()
    assert (np.isfinite(table.concurrency) == answered).all()
    assert all(table.reasons[reason] for reason in table.reason)
    longest = np.array(
        [model.max_context for model in describe(asked.setups, asked.estimator.catalog, asked.estimator.catalog.model)[0].models]
    )
    assert not answered[input_tokens + output_tokens > longest].any()
    if not is_rate:
        assert answered[input_tokens + output_tokens <= longest].all()


@FEW
@given(INPUT, LONG_OUTPUT, lengths(2, 2048))
def test_an_open_loop_at_the_rate_of_a_closed_one_is_like_it(asked: Asked, input_tokens: float, output_tokens: float, load: float) -> None:
    """Where throughput still grows with load: on its plateau one rate belongs to many loads, and the open loop takes the least."""
    less, closed, more = (asked.table(input_tokens, output_tokens, one) for one in (load * 0.7, load, load * 1.4))
    rates = [value(one, "output_tokens_per_second") / output_tokens for one in (less, closed, more)]
    grows = (rates[1] > 1.12 * rates[0]) & (rates[2] > 1.12 * rates[1])
    opened = asked.table(input_tokens, output_tokens, np.where(grows, rates[1], 1.0), is_rate=True)
    assert opened.concurrency[grows] == pytest.approx(np.full(grows.sum(), load), rel=0.02)
    for metric, close in (("itl_ms", 0.01), ("ntpot_ms", 0.02), ("ttft_ms", 0.05)):
        assert value(opened, metric)[grows] == pytest.approx(value(closed, metric)[grows], rel=close)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_question_has_the_same_answer_alone_and_among_others_in_any_order(asked: Asked, picked: list[int], drawn: random.Random) -> None:
    estimator, setups = asked.estimator, asked.setups[::7][:6]
    inputs, outputs, loads = (
        np.array([drawn.choice(few) for _ in picked], dtype=float) for few in ([1, 900, 7000], [1, 40, 900], [1, 30, 900])
    )
    rates = np.array([drawn.random() < 0.3 for _ in picked])
    together = estimator.table(setups, np.array(picked), inputs, outputs, rates, loads)
    shuffled = drawn.sample(range(len(picked)), len(picked))
    others = estimator.table(setups, np.array(picked)[shuffled], *(column[shuffled] for column in (inputs, outputs, rates, loads)))
    for metric in METRICS:
        assert np.array_equal(together.metrics[metric][:, shuffled], others.metrics[metric], equal_nan=True)
    row = shuffled[0]
    alone = estimator.table((setups[picked[row]],), np.array([0]), *(column[row : row + 1] for column in (inputs, outputs, rates, loads)))
    for metric in METRICS:
        assert alone.metrics[metric][:, 0] == pytest.approx(together.metrics[metric][:, row], rel=1e-9, nan_ok=True)
    assert alone.reasons[alone.reason[0]] == together.reasons[together.reason[row]]


PRINTED = """
import numpy as np
from giqplan.catalog import open_catalog
from giqplan.model.estimate import Setup
from giqplan.recommend.estimator.door import Estimator
setups = [
    Setup("meta-llama/Llama-3.1-70B", "vllm", "", "nvidia-h100-80gb", 4, "fp8", "tp4"),
    Setup("google/gemma-2-27b-it", "trtllm", "", "nvidia-l4", 8),
]
ones = np.ones(6)
table = Estimator(open_catalog()).table(
    setups, np.array([0, 0, 0, 1, 1, 1]), 1000 * ones, 300 * ones, np.arange(6) % 3 == 2, np.array([1.0, 50, 0.5] * 2)
)
for name in sorted(set(table.metrics)):
    print(name, [f"{number:.4g}" for number in table.metrics[name].ravel()])
print(table.grade, table.reasons)
"""


def test_what_is_printed_does_not_depend_on_threads_or_hashes() -> None:
    def printed(threads: str, seed: str) -> bytes:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run([sys.executable, "-c", PRINTED], env=environment, check=True, capture_output=True).stdout

    found = {printed(*one) for one in (("1", "1"), ("2", "0"))}
    assert len(found) == 1
    assert b"nan" not in found.pop()


HERE = Setup("google/gemma-2-27b-it", "vllm", "0.11.0", "nvidia-l4", 8, "", "tp8")
FAR = Setup("deepseek-ai/DeepSeek-R1", "sglang", "", "nvidia-b200", 8, "fp4", "tp8")
LOADS = (1.0, 8.0, 32.0)
SLOWER = 1.6


def itl_and_ttft(catalog: Catalog, setup: Setup, input_tokens: int) -> np.ndarray:
    ones = np.ones(len(LOADS))
    columns = input_tokens * ones, 256 * ones, np.zeros(len(LOADS), dtype=bool), np.array(LOADS)
    table = Estimator(catalog).table((setup,), np.zeros(len(LOADS), dtype=int), *columns)
    return np.array([table.metrics[metric] for metric in ("itl_ms", "ttft_ms")])


def measured_curve(setup: Setup, itl: np.ndarray, ttft: np.ndarray, source: str) -> NewCurve:
    """At 1,024 input and 256 output tokens."""
    about = {
        "provenance": "user",
        "model_id": setup.model_id,
        "model_server": setup.model_server,
        "model_server_version": setup.model_server_version,
        "accelerator": setup.accelerator,
        "accelerator_count": cell(setup.accelerator_count),
        "parallelism": setup.parallelism,
        "input_tokens": "1024",
        "output_tokens": "256",
        "statistic": "p50",
        "load_kind": "concurrency",
        "replicas": "1",
        "measured_at": "2026-11-01",
        "source": source,
    }
    points = [
        {"load": cell(load), "itl_ms": cell(float(one)), "ttft_ms": cell(float(first)), "queue_dominated": "no"}
        for load, one, first in zip(LOADS, itl, ttft, strict=True)
    ]
    return NewCurve(about, points)


def test_a_user_s_own_curve_moves_its_replica_to_what_was_measured_and_leaves_a_far_one_alone(tmp_path: Path) -> None:
    source = source_of("own bench", "", "2026-11-01")
    before, far_before = itl_and_ttft(open_catalog(), HERE, 1024), itl_and_ttft(open_catalog(), FAR, 1024)
    seen = before[:, 0] * SLOWER
    add_curves(tmp_path / "giqplan-catalog", [measured_curve(HERE, *seen, source.id)], [source], "2026-11-01")
    own = open_catalog(tmp_path)
    after = itl_and_ttft(own, HERE, 1024)
    assert after[0, 0, 1:] == pytest.approx(seen[0, 1:], rel=0.1)
    assert before[0, 0, 0] * 1.15 < after[0, 0, 0] <= seen[0, 0] * 1.01  # longer inputs, which nobody measured, hold it down
    assert after[1, 0] == pytest.approx(seen[1], rel=0.15)
    certain, was = (np.log(one[:, 2] / one[:, 1]) for one in (after, before))
    assert (certain < was).all()
    like = itl_and_ttft(own, HERE, 4096)[0, 0] / itl_and_ttft(open_catalog(), HERE, 4096)[0, 0]
    assert ((like > 1.1) & (like < SLOWER)).all()
    assert itl_and_ttft(own, FAR, 1024)[:, 0] == pytest.approx(far_before[:, 0], rel=0.02)
