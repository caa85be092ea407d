"""Causes in the words of the server (k8s.io/apimachinery/pkg/util/validation and .../validation/field)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from giqplan.kube.refusal import Cause
from giqplan.kube.values import JsonObject

Causes: TypeAlias = Iterator[Cause]

IMMUTABLE = "field is immutable"
_SUBDOMAIN_PATTERN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    f"alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN_PATTERN}')"
)
DNS_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
    "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
DNS_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "
    "alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
    "regex used for validation is '[-._a-zA-Z0-9]+')"
)


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", "Required value" + (f": {detail}" if detail else ""), field)


def forbidden(field: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def not_found(field: str, value: str) -> Cause:
    return Cause("FieldValueNotFound", f"Not found: {_quoted(value)}", field)


def invalid(field: str, value: Any, detail: str) -> Cause:
    return invalid_go(field, _quoted(value), detail)


def invalid_go(field: str, value: str, detail: str, reason: str = "FieldValueInvalid") -> Cause:
    """``value`` is text as Go prints it."""
    return Cause(reason, f"Invalid value: {value}: {detail}", field)


def invalid_object(field: str, go_type: str, value: Any, detail: str) -> Cause:
    """A whole object is dumped in the message; its text is Go's and differs between versions, so JSON stands in for it."""
    return invalid_go(field, f"{go_type}{json.dumps(value if isinstance(value, Mapping) else {}, sort_keys=True)}", detail)


def unsupported(field: str, value: Any, supported: Sequence[Any]) -> Cause:
    listed = ", ".join(_quoted(v) for v in supported)
    return Cause("FieldValueNotSupported", f"Unsupported value: {_quoted(value)}: supported values: {listed}", field)


def not_negative(spec: JsonObject, at: str, *names: str) -> Causes:
    for name in names:
        value = spec.get(name)
        if value is not None and value < 0:
            yield invalid(f"{at}.{name}", value, "must be greater than or equal to 0")


def go_map(labels: Mapping[str, str] | None) -> str:
    """``map[string]string{"app":"x"}``"""
    if not labels:
        return "map[string]string(nil)"
    return "map[string]string{" + ", ".join(f'"{k}":"{labels[k]}"' for k in sorted(labels)) + "}"


def _quoted(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return json.dumps(value if value is not None else "")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
