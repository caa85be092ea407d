"""Fields that are understood but not acted on yet. Each is refused with its own code when it says anything but its default."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from giqplan.errors import Place, RefusedError
from giqplan.intent.model import Intent, IntentPricing, Mode, Server, Stack

TPU_PREFIXES = ("tpu", "ct4p", "ct5", "ct6")
"""GKE accelerator labels and machine families of TPUs begin so."""


@dataclass(frozen=True)
class Refusal:
    """``said``: whether the intent says it; ``instead``: what works today."""

    code: str
    path: str
    said: Callable[[Intent], Any]
    instead: str


REFUSALS: tuple[Refusal, ...] = (
    Refusal("GIQ1101", "spec.serving.server", lambda i: i.spec.serving.server not in (Server.ANY, Server.VLLM), "use vllm or any"),
    Refusal("GIQ1102", "spec.serving.stack", lambda i: i.spec.serving.stack is not Stack.NONE, "use stack: none"),
    Refusal(
        "GIQ1103",
        "spec.storage.bucket.transfer",
        lambda i: i.spec.storage.bucket and i.spec.storage.bucket.transfer,
        "copy the model into the bucket first",
    ),
    Refusal(
        "GIQ1104",
        "spec.storage.bucket.xlaCacheUri",
        lambda i: i.spec.storage.bucket and i.spec.storage.bucket.xla_cache_uri,
        "leave it out",
    ),
    Refusal("GIQ1105", "spec.accelerator.reservation", lambda i: i.spec.accelerator.reservation, "leave it out and use on-demand or spot"),
    Refusal("GIQ1106", "spec.accelerator.fallback", lambda i: i.spec.accelerator.fallback, "name all acceptable accelerators in types"),
    Refusal("GIQ1107", "spec.cost.pricingModel", lambda i: i.spec.cost.pricing_model is IntentPricing.FLEX_START, "use on-demand or spot"),
    Refusal("GIQ1108", "spec.cost.pricingModel", lambda i: i.spec.cost.pricing_model is IntentPricing.RESERVATION, "use on-demand or spot"),
    Refusal("GIQ1109", "spec.target.cluster.mode", lambda i: i.spec.target.cluster.mode is not Mode.AUTOPILOT, "use mode: autopilot"),
    Refusal(
        "GIQ1110", "spec.target.cluster.network", lambda i: i.spec.target.cluster.network, "leave it out: the project's default network"
    ),
    Refusal("GIQ1111", "spec.target.cluster.subnetwork", lambda i: i.spec.target.cluster.subnetwork, "leave it out"),
    Refusal(
        "GIQ1112",
        "spec.target.cluster.privateNodes",
        lambda i: i.spec.target.cluster.private_nodes,
        "leave it out, or create the cluster yourself",
    ),
    Refusal(
        "GIQ1113", "spec.observability.dashboard", lambda i: i.spec.observability.dashboard, "autoMonitoring installs Google's dashboards"
    ),
    Refusal("GIQ1114", "spec.lifecycle.preventDestroy", lambda i: i.spec.lifecycle.prevent_destroy, "leave it out; destroy asks first"),
    Refusal("GIQ1115", "spec.lifecycle.ignore", lambda i: i.spec.lifecycle.ignore, "leave it out"),
    Refusal("GIQ1116", "spec.lifecycle.moved", lambda i: i.spec.lifecycle.moved, "leave it out"),
    Refusal("GIQ1117", "spec.patches", lambda i: i.spec.patches, "use serving.args and serving.env"),
    Refusal("GIQ1118", "policies", lambda i: i.policies, "use cost.maxUsdPerHour for a budget"),
    Refusal("GIQ1119", "spec.state.backend", lambda i: i.spec.state.backend != "local", "use backend: local"),
    Refusal(
        "GIQ1120", "spec.accelerator.types", lambda i: any(t.startswith(TPU_PREFIXES) for t in i.spec.accelerator.types), "name GPU types"
    ),
)


def refusals(intent: Intent, place: Callable[[str], Place]) -> Iterable[RefusedError]:
    """A RefusedError for each field that says what is not acted on yet."""
    for refusal in REFUSALS:
        if refusal.said(intent):
            yield RefusedError(refusal.code, f"{refusal.path} is not acted on yet", refusal.instead, place(refusal.path))
