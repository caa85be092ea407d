"""Request bodies and the options of a write, with the refusals of the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from giqplan.sandbox.kubernetes import protobuf
from giqplan.sandbox.kubernetes.resources import Resource
from giqplan.sandbox.kubernetes.status import bad_request, cause, internal, invalid, unsupported_body_type
from giqplan.sandbox.kubernetes.target import Target
from giqplan.sandbox.wire import HttpRequest

Json = dict[str, Any]

APPLY = ("application/apply-patch+yaml", "application/apply-patch+json")
PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_VALIDATION = ("", "Ignore", "Warn", "Strict")


@dataclass(frozen=True)
class Options:
    """Query parameters of a write. ``manager``: fieldManager, or the first part of the User-Agent."""

    manager: str
    dry_run: bool = False
    force: bool = False
    validation: str = "Warn"


def media_type(request: HttpRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_options(request: HttpRequest, kind: str) -> Options:
    """``kind``: CreateOptions, UpdateOptions or PatchOptions, which a refusal names."""
    causes = []
    apply = kind == "PatchOptions" and media_type(request) in APPLY
    manager = request.first("fieldManager")
    dry = request.query.get("dryRun", ())
    if kind == "PatchOptions" and "force" in request.query and not apply:
        causes.append(cause("FieldValueForbidden", "force", "may not be specified for non-apply patch"))
    if apply and not manager:
        causes.append(cause("FieldValueRequired", "fieldManager", "is required for apply patch"))
    if len(manager.encode()) > 128:
        causes.append({"reason": "FieldValueTooLong", "message": "Too long: may not be more than 128 bytes", "field": "fieldManager"})
    if any(value != "All" for value in dry):
        shown = ", ".join(f'"{v}"' for v in dry)
        causes.append(
            {
                "reason": "FieldValueNotSupported",
                "message": f'Unsupported value: []string{{{shown}}}: supported values: "All"',
                "field": "dryRun",
            }
        )
    validation = request.first("fieldValidation")
    if validation not in _VALIDATION:
        supported = '"", "Ignore", "Strict", "Warn"'
        text = f'Unsupported value: "{validation}": supported values: {supported}'
        causes.append({"reason": "FieldValueNotSupported", "message": text, "field": "fieldValidation"})
    if causes:
        raise invalid(kind, "meta.k8s.io", "", causes)
    force = apply and request.first("force").lower() not in ("", "false", "0", "f")
    return Options(manager or agent(request), bool(dry), force, validation or "Warn")


def agent(request: HttpRequest) -> str:
    """The default manager: the User-Agent up to its first slash, at most 128 bytes."""
    return (request.headers.get("user-agent", "").partition("/")[0] or "unknown")[:128]


def read_object(request: HttpRequest, target: Target) -> tuple[Json, list[str]]:
    """The object of a POST or PUT, and the paths of keys that stand in it twice."""
    media = media_type(request) or "application/json"
    resource = target.resource
    repeated: list[str] = []
    if media == "application/json":
        try:
            body, repeated = _json_with_repeats(request.body)
        except ValueError:
            raise bad_request(_no_json(resource, request.body)) from None
    elif media == "application/yaml":
        try:
            body = yaml.load(request.body, _LOADER)  # noqa: S506 (a safe loader)
        except yaml.YAMLError as e:
            raise bad_request(f"error converting YAML to JSON: {_yaml_problem(e)}") from None
    elif media == _PROTOBUF:
        try:
            body = protobuf.decode(request.body)
        except protobuf.UnreadableError:
            raise unsupported_body_type() from None
    else:
        raise unsupported_body_type()
    if not isinstance(body, dict):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get version/kind; json parse error"
        )
    body = _typed(target, body)
    return body, repeated


class _Repeats(dict[str, Any]):
    """A JSON object that remembers which of its keys stood in it twice."""

    repeated: tuple[str, ...] = ()


def _remember(pairs: list[tuple[str, Any]]) -> _Repeats:
    found = _Repeats(pairs)
    if len(found) != len(pairs):
        names = [k for k, _ in pairs]
        found.repeated = tuple(k for k in found if names.count(k) > 1)
    return found


def _json_with_repeats(data: bytes) -> tuple[Any, list[str]]:
    """JSON, and the paths of the keys that stand in it twice. The last of two values counts."""
    body = json.loads(data, object_pairs_hook=_remember)
    return body, list(_repeated(body, ""))


def _repeated(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, _Repeats):
        yield from (f"{at}.{k}".lstrip(".") for k in value.repeated)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _repeated(inner, f"{at}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repeated(inner, f"{at}[{index}]")


def _no_json(resource: Resource, body: bytes) -> str:
    shown = body.decode("utf-8", "replace") if body else "<empty>"
    problem = "unexpected end of JSON input"
    head = f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get version/kind; json parse error: "
    return f"{head}{problem} ({shown})"


def _typed(target: Target, body: Json) -> Json:
    """The body with kind and apiVersion filled in (the URL says them), or the refusal of a body of another kind."""
    resource = target.resource
    kind, version = body.get("kind") or resource.kind, body.get("apiVersion") or resource.api_version
    if kind != resource.kind or version != resource.api_version:
        internal_group = resource.group.partition(".")[0] or "core"
        if kind != resource.kind and version == resource.api_version and not resource.custom:
            text = f"converting ({version.rpartition('/')[2]}.{kind}) to ({internal_group}.{resource.kind}): unknown conversion"
            raise bad_request(f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {text}')
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})"
            if version != resource.api_version
            else f"the kind in the data ({kind}) does not match the expected kind ({resource.kind})"
        )
    return {**body, "kind": kind, "apiVersion": version}


def read_applied(request: HttpRequest, target: Target) -> tuple[Json, list[str]]:
    """The body of a server-side apply, YAML or JSON, and notes about keys that stand in it twice."""
    notes: list[str] = []
    try:
        # JSON is YAML, but the JSON parser is ten times as fast, and clients mostly send JSON.
        body = json.loads(request.body) if request.body[:1] == b"{" else _yaml(request.body, notes)
    except ValueError:
        body = _yaml(request.body, notes)
    if body is None:
        body = {}
    if not isinstance(body, dict):
        kind = "array" if isinstance(body, list) else {str: "string", bool: "bool"}.get(type(body), "number")
        text = f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {text}")
    resource = target.resource
    if (body.get("apiVersion"), body.get("kind")) != (resource.api_version, resource.kind):
        version = str(body.get("apiVersion") or "")
        shown = version if "/" in version else f"/{version}"
        raise bad_request(f"invalid object type: {shown}, Kind={body.get('kind') or ''}")
    return body, notes


def _yaml(data: bytes, notes: list[str]) -> Any:
    try:
        notes += _repeated_in_yaml(yaml.compose(data, _LOADER))
        return yaml.load(data, _LOADER)  # noqa: S506 (a safe loader)
    except yaml.YAMLError as e:
        raise bad_request(f"error decoding YAML: error converting YAML to JSON: {_yaml_problem(e)}") from None


def _repeated_in_yaml(node: yaml.Node | None) -> Iterator[str]:
    """``line 6: key "A" already set in map``, as the server's YAML reader says it."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield f'line {key.start_mark.line + 1}: key "{key.value}" already set in map'
            seen.add(key.value)
            yield from _repeated_in_yaml(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated_in_yaml(value)


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"yaml: line {mark.line + 1 if mark else 1}: {problem}"


def check_names(target: Target, body: Json) -> None:
    """Name and namespace of the body against the URL; both may be left out, and are filled in."""
    meta = body.setdefault("metadata", {})
    if not isinstance(meta, dict):
        raise bad_request("metadata must be an object")
    if target.resource.namespaced:
        if meta.get("namespace", target.namespace) != target.namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        meta["namespace"] = target.namespace
    elif meta.get("namespace"):
        raise bad_request("namespace may not be set on a cluster-scoped object")
    if target.name:
        if meta.get("name", target.name) != target.name:
            raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})")
        meta["name"] = target.name


