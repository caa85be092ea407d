"""The bytes of a report as a tree (JSON or YAML), and nodes that know where in it they stand.

Numbers stay decimal as they are written, so that a figure of the catalog is the report's figure exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from giqplan.catalog.importers.values import LARGEST, LEAST, broken, unreadable

_NOT_A_REPORT = (
    "Name stage_N_lifecycle_metrics.json files of inference-perf, llm-d Benchmark Reports, GuideLLM's JSON or CSV, or gcloud's CSV."
)


def no_report(file: str, detail: str) -> Exception:
    """A file that is none of the formats."""
    return unreadable("GIQ1216", detail, _NOT_A_REPORT, file)


def text_of(file: str, data: bytes) -> str:
    """The text of a report. Raises CatalogError GIQ1216 for what is empty or no text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise no_report(file, f"no text: byte {error.start + 1} is not UTF-8") from None
    if "\0" in text:
        raise no_report(file, f"no text: character {text.index(chr(0)) + 1} is NUL")
    if not text.strip():
        raise no_report(file, "the file is empty")
    return text


def parse_tree(file: str, text: str) -> Any:
    """The tree of a JSON or YAML text. Raises CatalogError GIQ1217 with line and column where it is cut off or broken."""
    try:
        return _json(text) if text.lstrip()[:1] in "{[" else _yaml(text)
    except json.JSONDecodeError as error:
        raise broken(file, f"not JSON: {error.msg}", error.lineno, error.colno) from None
    except RecursionError:
        raise broken(file, "nested too deeply") from None
    except (ValueError, ArithmeticError):
        raise broken(file, "a number of too many digits") from None


def _json(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=Decimal)


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.CSafeLoader):
        """CSafeLoader with decimal numbers."""

    def number(loader: Any, node: Any) -> Decimal:
        text = loader.construct_scalar(node).replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan")
        try:
            return Decimal(text)
        except InvalidOperation:
            return Decimal(repr(loader.construct_yaml_float(node)))

    def written(loader: Any, node: Any) -> str:
        return str(loader.construct_scalar(node))

    Loader.add_constructor("tag:yaml.org,2002:float", number)
    Loader.add_constructor("tag:yaml.org,2002:timestamp", written)
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise json.JSONDecodeError(f"nor YAML: {error.problem}", text, _offset(text, line, column)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise json.JSONDecodeError(f"nor YAML: {error}", text, 0) from None


def _offset(text: str, line: int, column: int) -> int:
    lines = text.splitlines(keepends=True)
    return sum(map(len, lines[: line - 1])) + column - 1 if line else 0


class Node:
    """A value of the tree with its path. Getters raise CatalogError GIQ1217 that names file and path."""

    __slots__ = ("file", "path", "value")

    def __init__(self, file: str, value: Any, path: str = "") -> None:
        self.file, self.value, self.path = file, value, path

    def fail(self, detail: str) -> NoReturn:
        raise broken(self.file, f"{self.path or 'the report'}: {detail}")

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return isinstance(self.value, Mapping) and self.value.get(key) is not None

    def get(self, *keys: str) -> Node | None:
        """The object below; None where any key of the way is missing or null."""
        found = self
        for key in keys:
            if not isinstance(found.value, Mapping):
                found.fail(f"{_kind(found.value)} stands where an object is wanted")
            if not found.has(key):
                return None
            found = Node(found.file, found.value[key], found._below(key))
        return found

    def at(self, *keys: str) -> Node:
        """The value below; it must be there."""
        found = self
        for key in keys:
            if not isinstance(found.value, Mapping):
                found.fail(f"{_kind(found.value)} stands where an object with {key} is wanted")
            if not found.has(key):
                Node(self.file, None, found._below(key)).fail("is missing" if key not in found.value else "is null")
            found = Node(found.file, found.value[key], found._below(key))
        return found

    def items(self) -> Iterator[Node]:
        """The members of a list."""
        if not isinstance(self.value, list):
            self.fail(f"{_kind(self.value)} stands where a list is wanted")
        return (Node(self.file, value, f"{self.path}[{index}]") for index, value in enumerate(self.value))

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail(f"{_kind(self.value)} stands where a text is wanted")
        return self.value.strip()

    def number(self) -> Decimal:
        """A finite number that is not negative."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | Decimal):
            self.fail(f"{_kind(self.value)} stands where a number is wanted")
        found = Decimal(self.value) if isinstance(self.value, int) else Decimal(str(self.value))
        if not math.isfinite(found):
            self.fail(f"{found} is not a finite number")
        if found < 0:
            self.fail(f"{found} is negative")
        if found and not LEAST <= found <= LARGEST:
            self.fail(f"{found} is no measurement")
        return found

    def count(self) -> int:
        found = self.number()
        if found != int(found):
            self.fail(f"{found} is not a whole number")
        return int(found)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "true or false"), (Mapping, "an object"), (list, "a list"), (str, "a text"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def maybe_number(node: Node, *keys: str) -> Decimal | None:
    """The number below, None where it is missing or null."""
    found = node.get(*keys)
    return None if found is None else found.number()


def maybe_count(node: Node, *keys: str) -> int | None:
    found = node.get(*keys)
    return None if found is None else found.count()
