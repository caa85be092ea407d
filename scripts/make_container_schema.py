"""Write giqplan/sandbox/google/container_schema.json: the shapes of the GKE messages that the sandbox takes.

Read from the message descriptors of google-cloud-container (Apache-2.0), so that the sandbox checks requests by Google's own
definitions without importing that library, which costs a third of a second.

Types: ``string bool int32 int64 float bytes``, ``enum NAME``, the name of a message, ``[T]`` a list, ``{T}`` a map with string keys;
a trailing ``?`` marks a scalar whose absence differs from its zero.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "giqplan/sandbox/google/container_schema.json"
ROOTS = ("Cluster", "ClusterUpdate")
_WELL_KNOWN = {
    "google.protobuf.BoolValue": "bool?",
    "google.protobuf.Int32Value": "int32?",
    "google.protobuf.Int64Value": "int64?",
    "google.protobuf.StringValue": "string?",
    "google.protobuf.Timestamp": "string",
    "google.protobuf.Duration": "string",
}
_PLAIN = {"STRING": "string", "BOOL": "bool", "INT32": "int32", "INT64": "int64", "DOUBLE": "float", "FLOAT": "float", "BYTES": "bytes"}


def build() -> dict[str, Any]:
    """The whole table, from the installed library."""
    from google.cloud import container_v1
    from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

    kinds = {getattr(FieldDescriptor, f"TYPE_{name}"): text for name, text in _PLAIN.items()}
    messages: dict[str, dict[str, str]] = {}
    enums: dict[str, dict[str, int]] = {}

    def enum_name(enum: EnumDescriptor) -> str:
        name = enum.full_name.removeprefix("google.container.v1.")
        enums.setdefault(name, {value.name: value.number for value in enum.values})
        return f"enum {name}"

    def base(field: FieldDescriptor) -> str:
        if field.enum_type is not None:
            return enum_name(field.enum_type)
        if field.message_type is None:
            return kinds[field.type]
        name = field.message_type.full_name
        return _WELL_KNOWN[name] if name in _WELL_KNOWN else visit(field.message_type)

    def visit(descriptor: Any) -> str:
        name = str(descriptor.full_name).removeprefix("google.container.v1.")
        if name not in messages:
            messages[name] = {}
            for field in descriptor.fields:
                messages[name][field.json_name] = kind(field)
        return name

    def kind(field: FieldDescriptor) -> str:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            return "{" + base(entry.fields_by_name["value"]) + "}"
        text = base(field)
        if field.is_repeated:
            return f"[{text}]"
        optional = field.message_type is None and field.has_presence and field.containing_oneof is not None
        return f"{text}?" if optional and not text.endswith("?") else text

    for root in ROOTS:
        visit(getattr(container_v1, root).pb(getattr(container_v1, root)()).DESCRIPTOR)
    source = f"google-cloud-container {container_v1.gapic_version.__version__}, message descriptors of google.container.v1 (Apache-2.0)"
    return {"source": source, "messages": dict(sorted(messages.items())), "enums": dict(sorted(enums.items()))}


def main() -> None:
    TARGET.write_text(json.dumps(build(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
