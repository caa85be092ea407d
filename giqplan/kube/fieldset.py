"""Sets of fields, in the form in which managedFields carry them (``fieldsV1``), and the set operations of server-side apply.

A set is a mapping of path elements: ``f:name`` a field, ``k:{"name":"web"}`` an item of a keyed list, ``v:"x"`` an item of a set. The
value of an element is a node: ``{}`` the element is in the set; ``{"f:a": ...}`` only things below it are; with ``".": {}`` both.

The rules are those of sigs.k8s.io/structured-merge-diff (fieldpath, typed/tofieldset.go, typed/compare.go).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from giqplan.kube.schema import ANY, Schema
from giqplan.kube.values import MAPS

FieldSet: TypeAlias = Mapping[str, Any]
Node: TypeAlias = Mapping[str, Any]
ElementPath: TypeAlias = tuple[str, ...]

MISSING: Final = object()
"""Stands for a value that is not there (None is JSON's null)."""

_SELF = "."


def element(item: Any, schema: Schema) -> str:
    """The path element of ``item`` in the associative list ``schema``; keys that are absent take their defaults or are left out."""
    if schema.list_type == "map":
        keys: dict[str, Any] = {}
        for name in sorted(schema.list_map_keys):
            child = schema.items.field(name)
            value = item.get(name) if isinstance(item, MAPS) else None
            if value is None and child is not None and child.has_default:
                value = child.default
            if value is not None:
                keys[name] = value
        return "k:" + _text(keys)
    return "v:" + _text(item)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def path_text(path: ElementPath) -> str:
    """``.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]``, as the server writes paths in its messages."""
    return "".join(_step_text(step) for step in path)


def _step_text(step: str) -> str:
    kind, value = step[:2], step[2:]
    if kind == "f:":
        return f".{value}"
    if kind == "k:":
        return "[" + ",".join(f"{k}={_text(v)}" for k, v in json.loads(value).items()) + "]"
    return f"[={value}]" if kind == "v:" else f"[{value}]"


def is_granular(value: Any, schema: Schema) -> bool:
    """Whether ``value`` is owned part by part: a map or an associative list that is not atomic."""
    if isinstance(value, MAPS):
        return schema.map_type != "atomic"
    return isinstance(value, list | tuple) and schema.list_type in ("map", "set")


def fields_of(value: Mapping[str, Any], schema: Schema) -> FieldSet:
    """All fields that ``value`` (an object) sets."""
    return _children_of(value, schema)


def _children_of(value: Any, schema: Schema) -> dict[str, Node]:
    out: dict[str, Node] = {}
    if isinstance(value, MAPS):
        declared = schema.names
        for key, inner in value.items():
            node = _node_of(inner, schema.field(key) or ANY, key in declared)
            if node is not None:
                out["f:" + key] = node
    else:
        for item in value:
            below = _children_of(item, schema.items) if is_granular(item, schema.items) else {}
            out[element(item, schema)] = _node(True, below) or {}
    return out


def _node_of(value: Any, schema: Schema, declared: bool) -> Node | None:
    if not is_granular(value, schema):
        return {}
    # A named field is a member only through what it holds; a key of a free map, and an empty map, are members themselves.
    return _node(not declared or value == {}, _children_of(value, schema))


def _node(member: bool, children: Mapping[str, Node]) -> Node | None:
    if not children:
        return {} if member else None
    return {_SELF: {}, **children} if member else children


def _split(node: Node) -> tuple[bool, Mapping[str, Node]]:
    if not node:
        return True, {}
    if _SELF in node:
        return True, {k: v for k, v in node.items() if k != _SELF}
    return False, node


def union(a: FieldSet, b: FieldSet) -> FieldSet:
    """Everything in ``a`` or ``b``."""
    if not a or not b:
        return b or a
    out = dict(a)
    for key, right in b.items():
        left = a.get(key)
        out[key] = right if left is None else _union_nodes(left, right)
    return out


def _union_nodes(a: Node, b: Node) -> Node:
    (member_a, below_a), (member_b, below_b) = _split(a), _split(b)
    return _node(member_a or member_b, union(below_a, below_b)) or {}


def intersection(a: FieldSet, b: FieldSet) -> FieldSet:
    """Everything in both."""
    out = {}
    for key, left in a.items():
        right = b.get(key)
        if right is not None:
            (member_a, below_a), (member_b, below_b) = _split(left), _split(right)
            node = _node(member_a and member_b, intersection(below_a, below_b))
            if node is not None:
                out[key] = node
    return out


def difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """What is in ``a`` and not in ``b``. A field stays when only its parent is in ``b``."""
    if not a or not b:
        return a
    out = {}
    for key, left in a.items():
        right = b.get(key)
        node: Node | None = left
        if right is not None:
            (member_a, below_a), (member_b, below_b) = _split(left), _split(right)
            node = _node(member_a and not member_b, difference(below_a, below_b))
        if node is not None:
            out[key] = node
    return out


def without(a: FieldSet, b: FieldSet) -> FieldSet:
    """What is in ``a`` and neither in ``b`` nor below something in ``b``."""
    out = {}
    for key, left in a.items():
        right = b.get(key)
        node: Node | None = left
        if right is not None:
            (member_a, below_a), (member_b, below_b) = _split(left), _split(right)
            node = None if member_b else _node(member_a, without(below_a, below_b))
        if node is not None:
            out[key] = node
    return out


def members(a: FieldSet, at: ElementPath = ()) -> Iterator[ElementPath]:
    """The paths in the set, parents first, in the server's order."""
    for key in sorted(a):
        member, below = _split(a[key])
        if member:
            yield (*at, key)
        yield from members(below, (*at, key))


def has(a: FieldSet, path: ElementPath) -> bool:
    """Whether the element at ``path`` itself is in the set."""
    node: Node = a
    for step in path:
        if step not in node:
            return False
        node = node[step]
    return not node or _SELF in node


def insert(a: dict[str, Any], path: ElementPath) -> None:
    """Put ``path`` into ``a``, in place."""
    node = a
    for step in path[:-1]:
        child = node.get(step)
        if child is None:
            child = node[step] = {}
        elif not child:
            child[_SELF] = {}
        node = child
    child = node.setdefault(path[-1], {})
    if child:
        child[_SELF] = {}


def with_named_parents(a: FieldSet, schema: Schema) -> FieldSet:
    """``a`` and the named fields on the way to its members (smd's EnsureNamedFieldsAreMembers): removing all of a struct removes it."""
    out: dict[str, Node] = {}
    for key, node in a.items():
        member, below = _split(node)
        child, named = ANY, False
        if key.startswith("f:"):
            child, named = schema.field(key[2:]) or ANY, key[2:] in schema.names
        elif key.startswith("k:"):
            child = schema.items
        out[key] = _node(member or named, with_named_parents(below, child)) or {}
    return out


def in_order(a: FieldSet) -> dict[str, Any]:
    """A copy with keys in the server's order."""
    return {key: in_order(a[key]) if a[key] else {} for key in sorted(a)}


@dataclass
class Comparison:
    """What a write changes: fields added, modified and removed (containers that appear or disappear are in it themselves)."""

    added: dict[str, Any] = field(default_factory=dict)
    modified: dict[str, Any] = field(default_factory=dict)
    removed: dict[str, Any] = field(default_factory=dict)

    def leave_out(self, ignored: FieldSet) -> Comparison:
        """The comparison without the fields in or below ``ignored``."""
        return Comparison(*(dict(without(s, ignored)) for s in (self.added, self.modified, self.removed)))

    @property
    def same(self) -> bool:
        return not (self.added or self.modified or self.removed)


def compare(before: Any, after: Any, schema: Schema) -> Comparison:
    """The fields in which two objects differ. Values compare as they are written: ``1000m`` is not ``1``."""
    found = Comparison()
    _compare(before, after, schema, (), found)
    return found


def equal(a: Any, b: Any) -> bool:
    """Equality of JSON values: true is not 1, the order of keys does not count."""
    if a is b:
        return True
    if isinstance(a, MAPS) and isinstance(b, MAPS):
        return a.keys() == b.keys() and all(equal(v, b[k]) for k, v in a.items())
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _compare(before: Any, after: Any, schema: Schema, at: ElementPath, found: Comparison) -> None:
    if before is MISSING or after is MISSING:
        target = found.added if before is MISSING else found.removed
        _all_of(after if before is MISSING else before, schema, at, target)
    elif not equal(before, after):
        left, right = is_granular(before, schema), is_granular(after, schema)
        if (left and before and (right or after is None)) or (right and after and (left or before is None)):
            _compare_items(before or {}, after or {}, schema, at, found)
        else:
            insert(found.modified, at)


def _compare_items(before: Any, after: Any, schema: Schema, at: ElementPath, found: Comparison) -> None:
    left, right = items_by_element(before, schema), items_by_element(after, schema)
    for step in {**left, **right}:
        child = schema.field(step[2:]) or ANY if step.startswith("f:") else schema.items
        _compare(left.get(step, MISSING), right.get(step, MISSING), child, (*at, step), found)


def _all_of(value: Any, schema: Schema, at: ElementPath, target: dict[str, Any]) -> None:
    if value and is_granular(value, schema):
        for step, item in items_by_element(value, schema).items():
            child = schema.field(step[2:]) or ANY if step.startswith("f:") else schema.items
            _all_of(item, child, (*at, step), target)
    if at:
        insert(target, at)


def items_by_element(value: Mapping[str, Any] | Sequence[Any], schema: Schema) -> dict[str, Any]:
    """The parts of a granular map or list by path element."""
    if isinstance(value, MAPS):
        return {"f:" + key: inner for key, inner in value.items()}
    return {element(item, schema): item for item in value}
