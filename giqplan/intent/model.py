"""The intent as strict, frozen models (design 4.1). Python names are the snake_case of the YAML keys.

Every field has a description: the JSON Schema for editors is generated from these models. A key that stands nowhere here is an error.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from giqplan.intent.choices import (
    DeletionPolicy,
    IntentPricing,
    LogComponent,
    MetricComponent,
    MetricsAdapter,
    Mode,
    Percentile,
    Prefer,
    ReleaseChannel,
    Server,
    Severity,
    Stack,
)
from giqplan.model.recommendation import Provenance


class Strict(BaseModel):
    """Unknown keys are errors, values are never coerced from other types, nothing can be changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=False, strict=True)


def _enum(kind: type[StrEnum]) -> BeforeValidator:
    """YAML carries text; strict models want the member. A text that is none of them is left for the model to refuse."""

    def member(value: Any) -> Any:
        return next((m for m in kind if m.value == value), value) if isinstance(value, str) else value

    return BeforeValidator(member)


def _decimal(value: Any) -> Any:
    """Numbers of a YAML file as Decimal, by their text: a float's repr is the shortest text that means it. 40.0 is 40."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return Decimal(int(value))
    return Decimal(repr(value)) if isinstance(value, int | float) else value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _set(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """A list whose order and repetitions mean nothing: sorted, so that equal meanings give equal digests."""
    return tuple(sorted(set(values)))


def _broken(rule: str, at: str) -> PydanticCustomError:
    """A rule between fields that does not hold; ``at`` names the key to point at."""
    return PydanticCustomError("rule", "{rule}", {"rule": rule, "at": at})


Money = Annotated[Decimal, Field(gt=0, allow_inf_nan=False), BeforeValidator(_decimal)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(_number)]
Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""A DNS label that starts with a letter (RFC 1035): Services need that."""
LabelValue = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
LabelKey = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
]
ProjectId = Annotated[str, StringConstraints(pattern=r"^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]+-[a-z]+[0-9]+$")]
"""Autopilot clusters are regional: a zone is no place for one (docs.cloud.google.com/kubernetes-engine, Autopilot overview)."""
Location = Annotated[str, StringConstraints(pattern=r"^[a-z]+-[a-z]+[0-9]+(-[a-z0-9]+)?$")]
SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


def _not_vllm(name: str) -> str:
    if name == "vllm":
        # vLLM 0.33.0 get_vllm_port: a Service of that name makes Kubernetes set VLLM_PORT=tcp://..., which the server refuses.
        raise PydanticCustomError("rule", "a Service named vllm sets VLLM_PORT, which vLLM refuses at start")
    return name


Name = Annotated[Label, AfterValidator(_not_vllm)]


class Metadata(Strict):
    name: Name = Field(description="Name of every object that is made: a DNS label.")
    labels: dict[LabelKey, LabelValue] = Field(default={}, description="Labels put on every object.")


class Model(Strict):
    id: Text = Field(description="Hugging Face id, owner/name.", pattern=r"^[\w.-]+/[\w.-]+$")
    revision: Text | None = Field(default=None, description="Revision (branch, tag or commit) of the model repository.")
    weights_gib: Positive | None = Field(default=None, alias="weightsGiB", description="Size of the weights, where the catalog lacks it.")
    dtype: Literal["auto", "half", "float16", "bfloat16", "float32"] | None = Field(
        default=None, description="Passed to the server as --dtype."
    )
    max_model_len: Count | None = Field(default=None, description="Longest context, tokens in and out together.")
    config_file: Text | None = Field(
        default=None,
        description="A Hugging Face config.json beside the intent, for a model that the catalog lacks. Where the catalog knows the model, "
        "the file wins, and must be of the same architecture.",
    )


class RequestRate(Strict):
    mean: Positive = Field(description="Requests per second on average.")
    peak: Positive | None = Field(default=None, description="Requests per second at the highest.")

    @model_validator(mode="after")
    def _peak_is_highest(self) -> RequestRate:
        if self.peak is not None and self.peak < self.mean:
            raise _broken("the peak is below the mean", "peak")
        return self


