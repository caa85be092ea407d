"""What the catalog hands out: frozen values; None or "" = unknown. Times in milliseconds, rates per second and per replica."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from giqplan.model.recommendation import Profile, Provenance, Statistic


class Answer(StrEnum):
    """Yes, no, or not known. Only ``YES`` is true: what is unknown is not acted on (design rule 6)."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        return self is Answer.YES


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact stands: citation, licence ("" = none seen, facts only) and the date the citation names."""

    id: str
    citation: str
    licence: str
    date: str


@dataclass(frozen=True, slots=True)
class Point:
    """One load level of one replica. ``load``: as the curve's ``load_kind`` says. ``suspect``: why not to trust it, "" = trusted."""

    load: float | None
    qps: float | None
    output_tokens_per_second: float | None
    ttft_ms: float | None
    itl_ms: float | None
    ntpot_ms: float | None
    queue: float | None = None
    kv_cache: float | None = None
    suspect: str = ""
    queue_dominated: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """One workload shape of one profile, points in order of load (those without a load last, by NTPOT).

    ``load_kind``: ``concurrency`` (requests in flight) or ``rate`` (requests per second). ``replicas``: how many replicas the points
    are totals of; always 1 here, since fleets are divided by ``measured_replicas`` on loading. ``variant``: server settings or a
    routing rule that the source turned on and the profile does not name (``eagle``): a plain deployment does not repeat the curve.
    ``shared_from``: the model it was measured with, when it was asked for another one of the same architecture; "" = its own.
    """

    key: str
    profile: Profile
    provenance: Provenance
    input_tokens: int | None
    output_tokens: int | None
    statistic: Statistic
    load_kind: str
    replicas: int
    points: tuple[Point, ...]
    measured_at: str
    source: str
    licence: str
    measured_replicas: int = 1
    variant: str = ""
    image: str = ""
    source_curve: str = ""
    shared_from: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """One Hugging Face id. ``params_b``: billions; ``weights_gib_*``: GiB; ``kv_bytes_per_token``: bytes at 16 bit.

    ``weights_gib_files``: what the repository's files weigh; gpt-oss repositories hold the weights twice. ``sources``: citations.
    """

    model_id: str
    giq: bool
    architecture_group: str
    architecture: str
    attention: str
    params_b: float | None
    params_active_b: float | None
    layers: int | None
    hidden: int | None
    intermediate: int | None
    heads: int | None
    kv_heads: int | None
    head_dim: int | None
    vocab: int | None
    tied_embeddings: bool | None
    max_context: int | None
    sliding_window: int | None
    full_attention_layers: int | None
    experts: int | None
    experts_per_token: int | None
    shared_experts: int | None
    first_dense_layers: int | None
    moe_intermediate: int | None
    kv_lora_rank: int | None
    qk_rope_head_dim: int | None
    kv_bytes_per_token: float | None
    kv_bytes_per_token_beyond_window: float | None
    checkpoint_dtype: str
    weights_gib_files: float | None
    weights_gib_bf16: float | None
    weights_gib_fp8: float | None
    weights_gib_4bit: float | None
    license: str
    gated: bool | None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GKE accelerator label; figures are for one chip: GiB, GB/s, dense TFLOPS, watts."""

    name: str
    display_name: str
    kind: str
    node_label: str
    resource_name: str
    memory_gib: float
    memory_bandwidth_gb_s: float
    bf16_tflops: float | None
    fp8_tflops: float | None
    fp4_tflops: float | None
    int8_tops: float | None
    interconnect_gb_s: float | None
    tdp_w: float | None
    gke_min_version: str
    quality: str
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine type; ``accelerator_count`` below 1 = a part of one GPU. ``local_ssd_mode``: bundled, optional, none or unknown.

    ``memory_gb`` is GB as Google writes it (GiB in fact); ``local_ssd_gib`` None = none comes with it.
    """

    machine_type: str
    series: str
    kind: str
    accelerator: str
    accelerator_count: float
    accelerator_memory_gib: float
    vcpu: int
    memory_gb: float
    cpu_arch: str
    local_ssd_mode: str
    local_ssd_count: int | None
    local_ssd_gib: float | None
    disk_types: tuple[str, ...]
    boot_disk_needs_hyperdisk: bool | None
    topologies: str
    quality: str
    note: str
    source: str

    @property
    def memory_gib(self) -> float:
        """Google writes GB where its machines have GiB."""
        return self.memory_gb


@dataclass(frozen=True, slots=True)
class Maximum:
    """The most output tokens per second that one replica of all these accelerators was ever said to serve, whatever the load."""

    model_id: str
    accelerator: str
    accelerator_count: int
    precision: str
    parallelism: str
    input_tokens: int
    output_tokens: int
    output_tokens_per_second: float
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class UseCase:
    """A workload by name; lengths are mean tokens. ``is_default``: what is meant where none is named."""

    name: str
    slug: str
    kind: str
    api_token: str
    is_default: bool
    input_tokens: int
    output_tokens: int
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class Consumption:
    """Whether a machine can be bought by an option, and who says so."""

    answer: Answer
    source: str
