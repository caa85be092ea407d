"""vLLM on GPUs: image, arguments by version, what a precision needs, and the metrics that say how loaded a replica is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from giqplan.catalog.checkpoint import held_precision, served_as
from giqplan.errors import ManifestError
from giqplan.manifests.servers.base import Launch
from giqplan.manifests.servers.vllm_versions import at_least, check_flag, check_release
from giqplan.manifests.storage import Source, Via

if TYPE_CHECKING:
    from giqplan.intent.model import Intent
    from giqplan.model.recommendation import Profile, Recommendation

PORT = 8000
IMAGE = "docker.io/vllm/vllm-openai"
#: The official image carries the streamer with its Cloud Storage backend from here on (docker/Dockerfile of the releases).
STREAMER_SINCE = "0.11.1"
#: ``VLLM_ENGINE_READY_TIMEOUT_S`` (default 600 s) is known from here on.
READY_TIMEOUT_SINCE = "0.14.0"

_COMMAND = ("python3", "-m", "vllm.entrypoints.openai.api_server")
_ALIASES = {"tp": "tensor-parallel-size", "pp": "pipeline-parallel-size", "dp": "data-parallel-size", "q": "quantization"}
#: Flags that follow from the intent or the profile, and where to say so instead.
_OURS = {
    "model": "spec.model.id or spec.storage",
    "host": "nothing: the pod's address",
    "port": "nothing: the port is 8000",
    "served-model-name": "spec.model.id",
    "tensor-parallel-size": "spec.accelerator.count",
    "pipeline-parallel-size": "spec.accelerator.count",
    "data-parallel-size": "spec.accelerator.count",
    "max-model-len": "spec.model.maxModelLen",
    "dtype": "spec.model.dtype",
    "revision": "spec.model.revision",
    "load-format": "spec.storage",
    "model-loader-extra-config": "spec.storage",
    "download-dir": "spec.storage",
    "api-key": "a Secret: keys have no place in an intent",
    "hf-token": "spec.storage.huggingFace.tokenSecret",
    "disable-log-stats": "nothing: it takes away the metrics that autoscaling reads",
}


def version_of(intent: Intent, profile: Profile) -> str:
    """The release to run: the profile's, or where its source names none, the one the intent names.

    ManifestError GIQ1402 when neither says, or when it is no release.
    """
    version = profile.model_server_version.removeprefix("v")
    asked = str(intent.spec.serving.version).removeprefix("v")
    if not version and asked != "latest":
        version = asked
    if not version:
        raise ManifestError("GIQ1402", "the profile's source does not say which vLLM it measured", "set spec.serving.version to a release")
    check_release(version, own_image=bool(intent.spec.serving.image))
    return version


def streams_from_bucket(version: str) -> bool:
    """Whether this release loads gs:// by itself (Run:ai Model Streamer); older ones read a mounted bucket."""
    return at_least(version, STREAMER_SINCE)


def load_metrics(version: str) -> tuple[str, str]:
    """Gauges of requests running and waiting: the same names in every release of the table (0.6.0 to 0.33.0)."""
    check_release(version, own_image=True)
    return "vllm:num_requests_running", "vllm:num_requests_waiting"


def launch(intent: Intent, recommendation: Recommendation, version: str, source: Source) -> Launch:
    """Image, command, arguments and variables. ManifestError GIQ1403-1406, 1411, 1412 for what this release cannot do."""
    user_flags = _user_flags(intent, version)
    args = [
        f"--model={source.model_argument}",
        f"--served-model-name={recommendation.model_id}",
        "--host=0.0.0.0",
        f"--port={PORT}",
        *_parallel(recommendation.profile, version),
        *_model(intent, recommendation, source),
        *_precision(recommendation.profile, source, version, str(intent.spec.model.dtype or ""), "quantization" in user_flags),
        *_loading(recommendation.profile, source, version),
        *intent.spec.serving.args,
    ]
    # GKE mounts the driver here; some images look elsewhere ("Undetected platform" in 0.10.0; llm-d's GKE notes).
    env = [("LD_LIBRARY_PATH", "/usr/local/nvidia/lib64:/usr/local/cuda/lib64")]
    if at_least(version, READY_TIMEOUT_SINCE):
        env.append(("VLLM_ENGINE_READY_TIMEOUT_S", str(source.start_seconds)))
    image = intent.spec.serving.image or f"{IMAGE}:v{version}"
    return Launch(image, _COMMAND, tuple(args), tuple(env))


