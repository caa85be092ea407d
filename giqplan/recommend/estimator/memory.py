"""What of an accelerator's memory weights and runtime take, what is left for the KV cache, and so how many requests one replica holds.

GiB are those of one accelerator unless said otherwise. What is assumed, and from where:

- vLLM takes 0.9 of the memory for everything (``gpu_memory_utilization``, vLLM's documented default), SGLang 0.9 for weights and cache
  (``mem_fraction_static`` is set by the memory at start; 0.9 is assumed), TensorRT-LLM 0.9 of what is free once the model is loaded
  (``free_gpu_memory_fraction``).
- The runtime (context, CUDA graphs, NCCL buffers when there are several accelerators) and the activations of the largest prefill batch are
  assumed by ``_RUNTIME_GIB`` and ``_activations_gib``: for Llama-3-8B on one H100 they give 2.4 GiB, where vLLM's own profile says 3.05
  (pull request vllm-project/vllm#10511: non-torch 1.79, activations 1.26).
- The KV cache of tensor-parallel groups wider than the KV heads stands several times; the latent of MLA stands whole on each accelerator.
- A recurrent layer (linear attention, Mamba) keeps 2 x hidden x 128 numbers of 4 bytes a request: assumed, by the sizes of Qwen3-Next
  and Nemotron-H.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from giqplan.catalog import Accelerator, Catalog, Model
from giqplan.errors import RecommendError
from giqplan.recommend.weights import weights_gib

_GIB = 2**30
_USABLE = 0.9
_VISIBLE = {"nvidia-l4": 0.92}
_VISIBLE_ELSEWHERE = 0.99
"""What of the memory a process sees: vLLM reports 79.22 of an H100's 80 GiB (same pull request). Error correction takes 1/16 of GDDR6:
nvidia-smi shows 23,034 MiB of an L4."""

_RUNTIME_GIB = {False: 0.5, True: 1.5}
"""By whether there are several accelerators."""

_LARGE_GIB = 70
_BATCH = {False: (2048, 256), True: (8192, 1024)}
"""By whether the accelerator has 70 GiB: tokens of a prefill batch and requests of a decode batch; vLLM's defaults as a server."""

_STATE_BYTES = 2 * 128 * 4
_GROUPS = {"tp": "tp", "pp": "pp", "dp": "dp", "ep": "ep", "dep": "dp", "tep": "tp"}


@dataclass(frozen=True, order=True, slots=True)
class Parallelism:
    """``dp``: copies of attention, each with its own requests. The routed experts of a mixture stand once over all accelerators; a dense
    model stands whole in every copy."""

    tp: int = 1
    pp: int = 1
    dp: int = 1

    @property
    def accelerators(self) -> int:
        return self.tp * self.pp * self.dp

    def __str__(self) -> str:
        return f"tp{self.tp}" + f"pp{self.pp}" * (self.pp > 1) + f"dp{self.dp}" * (self.dp > 1)


@dataclass(frozen=True, slots=True)
class Fit:
    """A replica that fits. ``usable_gib``: what the server may take; ``kv_gib``: what of it is left for the KV cache.

    ``full_bytes``: KV cache that an accelerator holds of each token; ``windowed_bytes``: of each token within ``window`` on top;
    ``state_bytes``: of each request, whatever its length.
    """

    parallelism: Parallelism
    usable_gib: float
    weights_gib: float
    reserve_gib: float
    kv_gib: float
    full_bytes: float
    windowed_bytes: float
    window: int
    state_bytes: float

    def kv_bytes(self, tokens: float) -> float:
        """KV cache of one request of so many tokens, on each accelerator that serves it."""
        return tokens * self.full_bytes + min(tokens, self.window) * self.windowed_bytes + self.state_bytes

    @property
    def kv_tokens(self) -> float:
        """Tokens that the cache of the replica holds, all within the window."""
        return self.parallelism.dp * self.kv_gib * _GIB / (self.full_bytes + self.windowed_bytes)

    def max_concurrency(self, input_tokens: float, output_tokens: float) -> float:
        """Requests of this shape whose cache fits at once when each has come to its end."""
        return self.parallelism.dp * self.kv_gib * _GIB / self.kv_bytes(input_tokens + output_tokens)


@dataclass(frozen=True, slots=True)
class NoFit:
    """Why a replica is not possible: ``code`` and ``reason`` fit to print; ``missing_gib``: what each accelerator lacks, 0 = the memory
    is not why."""

    code: str
    reason: str
    remedy: str
    missing_gib: float = 0.0

    def error(self) -> RecommendError:
        return RecommendError(self.code, self.reason, self.remedy)


@dataclass(frozen=True, order=True, slots=True)
class Alternative:
    """Hardware that a model fits on; ``machine_type``: the smallest machine that carries so many."""

    accelerator: str
    accelerator_count: int
    machine_type: str
    parallelism: Parallelism
    precision: str


