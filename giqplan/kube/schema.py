"""Schemas of Kubernetes objects: a compact OpenAPI document for the built-in kinds, and the schema of a CustomResourceDefinition.

Built-in schemas come from ``schemas/kubernetes-1.33.json.gz``, made by ``scripts/build_kube_schema.py`` from the OpenAPI document of
Kubernetes 1.33 (Apache-2.0). Nodes are made when they are first asked for, so a kind costs what of it is walked.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from giqplan.data_files import data_path
from giqplan.kube import custom
from giqplan.kube.values import JsonObject

SCHEMA_FILE = "kubernetes-1.33.json.gz"


class Schema:
    """One node. ``type`` is ``object``, ``array``, ``string``, ``integer``, ``number``, ``boolean`` or empty (anything goes).

    ``go_name`` is the Go type's name of a built-in definition; ``raw`` the OpenAPI node itself, for what has no attribute here
    (``pattern``, ``minimum``, ``x-kubernetes-validations`` ...).
    Treat as immutable. Equal nodes are shared, so identity compares cheaply.
    """

    def __init__(self, raw: JsonObject, definitions: Mapping[str, Any], cache: dict[str, Schema]) -> None:
        self.raw = raw
        self._definitions = definitions
        self._cache = cache
        kinds = raw.get("type", "")
        self.type: str = kinds if isinstance(kinds, str) else next((k for k in kinds if k != "null"), "")
        self.list_type: str = raw.get("x-kubernetes-list-type", "atomic") if self.type == "array" else ""
        self.list_map_keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys", ())) if self.list_type == "map" else ()
        self.map_type: str = raw.get("x-kubernetes-map-type", "granular")
        self.int_or_string: bool = bool(raw.get("x-kubernetes-int-or-string"))
        self.quantity: bool = raw.get("format") == "quantity"
        self.preserve_unknown: bool = bool(raw.get("x-kubernetes-preserve-unknown-fields"))
        self.embedded: bool = bool(raw.get("x-kubernetes-embedded-resource"))
        self.nullable: bool = bool(raw.get("nullable"))
        self.required: tuple[str, ...] = tuple(raw.get("required", ()))
        self.enum: tuple[Any, ...] = tuple(raw.get("enum", ()))
        self.go_name: str = raw.get("x-giqplan-name", "")
        self._properties: JsonObject = raw.get("properties", {})
        self._children: dict[str, Schema | None] = {}

    def __repr__(self) -> str:
        return f"Schema({self.type or 'any'}, {sorted(self._properties)[:5]})"

    @property
    def has_default(self) -> bool:
        """Whether the schema itself gives the field a default (CRDs, and the protocol of ports)."""
        return "default" in self.raw

    @property
    def default(self) -> Any:
        """The default; None when there is none."""
        return self.raw.get("default")

    @property
    def merge_key(self) -> str:
        """The key by which a strategic merge patch merges this list; empty: the list is replaced, or a set of scalars."""
        return str(self.raw.get("x-kubernetes-patch-merge-key", ""))

    @property
    def patch_strategies(self) -> tuple[str, ...]:
        """``merge``, ``replace``, ``retainKeys`` as the Go struct tags say."""
        return tuple(filter(None, str(self.raw.get("x-kubernetes-patch-strategy", "")).split(",")))

    @cached_property
    def is_custom(self) -> bool:
        """Whether this is the top of a custom resource's schema."""
        return bool(self.raw.get("x-giqplan-custom"))

    @cached_property
    def properties(self) -> Mapping[str, Schema]:
        """All named fields."""
        return {name: child for name in self._properties if (child := self.field(name)) is not None}

    @cached_property
    def items(self) -> Schema:
        """The schema of list items; ``ANY`` when the document has none."""
        return self._node(self.raw["items"]) if "items" in self.raw else ANY

    @cached_property
    def additional(self) -> Schema | None:
        """The schema of a map's values; None when this is no map."""
        extra = self.raw.get("additionalProperties")
        if extra is None or extra is False:
            return None
        return ANY if extra is True else self._node(extra)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the declared fields, in the document's order."""
        return tuple(self._properties)

    @cached_property
    def is_map(self) -> bool:
        """Whether keys are free (labels, resources.limits) instead of declared."""
        return not self._properties and (self.additional is not None)

    def field(self, name: str) -> Schema | None:
        """The schema of the field ``name``: declared, a map's value, ANY where unknown fields are kept; None = not in the schema."""
        try:
            return self._children[name]
        except KeyError:
            child = self._children[name] = self._field(name)
            return child

    def _field(self, name: str) -> Schema | None:
        raw = self._properties.get(name)
        if raw is not None:
            return self._node(raw)
        if self.additional is not None:
            return self.additional
        return ANY if self.preserve_unknown or not self.type else None

    def _node(self, raw: JsonObject) -> Schema:
        name = raw.get("$ref")
        if name is None:
            return Schema(raw, self._definitions, self._cache)
        extra = {k: v for k, v in raw.items() if k != "$ref"}
        if extra:
            return Schema({**_named(self._definitions, name), **extra}, self._definitions, self._cache)
        found = self._cache.get(name)
        if found is None:
            found = self._cache[name] = Schema(_named(self._definitions, name), self._definitions, self._cache)
        return found


def _named(definitions: Mapping[str, Any], name: str) -> JsonObject:
    """A definition with the name of its Go type, for messages."""
    return {**definitions[name], "x-giqplan-name": name.rpartition(".")[2]}


#: The schema that says nothing: every value is allowed, maps merge by key, lists are atomic.
ANY = Schema({}, {}, {})


@cache
def _document() -> JsonObject:
    """The whole compact document: ``kinds`` ("apps/v1 Deployment" -> definition name) and ``definitions``."""
    return dict(json.loads(gzip.decompress(data_path("schemas", SCHEMA_FILE).read_bytes())))


@cache
def _nodes() -> dict[str, Schema]:
    return {}


def known(api_version: str, kind: str) -> bool:
    """Whether ``builtin`` has the kind."""
    name = f"{api_version} {kind}"
    return name in custom.SCHEMAS or name in _document()["kinds"]


@cache
def builtin(api_version: str, kind: str) -> Schema:
    """The schema of a kind in the table of kinds: the built-in ones and the custom ones that giqplan writes. KeyError for others."""
    name = f"{api_version} {kind}"
    return from_crd(custom.SCHEMAS[name]) if name in custom.SCHEMAS else definition(_document()["kinds"][name])


def definition(name: str) -> Schema:
    """One definition of the document, such as ``io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta``."""
    definitions, nodes = _document()["definitions"], _nodes()
    if name not in nodes:
        nodes[name] = Schema(_named(definitions, name), definitions, nodes)
    return nodes[name]


OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def from_crd(schema: JsonObject) -> Schema:
    """The schema of a custom resource: ``schema`` is the ``openAPIV3Schema`` of one version of its CustomResourceDefinition.

    ``apiVersion``, ``kind`` and ``metadata`` are what they are in every object (apiextensions-apiserver adds them, whatever stands there).
    """
    properties = dict(schema.get("properties", {}))
    properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"$ref": OBJECT_META}}
    return Schema({**schema, "type": "object", "properties": properties, "x-giqplan-custom": True}, _document()["definitions"], _nodes())