def _user_flags(intent: Intent, version: str) -> frozenset[str]:
    """Names of the flags in ``serving.args``, each checked."""
    found = set()
    for arg in intent.spec.serving.args:
        if not re.match(r"-[a-zA-Z-]", arg):
            continue
        name = arg.lstrip("-").partition("=")[0].replace("_", "-")
        name = _ALIASES.get(name, name)
        if name in _OURS:
            raise ManifestError("GIQ1404", f"spec.serving.args sets --{name}", f"use instead: {_OURS[name]}")
        check_flag(name, version)
        check_flag(name.removeprefix("no-"), version)
        found.add(name)
    return frozenset(found)


def _parallel(profile: Profile, version: str) -> list[str]:
    """``tp4dp2`` -> --tensor-parallel-size=4 --data-parallel-size=2; the product is the replica's accelerators."""
    text = profile.parallelism or f"tp{profile.accelerator_count}"
    sizes = re.findall(r"(tp|pp|dp)([1-9]\d*)", text)
    if "".join(kind + size for kind, size in sizes) != text or len({kind for kind, _ in sizes}) != len(sizes):
        raise ManifestError("GIQ1405", f"parallelism {text!r} is not understood", "choose another profile: spec.accelerator")
    total = 1
    for _, size in sizes:
        total *= int(size)
    if total != profile.accelerator_count:
        detail = f"parallelism {text} uses {total} accelerators, the profile has {profile.accelerator_count}"
        raise ManifestError("GIQ1405", detail, "choose another profile: spec.accelerator")
    flags = []
    for kind, size in sizes:
        name = _ALIASES[kind]
        if kind == "tp" or size != "1":
            check_flag(name, version)
            flags.append(f"--{name}={size}")
    return flags


def _tensor_parallel(profile: Profile) -> int:
    found = re.match(r"tp(\d+)", profile.parallelism or f"tp{profile.accelerator_count}")
    return int(found[1]) if found else 1


def _model(intent: Intent, recommendation: Recommendation, source: Source) -> list[str]:
    model, flags = intent.spec.model, []
    if model.revision:
        if source.via is not Via.HUGGING_FACE:
            remedy = "remove spec.model.revision: the bucket's path names the files"
            raise ManifestError("GIQ1411", "spec.model.revision has no meaning for a model in a bucket", remedy)
        flags.append(f"--revision={model.revision}")
    if model.dtype:
        flags.append(f"--dtype={model.dtype}")
    if model.max_model_len is not None:
        needed = recommendation.evidence.input_tokens + recommendation.evidence.output_tokens
        if model.max_model_len < needed:
            detail = f"spec.model.maxModelLen is {model.max_model_len}; one request of the profile's workload has {needed} tokens"
            raise ManifestError("GIQ1412", detail, f"set it to at least {needed}, or choose a shorter workload")
        flags.append(f"--max-model-len={model.max_model_len}")
    return flags


def load_factor(profile: Profile, checkpoint_dtype: str) -> int:
    """How many times the profile's weights have to be fetched: vLLM makes fp8 of a 16-bit checkpoint only while it loads."""
    return 2 if profile.precision == "fp8" and held_precision(profile.model_id, checkpoint_dtype) == "bf16" else 1


def _precision(profile: Profile, source: Source, version: str, dtype: str, user_decides: bool) -> list[str]:
    """What makes the server compute in the profile's precision. A checkpoint already in it needs no flag."""
    wanted = profile.precision
    if not wanted or user_decides:
        return []
    held = held_precision(profile.model_id, source.checkpoint_dtype)
    if served_as(wanted, held, streamed=source.via is Via.STREAMER):
        if wanted in ("bf16", "fp16"):
            # Said, not left to the checkpoint: the family holds float16 and float32 checkpoints too.
            return [] if dtype else [f"--dtype={'bfloat16' if wanted == 'bf16' else 'float16'}"]
        if wanted == held:
            return []
        return ["--quantization=fp8"] if wanted == "fp8" else ["--quantization=bitsandbytes", "--load-format=bitsandbytes"]
    what = f"a checkpoint in {held}" if held else "a checkpoint whose dtype is not known"
    detail = f"the profile was measured in {wanted}; {profile.model_id} is {what}, which vLLM {version} cannot serve so without your word"
    raise ManifestError(
        "GIQ1406", detail, f"choose the {wanted} checkpoint as spec.model.id, or say --quantization=... in spec.serving.args"
    )


def _loading(profile: Profile, source: Source, version: str) -> list[str]:
    if source.via is not Via.STREAMER:
        return []
    flags = ["--load-format=runai_streamer"]
    if _tensor_parallel(profile) > 1:
        # Each worker reads its part once; without it every worker reads everything. Known since the streamer's first version here.
        flags.append('--model-loader-extra-config={"distributed":true}')
    return flags
