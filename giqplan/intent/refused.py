"""Fields that are understood but not acted on yet. Each is refused with its own code when it says anything but its default.

They are looked for in the plain values, so that they are reported together with everything else that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from giqplan.errors import Place, RefusedError
from giqplan.intent.choices import Server
from giqplan.intent.document import KeyPath

TPU_PREFIXES = ("tpu", "ct4p", "ct5", "ct6")
"""GKE accelerator labels and machine families of TPUs begin so."""

_OTHER_SERVERS = frozenset(server.value for server in Server) - {Server.ANY.value, Server.VLLM.value}


@dataclass(frozen=True)
class Refusal:
    """``said``: whether a value that is there says more than the default; ``instead``: what works today."""

    code: str
    path: str
    said: Callable[[Any], Any]
    instead: str


def _is(*values: object) -> Callable[[Any], bool]:
    return lambda value: any(value == one and type(value) is type(one) for one in values)


def _given(value: Any) -> bool:
    return bool(value)


def _names_tpu(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, str) and item.lower().startswith(TPU_PREFIXES) for item in value)


REFUSALS: tuple[Refusal, ...] = (
    Refusal("GIQ1101", "spec.serving.server", _is(*_OTHER_SERVERS), "use vllm or any"),
    Refusal("GIQ1102", "spec.serving.stack", _is("llm-d"), "use stack: none"),
    Refusal("GIQ1103", "spec.storage.bucket.transfer", _is(True), "copy the model into the bucket first"),
    Refusal("GIQ1104", "spec.storage.bucket.xlaCacheUri", _given, "leave it out"),
    Refusal("GIQ1105", "spec.accelerator.reservation", _given, "leave it out and use on-demand or spot"),
    Refusal("GIQ1106", "spec.accelerator.fallback", _given, "name all acceptable accelerators in types"),
    Refusal("GIQ1107", "spec.cost.pricingModel", _is("flex-start"), "use on-demand or spot"),
    Refusal("GIQ1108", "spec.cost.pricingModel", _is("reservation"), "use on-demand or spot"),
    Refusal("GIQ1109", "spec.target.cluster.mode", _is("standard"), "use mode: autopilot"),
    Refusal("GIQ1110", "spec.target.cluster.network", _given, "leave it out: the project's default network"),
    Refusal("GIQ1111", "spec.target.cluster.subnetwork", _given, "leave it out"),
    Refusal("GIQ1112", "spec.target.cluster.privateNodes", _is(True), "leave it out, or create the cluster yourself"),
    Refusal("GIQ1113", "spec.observability.dashboard", _is(True), "autoMonitoring installs Google's dashboards"),
    Refusal("GIQ1114", "spec.lifecycle.preventDestroy", _is(True), "leave it out; destroy asks first"),
    Refusal("GIQ1115", "spec.lifecycle.ignore", _given, "leave it out"),
    Refusal("GIQ1116", "spec.lifecycle.moved", _given, "leave it out"),
    Refusal("GIQ1117", "spec.patches", _given, "use serving.args and serving.env"),
    Refusal("GIQ1118", "policies", _given, "use cost.maxUsdPerHour for a budget"),
    Refusal("GIQ1119", "spec.state.backend", lambda value: str(value).startswith("gs://"), "use backend: local"),
    Refusal("GIQ1120", "spec.accelerator.types", _names_tpu, "name GPU types"),
)


def refusals(values: Mapping[str, Any], place: Callable[[KeyPath], Place]) -> Iterable[RefusedError]:
    """A RefusedError for each field that says what is not acted on yet."""
    for refusal in REFUSALS:
        path = tuple(refusal.path.split("."))
        value: Any = values
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None and refusal.said(value):
            yield RefusedError(refusal.code, f"{refusal.path} is not acted on yet", refusal.instead, place(path))
