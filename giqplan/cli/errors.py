"""How errors look: one layout for all of them, on standard error."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from giqplan.errors import Exit, GiqplanError
from giqplan.secret_values import blotted
from giqplan.units import canonical_json


def print_error(error: GiqplanError, *, json: bool = False, stream: TextIO | None = None) -> None:
    """Print an error, or each of several, to ``stream`` (standard error when None); as one JSON object with ``json``."""
    text = canonical_json({"errors": [error_json(one) for one in error.errors]}) + "\n" if json else error_text(error)
    print(blotted(text), end="", file=stream or sys.stderr, flush=True)


def error_text(error: GiqplanError) -> str:
    """The layout for people: summary, place, detail and remedy, a line each, errors apart by an empty line."""
    return "\n".join(_one(one) for one in error.errors)


def _one(error: GiqplanError) -> str:
    from giqplan.render.page import printable

    lines = [f"{'Incomplete' if error.exit is Exit.INCOMPLETE else 'Error'} {error.code}: {error.summary}"]
    if error.place is not None:
        lines.append(f"  {error.place}")
    lines += [f"  {line}" for line in error.detail.splitlines()]
    if error.remedy:
        first, *more = error.remedy.splitlines()
        lines += [f"  remedy: {first}", *(f"          {line}" for line in more)]
    return "\n".join(map(printable, lines)) + "\n"


def error_json(error: GiqplanError) -> dict[str, Any]:
    """One error as plain values; ``place`` is null when the error has none, line and column are 0 when unknown."""
    place = error.place
    return {
        "code": error.code,
        "summary": error.summary,
        "detail": error.detail,
        "remedy": error.remedy,
        "place": None if place is None else {"file": place.file, "line": place.line, "column": place.column},
    }
