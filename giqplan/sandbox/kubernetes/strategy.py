"""What the server fills in or holds fast when an object is stored: identity, generation, status, addresses, finalizers."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from giqplan.sandbox.kubernetes.model import info_of, new_generation
from giqplan.sandbox.kubernetes.objects import Objects
from giqplan.sandbox.kubernetes.resources import Resource, built_in

Json = dict[str, Any]

#: Metadata that no write changes.
_FIXED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
#: The status of kinds whose Go type prints something for an empty one (recorded); every other kind with a status prints {}.
_EMPTY_STATUS: dict[str, Json] = {
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "DaemonSet": {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0},
    "ReplicaSet": {"replicas": 0},
    "ReplicationController": {"replicas": 0},
    "HorizontalPodAutoscaler": {"desiredReplicas": 0, "currentMetrics": None},
    "PodDisruptionBudget": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    "Service": {"loadBalancer": {}},
    "Ingress": {"loadBalancer": {}},
    "Namespace": {"phase": "Active"},
    "PersistentVolumeClaim": {"phase": "Pending"},
    "PersistentVolume": {"phase": "Pending"},
    "Pod": {"phase": "Pending", "qosClass": "BestEffort"},
}
_NODE_PORTS = range(30000, 32768)


class Strategies:
    """Fills in what a client cannot: one for each cluster, since addresses are handed out once."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._addresses: set[str] | None = None

    def prepare_create(self, resource: Resource, obj: Json, now: str) -> Json:
        """The object as it is first stored, without a resourceVersion."""
        meta = obj["metadata"]
        meta.pop("resourceVersion", None)
        for key in ("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
            meta.pop(key, None)
        meta["uid"] = str(uuid.uuid4())
        meta["creationTimestamp"] = now
        if info_of(resource).has_generation:
            meta["generation"] = 1
        if "status" in resource.subresources and not resource.custom:
            obj["status"] = dict(_EMPTY_STATUS.get(resource.kind, {}))
        elif "status" in resource.subresources:
            obj.pop("status", None)
        specific = getattr(self, f"_create_{resource.plural}", None)
        if specific is not None and not resource.custom:
            specific(obj)
        return obj

    def prepare_update(self, resource: Resource, old: Json, obj: Json, subresource: str = "") -> Json:
        """The object as it is stored over ``old``: status only through its subresource, and nothing else through that one."""
        new = dict(obj)
        if subresource == "status":
            new = {**old, "metadata": self._status_metadata(resource, old, obj)}
            new.pop("status", None)
            if "status" in obj:
                new["status"] = obj["status"]
        elif "status" in resource.subresources:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        meta = new["metadata"] = dict(new["metadata"])
        for key in (*_FIXED, "resourceVersion"):
            if key in old["metadata"]:
                meta[key] = old["metadata"][key]
            elif key != "deletionGracePeriodSeconds" or "deletionTimestamp" not in meta:
                meta.pop(key, None)
        meta.pop("selfLink", None)
        if subresource != "status":
            specific = getattr(self, f"_update_{resource.plural}", None)
            if specific is not None and not resource.custom:
                specific(old, new)
            if new_generation(resource, old, new):
                meta["generation"] = int(old["metadata"].get("generation", 0)) + 1
        return new

    @staticmethod
    def _status_metadata(resource: Resource, old: Json, obj: Json) -> Json:
        """What a write of status may change of metadata: nothing of custom objects, no labels of a Deployment, all else (recorded)."""
        kept = dict(old["metadata"]) if resource.custom else dict(obj["metadata"])
        if resource.custom and "managedFields" in obj["metadata"]:
            kept["managedFields"] = obj["metadata"]["managedFields"]
        if resource.kind == "Deployment" and not resource.custom:
            kept.pop("labels", None)
            if "labels" in old["metadata"]:
                kept["labels"] = old["metadata"]["labels"]
        return kept

    # --- kinds with rules of their own -------------------------------------------------------------------------------------------

    def _create_namespaces(self, obj: Json) -> None:
        obj.setdefault("spec", {})["finalizers"] = ["kubernetes"]
        labels = obj["metadata"].setdefault("labels", {})
        labels.setdefault("kubernetes.io/metadata.name", obj["metadata"]["name"])

    def _update_namespaces(self, old: Json, new: Json) -> None:
        new["spec"] = old.get("spec", {})
        labels = new["metadata"].setdefault("labels", {})
        labels.setdefault("kubernetes.io/metadata.name", new["metadata"]["name"])

    def _create_persistentvolumeclaims(self, obj: Json) -> None:
        finalizers = obj["metadata"].setdefault("finalizers", [])
        if "kubernetes.io/pvc-protection" not in finalizers:
            finalizers.append("kubernetes.io/pvc-protection")

    def _create_pods(self, obj: Json) -> None:
        obj["status"]["qosClass"] = _qos(obj.get("spec", {}))

    def _create_jobs(self, obj: Json) -> None:
        """A Job selects its Pods by its uid unless manualSelector says otherwise."""
        spec = obj["spec"]
        if spec.get("manualSelector"):
            return
        uid = obj["metadata"]["uid"]
        template = spec["template"]["metadata"] = dict(spec["template"].get("metadata") or {})
        labels = template["labels"] = dict(template.get("labels") or {})
        for prefix in ("", "batch.kubernetes.io/"):
            labels.setdefault(f"{prefix}controller-uid", uid)
            labels.setdefault(f"{prefix}job-name", obj["metadata"]["name"])
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
        spec.setdefault("manualSelector", False)
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)

    def _create_daemonsets(self, obj: Json) -> None:
        obj["metadata"].setdefault("annotations", {})["deprecated.daemonset.template.generation"] = "1"

    def _update_daemonsets(self, old: Json, new: Json) -> None:
        """The annotation counts the changes of the template."""
        key = "deprecated.daemonset.template.generation"
        count = int((old["metadata"].get("annotations") or {}).get(key, "1"))
        changed = old["spec"]["template"] != new["spec"]["template"]
        new["metadata"]["annotations"] = {**(new["metadata"].get("annotations") or {}), key: str(count + changed)}

    def _update_jobs(self, old: Json, new: Json) -> None:
        """Selector and generated labels stay when the new object does not say them."""
        spec, before = new["spec"], old["spec"]
        if "selector" not in spec and "selector" in before:
            spec["selector"] = before["selector"]
            kept = before["template"].get("metadata", {}).get("labels", {})
            template = spec["template"]["metadata"] = dict(spec["template"].get("metadata") or {})
            template["labels"] = {**kept, **(template.get("labels") or {})}

    def _create_services(self, obj: Json) -> None:
        spec = obj["spec"]
        if spec.get("type") == "ExternalName":
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = self._address(obj)
        if not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        self._node_ports(spec, {})
        if spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            spec.setdefault("healthCheckNodePort", self._free_port())

    def _update_services(self, old: Json, new: Json) -> None:
        """Addresses stay unless the type no longer has them; the user may leave them out (recorded)."""
        spec, before = new["spec"], old["spec"]
        if spec.get("type") == "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "healthCheckNodePort"):
                if spec.get(key) == before.get(key):
                    spec.pop(key, None)
            return
        if spec.get("type", "ClusterIP") == "ClusterIP" and spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy"):
            spec.pop("externalTrafficPolicy", None)
        if before.get("type") != "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                if key in before:
                    spec.setdefault(key, before[key])
        known = {(p.get("protocol", "TCP"), p["port"]): p["nodePort"] for p in before.get("ports") or () if "nodePort" in p}
        kept = before.get("healthCheckNodePort")
        fresh = {**new, "spec": spec}
        self._create_services_ports(fresh, known, kept)

    def _create_services_ports(self, obj: Json, known: dict[tuple[str, int], int], health: int | None) -> None:
        spec = obj["spec"]
        if not spec.get("clusterIP"):
            self._create_services(obj)
            return
        self._node_ports(spec, known)
        if spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            spec.setdefault("healthCheckNodePort", health or self._free_port())
        else:
            spec.pop("healthCheckNodePort", None)

    def _node_ports(self, spec: Json, known: dict[tuple[str, int], int]) -> None:
        wanted = spec.get("type") in ("NodePort", "LoadBalancer") and spec.get("allocateLoadBalancerNodePorts", True)
        ports = [dict(p) for p in spec.get("ports") or ()]
        for p in ports:
            if wanted and not p.get("nodePort"):
                p["nodePort"] = known.get((p.get("protocol", "TCP"), p["port"])) or self._free_port()
            elif not wanted and p.get("nodePort") in known.values():
                p.pop("nodePort", None)
        if ports:
            spec["ports"] = ports

    def _address(self, obj: Json) -> str:
        """A cluster address that no Service holds: derived from the name, so that the same world gives the same address."""
        used = self._used_addresses()
        name = f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
        start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big")
        for step in range(65536):
            number = (start + step) % 65536
            address = f"10.96.{number >> 8}.{number & 255}"
            if number & 255 not in (0, 255) and address not in used:
                used.add(address)
                return address
        raise RuntimeError("no cluster address is free")

    def _free_port(self) -> int:
        used = self._used_addresses()
        port = next(p for p in _NODE_PORTS if f":{p}" not in used)
        used.add(f":{port}")
        return port

    def _used_addresses(self) -> set[str]:
        if self._addresses is None:
            self._addresses = set()
            for service in self._objects.all(built_in()["", "v1", "services"]):
                spec = service.get("spec") or {}
                self._addresses.add(spec.get("clusterIP", ""))
                self._addresses |= {f":{p['nodePort']}" for p in spec.get("ports") or () if "nodePort" in p}
        return self._addresses


def _qos(spec: Json) -> str:
    """Guaranteed, Burstable or BestEffort, by cpu and memory of all containers."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    requests = [c.get("resources", {}).get("requests") or {} for c in containers]
    limits = [c.get("resources", {}).get("limits") or {} for c in containers]
    if not any("cpu" in r or "memory" in r for r in (*requests, *limits)):
        return "BestEffort"
    for asked, most in zip(requests, limits, strict=True):
        if any(k not in most or asked.get(k, most[k]) != most[k] for k in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"