class Workload(Strict):
    use_case: Text | None = Field(
        default=None,
        description="A use case of the catalog (Chatbot, Code Completion ...); Chatbot without it and lengths.",
    )
    input_tokens: Count | None = Field(default=None, description="Mean prompt length.")
    output_tokens: Count | None = Field(default=None, description="Mean answer length.")
    requests_per_second: RequestRate | None = Field(default=None, description="Traffic; without it costs are per token.")

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Workload:
        if (self.input_tokens is None) != (self.output_tokens is None):
            raise _broken(
                "inputTokens and outputTokens only work together", "inputTokens" if self.output_tokens is None else "outputTokens"
            )
        if self.use_case is not None and self.input_tokens is not None:
            raise _broken("give either useCase, or inputTokens and outputTokens", "useCase")
        return self


class Slo(Strict):
    ntpot_milliseconds: Positive | None = Field(default=None, description="Normalised time per output token: latency / output tokens.")
    ttft_milliseconds: Positive | None = Field(default=None, description="Time to first token.")
    itl_milliseconds: Positive | None = Field(default=None, description="Time between output tokens.")
    percentile: Annotated[Percentile, _enum(Percentile)] = Field(default=Percentile.P50, description="Which percentile the targets mean.")


class Cost(Strict):
    pricing_model: Annotated[IntentPricing, _enum(IntentPricing)] = Field(
        default=IntentPricing.ON_DEMAND, description="How machines are bought."
    )
    output_input_cost_ratio: Money = Field(
        default=Decimal(4), description="How many times dearer an output token counts than an input token."
    )
    max_usd_per_million_output_tokens: Money | None = Field(default=None, description="Bound on the cost of a million output tokens.")
    max_usd_per_hour: Money | None = Field(default=None, description="Bound on the hourly cost at maxReplicas.")


class Serving(Strict):
    server: Annotated[Server, _enum(Server)] = Field(
        default=Server.ANY, description="Model server; any = the best that giqplan can deploy."
    )
    version: Text = Field(default="latest", description="Server version; latest = the newest measured for model and accelerator.")
    stack: Annotated[Stack, _enum(Stack)] = Field(default=Stack.NONE, description="Serving stack.")
    image: Text | None = Field(default=None, description="Container image instead of the server's own.")
    args: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = Field(default=(), description="Arguments added to the server's.")
    env: dict[str, str] = Field(default={}, description="Environment variables added to the server's.")
    image_pull_secrets: Annotated[tuple[SecretName, ...], BeforeValidator(_tuple)] = Field(
        default=(), description="Names of image pull secrets."
    )


class Accelerator(Strict):
    types: Annotated[tuple[Text, ...], BeforeValidator(_tuple)] = Field(
        default=("any",), min_length=1, description="GKE accelerator labels, or any."
    )
    prefer: Annotated[Prefer, _enum(Prefer)] = Field(default=Prefer.COST, description="What to choose by.")
    count: Count | None = Field(default=None, description="Accelerators of one replica.")
    reservation: Text | None = Field(default=None, description="Reservation to consume.")
    fallback: Annotated[tuple[Any, ...], BeforeValidator(_tuple)] = Field(
        default=(), description="What to try when the first choice has no capacity."
    )


class EvidenceAllowed(Strict):
    allow: Annotated[tuple[Annotated[Provenance, _enum(Provenance)], ...], BeforeValidator(_tuple), AfterValidator(_set)] = Field(
        default=(Provenance.GIQ, Provenance.MEASURED, Provenance.MODELLED, Provenance.USER),
        min_length=1,
        description="Which kinds of evidence may decide (a set).",
    )


class SecretKey(Strict):
    name: SecretName = Field(default="hf-secret", description="Name of the Kubernetes Secret.")
    key: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]{1,253}$")] = Field(default="hf_api_token", description="Key in it.")


class HuggingFace(Strict):
    token_secret: SecretKey = Field(default=SecretKey(), description="The token, by reference: its value never stands in this file.")


