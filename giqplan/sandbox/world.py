"""world.yaml: what the sandbox's cloud holds before anybody touches it. Strict: every mistake is told with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from giqplan.errors import ErrorList, Place, SandboxError

_DEFAULT_NUMBER = "123456789012"


@dataclass(frozen=True)
class CallerSpec:
    """Somebody with credentials: an IAM member, and roles on every project of the world."""

    name: str
    member: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class QuotaSpec:
    quota: str
    limit: int
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BucketSpec:
    """``objects``: (name, size in bytes); ``iam``: (role, members)."""

    name: str
    location: str
    uniform_access: bool
    objects: tuple[tuple[str, int], ...] = ()
    iam: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class ClusterSpec:
    """``create`` is what its maker asked GKE for, ``settings`` cluster fields laid over the result, ``kubernetes`` objects in it."""

    name: str
    location: str
    create: Mapping[str, Any]
    settings: Mapping[str, Any]
    kubernetes: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class ProjectSpec:
    id: str
    number: str
    apis: tuple[str, ...] = ()
    quotas: tuple[QuotaSpec, ...] = ()
    clusters: tuple[ClusterSpec, ...] = ()
    buckets: tuple[BucketSpec, ...] = ()
    iam: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class WorldSpec:
    """The first project is the one that the quickstart and most tests use. ``catalog``: the folder of the catalog that the GKE
    Recommender API answers from, "" = the one that giqplan ships."""

    projects: tuple[ProjectSpec, ...]
    callers: tuple[CallerSpec, ...]
    speed: float | None = None
    catalog: str = ""


OWNER = CallerSpec("owner", "user:owner@example.com", ("roles/owner",))


def empty_world(project: str) -> WorldSpec:
    """The world without a world.yaml: one project, APIs off, default quotas, nobody but its owner."""
    return WorldSpec((ProjectSpec(project, _DEFAULT_NUMBER),), (OWNER,))


def load_world(path: Path) -> WorldSpec:
    """Read world.yaml; SandboxError (an ErrorList when there are several) with lines."""
    from giqplan.sandbox.world_yaml import read_lines

    return _Reader(*read_lines(path)).world()


class _Reader:
    """Walks the document, noting every mistake; nothing is returned when there is one."""

    def __init__(self, file: str, document: Any, lines: Mapping[tuple[str | int, ...], tuple[int, int]]) -> None:
        self._file = file
        self._document = document
        self._lines = lines
        self._errors: list[SandboxError] = []

    def world(self) -> WorldSpec:
        whole = self._object(
            (), self._document, {"project": True, "otherProjects": False, "callers": False, "clock": False, "catalog": False, **_IN_PROJECT}
        )
        clock = self._object(("clock",), whole.get("clock"), {"speed": False})
        speed = clock.get("speed")
        if speed is not None and (isinstance(speed, bool) or not isinstance(speed, int | float) or speed < 0):
            self._error(("clock", "speed"), "a number of simulated seconds per second, 0 or more, is wanted")
        main = self._project((), whole, ("project",), whole.get("project"))
        others = [
            self._project(at, body, at, {k: v for k, v in body.items() if k in ("id", "number")})
            for at, body in self._items(("otherProjects",), whole.get("otherProjects"))
            if isinstance(body, dict) and self._object(at, body, {"id": True, "number": False, **_IN_PROJECT})
        ]
        callers, catalog = self._callers(whole.get("callers")), self._catalog(whole.get("catalog"))
        if self._errors:
            raise self._errors[0] if len(self._errors) == 1 else ErrorList(self._errors)
        return WorldSpec((main, *others), callers or (OWNER,), None if speed is None else float(speed), catalog)

    def _project(self, at: tuple[str | int, ...], body: Any, identity_at: tuple[str | int, ...], identity: Any) -> ProjectSpec:
        who = {} if identity is None else self._object(identity_at, identity, {"id": True, "number": False})
        body = body if isinstance(body, dict) else {}
        return ProjectSpec(
            id=self._text((*identity_at, "id"), who.get("id", ""), r"[a-z][a-z0-9-]{4,28}[a-z0-9]"),
            number=self._text((*identity_at, "number"), str(who.get("number", _DEFAULT_NUMBER)), r"\d{6,19}"),
            apis=tuple(self._text(p, v, r"[a-z0-9-]+(\.[a-z0-9-]+)+") for p, v in self._items((*at, "apis"), body.get("apis"))),
            quotas=tuple(self._quota(p, v) for p, v in self._items((*at, "quotas"), body.get("quotas"))),
            clusters=tuple(self._cluster(p, v) for p, v in self._items((*at, "clusters"), body.get("clusters"))),
            buckets=tuple(self._bucket(p, v) for p, v in self._items((*at, "buckets"), body.get("buckets"))),
            iam=self._iam((*at, "iam"), body.get("iam")),
        )

    def _catalog(self, value: Any) -> str:
        text = self._text(("catalog",), value or "", r".+")
        folder = (Path(self._file).parent / text).resolve()
        if text and not (folder / "catalog.json").is_file():
            self._error(("catalog",), f"no catalog (catalog.json) is in {folder}")
        return str(folder) if text else ""

    def _callers(self, value: Any) -> tuple[CallerSpec, ...]:
        result = []
        for name, body in self._mapping(("callers",), value).items():
            at = ("callers", name)
            row = self._object(at, body, {"member": True, "roles": False})
            roles = tuple(self._role(p, v) for p, v in self._items((*at, "roles"), row.get("roles")))
            member = self._text((*at, "member"), row.get("member", ""), r"(user|serviceAccount|group|principal):.+|principal://.+")
            result.append(CallerSpec(str(name), member, roles))
        return tuple(result)

    def _quota(self, at: tuple[str | int, ...], value: Any) -> QuotaSpec:
        from giqplan.sandbox.google.cloudquotas import quota_table

        row = self._object(at, value, {"quota": True, "limit": True, "dimensions": False})
        quota = self._text((*at, "quota"), row.get("quota", ""), r".+")
        known: Mapping[str, Any] = quota_table()["quotas"]
        if quota and quota not in known:
            self._error((*at, "quota"), f"no such quota: {quota!r}. The sandbox knows {', '.join(known)}")
        allowed = dict.fromkeys(known.get(quota, {}).get("dimensions", ()), False)
        dimensions = self._object((*at, "dimensions"), row.get("dimensions"), allowed)
        limit = row.get("limit", 0)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < -1:
            self._error((*at, "limit"), "a whole number is wanted (-1 = no limit)")
        return QuotaSpec(quota, limit, {k: self._text((*at, "dimensions", k), v, r".+") for k, v in dimensions.items()})

    def _bucket(self, at: tuple[str | int, ...], value: Any) -> BucketSpec:
        row = self._object(at, value, {"name": True, "location": True, "uniformAccess": False, "objects": False, "iam": False})
        objects = []
        for where, item in self._items((*at, "objects"), row.get("objects")):
            one = self._object(where, item, {"name": True, "size": True})
            size = one.get("size", 0)
            if isinstance(size, bool) or not isinstance(size, int) or size < 0:
                self._error((*where, "size"), "a size in bytes is wanted")
            objects.append((self._text((*where, "name"), one.get("name", ""), r".+"), size))
        uniform = row.get("uniformAccess", True)
        if not isinstance(uniform, bool):
            self._error((*at, "uniformAccess"), "true or false is wanted")
        name = self._text((*at, "name"), row.get("name", ""), r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
        location = self._text((*at, "location"), row.get("location", ""), r"[A-Za-z0-9-]+")
        return BucketSpec(name, location, bool(uniform), tuple(objects), self._iam((*at, "iam"), row.get("iam")))

    def _iam(self, at: tuple[str | int, ...], value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
        result = []
        for where, item in self._items(at, value):
            row = self._object(where, item, {"role": True, "members": True})
            members = tuple(self._text(p, v, r".+") for p, v in self._items((*where, "members"), row.get("members")))
            result.append((self._role((*where, "role"), row.get("role", "")), members))
        return tuple(result)

    def _cluster(self, at: tuple[str | int, ...], value: Any) -> ClusterSpec:
        from giqplan.sandbox.google.cluster_update import check_new
        from giqplan.sandbox.google.errors import ApiError
        from giqplan.sandbox.google.schema import normalised

        keys = {"name": True, "location": True, "autopilot": False, "version": False, "settings": False, "kubernetes": False}
        row = self._object(at, value, keys)
        name = self._text((*at, "name"), row.get("name", ""), r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
        location = self._text((*at, "location"), row.get("location", ""), r"[a-z]+-[a-z]+\d+(-[a-z])?")
        create: dict[str, Any] = {"name": name}
        if row.get("autopilot", True):
            create["autopilot"] = {"enabled": True}
        else:
            create["initialNodeCount"] = 1
        if row.get("version"):
            create["initialClusterVersion"] = str(row["version"])
        settings = row.get("settings") or {}
        try:
            check_new(dict(create) | {"initialClusterVersion": ""}, "")
            normalised("Cluster", settings, "settings")
        except ApiError as error:
            self._error((*at, "settings"), error.message)
        objects = []
        for where, item in self._items((*at, "kubernetes"), row.get("kubernetes")):
            if isinstance(item, dict) and {"apiVersion", "kind", "metadata"} <= set(item):
                objects.append(item)
            else:
                self._error(where, "a Kubernetes object with apiVersion, kind and metadata is wanted")
        return ClusterSpec(name, location, create, settings, tuple(objects))

    # -- small readers

    def _object(self, at: tuple[str | int, ...], value: Any, keys: Mapping[str, bool]) -> dict[str, Any]:
        """``value`` as an object with these keys; True marks those that must be there."""
        if value is None and not any(keys.values()):
            return {}
        if not isinstance(value, dict):
            self._error(at, "an object is wanted")
            return {}
        for key in value:
            if key not in keys:
                self._error((*at, key), f"unknown key {key!r}{_guess(str(key), keys)}")
        for key, needed in keys.items():
            if needed and value.get(key) is None:
                self._error(at, f"{key} is missing")
        return {key: inner for key, inner in value.items() if key in keys}

    def _mapping(self, at: tuple[str | int, ...], value: Any) -> dict[str, Any]:
        if value is not None and not isinstance(value, dict):
            self._error(at, "an object is wanted")
            return {}
        return value or {}

    def _items(self, at: tuple[str | int, ...], value: Any) -> list[tuple[tuple[str | int, ...], Any]]:
        if value is not None and not isinstance(value, list):
            self._error(at, "a list is wanted")
            return []
        return [((*at, index), item) for index, item in enumerate(value or [])]

    def _text(self, at: tuple[str | int, ...], value: Any, pattern: str) -> str:
        if not isinstance(value, str):
            self._error(at, "text is wanted")
            return ""
        if value and not re.fullmatch(pattern, value):
            self._error(at, f"{value!r} does not have the form {pattern}")
        return value

    def _role(self, at: tuple[str | int, ...], value: Any) -> str:
        from giqplan.sandbox.google.iam import known_role

        role = self._text(at, value, r"roles/[A-Za-z.]+")
        if role and not known_role(role):
            self._error(at, f"the sandbox does not know what {role} grants")
        return role

    def _error(self, at: tuple[str | int, ...], text: str) -> None:
        line, column = next((self._lines[at[:n]] for n in range(len(at), -1, -1) if at[:n] in self._lines), (1, 1))
        where = ".".join(str(step) for step in at)
        detail = f"{where}: {text}" if where else text
        self._errors.append(
            SandboxError("GIQ2004", detail, "Correct the file; docs/sandbox.md lists its keys.", Place(self._file, line, column))
        )


_IN_PROJECT = {"apis": False, "quotas": False, "clusters": False, "buckets": False, "iam": False}


def _guess(key: str, keys: Mapping[str, bool]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, keys, 1)
    return f"; did you mean {close[0]!r}?" if close else ""
