#!/usr/bin/env python3
"""Builds schemas/kubernetes-1.33.json.gz: what giqplan/kube needs of Kubernetes' OpenAPI document, for the kinds in its table.

Source: the JSON schemas of Kubernetes 1.33 in the PyPI package ``kubernetes-validate`` (Apache-2.0; a dev dependency).
Descriptions are dropped. Same input, same bytes.
"""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from giqplan.kube.kinds import BUILTIN

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "schemas" / "kubernetes-1.33.json.gz"
SOURCE_VERSION = "v1.33.0-local"
META = "io.k8s.apimachinery.pkg."

KEPT = (
    "type",
    "format",
    "enum",
    "required",
    "default",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
)
#: Definitions that stand for a scalar or for anything at all.
SPECIAL: dict[str, dict[str, Any]] = {
    META + "api.resource.Quantity": {"format": "quantity"},
    META + "util.intstr.IntOrString": {"x-kubernetes-int-or-string": True},
    META + "apis.meta.v1.Time": {"type": "string", "format": "date-time"},
    META + "apis.meta.v1.MicroTime": {"type": "string", "format": "date-time"},
    META + "apis.meta.v1.FieldsV1": {"x-kubernetes-preserve-unknown-fields": True, "type": "object", "x-kubernetes-map-type": "atomic"},
    META + "runtime.RawExtension": {"x-kubernetes-preserve-unknown-fields": True, "type": "object"},
}
#: Defaults that the server's own schema carries and the JSON schemas lost: they complete the keys of keyed lists.
DEFAULTS = {"io.k8s.api.core.v1.ContainerPort": {"protocol": "TCP"}, "io.k8s.api.core.v1.ServicePort": {"protocol": "TCP"}}


def compact(node: dict[str, Any], found: set[str]) -> dict[str, Any]:
    """``node`` with only what is kept; names of referred definitions are added to ``found``."""
    out = {k: node[k] for k in KEPT if k in node}
    if isinstance(out.get("type"), list):
        out["type"] = next(t for t in out["type"] if t != "null")
    if "enum" in out:
        out["enum"] = [v for v in out["enum"] if v is not None]
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        found.add(name)
        out["$ref"] = name
    if "properties" in node:
        out["properties"] = {k: compact(v, found) for k, v in node["properties"].items()}
    if "items" in node:
        out["items"] = compact(node["items"], found)
    if isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = compact(node["additionalProperties"], found)
    return out


def builtin_definitions() -> tuple[dict[str, str], dict[str, Any]]:
    """(kind -> definition, definitions) of the built-in kinds of the table and of all they refer to."""
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / SOURCE_VERSION
    source = json.loads((folder / "_definitions.json").read_text())["$defs"]
    kinds: dict[str, str] = {}
    for name, node in source.items():
        for gvk in node.get("x-kubernetes-group-version-kind", ()):
            kinds.setdefault(f"{gvk['group']}/{gvk['version']} {gvk['kind']}".lstrip("/"), name)
    wanted = {f"{i.api_version} {i.kind}" for i in BUILTIN}
    chosen = {k: name for k, name in kinds.items() if k in wanted}
    definitions: dict[str, Any] = {}
    open_names = {*chosen.values(), META + "apis.meta.v1.ObjectMeta"}
    while open_names:
        name = open_names.pop()
        found: set[str] = set()
        special = SPECIAL.get(name) or (source[name] == {} and {}) or None
        if special is None and "properties" not in source[name] and "type" not in source[name]:
            special = {"x-kubernetes-preserve-unknown-fields": True}
        definitions[name] = compact(source[name], found) if special is None else special
        for field, value in DEFAULTS.get(name, {}).items():
            definitions[name]["properties"][field]["default"] = value
        open_names |= found - definitions.keys()
    return chosen, definitions


def document() -> bytes:
    """The file's bytes."""
    kinds, definitions = builtin_definitions()
    body = {"version": "1.33", "kinds": kinds, "definitions": definitions}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return gzip.compress(text.encode(), 9, mtime=0)


if __name__ == "__main__":
    TARGET.write_bytes(document())
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size} bytes")
