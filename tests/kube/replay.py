"""Replays recordings of a real API server against the pure functions: each step starts from what the server really held before it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from giqplan.kube import kinds, schema
from giqplan.kube.defaults import with_defaults
from giqplan.kube.patch import json_patch, merge_patch, strategic_merge_patch
from giqplan.kube.refusal import Cause, Refusal
from giqplan.kube.ssa import conflict_causes, conflict_message, server_side_apply
from giqplan.kube.typed import decode_error
from giqplan.kube.update import track_update
from giqplan.kube.validate import validate

RECORDINGS = Path(__file__).with_name("recordings")
NOW = "<time>"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
#: Filled in by a server, not by the model.
SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
SERVICE_FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")


@dataclass(frozen=True)
class Step:
    """One recorded request with the object that stood at its path before, and the answer."""

    scenario: str
    number: int
    about: str
    request: dict[str, Any]
    status: int
    answer: Any
    live: dict[str, Any] | None
    schema: schema.Schema
    info: kinds.KindInfo

    @property
    def name(self) -> str:
        return f"{self.scenario}-{self.number}"


class _Crds:
    def __init__(self) -> None:
        self.found: dict[tuple[str, str, str], tuple[kinds.KindInfo, schema.Schema]] = {}

    def add(self, crd: dict[str, Any]) -> None:
        spec = crd["spec"]
        for version in spec["versions"]:
            names = spec["names"]
            status = "status" in (version.get("subresources") or {})
            namespaced = spec["scope"] == "Namespaced"
            info = kinds.KindInfo(
                spec["group"],
                version["name"],
                names["kind"],
                names["plural"],
                names["kind"].lower(),
                namespaced,
                has_status=status,
                has_generation=True,
            )
            shape = schema.from_crd(version["schema"]["openAPIV3Schema"])
            self.found[spec["group"], version["name"], names["plural"]] = info, shape

    def get(self, group: str, version: str, plural: str) -> tuple[kinds.KindInfo, schema.Schema] | None:
        if (group, version, plural) in self.found:
            return self.found[group, version, plural]
        try:
            info = kinds.by_plural(group, version, plural)
        except KeyError:
            return None
        return info, schema.builtin(info.api_version, info.kind)


def split_path(path: str) -> tuple[str, str, str, str, str, str]:
    """(group, version, namespace, plural, name, subresource)"""
    parts = path.strip("/").split("/")
    group, rest = ("", parts[1:]) if parts[0] == "api" else (parts[1], parts[2:])
    version, rest = rest[0], rest[1:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    rest += ["", "", ""]
    return group, version, namespace, rest[0], rest[1], rest[2]


def steps(path: Path) -> Iterator[Step]:
    """The writes of one recording that concern objects of known kinds."""
    recording = json.loads(path.read_text())
    crds = _Crds()
    for name in recording.get("setup") or ():
        found = path.parent / name
        if found.exists():
            crds.add(json.loads(found.read_text()))
    held: dict[str, dict[str, Any]] = {}
    for number, step in enumerate(recording["steps"], 1):
        request, response = step["request"], step["response"]
        answer, status, method = response["body"], response["status"], request["method"]
        if not request["path"].startswith("/api") or request["path"].count("/") < 4:
            continue
        group, version, namespace, plural, name, subresource = split_path(request["path"])
        known = crds.get(group, version, plural)
        body = request.get("body")
        if isinstance(body, dict) and body.get("kind") == "CustomResourceDefinition" and status in (200, 201):
            crds.add(body)
        if known is None:
            continue
        name = name or (answer.get("metadata", {}).get("name") if isinstance(answer, dict) and status == 201 else "") or ""
        key = f"{group}/{namespace}/{plural}/{name}"
        if method in ("PUT", "POST", "PATCH"):
            done = Step(recording["name"], number, step["about"], request, status, answer, held.get(key), known[1], known[0])
            if not step.get("only_state"):
                yield done
        dry = (request.get("query") or {}).get("dryRun")
        if method == "DELETE" and not dry:
            held.pop(key, None)
        elif (
            200 <= status < 300
            and not dry
            and isinstance(answer, dict)
            and answer.get("kind") == known[0].kind
            and not request.get("select")
        ):
            held[key] = answer
        elif status < 300 and subresource == "scale" and not dry and method != "GET":
            held[key] = play(done).body


@dataclass(frozen=True)
class Outcome:
    """What the model says: a status, and the object, or message and causes."""

    status: int
    body: Any = None
    message: str = ""
    causes: tuple[Any, ...] = ()


def play(step: Step) -> Outcome:
    """What the model answers to the step's request."""
    try:
        return _play(step)
    except Refusal as refusal:
        return Outcome(refusal.status, message=refusal.message, causes=refusal.causes)


