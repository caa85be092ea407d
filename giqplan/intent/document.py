"""YAML text -> plain values with the place of every key. Nothing but mappings, lists and scalars comes through.

PyYAML's node tree is walked by ourselves: it knows line and column of everything, and the walk is where duplicate keys, aliases, endless
nesting and YAML 1.1's surprises (`no` as false, `1_000`, dates) are caught.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from giqplan.errors import GiqplanError, IntentError, Place

MAX_BYTES = 1 << 20
MAX_DEPTH = 64

KeyPath = tuple[str | int, ...]

_CORE = "tag:yaml.org,2002:"
_QUOTE = 'put it in quotes: "{text}"'
_SURPRISES = {
    "bool": ("true or false", 'write true or false, or "{text}" in quotes for the word'),
    "int": ("another number than it looks", "write a plain decimal number, or quotes for a word"),
    "float": ("another number than it looks", "write a plain decimal number, or quotes for a word"),
    "timestamp": ("a date", _QUOTE),
    "value": ("a default value", _QUOTE),
}
"""YAML 1.1's readings that people do not expect: what it is read as, and what to write instead."""

_EXPECTED = {
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "int": re.compile(r"[-+]?(0|[1-9][0-9]*)"),
    "float": re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?"),
}


def _reads_otherwise(tag: str, text: str) -> bool:
    """Whether YAML 1.1 makes something of ``text`` that YAML 1.2 and people do not (``no``, 010, 1:30, 1_000, .inf)."""
    return tag in _EXPECTED and not _EXPECTED[tag].fullmatch(text)


@dataclass
class Document:
    """Plain values, and for every path the place of its key (mappings) or item (lists).

    ``texts``: numbers that are written otherwise than their value reads (0.10), by place. ``errors``: what is wrong without hiding the
    rest; ``misread``: where the values stand that these errors are about.
    """

    file: str
    value: Any = None
    places: dict[KeyPath, Place] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)
    errors: list[GiqplanError] = field(default_factory=list)
    misread: set[Place] = field(default_factory=set)

    def place(self, path: KeyPath) -> Place:
        """The place of ``path``, or of the nearest thing above it that stands in the file."""
        for length in range(len(path), -1, -1):
            found = self.places.get(path[:length])
            if found is not None:
                return found
        return Place(self.file)


def read_document(text: bytes | str, file: str) -> Document:
    """Parse one YAML document. Raises IntentError (GIQ1001-1007) with its place; duplicate keys and misread values are in ``errors``."""
    decoded = _decode(text, file)
    try:
        _check_depth(decoded, file)
        node = yaml.compose(decoded, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise _syntax(error, file, decoded) from None
    if node is None:
        raise IntentError("GIQ1002", "the file holds nothing", "write an intent: `giqplan init` makes a commented one", Place(file, 1, 1))
    document = Document(file)
    document.value = _Walk(document).value(node, ())
    return document


def _check_depth(text: str, file: str) -> None:
    """Refuse endless nesting before nodes are built: the C loader builds them recursively, and would end the process."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark = event.start_mark
            place = Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file)
            raise IntentError("GIQ1006", f"nested deeper than {MAX_DEPTH} levels", "flatten the file", place)


def _decode(text: bytes | str, file: str) -> str:
    text = text.removeprefix("\ufeff") if isinstance(text, str) else text
    if len(text) > MAX_BYTES:
        raise IntentError("GIQ1003", f"more than {MAX_BYTES:,} bytes, the most that an intent has", "is this the right file?", Place(file))
    if isinstance(text, bytes):
        raw = text
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise IntentError("GIQ1004", f"byte {error.start} is not UTF-8", "save the file as UTF-8 text", Place(file, line)) from None
    bad = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
    if bad:
        line = text[: bad.start()].count("\n") + 1
        raise IntentError("GIQ1004", f"character {ord(bad.group()):#04x} has no place in YAML", "is this a text file?", Place(file, line))
    return text


def _syntax(error: yaml.YAMLError, file: str, text: str) -> IntentError:
    mark = getattr(error, "problem_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "the YAML parser stopped here")
    if "expected a single document" in problem or "but found another document" in problem:
        return IntentError("GIQ1005", "more than one document", "keep one intent a file", place)
    line = next(iter(text.splitlines()[place.line - 1 : place.line]), "")
    tab = "\t" in line[: max(place.column, len(line) - len(line.lstrip()))]
    remedy = "indent with spaces: YAML takes no tabs" if tab else "check indentation, quotes and colons at this place"
    context = getattr(error, "context", None)
    return IntentError("GIQ1001", f"{context}: {problem}" if context else problem, remedy, place)


class _Walk:
    """One pass over the node tree."""

    def __init__(self, document: Document) -> None:
        self.file, self.places, self.document = document.file, document.places, document
        self._seen: set[int] = set()
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        place = self._place(node)
        self.places.setdefault(path, place)
        if id(node) in self._seen and not isinstance(node, yaml.ScalarNode):
            raise IntentError(
                "GIQ1007", "an alias (*name) repeats a mapping or list", "write the value out: intents take no aliases", place
            )
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place, self.places[path])

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == f"{_CORE}merge":
                self._error("GIQ1007", "keys are plain words here", "write the keys out", place)
                continue
            key = key_node.value
            if key in found:
                first = self.places[(*path, key)]
                self._error("GIQ1008", f"'{key}' stands here a second time; the first is in line {first.line}", "keep one of them", place)
                continue
            self.places[(*path, key)] = place
            found[key] = self.value(value_node, (*path, key))
        return found

    def _scalar(self, node: yaml.Node, place: Place, key_place: Place) -> Any:
        text, tag = node.value, node.tag.removeprefix(_CORE)
        if tag == "str":
            return text
        if tag in ("bool", "null", "int", "float") and not _reads_otherwise(tag, text):
            value = self._constructor.construct_object(node)
            if tag in ("int", "float") and repr(value) != text:
                self.document.texts[key_place] = text
            return value
        what, remedy = _SURPRISES.get(tag, (f"a value of type {node.tag}", "remove the tag (!...)"))
        self._error("GIQ1009", f"YAML reads {text} as {what}", remedy.format(text=text), place)
        self.document.misread.add(key_place)
        return text

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _error(self, code: str, detail: str, remedy: str, place: Place) -> None:
        self.document.errors.append(IntentError(code, detail, remedy, place))


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: null deletes, mappings merge, everything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
