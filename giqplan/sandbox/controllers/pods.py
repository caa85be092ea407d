"""Pods: from Pending to Ready. Nodes are scaled up for them, images pulled, weights loaded; what is missing keeps them waiting."""

from __future__ import annotations

import hashlib
from typing import Any

from giqplan.kube.quantity import parse
from giqplan.kube.values import copied
from giqplan.sandbox.controllers.context import KUBELET, SCHEDULER, Context, Json, Work, condition, name_hash

_GPU = "nvidia.com/gpu"
_TYPE = "cloud.google.com/gke-accelerator"
_SPOT = "cloud.google.com/gke-spot"
_AUTOSCALER = "cluster-autoscaler"


def accelerator_of(pod: Json) -> tuple[str, str, int] | None:
    """(type, provisioning, number) that a Pod asks for; None without accelerators."""
    selector = pod["spec"].get("nodeSelector") or {}
    number = 0
    for c in pod["spec"]["containers"]:
        limits = (c.get("resources") or {}).get("limits") or {}
        number += int(parse(limits.get(_GPU, 0)))
    if not number:
        return None
    provisioning = "spot" if selector.get(_SPOT) == "true" else "standard"
    return str(selector.get(_TYPE, "nvidia-tesla-t4")), provisioning, number


def accelerators_in_use(context: Context) -> dict[tuple[str, str], int]:
    """Accelerators of Pods that have a node, or for which one is being made."""
    used: dict[tuple[str, str], int] = {}
    for _, note in context.notes("accelerator/"):
        key = (note["type"], note["provisioning"])
        used[key] = used.get(key, 0) + note["count"]
    return used


def waiting(context: Context) -> list[Work]:
    """Pods that have no node: they look again when accelerators come free."""
    return [("pod", p["metadata"]["namespace"], p["metadata"]["name"]) for p in context.all("Pod") if not p["spec"].get("nodeName")]


def blocked(context: Context, namespace: str) -> list[Work]:
    """Pods with a node that do not run yet: they look again when a Secret or ConfigMap comes."""
    return [
        ("pod", namespace, p["metadata"]["name"])
        for p in context.all("Pod", namespace)
        if p["spec"].get("nodeName") and (p.get("status") or {}).get("phase") == "Pending"
    ]


def pod(context: Context, namespace: str, name: str) -> None:
    """One step of a Pod's life."""
    found = context.get("Pod", namespace, name)
    if found is None:
        return
    if found["metadata"].get("deletionTimestamp"):
        _stop(context, found)
    elif not found["spec"].get("nodeName"):
        _schedule(context, found)
    elif (found.get("status") or {}).get("phase") == "Pending":
        _start(context, found)
    elif (found.get("status") or {}).get("phase") == "Running":
        _become_ready(context, found)


def _key(found: Json) -> str:
    return str(found["metadata"]["uid"])


def _due(context: Context, found: Json, step: str, delay_s: float) -> bool:
    """Whether ``step`` is over: on the first call it begins, and the Pod is looked at again after ``delay_s``."""
    key = f"step/{_key(found)}/{step}"
    begun = context.noted(key)
    now = context.api.clock.now()
    if begun is None:
        context.note(key, {"until": now + delay_s})
        context.enqueue("pod", found["metadata"]["namespace"], found["metadata"]["name"], delay_s)
        return False
    return bool(now >= begun["until"] - 1e-6)


def _conditions(found: Json, now: str, **rows: tuple[str, str, str]) -> list[Json]:
    """The Pod's conditions with these set: name=(status, reason, message)."""
    old = (found.get("status") or {}).get("conditions") or []
    kept = {c["type"]: c for c in old}
    for kind, (status, reason, message) in rows.items():
        row = condition(old, kind, status, reason, message, now)
        kept[kind] = {k: v for k, v in row.items() if v != ""}
        kept[kind].setdefault("lastProbeTime", None)
    return list(kept.values())


# --- scheduling ----------------------------------------------------------------------------------------------------------------------