class Bucket(Strict):
    uri: Annotated[str, StringConstraints(pattern=r"^gs://[a-z0-9][-a-z0-9_.]{1,220}[a-z0-9](/[^/\s]+)*/?$")] = Field(
        description="gs://bucket/path of the folder that holds config.json and the weights."
    )
    transfer: bool = Field(default=False, description="Copy the model there first.")
    xla_cache_uri: Text | None = Field(default=None, description="gs:// path of the XLA cache (TPU).")


class Storage(Strict):
    hugging_face: HuggingFace | None = Field(default=None, description="Load the model from Hugging Face.")
    bucket: Bucket | None = Field(default=None, description="Load the model from Cloud Storage.")

    @model_validator(mode="before")
    @classmethod
    def _hugging_face_unless_said(cls, value: Any) -> Any:
        return {"huggingFace": {}} if isinstance(value, dict) and not any(v is not None for v in value.values()) else value

    @model_validator(mode="after")
    def _one_source(self) -> Storage:
        if self.hugging_face is not None and self.bucket is not None:
            raise _broken("give either huggingFace or bucket", "huggingFace")
        return self


class Autoscaling(Strict):
    min_replicas: Count = Field(default=1, description="Fewest replicas.")
    max_replicas: Count = Field(default=8, description="Most replicas.")
    headroom: Literal["auto"] | Annotated[float, Field(ge=0, le=0.9), BeforeValidator(_number)] = Field(
        default="auto", description="Share of a replica's capacity kept free while another one starts."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Autoscaling:
        if self.min_replicas > self.max_replicas:
            raise _broken(f"minReplicas {self.min_replicas} is above maxReplicas {self.max_replicas}", "minReplicas")
        return self


class Cluster(Strict):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")] = Field(
        default="inference", description="Name of the cluster."
    )
    mode: Annotated[Mode, _enum(Mode)] = Field(default=Mode.AUTOPILOT, description="autopilot or standard.")
    create: bool = Field(default=False, description="Create the cluster when it is not there.")
    deletion_policy: Annotated[DeletionPolicy, _enum(DeletionPolicy)] = Field(
        default=DeletionPolicy.KEEP, description="What destroy does with a cluster that giqplan created."
    )
    network: Text | None = Field(default=None, description="VPC network.")
    subnetwork: Text | None = Field(default=None, description="Subnetwork.")
    private_nodes: bool = Field(default=False, description="Nodes without public addresses.")
    release_channel: Annotated[ReleaseChannel, _enum(ReleaseChannel)] = Field(
        default=ReleaseChannel.REGULAR, description="GKE release channel."
    )


def _not_the_systems(namespace: str) -> str:
    if namespace.startswith(("kube-", "gke-", "gmp-")) or namespace == "custom-metrics":
        raise ValueError(f"{namespace} belongs to Kubernetes, GKE or the metrics adapter: choose another namespace")
    return namespace


class Target(Strict):
    project: ProjectId = Field(description="Google Cloud project id.")
    quota_project: ProjectId | None = Field(default=None, description="Project that API calls are counted against.")
    location: Region = Field(default="us-central1", description="Region (Autopilot clusters are regional).")
    zones: Annotated[tuple[Location, ...], BeforeValidator(_tuple), AfterValidator(_set)] = Field(
        default=(), description="Zones the replicas may run in; empty = any."
    )
    namespace: Annotated[Label, AfterValidator(_not_the_systems)] = Field(default="default", description="Kubernetes namespace.")
    cluster: Cluster = Field(default=Cluster(), description="The cluster.")

    @model_validator(mode="after")
    def _zones_in_location(self) -> Target:
        region = "-".join(self.location.split("-")[:2])
        outside = [zone for zone in self.zones if not zone.startswith(region + "-")]
        if outside:
            raise _broken(f"{', '.join(outside)} is not in region {region}", "zones")
        return self


