"""The closed lists of words that an intent may use. Which of them are acted on today: ``refused.py``."""

from __future__ import annotations

from enum import StrEnum


class Server(StrEnum):
    ANY = "any"
    VLLM = "vllm"
    SGLANG = "sglang"
    TGI = "tgi"
    TRITON = "triton"
    TRTLLM = "trtllm"
    JETSTREAM = "jetstream"
    VLLM_TPU = "vllm-tpu"


class Stack(StrEnum):
    NONE = "none"
    LLM_D = "llm-d"


class IntentPricing(StrEnum):
    """How machines are bought, as an intent may say it."""

    ON_DEMAND = "on-demand"
    SPOT = "spot"
    ONE_YEAR_CUD = "1-year-cud"
    THREE_YEARS_CUD = "3-years-cud"
    FLEX_START = "flex-start"
    RESERVATION = "reservation"


class Percentile(StrEnum):
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"


class Prefer(StrEnum):
    COST = "cost"
    LATENCY = "latency"
    THROUGHPUT = "throughput"


class Mode(StrEnum):
    AUTOPILOT = "autopilot"
    STANDARD = "standard"


class DeletionPolicy(StrEnum):
    KEEP = "keep"
    DELETE = "delete"


class ReleaseChannel(StrEnum):
    RAPID = "rapid"
    REGULAR = "regular"
    STABLE = "stable"
    EXTENDED = "extended"


class MetricsAdapter(StrEnum):
    AUTO = "auto"
    NONE = "none"


class LogComponent(StrEnum):
    """gcloud's names (gcloud container clusters update --logging)."""

    SYSTEM = "SYSTEM"
    WORKLOAD = "WORKLOAD"
    API_SERVER = "API_SERVER"
    SCHEDULER = "SCHEDULER"
    CONTROLLER_MANAGER = "CONTROLLER_MANAGER"


class MetricComponent(StrEnum):
    """gcloud's names (gcloud container clusters update --monitoring)."""

    SYSTEM = "SYSTEM"
    API_SERVER = "API_SERVER"
    SCHEDULER = "SCHEDULER"
    CONTROLLER_MANAGER = "CONTROLLER_MANAGER"
    STORAGE = "STORAGE"
    HPA = "HPA"
    POD = "POD"
    DAEMONSET = "DAEMONSET"
    DEPLOYMENT = "DEPLOYMENT"
    STATEFULSET = "STATEFULSET"
    CADVISOR = "CADVISOR"
    KUBELET = "KUBELET"
    DCGM = "DCGM"
    JOBSET = "JOBSET"


class Severity(StrEnum):
    WARN = "warn"
    BLOCK = "block"
