"""Label and field selectors: parsing with the server's messages, and matching."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from giqplan.sandbox.kubernetes.resources import Resource
from giqplan.sandbox.kubernetes.status import bad_request

_TOKEN = re.compile(r"\s*(==|!=|=|!|,|\(|\)|[^\s=!,()]+)")

#: Fields that a selector may name, besides metadata.name and metadata.namespace. Source: the registries of Kubernetes 1.33.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP"),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "jobs": ("status.successful",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets": ("status.replicas",),
}


@dataclass(frozen=True)
class Requirement:
    """One term of a label selector. ``operator``: = != in notin exists !exists."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        present = self.key in labels
        if self.operator == "exists":
            return present
        if self.operator == "!exists":
            return not present
        if self.operator in ("=", "in"):
            return present and labels[self.key] in self.values
        return not present or labels[self.key] not in self.values


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """A label selector; 400 in the server's words when it is none."""
    tokens = _TOKEN.findall(text)
    found: list[Requirement] = []
    at = 0

    def peek() -> str:
        return tokens[at] if at < len(tokens) else ""

    while at < len(tokens):
        if peek() == "!":
            found.append(Requirement(tokens[at + 1] if at + 1 < len(tokens) else "", "!exists"))
            at += 2
        else:
            key = tokens[at]
            at += 1
            word = peek()
            if word in ("", ","):
                found.append(Requirement(key, "exists"))
            elif word in ("=", "==", "!="):
                value = tokens[at + 1] if at + 1 < len(tokens) and tokens[at + 1] != "," else ""
                at += 2 if value else 1
                found.append(Requirement(key, "!=" if word == "!=" else "=", frozenset((value,))))
            elif word in ("in", "notin"):
                at += 1
                if peek() != "(":
                    raise bad_request(f"unable to parse requirement: found '{peek()}' expected: '('")
                end = tokens.index(")", at) if ")" in tokens[at:] else len(tokens)
                found.append(Requirement(key, word, frozenset(t for t in tokens[at + 1 : end] if t != ",")))
                at = end + 1
            else:
                raise bad_request(f"unable to parse requirement: found '{word}', expected: in, notin, =, ==, !=, gt, lt")
        if at < len(tokens):
            if peek() != ",":
                raise bad_request(f"found '{peek()}', expected: ',' or 'end of string'")
            at += 1
    return tuple(found)


def matches_labels(requirements: tuple[Requirement, ...], labels: Mapping[str, str] | None) -> bool:
    return all(r.matches(labels or {}) for r in requirements)


def selector_matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a LabelSelector object (matchLabels, matchExpressions) selects these labels."""
    labels = labels or {}
    selector = selector or {}
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    names = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!exists"}
    return all(
        Requirement(e["key"], names[e["operator"]], frozenset(e.get("values") or ())).matches(labels)
        for e in selector.get("matchExpressions") or ()
    )


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector as the text that ``status.selector`` of a Scale shows."""
    selector = selector or {}
    parts = [(k, f"{k}={v}") for k, v in (selector.get("matchLabels") or {}).items()]
    for e in selector.get("matchExpressions") or ():
        values = ",".join(sorted(e.get("values") or ()))
        text = {"In": f"{e['key']} in ({values})", "NotIn": f"{e['key']} notin ({values})", "Exists": e["key"]}
        parts.append((e["key"], text.get(e["operator"], f"!{e['key']}")))
    return ",".join(text for _, text in sorted(parts))


Matcher = Callable[[Mapping[str, Any]], bool]


def parse_fields(text: str, resource: Resource) -> tuple[dict[str, str], Matcher]:
    """A field selector: what it demands exactly (``metadata.name=x``), and a matcher of objects; 400 when it is none."""
    terms: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"(.*?)(!=|==|=)(.*)", part)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        key, operator, value = match.groups()
        allowed = ["metadata.name", *(["metadata.namespace"] if resource.namespaced else []), *_extra_fields(resource)]
        if key not in allowed:
            raise bad_request(_unknown_field(resource, key))
        terms.append((key, operator != "!=", value))

    def matcher(obj: Mapping[str, Any]) -> bool:
        return all((_field(obj, key) == value) == equal for key, equal, value in terms)

    return {key: value for key, equal, value in terms if equal}, matcher


def _extra_fields(resource: Resource) -> tuple[str, ...]:
    if resource.custom:
        declared = (resource.definition or {}).get("selectableFields") or ()
        return tuple(f["jsonPath"].lstrip(".") for f in declared)
    return _FIELDS.get(resource.plural, ())


def _unknown_field(resource: Resource, key: str) -> str:
    if resource.custom or resource.plural not in _FIELDS:
        known = '"metadata.name"' + (', "metadata.namespace"' if resource.namespaced else "")
        return f'"{key}" is not a known field selector: only {known}'
    return f"field label not supported: {key}"


def _field(obj: Mapping[str, Any], dotted: str) -> str:
    value: Any = obj
    for step in dotted.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
