"""Answers as tables: what ``kubectl get`` prints. Columns by kind follow the printers of kubectl 1.33's server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from giqplan.sandbox.kubernetes.accept import metadata_only
from giqplan.sandbox.kubernetes.resources import Resource
from giqplan.sandbox.kubernetes.selectors import selector_text

Json = dict[str, Any]
Cells = list[Any]
#: (object, simulated seconds since the epoch) -> cells
Printer = Callable[[Json, float], Cells]


def age(timestamp: str | None, now: float) -> str:
    """How long ago, as Kubernetes' HumanDuration writes it: 5m10s, 3h25m, 4d2h."""
    if not timestamp:
        return "<unknown>"
    seconds = int(now - datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp())
    if seconds < 0:
        return "0s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return _two(days // 365, "y", days % 365, "d")


def _two(major: int, unit: str, minor: int, small: str) -> str:
    return f"{major}{unit}{minor}{small}" if minor else f"{major}{unit}"


def _created(obj: Json, now: float) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _get(obj: Any, dotted: str, default: Any = None) -> Any:
    for step in dotted.split("."):
        if not isinstance(obj, Mapping) or step not in obj:
            return default
        obj = obj[step]
    return obj


def _containers(obj: Json, of: str = "spec.template.spec") -> tuple[str, str]:
    rows = _get(obj, of + ".containers", [])
    return ",".join(c["name"] for c in rows), ",".join(c.get("image", "") for c in rows)


def _deployment(o: Json, now: float) -> Cells:
    s = o.get("status") or {}
    ready = f"{s.get('readyReplicas', 0)}/{_get(o, 'spec.replicas', 0)}"
    names, images = _containers(o)
    selector = selector_text(_get(o, "spec.selector"))
    return [ready, s.get("updatedReplicas", 0), s.get("availableReplicas", 0), _created(o, now), names, images, selector]


def _replica_set(o: Json, now: float) -> Cells:
    s = o.get("status") or {}
    names, images = _containers(o)
    counts = [_get(o, "spec.replicas", 0), s.get("replicas", 0), s.get("readyReplicas", 0)]
    return [*counts, _created(o, now), names, images, selector_text(_get(o, "spec.selector"))]


def pod_reason(o: Json) -> str:
    """The STATUS column: the phase, or what keeps a container waiting."""
    if o["metadata"].get("deletionTimestamp"):
        return "Terminating"
    reason = str(_get(o, "status.reason") or _get(o, "status.phase", ""))
    for c in _get(o, "status.containerStatuses", []):
        reason = _get(c, "state.waiting.reason") or _get(c, "state.terminated.reason") or reason
    return reason


def _pod(o: Json, now: float) -> Cells:
    statuses = _get(o, "status.containerStatuses", [])
    ready = f"{sum(bool(c.get('ready')) for c in statuses)}/{len(_get(o, 'spec.containers', []))}"
    restarts = str(sum(c.get("restartCount", 0) for c in statuses))
    wide = [_get(o, "status.podIP") or "<none>", _get(o, "spec.nodeName") or "<none>", "<none>", "<none>"]
    return [ready, pod_reason(o), restarts, _created(o, now), *wide]


def _service(o: Json, now: float) -> Cells:
    spec = o.get("spec") or {}
    ports = []
    for p in spec.get("ports") or ():
        node = f":{p['nodePort']}" if p.get("nodePort") else ""
        ports.append(f"{p['port']}{node}/{p.get('protocol', 'TCP')}")
    outside = spec.get("externalName") or "<none>"
    if spec.get("type") == "LoadBalancer":
        found = [i.get("ip") or i.get("hostname") for i in _get(o, "status.loadBalancer.ingress", [])]
        outside = ",".join(found) or "<pending>"
    selector = ",".join(f"{k}={v}" for k, v in sorted((spec.get("selector") or {}).items())) or "<none>"
    cluster_ip = spec.get("clusterIP") or ("<none>" if spec.get("type") == "ExternalName" else "None")
    return [spec.get("type"), cluster_ip, outside, ",".join(ports) or "<none>", _created(o, now), selector]


