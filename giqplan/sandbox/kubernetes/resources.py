"""Which resources an API server of this kind serves: the built-in ones from a table, custom ones from their definitions."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_name("resources.csv")
BUILT_IN_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
#: The order in which the real server lists the verbs of custom resources.
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One resource of one group version. ``definition`` is the version's entry of a CustomResourceDefinition, None if built in."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...] = BUILT_IN_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    list_kind: str = ""
    definition: Mapping[str, Any] | None = None
    crd_name: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def dotted(self) -> str:
        """``deployments.apps``, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def listed_as(self) -> str:
        return self.list_kind or f"{self.kind}List"

    @property
    def custom(self) -> bool:
        return self.definition is not None


@cache
def built_in() -> Mapping[tuple[str, str, str], Resource]:
    """Built-in resources by (group, version, plural), in the order in which groups are listed."""
    found = {}
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            words = {k: tuple(v.split()) for k, v in row.items() if k in ("verbs", "short_names", "categories", "subresources")}
            resource = Resource(
                group=row["group"],
                version=row["version"],
                plural=row["plural"],
                singular=row["kind"].lower(),
                kind=row["kind"],
                namespaced=row["scope"] == "N",
                verbs=words["verbs"] or BUILT_IN_VERBS,
                short_names=words["short_names"],
                categories=words["categories"],
                subresources=words["subresources"],
            )
            found[resource.group, resource.version, resource.plural] = resource
    return found


def from_definition(crd: Mapping[str, Any]) -> Iterable[Resource]:
    """The served versions of a CustomResourceDefinition."""
    spec = crd["spec"]
    names = spec["names"]
    for version in spec["versions"]:
        if version.get("served"):
            yield Resource(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                singular=names.get("singular") or names["kind"].lower(),
                kind=names["kind"],
                namespaced=spec["scope"] == "Namespaced",
                verbs=CUSTOM_VERBS,
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                subresources=tuple(k for k in ("status", "scale") if k in (version.get("subresources") or {})),
                list_kind=names.get("listKind") or f"{names['kind']}List",
                definition=version,
                crd_name=crd["metadata"]["name"],
            )


def version_rank(version: str) -> tuple[int, int, int]:
    """Newer and more stable first: v2 before v1 before v1beta1 (Kubernetes' version priority)."""
    import re

    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if match is None:
        return (9, 0, 0)
    return ({None: 0, "beta": 1, "alpha": 2}[match[2]], -int(match[1]), -int(match[3] or 0))
