"""Schemas of the custom kinds that giqplan writes, in the shape of a CRD's ``openAPIV3Schema``.

PodMonitoring: the fields of Managed Service for Prometheus' API reference (github.com/GoogleCloudPlatform/prometheus-engine, doc/api.md,
Apache-2.0), written down for this project; list and map types, defaults, required and enums as its CRD has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from giqplan.kube.values import JsonObject

_TEXT: JsonObject = {"type": "string"}
_INTEGER: JsonObject = {"type": "integer", "format": "int64"}
_TIME: JsonObject = {"type": "string", "format": "date-time"}
_DURATION: JsonObject = {"type": "string", "format": "duration"}
_LABEL: JsonObject = {"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}


def _object(properties: JsonObject, *required: str, **more: Any) -> JsonObject:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {}), **more}


def _list(items: JsonObject, **more: Any) -> JsonObject:
    return {"type": "array", "items": items, **more}


def _map(values: JsonObject) -> JsonObject:
    return {"type": "object", "additionalProperties": values}


_SECRET = _object({"secret": _object({"key": _TEXT, "name": _TEXT, "namespace": _TEXT}, "key", "name")})
_TLS_VERSION: JsonObject = {"type": "string", "enum": ["TLS10", "TLS11", "TLS12", "TLS13"]}
_TLS = _object(
    {
        "ca": _SECRET,
        "cert": _SECRET,
        "key": _SECRET,
        "insecureSkipVerify": {"type": "boolean"},
        "maxVersion": _TLS_VERSION,
        "minVersion": _TLS_VERSION,
        "serverName": _TEXT,
    }
)
_PROXY: JsonObject = {"type": "string", "maxLength": 2000}
_RELABELING = _object(
    {
        "action": {
            "type": "string",
            "enum": ["replace", "lowercase", "uppercase", "keep", "drop", "keepequal", "dropequal", "hashmod", "labeldrop", "labelkeep"],
        },
        "modulus": _INTEGER,
        "regex": {"type": "string", "maxLength": 10000},
        "replacement": _TEXT,
        "separator": _TEXT,
        "sourceLabels": _list(_LABEL, maxItems=100),
        "targetLabel": _LABEL,
    }
)
_ENDPOINT = _object(
    {
        "authorization": _object({"credentials": _SECRET, "type": _TEXT}),
        "basicAuth": _object({"password": _SECRET, "username": _TEXT}),
        "interval": _DURATION,
        "metricRelabeling": _list(_RELABELING, maxItems=250),
        "oauth2": _object(
            {
                "clientID": _TEXT,
                "clientSecret": _SECRET,
                "endpointParams": _map(_TEXT),
                "proxyUrl": _PROXY,
                "scopes": _list(_TEXT),
                "tlsConfig": _TLS,
                "tokenURL": _TEXT,
            }
        ),
        "params": _map(_list(_TEXT)),
        "path": _TEXT,
        "port": {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minLength": 1,
            "maxLength": 253,
        },
        "proxyUrl": _PROXY,
        "scheme": {"type": "string", "enum": ["http", "https"]},
        "timeout": _DURATION,
        "tls": _TLS,
    },
    "interval",
    "port",
)
_SELECTOR = _object(
    {
        "matchExpressions": _list(
            _object({"key": _TEXT, "operator": _TEXT, "values": _list(_TEXT)}, "key", "operator"), **{"x-kubernetes-list-type": "atomic"}
        ),
        "matchLabels": _map(_TEXT),
    },
    **{"x-kubernetes-map-type": "atomic"},
)
_POD_LABELS = ["container", "node", "pod", "top_level_controller_name", "top_level_controller_type"]
_CONDITION = _object(
    {"lastTransitionTime": _TIME, "lastUpdateTime": _TIME, "message": _TEXT, "reason": _TEXT, "status": _TEXT, "type": _TEXT},
    "status",
    "type",
)
POD_MONITORING = _object(
    {
        "spec": _object(
            {
                "endpoints": _list(_ENDPOINT, minItems=1, maxItems=10),
                "filterRunning": {"type": "boolean"},
                "limits": _object({"labelNameLength": _INTEGER, "labelValueLength": _INTEGER, "labels": _INTEGER, "samples": _INTEGER}),
                "selector": _SELECTOR,
                "targetLabels": _object(
                    {
                        "fromPod": _list(_object({"from": _TEXT, "to": _LABEL}, "from"), maxItems=100),
                        "metadata": _list(
                            {"type": "string", "enum": _POD_LABELS},
                            default=["container", "pod", "top_level_controller_name", "top_level_controller_type"],
                            **{"x-kubernetes-list-type": "set"},
                        ),
                    },
                    default={},
                ),
            },
            "endpoints",
            "selector",
        ),
        "status": _object(
            {
                "conditions": _list(_CONDITION),
                "endpointStatuses": _list(
                    _object(
                        {
                            "activeTargets": _INTEGER,
                            "collectorsFraction": _TEXT,
                            "lastUpdateTime": _TIME,
                            "name": _TEXT,
                            "sampleGroups": _list({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
                            "unhealthyTargets": _INTEGER,
                        },
                        "name",
                    )
                ),
                "observedGeneration": _INTEGER,
            }
        ),
    },
    "spec",
)

#: ``openAPIV3Schema`` by "apiVersion kind".
SCHEMAS: Mapping[str, JsonObject] = {"monitoring.googleapis.com/v1 PodMonitoring": POD_MONITORING}