def _hpa(o: Json, now: float) -> Cells:
    spec, status = o.get("spec") or {}, o.get("status") or {}
    reference = f"{_get(spec, 'scaleTargetRef.kind')}/{_get(spec, 'scaleTargetRef.name')}"
    current = status.get("currentMetrics") or []
    targets = []
    for i, metric in enumerate(spec.get("metrics") or ()):
        source = metric.get(metric["type"][0].lower() + metric["type"][1:]) or {}
        target = source.get("target") or {}
        wanted = f"{target['averageUtilization']}%" if "averageUtilization" in target else target.get("averageValue") or target.get("value")
        seen = current[i] if i < len(current) else {}
        value = _get(seen, f"{metric['type'].lower()}.current", {}) if seen else {}
        shown = f"{value['averageUtilization']}%" if "averageUtilization" in value else value.get("averageValue") or value.get("value")
        prefix = f"{source.get('name')}: " if metric["type"] in ("Resource", "ContainerResource") else ""
        targets.append(
            f"{prefix}{shown or '<unknown>'}/{wanted}" + (" (avg)" if metric["type"] == "External" and "averageValue" in target else "")
        )
    lowest = spec.get("minReplicas")
    limits = ["<unset>" if lowest is None else str(lowest), spec.get("maxReplicas"), status.get("currentReplicas", 0)]
    return [reference, ", ".join(targets) or "<none>", *limits, _created(o, now)]


def _event(o: Json, now: float) -> Cells:
    involved = o.get("involvedObject") or o.get("regarding") or {}
    subject = f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"
    seen = o.get("lastTimestamp") or o.get("eventTime") or o["metadata"].get("creationTimestamp")
    return [age(seen, now), o.get("type"), o.get("reason"), subject, (o.get("message") or o.get("note") or "").strip()]


def _node(o: Json, now: float) -> Cells:
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in _get(o, "status.conditions", []))
    info = _get(o, "status.nodeInfo", {})
    return ["Ready" if ready else "NotReady", "<none>", _created(o, now), info.get("kubeletVersion", "")]


def _api_service(o: Json, now: float) -> Cells:
    service = _get(o, "spec.service")
    name = f"{service['namespace']}/{service['name']}" if service else "Local"
    available: Json = next((c for c in _get(o, "status.conditions", []) if c["type"] == "Available"), {})
    shown = str(available.get("status", "Unknown"))
    if shown != "True" and available.get("reason"):
        shown += f" ({available['reason']})"
    return [name, shown, _created(o, now)]


def _endpoints(o: Json, now: float) -> Cells:
    found = []
    for subset in o.get("subsets") or ():
        ports = subset.get("ports") or [{}]
        found += [f"{a['ip']}:{p['port']}" if "port" in p else a["ip"] for p in ports for a in subset.get("addresses") or ()]
    text = ",".join(found[:3]) + (f" + {len(found) - 3} more..." if len(found) > 3 else "")
    return [text or "<none>", _created(o, now)]


def _count(field: str) -> Printer:
    return lambda o, now: [len(o.get(field) or ()), _created(o, now)]


#: kind -> (columns after Name; those from "|" on only with -o wide), printer
_PRINTERS: Mapping[str, tuple[str, Printer]] = {
    "Deployment": ("Ready,Up-to-date,Available,Age,|Containers,Images,Selector", _deployment),
    "ReplicaSet": ("Desired,Current,Ready,Age,|Containers,Images,Selector", _replica_set),
    "Pod": ("Ready,Status,Restarts,Age,|IP,Node,Nominated Node,Readiness Gates", _pod),
    "Service": ("Type,Cluster-IP,External-IP,Port(s),Age,|Selector", _service),
    "HorizontalPodAutoscaler": ("Reference,Targets,MinPods,MaxPods,Replicas,Age", _hpa),
    "ConfigMap": ("Data,Age", lambda o, now: [len(o.get("data") or ()) + len(o.get("binaryData") or ()), _created(o, now)]),
    "Secret": ("Type,Data,Age", lambda o, now: [o.get("type"), len(o.get("data") or ()), _created(o, now)]),
    "ServiceAccount": ("Secrets,Age", _count("secrets")),
    "Namespace": ("Status,Age", lambda o, now: [_get(o, "status.phase"), _created(o, now)]),
    "Node": ("Status,Roles,Age,Version", _node),
    "Endpoints": ("Endpoints,Age", _endpoints),
    "APIService": ("Service,Available,Age", _api_service),
    "CustomResourceDefinition": ("Created At", lambda o, now: [o["metadata"].get("creationTimestamp")]),
}
_NUMBERS = {"Up-to-date", "Available", "Desired", "Current", "Data", "Secrets", "MaxPods", "Replicas"}


