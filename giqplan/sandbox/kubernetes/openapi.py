"""OpenAPI documents: as much as kubectl asks for (which fields a kind has, whether PATCH knows dryRun and fieldValidation)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from giqplan.kube import schema as schemas
from giqplan.sandbox.kubernetes.definitions import Definitions
from giqplan.sandbox.kubernetes.resources import Resource, built_in
from giqplan.sandbox.kubernetes.status import ApiStatusError, not_acceptable
from giqplan.sandbox.wire import HttpRequest, HttpResponse

Json = dict[str, Any]
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "patch": ("dryRun", "fieldManager", "fieldValidation", "force"),
    "put": ("dryRun", "fieldManager", "fieldValidation"),
    "post": ("dryRun", "fieldManager", "fieldValidation"),
    "delete": ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"),
    "get": (),
}
_PATCH_BODIES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_PACKAGES = {
    "": "io.k8s.api.core",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
}


class OpenApi:
    """Answers /openapi/v2 and /openapi/v3."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._built_in: dict[str, Json] = {}

    def answer(self, path: str, request: HttpRequest) -> HttpResponse:
        if path == "/openapi/v3":
            return HttpResponse(200, self._index())
        if path == "/openapi/v2":
            accept = request.headers.get("accept", "*/*")
            if "json" not in accept and "*/*" not in accept:
                raise not_acceptable()
            return HttpResponse(200, self._version_2())
        resources = self._of(path.removeprefix("/openapi/v3/"))
        if not resources:
            raise ApiStatusError(404, b"")
        return HttpResponse(200, self._document(path, resources))

    def _resources(self) -> list[Resource]:
        return [*built_in().values(), *self._definitions]

    def _of(self, group_version: str) -> list[Resource]:
        return [r for r in self._resources() if _path_of(r) == group_version]

    def _index(self) -> Json:
        paths: dict[str, list[str]] = {}
        for r in self._resources():
            paths.setdefault(_path_of(r), []).append(json.dumps(r.definition, sort_keys=True) if r.custom else r.plural)
        paths["version"] = []
        return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}?hash={_hash(parts)}"} for p, parts in paths.items()}}

    def _document(self, path: str, resources: list[Resource]) -> Json:
        if path in self._built_in:
            return self._built_in[path]
        components: Json = {}
        paths: Json = {}
        for resource in resources:
            components.update(_components(resource, "#/components/schemas/"))
            paths.update(_paths(resource))
        document = {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1.33"},
            "paths": paths,
            "components": {"schemas": components},
        }
        if not any(r.custom for r in resources):
            self._built_in[path] = document
        return document

    def _version_2(self) -> Json:
        found: Json = {}
        paths: Json = {}
        for resource in self._resources():
            found.update(_components(resource, "#/definitions/"))
            for path, item in _paths(resource).items():
                paths[path] = {m: _operation_2(o) if isinstance(o, dict) else o for m, o in item.items()}
        return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.33"}, "paths": paths, "definitions": found}


def _operation_2(operation: Json) -> Json:
    body = operation.get("requestBody")
    shown = {k: v for k, v in operation.items() if k != "requestBody"}
    shown["parameters"] = [{"name": p["name"], "in": "query", "type": "string"} for p in operation.get("parameters") or ()]
    if body:
        shown["consumes"] = list(body["content"])
    return shown


def _path_of(resource: Resource) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _hash(parts: list[str]) -> str:
    return hashlib.sha512("".join(parts).encode()).hexdigest().upper()


def _name(resource: Resource) -> str:
    """The definition's name: ``io.k8s.api.apps.v1.Deployment``; of a custom kind the group turned round."""
    if resource.custom:
        return ".".join((*reversed(resource.group.split(".")), resource.version, resource.kind))
    package = _PACKAGES.get(resource.group) or f"io.k8s.api.{resource.group.partition('.')[0]}"
    return f"{package}.{resource.version}.{resource.kind}"


def _components(resource: Resource, prefix: str) -> Json:
    """The schema of a kind with everything that it refers to."""
    found: Json = {}
    root: Mapping[str, Any]
    if resource.custom:
        root = ((resource.definition or {}).get("schema") or {}).get("openAPIV3Schema") or {"type": "object"}
    elif schemas.known(resource.api_version, resource.kind):
        root = schemas.builtin(resource.api_version, resource.kind).raw
    else:
        root = {"type": "object"}
    pending = [(_name(resource), root)]
    while pending:
        name, raw = pending.pop()
        if name in found:
            continue
        found[name] = _with_refs(raw, prefix)
        pending += [(ref, schemas.definition(ref).raw) for ref in _refs(raw) if ref not in found]
    kind = {"group": resource.group, "kind": resource.kind, "version": resource.version}
    found[_name(resource)] = {**found[_name(resource)], "x-kubernetes-group-version-kind": [kind]}
    return found


def _refs(raw: Any) -> Iterator[str]:
    if isinstance(raw, Mapping):
        if isinstance(raw.get("$ref"), str):
            yield raw["$ref"]
        for value in raw.values():
            yield from _refs(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from _refs(value)


def _with_refs(raw: Any, prefix: str) -> Any:
    if isinstance(raw, Mapping):
        shown = {k: _with_refs(v, prefix) for k, v in raw.items()}
        if isinstance(raw.get("$ref"), str):
            shown["$ref"] = prefix + raw["$ref"]
        return shown
    return [_with_refs(v, prefix) for v in raw] if isinstance(raw, list) else raw


def _paths(resource: Resource) -> Json:
    root = "/" + _path_of(resource)
    collection = f"{root}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else f"{root}/{resource.plural}"
    one = f"{collection}/{{name}}"
    verbs = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}
    paths: Json = {one: {m: _operation(resource, v, m) for v, m in verbs.items() if v in resource.verbs}}
    methods = {"list": "get", "create": "post", "deletecollection": "delete"}
    paths[collection] = {m: _operation(resource, v, m) for v, m in methods.items() if v in resource.verbs}
    for sub in resource.subresources:
        if sub in ("status", "scale"):
            paths[f"{one}/{sub}"] = {m: _operation(resource, v, m) for v, m in verbs.items() if v != "delete"}
    return {p: item for p, item in paths.items() if item}


def _operation(resource: Resource, verb: str, method: str) -> Json:
    action = {"create": "post", "update": "put"}.get(verb, verb)
    operation: Json = {
        "operationId": f"{action}{resource.group.replace('.', '')}{resource.version}{resource.kind}",
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "responses": {"200": {"description": "OK"}},
    }
    parameters = [{"name": p, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for p in _PARAMETERS[method]]
    if parameters:
        operation["parameters"] = parameters
    if method == "patch":
        media = [m for m in _PATCH_BODIES if not (resource.custom and "strategic" in m)]
        operation["requestBody"] = {"content": {m: {"schema": {"type": "object"}} for m in media}}
    return operation