def _play(step: Step) -> Outcome:
    query = step.request.get("query") or {}
    content = step.request.get("content_type") or ""
    subresource = split_path(step.request["path"])[5]
    body = step.request.get("body")
    if step.request["method"] == "PATCH" and "apply" in content:
        done = server_side_apply(
            _without_times(step.live),
            _named(body, step),
            manager=query["fieldManager"],
            schema=step.schema,
            force=query.get("force") in ("true", "maybe"),
            now=NOW,
            subresource=subresource,
        )
        if done.conflicts:
            return Outcome(409, message=conflict_message(done.conflicts), causes=conflict_causes(done.conflicts))
        return _stored(step, dict(done.object))
    manager = query.get("fieldManager", "oracle")
    if subresource == "scale":
        assert step.live is not None
        after = {**step.live, "spec": {**step.live["spec"], "replicas": body["spec"]["replicas"]}}
        return Outcome(200, track_update(step.live, after, manager=manager, now=NOW, schema=step.schema, subresource="scale"))
    if step.request["method"] == "PATCH":
        assert step.live is not None
        after = {
            "json": lambda: json_patch(step.live or {}, body),
            "merge": lambda: merge_patch(step.live or {}, body),
            "strategic": lambda: strategic_merge_patch(step.live or {}, body, step.schema),
        }[content.partition("/")[2].partition("-")[0]]()
    else:
        after = _named(body, step)
        after = {**after, "metadata": {**_kept(step.live), **after.get("metadata", {})}}
    problem = decode_error(after, step.schema)
    if problem and not step.schema.is_custom:
        if step.request["method"] == "PATCH":
            return Outcome(422, causes=(Cause("FieldValueInvalid", f"Invalid value: <object>: {problem}", "patch"),))
        kind = step.info.kind
        return Outcome(400, message=f'{kind} in version "{step.info.version}" cannot be handled as a {kind}: {problem}')
    written = _written(step, after, subresource)
    tracked = track_update(_without_times(step.live), written, manager=manager, now=NOW, schema=step.schema, subresource=subresource)
    return _stored(step, tracked)


def _kept(live: dict[str, Any] | None) -> dict[str, Any]:
    return {k: v for k, v in (live or {}).get("metadata", {}).items() if k in SERVER_FIELDS}


def _written(step: Step, after: dict[str, Any], subresource: str) -> dict[str, Any]:
    """What a write to a subresource may change, and status not at all without one."""
    live = step.live or {}
    if subresource == "status":
        return {**live, "status": with_defaults(after, step.schema).get("status", {})}
    if step.info.has_status:
        after = {k: v for k, v in after.items() if k != "status"}
        if "status" in live:
            after["status"] = live["status"]
    after = {**after, "metadata": {**after.get("metadata", {}), **_kept(step.live)}}
    entries = after["metadata"].pop("managedFields", None)
    out = with_defaults(after, step.schema)
    if entries is not None:
        out["metadata"]["managedFields"] = entries
    return _without_clock(out)


def _without_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_clock(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_clock(v) for v in value]
    return "<time>" if isinstance(value, str) and TIME.fullmatch(value) else value


def _stored(step: Step, body: dict[str, Any]) -> Outcome:
    problems = validate(body, step.live, step.info, step.schema)
    if problems:
        return Outcome(422, causes=problems)
    return Outcome(201 if step.live is None else 200, body)


def _named(body: dict[str, Any], step: Step) -> dict[str, Any]:
    _, _, namespace, _, name, _ = split_path(step.request["path"])
    meta = dict(body.get("metadata") or {})
    if name:
        meta.setdefault("name", name)
    if namespace:
        meta.setdefault("namespace", namespace)
    return {**body, "metadata": meta}


def _without_times(live: dict[str, Any] | None) -> dict[str, Any] | None:
    return live


def judged(body: Any, info: kinds.KindInfo) -> Any:
    """An object without what only a server fills in."""
    out = json.loads(json.dumps(body))
    meta = out.get("metadata", {})
    for name in SERVER_FIELDS:
        meta.pop(name, None)
    entries = [{k: v for k, v in e.items() if k != "time"} for e in meta.pop("managedFields", None) or ()]
    meta["managedFields"] = sorted(entries, key=lambda e: json.dumps(e, sort_keys=True))
    if info.kind == "Service":
        for name in SERVICE_FIELDS:
            out["spec"].pop(name, None)
        for port in out["spec"].get("ports") or ():
            port.pop("nodePort", None)
    if info.kind == "Namespace":
        out.get("spec", {}).pop("finalizers", None)
    return _without_clock(out)


def _without_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_clock(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_clock(v) for v in value]
    return "<time>" if isinstance(value, str) and TIME.fullmatch(value) else value