def table(resource: Resource, objects: Iterable[Json], now: float, include: str, list_meta: Json) -> Json:
    """A Table of the objects. ``include``: Object, Metadata or None."""
    if resource.plural == "events" and not resource.custom:
        return _event_table(objects, now, include, list_meta)
    columns, printer = _columns(resource)
    rows = [_row([obj["metadata"]["name"], *printer(obj, now)], obj, include) for obj in objects]
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list_meta, "columnDefinitions": columns, "rows": rows}


def _row(cells: Cells, obj: Json, include: str) -> Json:
    row: Json = {"cells": cells}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = metadata_only(obj)
    return row


def _event_table(objects: Iterable[Json], now: float, include: str, list_meta: Json) -> Json:
    names = ("Last Seen", "Type", "Reason", "Object", "Message")
    columns = [_column(name) for name in names]
    rows = [_row(_event(obj, now), obj, include) for obj in objects]
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list_meta, "columnDefinitions": columns, "rows": rows}


def _column(name: str, kind: str = "string", priority: int = 0) -> Json:
    form = "name" if name == "Name" else ""
    return {"name": name, "type": kind, "format": form, "description": "", "priority": priority}


def _columns(resource: Resource) -> tuple[list[Json], Printer]:
    if resource.custom:
        return _custom_columns(resource)
    text, printer = _PRINTERS.get(resource.kind, ("Age", lambda o, now: [_created(o, now)]))
    plain, _, wide = text.partition("|")
    columns = [_column("Name")]
    for names, priority in ((plain, 0), (wide, 1)):
        for name in filter(None, names.split(",")):
            number = name in _NUMBERS and resource.kind != "APIService"
            columns.append(_column(name, "integer" if number else "string", priority))
    return columns, printer


def _custom_columns(resource: Resource) -> tuple[list[Json], Printer]:
    assert resource.definition is not None
    declared: Sequence[Mapping[str, Any]] = resource.definition.get("additionalPrinterColumns") or (
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    )
    columns = [_column("Name")]
    columns += [{**_column(c["name"], c["type"], c.get("priority", 0)), "format": c.get("format", "")} for c in declared]

    def cells(obj: Json, now: float) -> Cells:
        found: Cells = []
        for c in declared:
            value = _json_path(obj, c["jsonPath"])
            found.append(age(value, now) if c["type"] == "date" and value else _shown(value))
        return found

    return columns, cells


def _shown(value: Any) -> Any:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else value


def _json_path(obj: Any, path: str) -> Any:
    """The simple paths that printer columns use: ``.a.b``, ``.a[0].b``, ``.a[?(@.type=="X")].b``; None when there is nothing."""
    import re

    for step in re.findall(r"\.([\w\-/]+)|\[(\d+)\]|\[\?\(@\.(\w+)\s*==\s*[\"']([^\"']*)[\"']\)\]", path):
        key, index, field, wanted = step
        if key:
            obj = obj.get(key) if isinstance(obj, dict) else None
        elif index:
            obj = obj[int(index)] if isinstance(obj, list) and int(index) < len(obj) else None
        else:
            obj = (
                next((i for i in obj or () if isinstance(i, dict) and str(i.get(field)) == wanted), None) if isinstance(obj, list) else None
            )
    return obj
