"""What the command line and the reports say of the thing measured: they agree, or one of them says it, or it is an error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from import_reports import GIVEN, REPORTS, given, imported, put, stage
from test_import_figures import GCLOUD, report_of_version

from giqplan.catalog.importers.profiles import Given
from giqplan.errors import GiqplanError
from giqplan.model.recommendation import Statistic

RUN = REPORTS / "run" / "stage_0_lifecycle_metrics.json"


def refused(*files: Path, what: Given) -> tuple[str, str]:
    with pytest.raises(GiqplanError) as caught:
        imported(*files, what=what)
    return caught.value.code, f"{caught.value.detail} / {caught.value.remedy}"


def test_what_no_report_says_has_to_be_given() -> None:
    alone = RUN.parent.parent / "guidellm" / "rates.json"
    code, told = refused(alone, what=given({"model_id": "openai/gpt-oss-20b"}))
    assert code == "GIQ1220"
    assert "does not say model server, accelerator, accelerator count" in told
    assert "Give --model-server and --accelerator and --count. The labels are nvidia-l4," in told


@pytest.mark.parametrize(
    ("columns", "code", "told"),
    [
        ({"model_id": "openai/gpt-oss-120b"}, "GIQ1221", "server.model_name says mock/tiny, --model says openai/gpt-oss-120b"),
        ({"model_server": "sglang"}, "GIQ1221", "server.type says vllm, --model-server says sglang"),
        ({"accelerator": "h100"}, "GIQ1205", "h100 is no accelerator label"),
        ({"machine_type": "n1-standard-4"}, "GIQ1204", "n1-standard-4 is not in the catalog"),
        ({"machine_type": "a3-highgpu-1g"}, "GIQ1224", "a3-highgpu-1g carries 1 x nvidia-h100-80gb, not 1 x nvidia-l4"),
        ({"machine_type": "g2-standard-12", "accelerator_count": "2"}, "GIQ1224", "g2-standard-12 carries 1 x nvidia-l4, not 2 x"),
        ({"parallelism": "tp2"}, "GIQ1224", "tp2 takes 2 accelerators, there are 1"),
        ({"parallelism": "ep4"}, "GIQ1224", "'ep4' is no parallelism"),
        ({"precision": "fp12"}, "GIQ1224", "'fp12' is not known"),
        ({"accelerator_count": "0"}, "GIQ1224", "--count: '0' is no number from 1"),
        ({"replicas": "-1"}, "GIQ1224", "--replicas: '-1' is no number from 1"),
    ],
)
def test_flags_that_contradict_the_report_or_the_hardware(columns: Mapping[str, str], code: str, told: str) -> None:
    name = "" if "model_id" in columns else "mock/tiny"
    got, text = refused(RUN, what=given({**GIVEN, **columns}, served_model_name=name))
    assert (got, told in text) == (code, True), text


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        ({"input_tokens": 94, "output_tokens": 60}, "GIQ1221", "20.75 output tokens a request, --output-length says 60"),
        ({"input_tokens": 0, "output_tokens": 60}, "GIQ1224", "--input-length: 0 is no number of tokens"),
        ({"measured_at": "2026-13"}, "GIQ1224", "'2026-13' is no date"),
        ({"measured_at": "yesterday"}, "GIQ1224", "'yesterday' is no date"),
    ],
)
def test_lengths_and_dates(more: dict[str, Any], code: str, told: str) -> None:
    got, text = refused(RUN, what=given(**more))
    assert (got, told in text) == (code, True), text


def test_lengths_that_match_leave_the_report_s_own() -> None:
    (curve,) = imported(RUN, what=given(input_tokens=100, output_tokens=20)).curves
    assert (curve.cells["input_tokens"], curve.cells["output_tokens"]) == ("94", "21")


def test_a_use_case_must_be_the_one_that_was_measured(tmp_path: Path) -> None:
    code, told = refused(RUN, what=given({**GIVEN, "use_case": "Chatbot"}))
    assert (code, "94.1875 input tokens a request, use case Chatbot says 128" in told) == ("GIQ1221", True)
    near = stage(tmp_path, 0, put("successes/prompt_tokens", {"mean": 130}))
    near = stage(tmp_path, 0, lambda r: (put("successes/prompt_tokens", {"mean": 130})(r), put("successes/output_len", {"mean": 120})(r)))
    (curve,) = imported(near, what=given({**GIVEN, "use_case": "chatbot"})).curves
    assert (curve.cells["input_tokens"], "use case chatbot" in curve.cells["note"]) == ("130", True)


def test_lengths_that_no_one_says(tmp_path: Path) -> None:
    file = stage(tmp_path, 0, put("successes/prompt_tokens", ...))
    code, told = refused(file, what=given())
    assert (code, "does not say the mean input tokens / Give --input-length" in told) == ("GIQ1220", True)
    (curve,) = imported(file, what=given(input_tokens=1024, output_tokens=20)).curves
    assert curve.cells["input_tokens"] == "1024"


def test_a_date_that_the_report_says() -> None:
    file = REPORTS / "run" / "inference-perf.partial.stage_0.yaml"
    assert imported(file).date == imported(file, what=given(measured_at="2026-11")).date == "2026-11-22"
    code, told = refused(file, what=given(measured_at="2026-10-01"))
    assert (code, "says 2026-11-22, --measured-at says 2026-10-01" in told) == ("GIQ1221", True)
    assert (imported(RUN).date, imported(RUN, what=given(measured_at="2026-10")).date) == ("", "2026-10")


def test_a_model_that_no_layer_knows_is_told() -> None:
    found = imported(RUN, what=given({**GIVEN, "model_id": "mock/tiny"}))
    assert found.curves[0].cells["model_id"] == "mock/tiny"
    assert any("mock/tiny is in no layer's models.csv" in warning for warning in found.warnings)


def test_one_spelling_for_one_thing() -> None:
    (curve,) = imported(
        RUN, what=given({**GIVEN, "model_id": "OPENAI/GPT-OSS-20B", "model_server": "vLLM", "model_server_version": "v0.11.0"})
    ).curves
    assert [curve.cells[c] for c in ("model_id", "model_server", "model_server_version")] == ["openai/gpt-oss-20b", "vllm", "0.11.0"]


@pytest.mark.parametrize(
    ("label", "name", "same"),
    [
        ("nvidia-h100-80gb", "NVIDIA-H100-80GB-HBM3", True),
        ("nvidia-h100-80gb", "H100", True),
        ("nvidia-h100-mega-80gb", "NVIDIA H100 80GB HBM3", True),
        ("nvidia-h200-141gb", "NVIDIA-H100-80GB-HBM3", False),
        ("nvidia-a100-80gb", "NVIDIA-A100-SXM4-40GB", False),
        ("nvidia-a100-80gb", "nvidia-a100-80gb", True),
        ("nvidia-h100-80gb", "nvidia-h100-mega-80gb", False),
        ("nvidia-l4", "NVIDIA L4", True),
        ("tpu-v6e-slice", "TPU v6e", True),
        ("tpu-v5-lite-podslice", "v5e", True),
        ("nvidia-rtx-pro-6000", "NVIDIA RTX PRO 6000 Blackwell", True),
    ],
)
def test_names_of_chips_as_drivers_write_them(tmp_path: Path, label: str, name: str, same: bool) -> None:
    report = report_of_version("0.2.1", "s")
    card = report["scenario"]["stack"][0]["standardized"]["accelerator"]
    card |= {"model": name}
    file = tmp_path / "report.yaml"
    file.write_text(yaml.safe_dump(report), encoding="utf-8")
    what = given({"model_id": "openai/gpt-oss-20b", "accelerator": label})
    if same:
        assert imported(file, what=what).curves[0].cells["accelerator"] == label
    else:
        assert refused(file, what=what)[0] == "GIQ1221"


def test_a_chip_that_only_the_report_names_is_no_label(tmp_path: Path) -> None:
    file = tmp_path / "report.yaml"
    file.write_text(yaml.safe_dump(report_of_version("0.2", "s")), encoding="utf-8")
    code, told = refused(file, what=given({"model_id": "openai/gpt-oss-20b"}))
    assert (code, "Give --accelerator. The labels are" in told) == ("GIQ1220", True)


def test_several_machine_types_have_no_one_count(tmp_path: Path) -> None:
    tail = ",nvidia-l4,google/gemma-2-2b-it,vllm,v0.7.2,256,19,31,18,2.0,N/A,N/A,Chatbot,128,128,N/A,N/A\n"
    file = tmp_path / "benchmarks.csv"
    file.write_text(f"{GCLOUD}g2-standard-12{tail}g2-standard-24{tail}", encoding="utf-8")
    code, told = refused(file, what=Given({"accelerator_count": "1"}))
    assert (code, "several machine types: g2-standard-12, g2-standard-24" in told) == ("GIQ1221", True)


def test_a_statistic_that_the_report_lacks(tmp_path: Path) -> None:
    def without_medians(report: dict[str, Any]) -> None:
        for latency in report["successes"]["latency"].values():
            del latency["median"]

    file = stage(tmp_path, 0, without_medians)
    assert imported(file).curves[0].cells["statistic"] == "mean"
    code, told = refused(file, what=given(statistic=Statistic.P50))
    assert (code, "the report has no p50 of NTPOT" in told) == ("GIQ1220", True)
    mixed = stage(tmp_path / "mixed", 0, lambda r: (without_medians(r), put("successes/latency/time_to_first_token", {"median": 0.03})(r)))
    assert refused(mixed, what=given())[0] == "GIQ1220"
