"""A table of questions as text: rows in the words of people become setups, rows that say nothing sensible become reasons; and what stands
beside an estimate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from giqplan.catalog import Catalog, open_catalog
from giqplan.model.estimate import METRICS, EstimatedCurve, LoadKind, Setup
from giqplan.recommend.estimator.beside import at_load, curves_beside, published_beside
from giqplan.recommend.estimator.door import Estimator
from giqplan.recommend.estimator.questions import COLUMNS, REPLICAS, Answers, Questions, columns_missing, columns_twice, made_even

HEADER = ["model", *COLUMNS, REPLICAS]
GOOD = {
    "model": "meta-llama/Llama-3.1-70B",
    "model_server": "vLLM",
    "model_server_version": "",
    "gke_accelerator": "nvidia-h100-80gb",
    "accelerator_count": "4.0",
    "precision": "FP8",
    "parallelism": "TP4",
    "load_kind": "concurrency",
    "isl": "1024",
    "osl": "128",
    "load": "16",
    "replicas": "",
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


@pytest.fixture(scope="module")
def estimator(catalog: Catalog) -> Estimator:
    return Estimator(catalog)


def row(**changes: str) -> list[str]:
    return [{**GOOD, **changes}[name] for name in HEADER]


def answers(estimator: Estimator, *rows: list[str]) -> Answers:
    questions = Questions(estimator.catalog, HEADER)
    return questions.answers(estimator, questions.batch(list(rows)))


def test_words_in_any_letter_case_name_one_replica(estimator: Estimator) -> None:
    found = answers(estimator, row(), row(model_server="VLLM", model=" meta-llama/llama-3.1-70b", precision="fp8", replicas="1"))
    assert found.reasons == ["", ""]
    for metric in METRICS:
        assert found.metrics[metric][0, 0] == found.metrics[metric][0, 1] > 0


def test_replicas_share_the_load_and_add_up_their_throughput(estimator: Estimator) -> None:
    one, four = answers(estimator, row(), row(replicas="4", load="64")).metrics["output_tokens_per_second"].T
    assert four == pytest.approx(4 * one)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "nobody/nothing"}, "'nobody/nothing' is no model of the catalog"),
        ({"model": ""}, "'' is no model"),
        ({"model_server": ""}, "model_server: names none"),
        ({"model_server": "tgi"}, "tgi"),
        ({"gke_accelerator": "h100"}, "gke_accelerator: 'h100'"),
        ({"accelerator_count": "0"}, "accelerator_count: '0'"),
        ({"accelerator_count": "2.5"}, "accelerator_count: '2.5'"),
        ({"accelerator_count": "99999"}, "accelerator_count"),
        ({"load_kind": "qps"}, "load_kind: 'qps' is none of concurrency, rate"),
        ({"replicas": "some"}, "replicas: 'some' is no whole number"),
        ({"isl": "-1"}, "isl: '-1' is no number above 0"),
        ({"osl": "1_000"}, "osl: '1_000' is no number"),
        ({"load": "many" * 20}, "load: 'manymany"),
        ({"load": "1e10"}, "load: '1e10' is beyond"),
        ({"load": "nan"}, "load: 'nan' is no number"),
        ({"load_kind": "rate", "load": "5000"}, "at most"),
        ({"isl": "200000"}, "context"),
        ({"accelerator_count": "1", "parallelism": "", "precision": "bf16"}, "does not fit"),
    ],
)
def test_a_row_that_has_no_answer_has_a_reason_and_its_neighbours_have_theirs(
    estimator: Estimator, changes: dict[str, str], said: str
) -> None:
    found = answers(estimator, row(), row(**changes), row())
    assert said in found.reasons[1]
    assert (found.reasons[0], found.reasons[2], found.grades[1]) == ("", "", "")
    for metric in METRICS:
        assert list(np.isfinite(found.metrics[metric]).all(axis=0)) == [True, False, True]


def test_rows_of_another_width_are_refused_and_made_even(estimator: Estimator) -> None:
    rows = [row(), row()[:5], [*row(), "more"]]
    found = answers(estimator, *rows)
    assert found.reasons[0] == ""
    assert [f"has {wide} cells" in reason for wide, reason in zip((5, 13), found.reasons[1:], strict=True)] == [True, True]
    again = [["a"], ["b", "c", "d"], ["e", "f"]]
    assert made_even(again, 2) == [(0, 1), (1, 3)]
    assert again == [["a", ""], ["b", "c"], ["e", "f"]]


def test_nothing_that_can_be_asked_is_not_asked(estimator: Estimator) -> None:
    found = answers(estimator, row(model="nobody/nothing"), row(osl="x"))
    assert all(found.reasons)
    assert np.isnan(found.metrics["itl_ms"]).all()


def test_setups_are_numbered_over_all_batches(catalog: Catalog) -> None:
    questions = Questions(catalog, HEADER)
    for _ in range(2):
        questions.batch([row(), row(accelerator_count="8", parallelism=""), row(model_server="nobody")])
    assert [(setup.model_server, setup.accelerator_count) for setup in questions.setups] == [("vllm", 4), ("vllm", 8), ("nobody", 4)]


def test_a_header_says_what_it_lacks_and_what_stands_in_it_twice() -> None:
    assert columns_missing(HEADER) == columns_twice(HEADER) == []
    assert columns_missing(["model_id", *COLUMNS[1:]]) == ["model_server"]
    assert columns_missing(COLUMNS) == ["model or model_id"]
    assert columns_twice([*HEADER, "isl", "note", "note"]) == ["isl"]


MEASURED = Setup("meta-llama/Llama-3.1-70B", "vllm", "", "nvidia-h100-80gb", 4, "fp8", "tp4")


def test_what_was_measured_of_the_same_replica_stands_beside_it_the_nearest_lengths_first(catalog: Catalog, estimator: Estimator) -> None:
    model = catalog.model(MEASURED.model_id)
    assert model is not None
    curves = [curve for curve in estimator.measured_like(MEASURED) if curve.input_tokens and curve.output_tokens]
    assert curves
    curve = curves[0]
    assert curve.input_tokens and curve.output_tokens
    found = curves_beside(catalog, model, MEASURED, curve.input_tokens, curve.output_tokens)
    assert curve.key in {one.curve.key for one in found}
    assert [one.distance for one in found] == sorted(one.distance for one in found)
    load = next(point.load for point in curve.points if point.load)
    near = at_load(found, LoadKind.CONCURRENCY, load * 1.05)
    assert load in {one.point.load for one in near}
    assert len({one.curve.key for one in near}) == len(near)
    assert at_load(found, LoadKind.CONCURRENCY, load * 1e6) == at_load(found, LoadKind.RATE, load) == ()
    assert curves_beside(catalog, model, MEASURED, 40 * curve.input_tokens, curve.output_tokens) == ()


@pytest.mark.parametrize("changes", [{"model_server": "sglang"}, {"accelerator_count": 2, "parallelism": ""}, {"precision": "fp4"}])
def test_another_replica_is_not_the_same(catalog: Catalog, estimator: Estimator, changes: dict[str, object]) -> None:
    other = replace(MEASURED, **changes)
    own, others = ({curve.key for curve in estimator.measured_like(one)} for one in (MEASURED, other))
    assert not own & others
    assert estimator.measured_like(replace(MEASURED, model_id="nobody/nothing")) == ()


def test_what_a_page_printed_of_the_hardware_stands_beside_it(catalog: Catalog) -> None:
    setup = Setup("openai/gpt-oss-20b", "vllm", "", "nvidia-h100-80gb", 1)
    assert published_beside(catalog, setup)
    assert (
        published_beside(catalog, replace(setup, model_server="sglang"))
        == published_beside(catalog, replace(setup, accelerator_count=8))
        == ()
    )


def test_a_curve_says_at_what_load_throughput_stops_to_grow(estimator: Estimator) -> None:
    found = estimator.curve(MEASURED, 1024, 128)
    assert isinstance(found, EstimatedCurve)
    assert found.saturation is not None
    top = found.loads[found.saturation].output_tokens_per_second.value
    assert all(one.output_tokens_per_second.value > 0.7 * top for one in found.loads[found.saturation :])
    queues = [one.queue for one in found.loads]
    assert queues == sorted(queues)
    assert queues[-1] == pytest.approx(found.loads[-1].concurrency - found.max_concurrency)
