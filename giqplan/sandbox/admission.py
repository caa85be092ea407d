"""Autopilot's admission step: what it changes in the Pods that are sent, and what it refuses.

Every value stands in ``data/autopilot_admission.json`` with its source; docs/sandbox-autopilot.md lists what is assumed.
The step is idempotent: a template that it adjusted once is left alone, and its annotation stays as first written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from giqplan.kube.quantity import canonical, parse
from giqplan.kube.values import copied
from giqplan.sandbox.kubernetes.status import bad_request

Json = dict[str, Any]

GPU = "nvidia.com/gpu"
TYPE_SELECTOR = "cloud.google.com/gke-accelerator"
COUNT_SELECTOR = "cloud.google.com/gke-accelerator-count"
CLASS_SELECTOR = "cloud.google.com/compute-class"
_WEBHOOK = (
    'admission webhook "warden-validating.common-webhooks.networking.gke.io" denied the request: '
    "GKE Warden rejected the request because it violates one or more constraints.\n"
)
_MIB = Decimal(2**20)
#: Kinds with a Pod in them -> the way to its metadata and spec.
_TEMPLATES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (),
    ("apps", "deployments"): ("spec", "template"),
    ("apps", "replicasets"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"),
    ("batch", "jobs"): ("spec", "template"),
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
}


@cache
def _rows() -> Mapping[str, Mapping[str, Any]]:
    table = json.loads(Path(__file__).with_name("data").joinpath("autopilot_admission.json").read_text(encoding="utf-8"))
    return {row["id"]: row for row in table["rows"]}


def _value(row: str) -> Any:
    return _rows()[row]["value"]


def accelerator_counts(accelerator: str) -> tuple[int, ...]:
    """How many accelerators of a type a node may have; empty when Autopilot does not offer the type."""
    row = _rows().get(accelerator)
    return tuple(row["value"]) if row is not None and row["class"] == "accelerator" else ()


def admit(group: str, plural: str, new: Json, old: Json | None) -> Json:
    """``new`` as Autopilot stores it. Raises the refusal of the real webhook (400) for what Autopilot cannot run.

    System namespaces are exempt, as on GKE.
    """
    way = _TEMPLATES.get((group, plural))
    if way is None or new["metadata"].get("namespace", "").startswith(("kube-", "gke-", "gmp-")):
        return new
    template = _at(new, way)
    if old is not None and (plural == "pods" or _at(old, way).get("spec") == template.get("spec")):
        return _with_annotations(new, _annotations(old))
    spec = template.get("spec") or {}
    if not spec.get("containers"):
        return new
    accelerator = _check(spec)
    sent = _resources(spec)
    adjusted = _adjusted(spec, accelerator)
    result = _replaced(new, way, adjusted)
    if old is not None and _at(old, way).get("spec") == adjusted:
        return _with_annotations(result, _annotations(old))
    final = _resources(adjusted)
    if sent == final:
        return result
    note = {"input": {"containers": sent}, "output": {"containers": final}, "modified": True}
    return _with_annotations(
        result, {_value("annotation"): json.dumps(note, separators=(",", ":")), "autopilot.gke.io/warden-version": _value("warden")}
    )


def _at(obj: Json, way: tuple[str, ...]) -> Json:
    inner: Any = obj
    for step in way:
        inner = (inner or {}).get(step) or {}
    return dict(inner or {})


def _replaced(obj: Json, way: tuple[str, ...], spec: Json) -> Json:
    """``obj`` with another Pod spec; only the containers on the way are copied."""
    result = inner = dict(obj)
    for step in way:
        inner[step] = dict(inner[step])
        inner = inner[step]
    inner["spec"] = spec
    return result


def _annotations(obj: Json) -> Json:
    found = obj["metadata"].get("annotations") or {}
    return {k: v for k, v in found.items() if k.startswith("autopilot.gke.io/")}


def _with_annotations(obj: Json, wanted: Json) -> Json:
    if not wanted:
        return obj
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), **wanted}}}


def _resources(spec: Json) -> list[Json]:
    """The part that the annotation shows: limits, requests and name of each container."""
    rows = []
    for c in spec["containers"]:
        resources = c.get("resources") or {}
        rows.append({**{k: resources[k] for k in ("limits", "requests") if resources.get(k)}, "name": c["name"]})
    return rows


# --- refusals ------------------------------------------------------------------------------------------------------------------------


def _refuse(constraint: str, text: str) -> Exception:
    return bad_request(f'{_WEBHOOK}Violations details: {{"[denied by {constraint}]":["{text}"]}}')


def _gpus(container: Json) -> int:
    resources = container.get("resources") or {}
    value = (resources.get("limits") or {}).get(GPU, (resources.get("requests") or {}).get(GPU, 0))
    return int(parse(value))


def _check(spec: Json) -> str:
    """The accelerator that the Pod asks for, "" = none. Refuses what Autopilot does not run."""
    selector = spec.get("nodeSelector") or {}
    accelerator = str(selector.get(TYPE_SELECTOR, ""))
    asked = sum(_gpus(c) for c in spec["containers"])
    if not asked and not accelerator:
        _check_size(spec, {"cpu": _value("general-cpu-max"), "memory": _value("general-memory-max")}, CLASS_SELECTOR in selector)
        return ""
    if asked and not accelerator:
        if CLASS_SELECTOR in selector:
            return "by-class"
        raise _refuse("autogke-gpu-limitation", f"Node selector with key '{TYPE_SELECTOR}' is required for Pods that request {GPU}.")
    if not asked:
        raise _refuse("autogke-gpu-limitation", f"Resource limit '{GPU}' is required for Pods with the node selector '{TYPE_SELECTOR}'.")
    counts = accelerator_counts(accelerator)
    if not counts:
        known = ", ".join(name for name, row in _rows().items() if row["class"] == "accelerator")
        raise _refuse("autogke-gpu-limitation", f"Accelerator '{accelerator}' is not supported by Autopilot; supported: {known}.")
    on_node = str(selector.get(COUNT_SELECTOR, asked))
    if not on_node.isdigit() or int(on_node) not in counts or asked > int(on_node):
        offered = ", ".join(map(str, counts))
        raise _refuse("autogke-gpu-limitation", f"{GPU}: {asked} (node: {on_node}) is not offered for '{accelerator}'; offered: {offered}.")
    _check_size(spec, _rows()[accelerator]["max"], False)
    return accelerator


def _check_size(spec: Json, most: Mapping[str, str], by_class: bool) -> None:
    """Requests beyond the largest machine cannot run. A compute class decides its own machines."""
    if by_class:
        return
    for name, limit in most.items():
        total = sum((parse(((c.get("resources") or {}).get("requests") or {}).get(name, 0)) for c in spec["containers"]), Decimal(0))
        if total > parse(limit):
            raise _refuse("autogke-pod-limit-constraints", f"Max {name} request is {limit}, requested {canonical(str(total))}.")


# --- adjustments ---------------------------------------------------------------------------------------------------------------------


def _adjusted(spec: Json, accelerator: str) -> Json:
    new: Json = copied(spec)
    for container in new["containers"]:
        resources = container.setdefault("resources", {})
        requests, limits = dict(resources.get("requests") or {}), dict(resources.get("limits") or {})
        if not accelerator:
            _general(requests, limits)
        requests.setdefault("ephemeral-storage", limits.get("ephemeral-storage", _value("ephemeral-default")))
        for name in _value("ephemeral-limits"):
            limits[name] = requests[name]
        resources["requests"], resources["limits"] = requests, limits
        capabilities = container.setdefault("securityContext", {}).setdefault("capabilities", {})
        dropped = capabilities.setdefault("drop", [])
        added = capabilities.get("add") or ()
        if _value("net-raw") not in (*dropped, *added) and "ALL" not in dropped:
            dropped.append(_value("net-raw"))
    new.setdefault("securityContext", {}).setdefault("seccompProfile", dict(_value("seccomp")))
    wanted = ("gpu-arch-toleration", "gpu-toleration") if accelerator else ("general-arch-toleration",)
    tolerations = new.setdefault("tolerations", [])
    for row in wanted:
        if not any(t.get("key") == _value(row)["key"] for t in tolerations):
            tolerations.append(dict(_value(row)))
    return new


def _general(requests: Json, limits: Json) -> None:
    """Requests of the general-purpose class: defaults, minimums, steps, the ratio of memory to cpu; limits from them."""
    for name in ("cpu", "memory"):
        requests.setdefault(name, limits.get(name, _value(f"general-{name}-default")))
        if parse(requests[name]) < parse(_value(f"general-{name}-min")):
            requests[name] = _value(f"general-{name}-min")
    cpu, memory = parse(requests["cpu"]), parse(requests["memory"])
    step = parse(_value("general-cpu-step"))
    if cpu % step:
        cpu = (cpu // step + 1) * step
        requests["cpu"] = _millis(cpu)
    least, most = parse(_value("general-memory-per-cpu-min")) * cpu, parse(_value("general-memory-per-cpu-max"))
    if memory < least:
        requests["memory"] = f"{-(-least // _MIB)}Mi"
    elif memory > most * cpu:
        needed = memory / most
        requests["cpu"] = _millis(-(-needed // step) * step)
    for name in _value("general-limits"):
        if name not in limits or parse(limits[name]) < parse(requests[name]):
            limits[name] = requests[name]


def _millis(cpu: Decimal) -> str:
    return canonical(f"{int(cpu * 1000)}m")