def _schedule(context: Context, found: Json) -> None:
    asked = accelerator_of(found)
    if asked is None:
        node = _general_node(context)
        step, delay = ("place", context.seconds("schedule_s")) if node else ("node", context.seconds("node_general_s"))
    else:
        if not _reserve(context, found, asked):
            return
        node, step, delay = None, "node", context.seconds("node_accelerator_s")
    if not _due(context, found, step, delay):
        if step == "node":
            _unschedulable(context, found)
            text = "pod triggered scale-up: [{" + _pool(context, asked) + " 0->1 (max: 1000)}]"
            context.event("Pod", found, "Normal", "TriggeredScaleUp", text, _AUTOSCALER)
        return
    if node is None:
        node = _make_node(context, found, asked)
    _bind(context, found, node)


def _pool(context: Context, asked: tuple[str, str, int] | None) -> str:
    kind = "general" if asked is None else f"{asked[0]}-{asked[1]}-{asked[2]}"
    return f"gk3-{context.api.cluster_id[:20]}-nap-{name_hash(kind, 8)}"


def _reserve(context: Context, found: Json, asked: tuple[str, str, int]) -> bool:
    """Take accelerators out of the quota for the Pod; when there are too few it stays Pending with an Event, and is looked at again."""
    key = f"accelerator/{_key(found)}"
    if context.noted(key) is not None:
        return True
    kind, provisioning, number = asked
    limit = context.api.hooks.accelerator_limit(kind, provisioning)
    used = accelerators_in_use(context).get((kind, provisioning), 0)
    if limit is not None and used + number > limit:
        _unschedulable(context, found)
        text = "Node scale up in zones associated with this pod failed: GCE quota exceeded. "
        text += f"{kind} ({provisioning}): {used} of {limit} in use, "
        text += f"{number} more needed. Pod is at risk of not being scheduled."
        context.event("Pod", found, "Warning", "FailedScaleUp", text, _AUTOSCALER)
        if context.noted(f"retry/{_key(found)}") is None or context.noted(f"retry/{_key(found)}")["at"] <= context.api.clock.now():
            delay = context.seconds("retry_s")
            context.note(f"retry/{_key(found)}", {"at": context.api.clock.now() + delay})
            context.enqueue("pod", found["metadata"]["namespace"], found["metadata"]["name"], delay)
        return False
    context.note(key, {"type": kind, "provisioning": provisioning, "count": number})
    return True


def _unschedulable(context: Context, found: Json) -> None:
    nodes = sum(1 for _ in context.all("Node"))
    text = f"0/{nodes} nodes are available: no node matches the Pod's node affinity/selector or has room."
    if nodes == 0:
        text = "no nodes available to schedule pods"
    old = next((c for c in (found.get("status") or {}).get("conditions") or () if c["type"] == "PodScheduled"), None)
    if old is not None:
        return
    status = {**(found.get("status") or {}), "conditions": _conditions(found, context.now, PodScheduled=("False", "Unschedulable", text))}
    context.set_status("Pod", found, status, SCHEDULER)
    context.event("Pod", found, "Warning", "FailedScheduling", text, "default-scheduler")


def _general_node(context: Context) -> Json | None:
    return next((n for n in context.all("Node") if _TYPE not in (n["metadata"].get("labels") or {})), None)


