"""Replicas in numbers: what a setup is to the equations of ``physics``, and to which kinds it belongs for ``transfer``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from giqplan.catalog import Accelerator, Catalog, Model
from giqplan.catalog.checkpoint import checkpoint_family
from giqplan.model.estimate import NoEstimate, Setup
from giqplan.recommend.estimator.memory import Fit, NoFit, fit, with_remedy

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

SERVERS = {"vllm": "vllm", "vllm-tpu": "vllm", "sglang": "sglang", "trtllm": "trtllm"}
"""Server -> the server whose coefficients it has."""

_OTHER_NAMES = {"tensorrt-llm": "trtllm", "trt-llm": "trtllm", "tensorrt": "trtllm"}
_BYTES = {"bf16": 2.0, "int8": 1.0, "fp8": 1.0, "fp4": 0.5625, "int4": 0.5625}
"""Per weight; four bits have a scale of eight for each 16 (catalog/README.md)."""

_SMALL_BATCH, _LARGE_BATCH, _LARGE_GIB = 256, 1024, 70
"""Requests that run at once at most: vLLM's defaults as a server, by whether the accelerator has 70 GiB."""

_GIB = 2**30
_GENERATIONS = {
    "nvidia-h100-80gb": "hopper",
    "nvidia-h100-mega-80gb": "hopper",
    "nvidia-h200-141gb": "hopper",
    "nvidia-b200": "blackwell",
    "nvidia-gb200": "blackwell",
    "nvidia-gb300": "blackwell",
    "nvidia-rtx-pro-6000": "blackwell",
}
_SAME_CHIP = {"nvidia-h100-mega-80gb": "nvidia-h100-80gb"}
"""Measurements of one hold for the other: they differ in the network between machines (catalog/accelerators.csv)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Numbers of replicas, one entry each (or shaped so that they broadcast). Bytes and FLOPs are those of one accelerator of the replica;
    rates are per millisecond.

    ``expert_bytes``: all routed experts, of which a step reads those that its tokens choose. ``dense_flops``, ``expert_flops``: of one
    token. ``attention_flops``: of one token for each that it sees, over all heads and layers. ``reduce_bytes``: what the links carry of a
    token, ``reduce_rounds``: messages of a step. ``cache_*``: KV cache that each accelerator holds of a token, within the window and
    beyond. ``free_bytes``: what is left for the cache in each copy of attention.
    """

    accelerators: Floats
    copies: Floats
    layers: Floats
    experts: Floats
    experts_per_token: Floats
    dense_bytes: Floats
    expert_bytes: Floats
    dense_flops: Floats
    expert_flops: Floats
    attention_flops: Floats
    reduce_bytes: Floats
    reduce_rounds: Floats
    cache_bytes: Floats
    cache_windowed_bytes: Floats
    cache_window: Floats
    cache_state_bytes: Floats
    free_bytes: Floats
    batch: Floats
    bandwidth: Floats
    flops: Floats
    link: Floats
    params_active: Floats
    params: Floats
    weight_bytes: Floats

    def take(self, index: Ints) -> Facts:
        return Facts(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Replicas:
    """``kinds``: kind (``server``, ``version``, ``accelerator``, ``model`` ...) -> its value for each replica."""

    setups: tuple[Setup, ...]
    models: tuple[Model, ...]
    fits: tuple[Fit, ...]
    facts: Facts
    kinds: Mapping[str, tuple[str, ...]]

    def take(self, index: Ints) -> Replicas:
        chosen = [int(i) for i in index]
        return Replicas(
            setups=tuple(self.setups[i] for i in chosen),
            models=tuple(self.models[i] for i in chosen),
            fits=tuple(self.fits[i] for i in chosen),
            facts=self.facts.take(index),
            kinds={kind: tuple(values[i] for i in chosen) for kind, values in self.kinds.items()},
        )


ModelOf = Callable[[str], Model | None]


def server_of(name: str) -> str:
    """The catalog's name of a server, in any letter case; "" = none that is known."""
    found = name.strip().lower().replace("_", "-")
    found = _OTHER_NAMES.get(found, found)
    return found if found in SERVERS else ""


def describe(setups: Sequence[Setup], catalog: Catalog, model_of: ModelOf) -> tuple[Replicas, Ints, dict[int, NoEstimate]]:
    """The replicas that can be answered for, for each setup its index among them (-1 = none), and why not for the others."""
    found: list[_One] = []
    where, refused = np.full(len(setups), -1, dtype=np.int64), {}
    for index, setup in enumerate(setups):
        one = _replica(setup, catalog, model_of)
        if isinstance(one, NoEstimate):
            refused[index] = one
        else:
            where[index] = len(found)
            found.append(one)
    facts = Facts(*(np.array([one.facts[field.name] for one in found], dtype=np.float64) for field in fields(Facts)))
    kinds = {kind: tuple(one.kinds[kind] for one in found) for kind in (found[0].kinds if found else ())}
    replicas = Replicas(tuple(o.setup for o in found), tuple(o.model for o in found), tuple(o.fit for o in found), facts, kinds)
    return replicas, where, refused


@dataclass(frozen=True, slots=True)
class _One:
    setup: Setup
    model: Model
    fit: Fit
    facts: Mapping[str, float]
    kinds: Mapping[str, str]


def _replica(setup: Setup, catalog: Catalog, model_of: ModelOf) -> _One | NoEstimate:
    model, accelerator, server = model_of(setup.model_id), catalog.accelerator(setup.accelerator), server_of(setup.model_server)
    if model is None:
        close = " or ".join(catalog.closest_models(setup.model_id))
        remedy = f"did you mean {close}?" if close else "name its config.json (model.configFile, --config)"
        return NoEstimate("GIQ1320", f"the catalog does not know the model {setup.model_id}", remedy)
    if accelerator is None:
        known = ", ".join(sorted(one.name for one in catalog.accelerators()))
        return NoEstimate("GIQ1205", f"{setup.accelerator} is no accelerator label of GKE that the catalog knows", f"known: {known}")
    if not server:
        return NoEstimate(
            "GIQ1326", f"nothing is known of the speed of the model server {setup.model_server}", f"known: {', '.join(SERVERS)}"
        )
    lacking = [
        name for name in ("layers", "hidden", "heads", "params_b", "params_active_b", "kv_bytes_per_token") if not getattr(model, name)
    ]
    if lacking:
        reason = f"the architecture of {model.model_id} is not known: {', '.join(lacking)}"
        return NoEstimate("GIQ1325", reason, "name its config.json (model.configFile, --config)")
    precision = _family(setup.precision, model)
    if precision is None:
        reason = f"precision {setup.precision!r} is not known"
        return NoEstimate("GIQ1327", reason, f"one of {', '.join(_BYTES)}, or none for the checkpoint's own")
    eight_bits = _caches_eight_bits(server, precision, model, accelerator)
    held = fit(model, accelerator, setup.accelerator_count, _sized(setup.precision), setup.parallelism, server)
    if isinstance(held, NoFit):
        told = with_remedy(held, model, catalog, _sized(setup.precision), server, 1, accelerator.name)
        return NoEstimate(told.code, told.reason, told.remedy)
    return _One(
        setup,
        model,
        held,
        _row(model, accelerator, held, precision, 2.0 if eight_bits else 1.0),
        _kinds(setup, model, accelerator, server, precision, held),
    )


def _caches_eight_bits(server: str, precision: str, model: Model, accelerator: Accelerator) -> bool:
    """Whether the KV cache is of 8 bits, as far as measurements show: TensorRT-LLM's with weights of at most 8 bits held twice the requests
    that 16 bits allow, and so did SGLang's latent on Blackwell (queues of Llama-3.1-70B and DeepSeek-R1 in catalog/points.csv). vLLM's is
    16 bits unless the checkpoint or the user says so."""
    narrow = _BYTES[precision] <= 1
    latent = server == "sglang" and model.attention == "mla" and _GENERATIONS.get(accelerator.name) == "blackwell"
    return narrow and (server == "trtllm" or latent)


def _sized(precision: str) -> str:
    """bitsandbytes loads in four bits (vLLM's documentation); sizes are known by bits."""
    return "int4" if precision == "bitsandbytes" else precision


def _family(precision: str, model: Model) -> str | None:
    """What a precision is to memory and arithmetic: one of ``_BYTES``; None = an unknown word."""
    text = _sized(precision).lower()
    if text:
        return checkpoint_family({"nvfp4": "fp4", "mxfp4": "fp4", "gptq": "int4", "w4a16": "int4", "w8a8": "int8"}.get(text, text)) or None
    return checkpoint_family(model.checkpoint_dtype) or "bf16"


def _peak_tflops(accelerator: Accelerator, precision: str) -> float:
    """Weights of four bits are multiplied as 16 bit where the hardware has no such arithmetic, and integers always (Marlin kernels)."""
    wide = accelerator.bf16_tflops or 1.0
    if precision == "fp8":
        return accelerator.fp8_tflops or wide
    if precision == "fp4":
        return accelerator.fp4_tflops or wide
    if precision == "int8":
        return accelerator.int8_tops or accelerator.fp8_tflops or wide
    return wide


def _row(model: Model, accelerator: Accelerator, held: Fit, precision: str, times: float) -> dict[str, float]:
    split, hidden, layers = held.parallelism, float(model.hidden or 0), float(model.layers or 0)
    count, bytes_each = float(split.accelerators), _BYTES[precision]
    experts, chosen = float(model.experts or 0), float(model.experts_per_token or 0)
    total, active, vocab = (model.params_b or 0) * 1e9, (model.params_active_b or 0) * 1e9, float(model.vocab or 0)
    routed = min(3 * hidden * (model.moe_intermediate or 0) * experts * (layers - (model.first_dense_layers or 0)), 0.99 * total)
    routed_active = routed * chosen / experts if experts else 0.0
    dense = max(active - routed_active - vocab * hidden, 0.05 * active)
    seeing = float(model.full_attention_layers or layers) if model.attention.startswith("hybrid") or model.sliding_window else layers
    head = float(model.head_dim or (192 if model.attention == "mla" else 128))
    others = (count - 1) / count
    return {
        "accelerators": count,
        "copies": float(split.dp),
        "layers": layers,
        "experts": experts,
        "experts_per_token": chosen,
        "dense_bytes": dense * bytes_each / (split.tp * split.pp),
        "expert_bytes": routed * bytes_each / count,
        "dense_flops": 2 * dense / (split.tp * split.pp),
        "expert_flops": 2 * routed_active / count,
        "attention_flops": 2 * seeing * (model.heads or 0) * head / (split.tp * split.pp),
        "reduce_bytes": 2 * layers * hidden * 4 * others,
        "reduce_rounds": 2 * layers * float(np.log2(count)),
        "cache_bytes": held.full_bytes,
        "cache_windowed_bytes": held.windowed_bytes,
        "cache_window": float(held.window),
        "cache_state_bytes": held.state_bytes,
        "free_bytes": held.kv_gib * _GIB * times,
        "batch": float(_LARGE_BATCH if accelerator.memory_gib >= _LARGE_GIB else _SMALL_BATCH) * split.dp,
        "bandwidth": accelerator.memory_bandwidth_gb_s * 1e6,
        "flops": _peak_tflops(accelerator, precision) * 1e9,
        "link": (accelerator.interconnect_gb_s or 100.0) * 1e6,
        "params_active": active,
        "params": total,
        "weight_bytes": bytes_each,
    }


def _kinds(setup: Setup, model: Model, accelerator: Accelerator, server: str, precision: str, held: Fit) -> dict[str, str]:
    family = ("moe" if model.experts else "dense") + ("-mla" if model.attention == "mla" else "")
    shape = (model.architecture, model.layers, model.hidden, model.heads, model.kv_heads, model.experts, model.moe_intermediate)
    return {
        "server": server,
        "version": setup.model_server_version.removeprefix("v"),
        "accelerator": _SAME_CHIP.get(accelerator.name, accelerator.name),
        "generation": _GENERATIONS.get(accelerator.name, accelerator.kind),
        "model": "/".join(str(part) for part in shape),
        "family": family,
        "precision": precision,
        "parallelism": str(held.parallelism),
    }