def parallelism_of(text: str, accelerator_count: int) -> Parallelism | NoFit:
    """``tp8``, ``tp2dp4``, ``tp4pp2``, ``tep8`` and ``dep4`` (TensorRT-LLM's words: experts over all accelerators, attention split or
    copied), in any letter case; "" = tensor parallel over all."""
    if not text:
        return Parallelism(tp=accelerator_count)
    parts = re.findall(r"([a-z]+)([1-9][0-9]{0,3})", text.lower())
    names = [_GROUPS.get(word, "") for word, _ in parts]
    if "".join(word + number for word, number in parts) != text.lower() or "" in names or len(set(names)) < len(names):
        remedy = "write it like tp8, tp2dp4 or tp4pp2; leave it out for tensor parallel over all"
        return NoFit("GIQ1306", f"parallelism {text!r} is not understood", remedy)
    found = Parallelism(**{name: int(number) for name, (_, number) in zip(names, parts, strict=True) if name != "ep"})
    if found.accelerators != accelerator_count:
        reason = f"parallelism {text} takes {found.accelerators} accelerators, {accelerator_count} are asked for"
        return NoFit("GIQ1306", reason, f"ask for {found.accelerators} accelerators, or for another parallelism")
    return found


def tensor_parallel_sizes(model: Model, most: int) -> tuple[int, ...]:
    """Powers of two up to ``most`` that divide the heads and divide, or are divided by, the KV heads (what vLLM asks for)."""
    sizes = (2**power for power in range(max(most, 0).bit_length()))
    return tuple(size for size in sizes if size <= most and _splits(model, size))


def _splits(model: Model, tp: int) -> bool:
    heads, kv = model.heads or tp, _kv_heads(model) or tp
    return heads % tp == 0 and (kv % tp == 0 or tp % kv == 0)


def _kv_heads(model: Model) -> int | None:
    """One for MLA: all heads share the latent."""
    return 1 if model.attention == "mla" else model.kv_heads


def fit(
    model: Model,
    accelerator: Accelerator,
    accelerator_count: int,
    precision: str = "",
    parallelism: str = "",
    model_server: str = "vllm",
    tokens: int = 1,
    *,
    fp8_cache: bool = False,
) -> Fit | NoFit:
    """Whether one replica fits with the cache of at least one request of ``tokens`` tokens. ``precision`` "" = the checkpoint's own."""
    split = parallelism_of(parallelism, accelerator_count) if accelerator_count > 0 else _no_accelerators(accelerator_count)
    if isinstance(split, NoFit):
        return split
    if not _splits(model, split.tp):
        sizes = ", ".join(map(str, tensor_parallel_sizes(model, 64)))
        reason = f"{model.heads} heads and {model.kv_heads} KV heads of {model.model_id} cannot be split over {split.tp} accelerators"
        return NoFit("GIQ1306", reason, f"tensor parallel sizes that are possible: {sizes}")
    weights = _weights_gib(model, precision, split)
    cache = _cache(model, split, 1 if fp8_cache else 2)
    if weights is None or cache is None:
        what = "the size of its weights" if weights is None else "the size of its KV cache"
        return NoFit("GIQ1304", f"{model.model_id}: {what} is not known", "name the model's config.json (model.configFile, --config)")
    memory = accelerator.memory_gib * _VISIBLE.get(accelerator.name, _VISIBLE_ELSEWHERE)
    reserve = _RUNTIME_GIB[accelerator_count > 1] + _activations_gib(model, split, large=accelerator.memory_gib >= _LARGE_GIB)
    usable = _usable_gib(model_server, memory, weights, reserve)
    found = Fit(split, usable, weights, reserve, usable - weights - reserve, *cache)
    missing = found.kv_bytes(tokens) / _GIB - found.kv_gib
    return found if missing <= 0 else _too_large(model, accelerator, found, precision, missing)


def _no_accelerators(count: int) -> NoFit:
    return NoFit("GIQ1306", f"{count} accelerators hold no model", "ask for at least one")


def _too_large(model: Model, accelerator: Accelerator, found: Fit, precision: str, missing: float) -> NoFit:
    count = found.parallelism.accelerators
    reason = (
        f"{model.model_id} in {precision or model.checkpoint_dtype or 'the precision of its checkpoint'} does not fit on {count} x "
        f"{accelerator.name}: each lacks {missing:.1f} GiB (weights {found.weights_gib:.1f}, runtime and activations "
        f"{found.reserve_gib:.1f}, {found.usable_gib:.1f} usable)"
    )
    return NoFit("GIQ1305", reason, "take more accelerators, larger ones, or a smaller precision", missing)


def _usable_gib(server: str, memory: float, weights: float, reserve: float) -> float:
    if server == "trtllm":
        return weights + reserve + _USABLE * (memory - weights - reserve)
    if server == "sglang":
        return min(_USABLE * memory + reserve, memory)
    return _USABLE * memory


