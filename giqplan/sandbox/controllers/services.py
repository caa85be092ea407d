"""Endpoints of Services, availability of APIServices, and what Managed Prometheus' operator writes into a PodMonitoring."""

from __future__ import annotations

from giqplan.sandbox.controllers.context import Context, Json, condition
from giqplan.sandbox.controllers.deployments import is_ready


def selecting(context: Context, pod: Json) -> list[str]:
    """The names of the Services whose selector takes the Pod."""
    labels = pod["metadata"].get("labels") or {}
    found = []
    for service in context.all("Service", pod["metadata"]["namespace"]):
        selector = (service.get("spec") or {}).get("selector")
        if selector and all(labels.get(k) == v for k, v in selector.items()):
            found.append(service["metadata"]["name"])
    return found


def _selected(context: Context, service: Json) -> list[Json]:
    selector = service["spec"].get("selector") or {}
    pods = context.all("Pod", service["metadata"]["namespace"], selector)
    return [p for p in pods if (p.get("status") or {}).get("podIP") and not p["metadata"].get("deletionTimestamp")]


def endpoints(context: Context, namespace: str, name: str) -> None:
    """The Endpoints of a Service: addresses of its Pods, ready and not ready."""
    service = context.get("Service", namespace, name)
    there = context.get("Endpoints", namespace, name)
    if service is None:
        if there is not None:
            context.remove("Endpoints", there)
        return
    if not service["spec"].get("selector") or service["metadata"].get("deletionTimestamp"):
        return
    addresses: dict[bool, list[Json]] = {True: [], False: []}
    pods = _selected(context, service)
    for pod in pods:
        meta = pod["metadata"]
        target = {"kind": "Pod", "namespace": namespace, "name": meta["name"], "uid": meta["uid"]}
        row = {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName", ""), "targetRef": target}
        addresses[is_ready(pod)].append(row)
    ports = []
    for p in service["spec"].get("ports") or ():
        number = _port_number(p.get("targetPort", p["port"]), pods)
        if number:
            ports.append({**({"name": p["name"]} if p.get("name") else {}), "port": number, "protocol": p.get("protocol", "TCP")})
    subset: Json = {}
    if addresses[True]:
        subset["addresses"] = addresses[True]
    if addresses[False]:
        subset["notReadyAddresses"] = addresses[False]
    subsets = [{**subset, "ports": ports}] if subset else []
    if there is None:
        body: Json = {"metadata": {"name": name, "namespace": namespace}}
        if service["metadata"].get("labels"):
            body["metadata"]["labels"] = dict(service["metadata"]["labels"])
        context.create("Endpoints", {**body, "subsets": subsets} if subsets else body)
    elif (there.get("subsets") or []) != subsets:
        new = {k: v for k, v in there.items() if k != "subsets"}
        context.update("Endpoints", there, {**new, "subsets": subsets} if subsets else new)


def _port_number(port: int | str, pods: list[Json]) -> int:
    """A target port's number; a name is looked up in the Pods' containers (0 = nobody has it)."""
    if isinstance(port, int):
        return port
    for pod in pods:
        for c in pod["spec"]["containers"]:
            for p in c.get("ports") or ():
                if p.get("name") == port:
                    return int(p["containerPort"])
    return int(port) if str(port).isdigit() else 0


def behind(api_service: Json) -> tuple[str, str]:
    """(namespace, name) of the Service behind an APIService; empty for one that the server answers itself."""
    service = (api_service.get("spec") or {}).get("service") or {}
    return service.get("namespace", ""), service.get("name", "")


def api_service(context: Context, _: str, name: str) -> None:
    """The Available condition of an APIService: whether its Service has an address that is ready."""
    found = context.get("APIService", "", name)
    if found is None:
        return
    namespace, service = behind(found)
    if not service:
        words = ("True", "Local", "Local APIServices are always available")
    elif not context.exists("Service", namespace, service):
        words = ("False", "ServiceNotFound", f'service/{service} in "{namespace}" is not present')
    else:
        ready = context.get("Endpoints", namespace, service) or {}
        if any(s.get("addresses") for s in ready.get("subsets") or ()):
            words = ("True", "Passed", "all checks passed")
        else:
            words = (
                "False",
                "MissingEndpoints",
                f'endpoints for service/{service} in "{namespace}" have no addresses with port name "https"',
            )
    row = condition((found.get("status") or {}).get("conditions"), "Available", *words, context.now)
    context.set_status("APIService", found, {"conditions": [row]}, "kube-apiserver")


def is_available(api_service: Json | None) -> bool:
    rows = ((api_service or {}).get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Available" and c["status"] == "True" for c in rows)


def pod_monitoring(context: Context, namespace: str, name: str) -> None:
    """The operator's note that a PodMonitoring's configuration was taken."""
    found = context.get("PodMonitoring", namespace, name)
    if found is None:
        return
    status = found.get("status") or {}
    row = condition(status.get("conditions"), "ConfigurationCreateSuccess", "True", "", "", context.now)
    row = {k: v for k, v in row.items() if v != ""}
    row.setdefault("lastUpdateTime", row["lastTransitionTime"])
    generation = found["metadata"].get("generation", 1)
    context.set_status("PodMonitoring", found, {"observedGeneration": generation, "conditions": [row]}, "operator")