def read_patch(request: HttpRequest, media: str) -> Any:
    """The body of a JSON, merge or strategic merge patch."""
    try:
        body = json.loads(request.body)
    except ValueError:
        prefix = "" if media.startswith("application/strategic") else "error decoding patch: "
        raise bad_request(f"{prefix}unexpected end of JSON input") from None
    wanted: type = list if media == "application/json-patch+json" else dict
    if not isinstance(body, wanted):
        found = "array" if isinstance(body, list) else "object" if isinstance(body, dict) else "value"
        into = "[]handlers.jsonPatchOp" if wanted is list else "map[string]interface {}"
        raise bad_request(f"error decoding patch: json: cannot unmarshal {found} into Go value of type {into}")
    return body


def read_delete_options(request: HttpRequest) -> Json:
    """The body of a DELETE with the query parameters that mean the same."""
    body: Any = {}
    if request.body:
        try:
            if media_type(request) == _PROTOBUF:
                body = protobuf.decode(request.body)
            else:
                body = yaml.load(request.body, _LOADER) if media_type(request) == "application/yaml" else json.loads(request.body)  # noqa: S506
        except (ValueError, yaml.YAMLError):
            raise bad_request("couldn't get version/kind; json parse error") from None
    if not isinstance(body, dict):
        body = {}
    options: Json = dict(body)
    grace = options.get("gracePeriodSeconds")
    if isinstance(grace, str):
        raise internal("json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64")
    if request.first("gracePeriodSeconds").isdigit():
        options["gracePeriodSeconds"] = int(request.first("gracePeriodSeconds"))
    if request.first("propagationPolicy"):
        options["propagationPolicy"] = request.first("propagationPolicy")
    if request.query.get("dryRun"):
        options["dryRun"] = list(request.query["dryRun"])
    return options
