"""GET: one object, lists with selectors and pages, watches."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.kubernetes import tables
from giqplan.sandbox.kubernetes.accept import Accept, metadata_only
from giqplan.sandbox.kubernetes.objects import Change, Objects, item_text
from giqplan.sandbox.kubernetes.resources import Resource
from giqplan.sandbox.kubernetes.selectors import Matcher, Requirement, matches_labels, parse_fields, parse_labels
from giqplan.sandbox.kubernetes.status import ApiStatusError, bad_request, cause, gone, internal, invalid, not_found
from giqplan.sandbox.kubernetes.target import Target
from giqplan.sandbox.wire import HttpRequest, HttpResponse

Json = dict[str, Any]
#: Stored form -> the form of the asked version (they differ for autoscaling/v1 and for custom kinds of several versions).
Convert = Callable[[Resource, Json], Json]

_TICK_S = 0.2  # how often a waiting watch lets the clock run what is due
_BOOKMARK_S = 60.0
_WATCH_S = 1800.0  # how long a watch lives that does not say (the server's --min-request-timeout)


@dataclass(frozen=True)
class Selection:
    """What a list or watch asks for."""

    namespace: str
    requirements: tuple[Requirement, ...]
    exact: dict[str, str]
    fields: Matcher
    has_fields: bool

    def matches(self, obj: Json) -> bool:
        return matches_labels(self.requirements, obj["metadata"].get("labels")) and self.fields(obj)

    @property
    def plain(self) -> bool:
        """Whether the index alone answers it, without looking into the objects."""
        return not self.has_fields and (not self.requirements or (len(self.requirements) == 1 and self.requirements[0].operator == "="))


class Reader:
    """The reading half of one API server."""

    def __init__(self, objects: Objects, clock: Clock, convert: Convert) -> None:
        self._objects = objects
        self._clock = clock
        self._convert = convert

    def get(self, target: Target, request: HttpRequest, accept: Accept) -> HttpResponse:
        """One object."""
        _check_version(request.first("resourceVersion"))
        text = self._objects.text(target.resource, target.namespace, target.name)
        if text is None:
            raise not_found(target.resource, target.name)
        if not accept.shape and not self._converted(target.resource):
            return HttpResponse(200, text.encode())
        return HttpResponse(200, self.shown(target.resource, json.loads(text), accept, request.first("includeObject", "Metadata")))

    def shown(self, resource: Resource, obj: Json, accept: Accept, include: str = "Metadata") -> Json:
        """An object as the caller wants to see it."""
        obj = self._convert(resource, obj)
        if accept.shape == "PartialObjectMetadata":
            return metadata_only(obj)
        if accept.shape == "Table":
            return tables.table(
                resource, (obj,), self._clock.now(), include, {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            )
        return obj

    def _converted(self, resource: Resource) -> bool:
        return resource.custom or (resource.group, resource.version) == ("autoscaling", "v1")

    def selection(self, target: Target, request: HttpRequest) -> Selection:
        """The selectors of a list, watch or deletecollection; 400 when they are none."""
        requirements = parse_labels(request.first("labelSelector"))
        text = request.first("fieldSelector")
        exact, fields = parse_fields(text, target.resource)
        if target.name:  # the old /watch/... form and a watch of one object
            exact["metadata.name"] = target.name
        return Selection(target.namespace or exact.get("metadata.namespace", ""), requirements, exact, fields, bool(text))

    def select(
        self, resource: Resource, selection: Selection, after: tuple[str, str] | None = None
    ) -> Iterator[tuple[str, str, str, Json | None]]:
        """(namespace, name, text, parsed object if it had to be looked at)."""
        name = selection.exact.get("metadata.name", "")
        for namespace, key, text in self._objects.texts(resource, selection.namespace, selection.requirements, name, after):
            if selection.plain:
                yield namespace, key, text, None
                continue
            obj = json.loads(text)
            if selection.matches(obj):
                yield namespace, key, text, obj

    def page(self, target: Target, request: HttpRequest, accept: Accept) -> HttpResponse:
        """A list, in the order of namespace and name; ``limit`` and ``continue`` as the server has them."""
        resource = target.resource
        version = request.first("resourceVersion")
        _check_version(version)
        _check_list_options(request)
        selection = self.selection(target, request)
        limit = int(request.first("limit") or 0) if request.first("limit").isdigit() else 0
        rv, after = str(self._objects.last_rv), None
        if request.first("continue"):
            rv, after = _decode_continue(request.first("continue"), self._objects.oldest_rv)
        rows: list[tuple[str, Json | None]] = []
        more, rest, last = "", 0, ("", "")
        for namespace, name, text, obj in self.select(resource, selection, after):
            if limit and len(rows) == limit:
                more = more or _encode_continue(rv, last)
                rest += 1
                continue
            rows.append((text, obj))
            last = (namespace, name)
        meta: Json = {"resourceVersion": rv}
        if more:
            meta["continue"] = more
            if selection.plain and not selection.requirements:
                meta["remainingItemCount"] = rest
        return self._list_response(resource, rows, meta, request, accept)

    def _list_response(
        self, resource: Resource, rows: list[tuple[str, Json | None]], meta: Json, request: HttpRequest, accept: Accept
    ) -> HttpResponse:
        if accept.shape:
            objects = [self._convert(resource, obj or json.loads(text)) for text, obj in rows]
            if accept.shape == "Table":
                return HttpResponse(
                    200, tables.table(resource, objects, self._clock.now(), request.first("includeObject", "Metadata"), meta)
                )
            items = [metadata_only(o) for o in objects]
            return HttpResponse(
                200, {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": items}
            )
        if self._converted(resource):
            texts = [
                json.dumps(self._convert(resource, obj or json.loads(text)), separators=(",", ":"), ensure_ascii=False)
                for text, obj in rows
            ]
            if resource.custom:
                meta = {"continue": "", **meta}
        else:
            texts = [item_text(text, resource) for text, _ in rows]
        head = json.dumps({"kind": resource.listed_as, "apiVersion": resource.api_version, "metadata": meta}, separators=(",", ":"))
        return HttpResponse(200, (head[:-1] + ',"items":[' + ",".join(texts) + "]}").encode())

    def watch(self, target: Target, request: HttpRequest, accept: Accept) -> HttpResponse:
        """A stream of events. Without a resourceVersion (or with 0) it begins with what is there; too old a one is an ERROR event 410."""
        _check_watch_options(request)
        version = request.first("resourceVersion")
        _check_version(version)
        selection = self.selection(target, request)
        start = int(version or 0)
        first: list[bytes] = []
        if start == 0:
            rv = self._objects.last_rv
            for _, _, text, obj in list(self.select(target.resource, selection)):
                first.append(self._event("ADDED", target.resource, obj or json.loads(text), accept))
            start = rv
        elif start < self._objects.oldest_rv:
            error = gone(f"too old resource version: {start} ({self._objects.oldest_rv})")
            first.append(_line({"type": "ERROR", "object": error.body}))
            return HttpResponse(200, headers=_JSON, stream=iter(first))
        text = request.first("timeoutSeconds")
        timeout_s = float(text) if text.isdigit() and int(text) else _WATCH_S
        bookmarks = request.first("allowWatchBookmarks") in ("true", "1")
        return HttpResponse(200, headers=_JSON, stream=self._stream(target.resource, selection, accept, first, start, timeout_s, bookmarks))

    def _stream(
        self, resource: Resource, selection: Selection, accept: Accept, first: list[bytes], start: int, timeout_s: float, bookmarks: bool
    ) -> Iterator[bytes]:
        yield from first
        end, seen = monotonic() + timeout_s, start
        next_bookmark = monotonic() + _BOOKMARK_S
        while monotonic() < end:
            with self._objects.store.lock:
                changes = self._objects.changes(resource, selection.namespace, seen)
                seen = max(seen, self._objects.last_rv)
            for change in changes:
                event = self._seen_change(resource, selection, change)
                if event is not None:
                    yield self._event(*event, accept)
            if bookmarks and monotonic() >= next_bookmark:
                next_bookmark = monotonic() + _BOOKMARK_S
                yield self._bookmark(resource, seen, accept)
            with self._objects.changed:
                self._objects.changed.wait_for(lambda: self._objects.last_rv > seen, min(_TICK_S, max(0.0, end - monotonic())))  # noqa: B023
            self._clock.settle()
        if bookmarks:
            yield self._bookmark(resource, seen, accept)

    def _seen_change(self, resource: Resource, selection: Selection, change: Change) -> tuple[str, Resource, Json] | None:
        """The event that a watcher with this selection sees: coming into the selection is ADDED, leaving it DELETED."""
        name = selection.exact.get("metadata.name")
        if name is not None and name != change.name:
            return None
        obj = json.loads(change.body)
        matches = selection.matches(obj)
        if change.type != "MODIFIED":
            return (change.type, resource, obj) if matches else None
        before = matches if change.before is None else selection.matches(json.loads(change.before))
        if matches:
            return ("MODIFIED" if before else "ADDED", resource, obj)
        return ("DELETED", resource, obj) if before else None

    def _event(self, kind: str, resource: Resource, obj: Json, accept: Accept) -> bytes:
        return _line({"type": kind, "object": self.shown(resource, obj, accept)})

    def _bookmark(self, resource: Resource, rv: int, accept: Accept) -> bytes:
        meta: Json = {"resourceVersion": str(rv), "creationTimestamp": None}
        kind, version = resource.kind, resource.api_version
        if accept.shape:
            kind, version = "PartialObjectMetadata", "meta.k8s.io/v1"
        return _line({"type": "BOOKMARK", "object": {"kind": kind, "apiVersion": version, "metadata": meta}})


_JSON = {"Content-Type": "application/json"}


def _line(event: Json) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _check_version(text: str) -> None:
    if text and not text.isdigit():
        raise internal(f'strconv.ParseUint: parsing "{text}": invalid syntax')


def _check_list_options(request: HttpRequest) -> None:
    match = request.first("resourceVersionMatch")
    if match and not request.first("resourceVersion"):
        raise _list_options(
            [cause("FieldValueForbidden", "resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")]
        )


def _check_watch_options(request: HttpRequest) -> None:
    """sendInitialEvents is behind a feature gate that is off in 1.33 (recorded)."""
    causes = []
    if "sendInitialEvents" in request.query:
        if request.first("resourceVersionMatch") != "NotOlderThan":
            text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            causes.append(cause("FieldValueForbidden", "resourceVersionMatch", text))
        text = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        causes.append(cause("FieldValueForbidden", "sendInitialEvents", text))
    elif request.first("resourceVersionMatch"):
        text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        causes.append(cause("FieldValueForbidden", "resourceVersionMatch", text))
    if causes:
        raise _list_options(causes)


def _list_options(causes: list[Json]) -> ApiStatusError:
    return invalid("ListOptions", "meta.k8s.io", "", causes)


def _encode_continue(rv: str, last: tuple[str, str]) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": int(rv), "start": f"{last[0]}/{last[1]}"})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode_continue(token: str, oldest: int) -> tuple[str, tuple[str, str]]:
    try:
        body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, _, name = body["start"].partition("/")
        rv = int(body["rv"])
    except (ValueError, KeyError, TypeError):
        raise bad_request("continue key is not valid: invalid character in the token") from None
    if rv < oldest:
        raise gone(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
            "continue parameter, or use the continue token in this response to retrieve the remainder of the results."
        )
    return str(rv), (namespace, name)