class Observability(Strict):
    logging: Annotated[tuple[Annotated[LogComponent, _enum(LogComponent)], ...], BeforeValidator(_tuple), AfterValidator(_set)] = Field(
        default=(LogComponent.SYSTEM, LogComponent.WORKLOAD), description="What the cluster logs at least."
    )
    monitoring: Annotated[tuple[Annotated[MetricComponent, _enum(MetricComponent)], ...], BeforeValidator(_tuple), AfterValidator(_set)] = (
        Field(
            default=(MetricComponent.DCGM, MetricComponent.DEPLOYMENT, MetricComponent.HPA, MetricComponent.POD, MetricComponent.SYSTEM),
            description="What the cluster measures at least.",
        )
    )
    managed_prometheus: bool = Field(default=True, description="Google Cloud Managed Service for Prometheus.")
    auto_monitoring: bool = Field(default=True, description="Automatic application monitoring with its dashboards.")
    metrics_adapter: Annotated[MetricsAdapter, _enum(MetricsAdapter)] = Field(
        default=MetricsAdapter.AUTO, description="auto: install the metrics adapter when an autoscaler needs it and none is there."
    )
    dashboard: bool = Field(default=False, description="A dashboard of our own.")

    @model_validator(mode="after")
    def _consistent(self) -> Observability:
        for name, listed in (("logging", self.logging), ("monitoring", self.monitoring)):
            if listed and not any(c.value == "SYSTEM" for c in listed):
                raise _broken("GKE takes no list without SYSTEM", name)
        if self.auto_monitoring and not self.managed_prometheus:
            raise _broken("automatic monitoring needs managedPrometheus", "autoMonitoring")
        return self


class Lifecycle(Strict):
    prevent_destroy: bool = Field(default=False, description="Refuse plans that delete.")
    ignore: Annotated[tuple[Any, ...], BeforeValidator(_tuple)] = Field(default=(), description="Paths left to others.")
    moved: Annotated[tuple[Any, ...], BeforeValidator(_tuple)] = Field(default=(), description="Renames.")


class StateBackend(Strict):
    backend: Text = Field(default="local", pattern=r"^(local|gs://.+)$", description="local, or gs://bucket/prefix.")


class Spec(Strict):
    model: Model = Field(description="What is served.")
    workload: Workload = Field(default=Workload(), description="What is asked of the model.")
    slo: Slo = Field(default=Slo(), description="Latency targets.")
    cost: Cost = Field(default=Cost(), description="How it is bought and what it may cost.")
    serving: Serving = Field(default=Serving(), description="The model server.")
    accelerator: Accelerator = Field(default=Accelerator(), description="What it runs on.")
    evidence: EvidenceAllowed = Field(default=EvidenceAllowed(), description="Which benchmarks may decide.")
    storage: Storage = Field(default=Storage(huggingFace=HuggingFace()), description="Where the weights come from.")
    autoscaling: Autoscaling = Field(default=Autoscaling(), description="How many replicas.")
    target: Target = Field(description="Where it is served.")
    observability: Observability = Field(default=Observability(), description="Logs and metrics.")
    lifecycle: Lifecycle = Field(default=Lifecycle(), description="What must never happen.")
    patches: Annotated[tuple[Any, ...], BeforeValidator(_tuple)] = Field(default=(), description="Changes to generated objects.")
    state: StateBackend = Field(default=StateBackend(), description="Where state is kept.")


class Policy(Strict):
    name: Text = Field(description="Name of the rule.")
    expression: Text = Field(description="What has to hold of the plan, in CEL.")
    severity: Annotated[Severity, _enum(Severity)] = Field(default=Severity.BLOCK, description="warn or block.")


class Intent(Strict):
    """The content of inference.yaml, one environment's overlay merged in."""

    api_version: Literal["giqplan.dev/v1alpha1"] = Field(description="Version of this format.")
    kind: Literal["Inference"] = Field(description="Inference: one model, served.")
    metadata: Metadata = Field(description="Name and labels.")
    spec: Spec = Field(description="The intent itself.")
    policies: Annotated[tuple[Policy, ...], BeforeValidator(_tuple)] = Field(default=(), description="Rules that every plan must keep.")
    environments: dict[Label, dict[str, Any]] = Field(default={}, description="Overlays of spec by name (JSON merge patch).")