def _activations_gib(model: Model, split: Parallelism, *, large: bool) -> float:
    """Largest tensors of a prefill batch at 16 bit (hidden states, the MLP's, those of the chosen experts) and of a decode batch's logits
    at 32 bit, twice."""
    tokens, requests = _BATCH[large]
    hidden = model.hidden or 8192
    wide = 3 * (model.intermediate or 4 * hidden) / split.tp
    if model.experts:
        wide = (model.experts_per_token or 1) * (hidden + 2 * (model.moe_intermediate or hidden) / split.tp)
    return (tokens * 2 * (4 * hidden + wide) + requests * 2 * 4 * (model.vocab or 128_000)) / _GIB


def _weights_gib(model: Model, precision: str, split: Parallelism) -> float | None:
    total = weights_gib(model, precision)
    if total is None:
        return None
    experts = total * _routed_share(model, total)
    return (total - experts) / (split.tp * split.pp) + experts / (split.tp * split.pp * split.dp)


def _routed_share(model: Model, total_gib: float) -> float:
    """What part of the weights' GiB the routed experts are: a token touches ``experts_per_token`` of them, and all the rest."""
    if not (model.experts and model.experts_per_token and model.params_b and model.params_active_b):
        return 0.0
    if model.experts <= model.experts_per_token:
        return 0.0
    routed = (model.params_b - model.params_active_b) * model.experts / (model.experts - model.experts_per_token)
    kept_wide = (1 if model.tied_embeddings else 2) * (model.vocab or 0) * (model.hidden or 0) / 1e9
    rest_gib = total_gib - kept_wide * 1e9 * 2 / _GIB
    return min(routed / (model.params_b - kept_wide) * rest_gib / total_gib, 1.0)


def _cache(model: Model, split: Parallelism, bytes_each: int) -> tuple[float, float, int, float] | None:
    """Fit.full_bytes, windowed_bytes, window, state_bytes."""
    total = model.kv_bytes_per_token
    if total is None:
        return None
    beyond = model.kv_bytes_per_token_beyond_window if model.sliding_window else None
    beyond = total if beyond is None else beyond
    kv = _kv_heads(model) or split.tp
    copies = max(split.tp / kv, 1.0)
    share = copies / split.tp / split.pp * bytes_each / 2
    state = _recurrent_layers(model) * (model.hidden or 0) * _STATE_BYTES / (split.tp * split.pp)
    return beyond * share, (total - beyond) * share, model.sliding_window or 0, state


def _recurrent_layers(model: Model) -> float:
    """Layers with a state instead of a cache. Hybrids of Mamba have as many layers that are only an MLP."""
    others = (model.layers or 0) - (model.full_attention_layers or 0)
    return {"hybrid-linear": others, "hybrid-mamba": others / 2}.get(model.attention, 0)


def alternatives(
    model: Model, catalog: Catalog, precision: str = "", model_server: str = "vllm", tokens: int = 1, accelerator: str = ""
) -> tuple[Alternative, ...]:
    """The smallest count of each accelerator that a machine of the catalog carries and the model fits on; ``accelerator``: of this one."""
    found = (
        _smallest(model, catalog, one, partial(fit, precision=precision, model_server=model_server, tokens=tokens), precision)
        for one in catalog.accelerators()
        if accelerator in ("", one.name)
    )
    return tuple(one for one in found if one is not None)


def with_remedy(no: NoFit, model: Model, catalog: Catalog, precision: str, model_server: str, tokens: int, accelerator: str) -> NoFit:
    """What does not fit, with what of the catalog's machines would fit: in this precision, and in narrower ones on this accelerator."""
    if no.code != "GIQ1305":
        return no
    same = [f"{a.accelerator_count} x {a.accelerator}" for a in alternatives(model, catalog, precision, model_server, tokens)]
    other = [
        f"{a.accelerator_count} x {a.accelerator} in {narrower}"
        for narrower in _narrower(precision or model.checkpoint_dtype)
        for a in alternatives(model, catalog, narrower, model_server, tokens, accelerator)
    ]
    found = [*same, *other]
    return replace(no, remedy=f"what fits: {', '.join(found)}" if found else "no machine of the catalog holds it")


def _narrower(precision: str) -> Iterator[str]:
    if "16" in precision or "32" in precision:
        yield "fp8"
    if "4" not in precision:
        yield "int4"


def _smallest(model: Model, catalog: Catalog, accelerator: Accelerator, fits: partial[Fit | NoFit], precision: str) -> Alternative | None:
    for machine in catalog.machines_for(accelerator.name):
        count = int(machine.accelerator_count)
        found = fits(model, accelerator, count) if count == machine.accelerator_count else None
        if isinstance(found, Fit):
            return Alternative(accelerator.name, count, machine.machine_type, found.parallelism, precision)
    return None
