"""vLLM: image, arguments by version, precision, parallelism."""

from __future__ import annotations

import pytest
from manifest_samples import BUCKET, G2_12, a_recommendation, an_intent, container_of, env_of, objects_of

from giqplan.errors import ManifestError


def args_of(objects):
    return container_of(objects)["args"]


def refused(code, **what):
    with pytest.raises(ManifestError) as caught:
        objects_of(**what)
    assert caught.value.code == code
    assert caught.value.remedy
    return f"{caught.value.detail} {caught.value.remedy}"


def test_the_image_is_the_release_that_was_measured_unless_the_user_names_one():
    assert container_of(objects_of())["image"] == "docker.io/vllm/vllm-openai:v0.18.0"
    assert container_of(objects_of(an_intent(serving={"image": "reg.example/vllm@sha256:00"})))["image"] == "reg.example/vllm@sha256:00"


def test_a_profile_of_unknown_version_runs_the_version_the_user_names():
    unknown = a_recommendation(version="")
    assert container_of(objects_of(an_intent(serving={"version": "v0.12.0"}), unknown))["image"].endswith(":v0.12.0")
    refused("GIQ1402", recommendation=unknown)


@pytest.mark.parametrize("version", ["0.5.4", "nightly-dev", "0.12.7"])
def test_what_was_never_released_has_no_image(version):
    assert version in refused("GIQ1402", recommendation=a_recommendation(version=version))


def test_the_arguments_of_the_quickstart():
    assert args_of(objects_of(an_intent(storage=BUCKET))) == [
        "--model=gs://acme-models/gpt-oss-120b",
        "--served-model-name=openai/gpt-oss-120b",
        "--host=0.0.0.0",
        "--port=8000",
        "--tensor-parallel-size=8",
        "--load-format=runai_streamer",
        '--model-loader-extra-config={"distributed":true}',
    ]


@pytest.mark.parametrize(
    ("parallelism", "count", "flags"),
    [
        ("tp8", 8, ["--tensor-parallel-size=8"]),
        ("tp4dp2", 8, ["--tensor-parallel-size=4", "--data-parallel-size=2"]),
        ("tp1dp8", 8, ["--tensor-parallel-size=1", "--data-parallel-size=8"]),
        ("tp2pp2", 4, ["--tensor-parallel-size=2", "--pipeline-parallel-size=2"]),
        ("", 2, ["--tensor-parallel-size=2"]),
        ("tp8dp1", 8, ["--tensor-parallel-size=8"]),
    ],
)
def test_parallelism_becomes_flags(parallelism, count, flags):
    args = args_of(objects_of(recommendation=a_recommendation(parallelism=parallelism, count=count)))
    assert [arg for arg in args if "parallel" in arg] == flags


@pytest.mark.parametrize(("parallelism", "count"), [("tp4", 8), ("ep8", 8), ("tp2tp4", 8), ("tp0", 8)])
def test_parallelism_that_does_not_fit_is_refused(parallelism, count):
    refused("GIQ1405", recommendation=a_recommendation(parallelism=parallelism, count=count))


def test_data_parallelism_needs_a_version_that_has_it():
    text = refused("GIQ1403", recommendation=a_recommendation(version="0.8.4", parallelism="tp4dp2"))
    assert "0.8.5" in text


def test_fields_of_the_model_become_flags():
    args = args_of(objects_of(an_intent(model={"revision": "abc", "dtype": "bfloat16", "maxModelLen": 8192})))
    assert {"--revision=abc", "--dtype=bfloat16", "--max-model-len=8192"} <= set(args)
    assert not any(arg.startswith("--max-model-len") for arg in args_of(objects_of()))


def test_a_revision_means_nothing_in_a_bucket():
    refused("GIQ1411", intent=an_intent(model={"revision": "abc"}, storage=BUCKET))


def test_a_context_shorter_than_one_request_is_refused():
    assert "2048" in refused("GIQ1412", intent=an_intent(model={"maxModelLen": 2047}))
    assert "--max-model-len=2048" in args_of(objects_of(an_intent(model={"maxModelLen": 2048})))


