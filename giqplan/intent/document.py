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

from giqplan.errors import ErrorList, GiqplanError, IntentError, Place

MAX_BYTES = 1 << 20
MAX_DEPTH = 64

KeyPath = tuple[str | int, ...]

_SURPRISES = {
    "tag:yaml.org,2002:timestamp": "a date",
    "tag:yaml.org,2002:binary": "binary data",
    "tag:yaml.org,2002:set": "a set",
    "tag:yaml.org,2002:omap": "an ordered map",
    "tag:yaml.org,2002:pairs": "a list of pairs",
    "tag:yaml.org,2002:merge": "a merge key (<<)",
}
_YES_NO = re.compile(r"^(y|n|yes|no|on|off)$", re.IGNORECASE)


@dataclass
class Document:
    """Plain values, and for every path the place of its key (mappings) or item (lists)."""

    file: str
    value: Any = None
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """The place of ``path``, or of the nearest thing above it that stands in the file."""
        for length in range(len(path), -1, -1):
            found = self.places.get(path[:length])
            if found is not None:
                return found
        return Place(self.file)


def read_document(text: bytes | str, file: str) -> Document:
    """Parse one YAML document. Raises IntentError (GIQ1001-1008) with its place, or ErrorList."""
    decoded = _decode(text, file)
    loader = yaml.CSafeLoader(decoded)
    try:
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise _syntax(error, file) from None
    except RecursionError:
        raise IntentError("GIQ1006", f"nested deeper than {MAX_DEPTH} levels", "flatten the file", Place(file)) from None
    finally:
        loader.dispose()
    if node is None:
        raise IntentError("GIQ1002", "the file holds nothing", "write an intent: `giqplan init` makes a commented one", Place(file, 1, 1))
    document, walk = Document(file), _Walk(file)
    document.value = walk.value(node, ())
    document.places = walk.places
    if walk.errors:
        raise ErrorList(walk.errors)
    return document


def _decode(text: bytes | str, file: str) -> str:
    size = len(text)
    if size > MAX_BYTES:
        raise IntentError("GIQ1003", f"{size:,} bytes; an intent has at most {MAX_BYTES:,}", "is this the right file?", Place(file))
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


def _syntax(error: yaml.YAMLError, file: str) -> IntentError:
    mark = getattr(error, "problem_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "the YAML parser stopped here")
    if "expected a single document" in problem or "but found another document" in problem:
        return IntentError("GIQ1005", "more than one document", "keep one intent a file", place)
    remedy = "indent with spaces: YAML takes no tabs" if "\\t" in problem else "check indentation, quotes and colons at this place"
    context = getattr(error, "context", None)
    return IntentError("GIQ1001", f"{context}: {problem}" if context else problem, remedy, place)


class _Walk:
    """One pass over the node tree."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[KeyPath, Place] = {}
        self.errors: list[GiqplanError] = []
        self._seen: set[int] = set()
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        place = self._place(node)
        self.places.setdefault(path, place)
        if len(path) > MAX_DEPTH:
            raise IntentError("GIQ1006", f"nested deeper than {MAX_DEPTH} levels", "flatten the file", place)
        if id(node) in self._seen and not isinstance(node, yaml.ScalarNode):
            raise IntentError(
                "GIQ1007", "an alias (*name) repeats a mapping or list", "write the value out: intents take no aliases", place
            )
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
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

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        text, tag = node.value, node.tag
        if tag == "tag:yaml.org,2002:str":
            return text
        if tag == "tag:yaml.org,2002:bool" and _YES_NO.match(text):
            self._error("GIQ1009", f"YAML reads {text} as true or false", f'write true or false, or "{text}" in quotes for the word', place)
            return None
        if tag == "tag:yaml.org,2002:int" and not re.fullmatch(r"[-+]?(0|[1-9][0-9]*)", text):
            self._error(
                "GIQ1009", f"YAML reads {text} as another number than it looks", "write a plain decimal number, or quotes for a word", place
            )
            return None
        if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"):
            try:
                return self._constructor.construct_object(node)
            except (ValueError, yaml.YAMLError):
                self._error("GIQ1009", f"{text} is not a number", "write a plain decimal number, or quotes for a word", place)
                return None
        what = _SURPRISES.get(tag, f"a value of type {tag}")
        self._error("GIQ1009", f"YAML reads {text} as {what}", f'put it in quotes: "{text}"', place)
        return None

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _error(self, code: str, detail: str, remedy: str, place: Place) -> None:
        self.errors.append(IntentError(code, detail, remedy, place))


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
