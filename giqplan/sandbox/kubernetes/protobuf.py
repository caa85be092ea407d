"""Bodies in Kubernetes' protobuf form, for the kinds that ``kubectl create`` and ``kubectl auth`` send so.

Envelope: the bytes ``k8s\\0``, then ``runtime.Unknown``. Field numbers: the generated.proto files of k8s.io/api and
k8s.io/apimachinery 1.33. A field that the table lacks makes the body unreadable (415), never silently smaller.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
_MAGIC = b"k8s\x00"

#: message -> field number -> (JSON name, type). Types: s text, b bool, i integer, x bytes as base64, M<s|x> map, L<type> list, - ignored,
#: else a message.
_MESSAGES: Mapping[str, Mapping[int, tuple[str, str]]] = {
    "ObjectMeta": {
        1: ("name", "s"),
        2: ("generateName", "s"),
        3: ("namespace", "s"),
        4: ("selfLink", "-"),
        5: ("uid", "s"),
        6: ("resourceVersion", "s"),
        7: ("generation", "i"),
        8: ("creationTimestamp", "-"),
        11: ("labels", "Ms"),
        12: ("annotations", "Ms"),
        14: ("finalizers", "Ls"),
    },
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "-"), 3: ("status", "-")},
    "ConfigMap": {1: ("metadata", "ObjectMeta"), 2: ("data", "Ms"), 3: ("binaryData", "Mx"), 4: ("immutable", "b")},
    "Secret": {1: ("metadata", "ObjectMeta"), 2: ("data", "Mx"), 3: ("type", "s"), 4: ("stringData", "Ms"), 5: ("immutable", "b")},
    "ServiceAccount": {1: ("metadata", "ObjectMeta"), 4: ("automountServiceAccountToken", "b")},
    "SelfSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "AccessSpec"), 3: ("status", "-")},
    "AccessSpec": {1: ("resourceAttributes", "ResourceAttributes"), 2: ("nonResourceAttributes", "NonResourceAttributes")},
    "ResourceAttributes": {
        1: ("namespace", "s"),
        2: ("verb", "s"),
        3: ("group", "s"),
        4: ("version", "s"),
        5: ("resource", "s"),
        6: ("subresource", "s"),
        7: ("name", "s"),
    },
    "NonResourceAttributes": {1: ("path", "s"), 2: ("verb", "s")},
    "SelfSubjectRulesReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "RulesSpec"), 3: ("status", "-")},
    "RulesSpec": {1: ("namespace", "s")},
    "SelfSubjectReview": {1: ("metadata", "ObjectMeta"), 2: ("status", "-")},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "i"),
        2: ("preconditions", "Preconditions"),
        3: ("orphanDependents", "b"),
        4: ("propagationPolicy", "s"),
        5: ("dryRun", "Ls"),
    },
    "Preconditions": {1: ("uid", "s"), 2: ("resourceVersion", "s")},
}


class UnreadableError(ValueError):
    """The body is no protobuf, or of a kind or with a field that the table lacks."""


def decode(data: bytes) -> Json:
    """The object in the envelope, with its kind and apiVersion. UnreadableError."""
    if not data.startswith(_MAGIC):
        raise UnreadableError("no envelope")
    try:
        envelope = dict(_fields(data[len(_MAGIC) :]))
        kind_fields = {number: bytes(value).decode() for number, value in _fields(envelope[1])}
        version, kind = kind_fields.get(1, ""), kind_fields.get(2, "")
        return {"kind": kind, "apiVersion": version, **_message(envelope.get(2, b""), kind)}
    except (KeyError, IndexError, TypeError, UnicodeDecodeError) as e:
        raise UnreadableError(str(e)) from None


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, value): an int for varints, bytes for what has a length."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise UnreadableError("the body ends early")
            yield number, data[at : at + size]
            at += size
        else:
            raise UnreadableError(f"wire type {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _message(data: bytes, name: str) -> Json:
    table = _MESSAGES[name]
    found: Json = {}
    for number, value in _fields(data):
        field, kind = table[number]
        if kind == "-":  # what only the server writes, and an empty message that stands for nothing
            continue
        if kind[0] == "M":
            pair = dict(_fields(value))
            found.setdefault(field, {})[pair.get(1, b"").decode()] = _scalar(pair.get(2, b""), kind[1])
        elif kind[0] == "L":
            found.setdefault(field, []).append(_scalar(value, kind[1]))
        elif kind in ("s", "b", "i", "x"):
            if value != b"" and not (kind == "i" and value == 0 and field == "generation"):
                found[field] = _scalar(value, kind)
        else:
            found[field] = _message(value, kind)
    return found


def _scalar(value: Any, kind: str) -> Any:
    if kind == "s":
        return value.decode()
    if kind == "x":
        return base64.b64encode(value).decode()
    return bool(value) if kind == "b" else int(value)