def _make_node(context: Context, found: Json, asked: tuple[str, str, int] | None) -> Json:
    name = f"{_pool(context, asked)}-{name_hash([found['metadata']['namespace'], found['metadata']['name']], 4)}"
    there = context.get("Node", "", name)
    if there is not None:
        return there
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": "e2",
    }
    capacity = {"cpu": "32", "memory": "128Gi", "pods": "64", "ephemeral-storage": "100Gi"}
    taints = []
    if asked is not None:
        kind, provisioning, number = asked
        labels |= {_TYPE: kind, "cloud.google.com/gke-accelerator-count": str(number)}
        if provisioning == "spot":
            labels[_SPOT] = "true"
        capacity |= {_GPU: str(number), "cpu": "208", "memory": "1872Gi", "ephemeral-storage": "6000Gi"}
        taints = [{"key": _GPU, "value": "present", "effect": "NoSchedule"}]
    body: Json = {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints} if taints else {}}
    node = context.create("Node", body, KUBELET)
    now = context.now
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    version = f"v{context.api.server_version.removeprefix('v')}"
    info = {"kubeletVersion": version, "kubeProxyVersion": version, "architecture": "amd64", "operatingSystem": "linux"}
    info |= {"machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "6.6", "osImage": "Container-Optimized OS from Google"}
    info["containerRuntimeVersion"] = "containerd://2.0"
    return context.set_status(
        "Node", node, {"capacity": capacity, "allocatable": capacity, "conditions": [ready], "nodeInfo": info}, KUBELET
    )


def _bind(context: Context, found: Json, node: Json) -> None:
    name = node["metadata"]["name"]
    new = copied(found)
    new["spec"]["nodeName"] = name
    status = new.setdefault("status", {})
    status["conditions"] = _conditions(found, context.now, PodScheduled=("True", "", ""))
    # Binding is a subresource of its own: the node is set without counting as somebody's field (the API server does it).
    old = found
    bound = {**new, "metadata": dict(new["metadata"])}
    context.api.objects.put(context.resource("Pod"), bound, old)
    text = f"Successfully assigned {found['metadata']['namespace']}/{found['metadata']['name']} to {name}"
    context.event("Pod", bound, "Normal", "Scheduled", text, "default-scheduler")
    context.enqueue("pod", found["metadata"]["namespace"], found["metadata"]["name"])


def node(context: Context, _: str, name: str) -> None:
    """A node without Pods is taken away."""
    found = context.get("Node", "", name)
    if found is not None and not any(p["spec"].get("nodeName") == name for p in context.all("Pod")):
        context.remove("Node", found)


# --- running -------------------------------------------------------------------------------------------------------------------------


def _references(spec: Json) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """What containers need: (kind, name, key) of their environment, (kind, name) of their volumes. Optional ones are left out."""
    env: list[tuple[str, str, str]] = []
    for c in (*(spec.get("initContainers") or ()), *spec["containers"]):
        for e in c.get("env") or ():
            source = e.get("valueFrom") or {}
            for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
                if key in source and not source[key].get("optional"):
                    env.append((kind, source[key]["name"], source[key]["key"]))
        for e in c.get("envFrom") or ():
            for kind, key in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
                if key in e and not e[key].get("optional"):
                    env.append((kind, e[key]["name"], ""))
    volumes = []
    for v in spec.get("volumes") or ():
        if "secret" in v and not v["secret"].get("optional"):
            volumes.append(("Secret", v["secret"]["secretName"]))
        if "configMap" in v and not v["configMap"].get("optional"):
            volumes.append(("ConfigMap", v["configMap"]["name"]))
    return env, volumes


def _problem(context: Context, found: Json) -> tuple[str, str] | None:
    """(reason, message) of what keeps the containers from being made."""
    namespace = found["metadata"]["namespace"]
    env, volumes = _references(found["spec"])
    for kind, name in volumes:
        if not context.exists(kind, namespace, name):
            return "FailedMount", f'MountVolume.SetUp failed for volume : {kind.lower()} "{name}" not found'
    for kind, name, key in env:
        obj = context.get(kind, namespace, name)
        if obj is None:
            return "CreateContainerConfigError", f'{kind.lower()} "{name}" not found'
        if key and key not in (obj.get("data") or {}):
            return "CreateContainerConfigError", f"couldn't find key {key} in {kind} {namespace}/{name}"
    return None


def _statuses(found: Json, state: Json, ready: bool) -> list[Json]:
    rows = []
    for c in found["spec"]["containers"]:
        row = {
            "name": c["name"],
            "image": c["image"],
            "imageID": "",
            "ready": ready,
            "restartCount": 0,
            "started": "running" in state,
            "state": state,
        }
        if "running" in state:
            row["imageID"] = "sha256:" + hashlib.sha256(c["image"].encode()).hexdigest()
            row["containerID"] = "containerd://" + hashlib.sha256((_key(found) + c["name"]).encode()).hexdigest()
        rows.append(row)
    return rows


def _start(context: Context, found: Json) -> None:
    """Config, image, start: until the containers run."""
    problem = _problem(context, found)
    status = dict(found.get("status") or {})
    if problem is not None:
        reason, message = problem
        waiting = {"reason": "ContainerCreating"} if reason == "FailedMount" else {"reason": reason, "message": message}
        status["containerStatuses"] = _statuses(found, {"waiting": waiting}, ready=False)
        status["conditions"] = _conditions(
            found, context.now, Initialized=("True", "", ""), Ready=("False", "ContainersNotReady", "containers not ready")
        )
        context.set_status("Pod", found, status, KUBELET)
        context.event("Pod", found, "Warning", reason if reason == "FailedMount" else "Failed", f"Error: {message}", KUBELET)
        return
    size = "accelerator" if accelerator_of(found) else "general"
    image = found["spec"]["containers"][0]["image"]
    if not _due(context, found, "image", context.seconds(f"image_{size}_s")):
        status["containerStatuses"] = _statuses(found, {"waiting": {"reason": "ContainerCreating"}}, ready=False)
        status["conditions"] = _conditions(
            found, context.now, Initialized=("True", "", ""), Ready=("False", "ContainersNotReady", "containers not ready")
        )
        context.set_status("Pod", found, status, KUBELET)
        context.event("Pod", found, "Normal", "Pulling", f'Pulling image "{image}"', KUBELET)
        return
    status["phase"] = "Running"
    status["startTime"] = context.now
    number = int(hashlib.sha256(_key(found).encode()).hexdigest()[:4], 16)
    address = f"10.4.{number >> 8}.{number & 255}"
    status |= {"podIP": address, "podIPs": [{"ip": address}], "hostIP": "10.128.0.2", "hostIPs": [{"ip": "10.128.0.2"}]}
    status["containerStatuses"] = _statuses(found, {"running": {"startedAt": context.now}}, ready=False)
    context.event("Pod", found, "Normal", "Pulled", f'Successfully pulled image "{image}"', KUBELET)
    for c in found["spec"]["containers"]:
        context.event("Pod", found, "Normal", "Created", f"Created container: {c['name']}", KUBELET)
        context.event("Pod", found, "Normal", "Started", f"Started container {c['name']}", KUBELET)
    context.set_status("Pod", found, status, KUBELET)


def _become_ready(context: Context, found: Json) -> None:
    """Running containers are ready at once, or after their probes answer: a model server's once its weights are loaded."""
    if any(c["type"] == "Ready" and c["status"] == "True" for c in found["status"].get("conditions") or ()):
        return
    probed = any("readinessProbe" in c or "startupProbe" in c for c in found["spec"]["containers"])
    delay = context.seconds("weights_s" if accelerator_of(found) else "start_general_s")
    if probed and not _due(context, found, "ready", delay):
        return
    status = dict(found["status"])
    state = status["containerStatuses"][0]["state"]
    status["containerStatuses"] = _statuses(found, state, ready=True)
    rows: dict[str, Any] = dict.fromkeys(("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"), ("True", "", ""))
    status["conditions"] = _conditions(found, context.now, **rows)
    context.set_status("Pod", found, status, KUBELET)


def _stop(context: Context, found: Json) -> None:
    grace = min(context.seconds("stop_s"), found["metadata"].get("deletionGracePeriodSeconds", 30))
    if found["spec"].get("nodeName") and not _due(context, found, "stop", grace):
        context.event("Pod", found, "Normal", "Killing", f"Stopping container {found['spec']['containers'][0]['name']}", KUBELET)
        return
    if found["metadata"].get("finalizers"):
        return
    for prefix in ("accelerator/", "retry/"):
        context.note(f"{prefix}{_key(found)}", None)
    for key, _ in list(context.notes(f"step/{_key(found)}/")):
        context.note(key, None)
    context.remove("Pod", found)
    if accelerator_of(found) and found["spec"].get("nodeName"):
        context.enqueue("node", "", found["spec"]["nodeName"])