@pytest.mark.parametrize(
    ("precision", "model", "checkpoint", "flags"),
    [
        ("fp4", "openai/gpt-oss-120b", "mxfp4", []),
        ("fp4", "openai/gpt-oss-120b", "", []),
        ("fp8", "Qwen/Qwen3-32B", "bf16", ["--quantization=fp8"]),
        ("fp8", "Qwen/Qwen3-235B-A22B-FP8", "fp8", []),
        ("fp8", "a/b-FP8", "", []),
        ("int4", "a/b-AWQ", "awq-int4", []),
        ("bf16", "a/b", "bf16", ["--dtype=bfloat16"]),
        ("", "a/b", "bf16", []),
        ("bitsandbytes", "a/b", "bf16", ["--quantization=bitsandbytes", "--load-format=bitsandbytes"]),
    ],
)
def test_a_precision_asks_only_for_what_the_checkpoint_lacks(precision, model, checkpoint, flags):
    args = args_of(objects_of(recommendation=a_recommendation(model=model, precision=precision), checkpoint_dtype=checkpoint))
    assert [arg for arg in args if arg.startswith(("--quant", "--dtype", "--load"))] == flags


@pytest.mark.parametrize(("precision", "checkpoint"), [("fp4", "bf16"), ("fp4", "fp8"), ("fp8", ""), ("int4", "bf16"), ("bf16", "fp8")])
def test_a_precision_that_the_checkpoint_cannot_give_is_refused_until_the_user_says_how(precision, checkpoint):
    recommendation = a_recommendation(model="a/b", precision=precision)
    refused("GIQ1406", recommendation=recommendation, checkpoint_dtype=checkpoint)
    said = an_intent(serving={"args": ["--quantization=modelopt"]})
    assert "--quantization=modelopt" in args_of(objects_of(said, recommendation, checkpoint_dtype=checkpoint))


@pytest.mark.parametrize(
    ("flag", "version", "says"),
    [
        ("--swap-space=16", "0.18.0", "0.18.0"),
        ("--disable-log-requests", "0.17.0", "--enable-log-requests"),
        ("--task=generate", "0.13.0", "--runner"),
        ("--no-disable-mm-preprocessor-cache", "0.13.0", "--mm-processor-cache-gb"),
        ("--guided_decoding_backend=xgrammar", "0.12.0", "--structured-outputs-config"),
        ("--async-scheduling", "0.9.2", "0.10.0"),
    ],
)
def test_a_flag_that_the_version_lacks_is_refused_with_its_replacement(flag, version, says):
    recommendation = a_recommendation(version=version)
    assert says in refused("GIQ1403", intent=an_intent(serving={"args": [flag]}), recommendation=recommendation)


def test_the_same_flag_passes_where_the_version_has_it():
    intent = an_intent(serving={"args": ["--swap-space", "16", "--task=generate"]})
    assert args_of(objects_of(intent, a_recommendation(version="0.12.0")))[-3:] == ["--swap-space", "16", "--task=generate"]


@pytest.mark.parametrize(
    "flag", ["--model=x", "-tp=4", "--tensor_parallel_size=4", "--max-model-len=1", "--api-key=s", "--disable-log-stats", "--port=1"]
)
def test_flags_that_follow_from_the_intent_are_refused(flag):
    refused("GIQ1404", intent=an_intent(serving={"args": [flag]}))


def test_big_models_get_the_time_they_need_to_start():
    small, large = objects_of(weights_gib=10), objects_of(weights_gib=640)
    assert int(env_of(large)["VLLM_ENGINE_READY_TIMEOUT_S"]) > int(env_of(small)["VLLM_ENGINE_READY_TIMEOUT_S"]) >= 600
    assert "VLLM_ENGINE_READY_TIMEOUT_S" not in env_of(objects_of(recommendation=a_recommendation(version="0.13.0")))


def test_no_stats_no_autoscaling_so_the_server_keeps_its_metrics():
    recommendation = a_recommendation(count=1, parallelism="tp1", accelerator="nvidia-l4")
    assert not any("log-stats" in arg for arg in args_of(objects_of(recommendation=recommendation, machine=G2_12, weights_gib=10)))
