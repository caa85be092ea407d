"""How wide text is, and the grey pictures of its letters (scripts/make_chart_letters.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SMALL, LARGE = 12, 16
"""The sizes of text, in units of a picture."""

PIXELS = 2
"""Pixels a unit: what the letters were rendered for."""


@dataclass(frozen=True)
class Face:
    """``grey``: rows of one picture with all letters side by side. ``left``: where the cell of each begins, ``pad`` wider on
    either side than its ``advance``."""

    ascent: int
    height: int
    pad: int
    left: dict[str, int]
    advance: dict[str, int]
    grey: bytes

    @property
    def row(self) -> int:
        """Pixels in one row of ``grey``."""
        return len(self.grey) // self.height


@cache
def face(size: int) -> Face:
    """The letters of that size."""
    import base64
    import zlib

    held = json.loads(Path(__file__).with_name("letters.json").read_text(encoding="utf-8"))
    one, left, x = held["sizes"][str(size)], {}, 0
    for name, width in zip(held["letters"], one["advance"], strict=True):
        left[name] = x
        x += width + 2 * held["pad"]
    grey = zlib.decompress(base64.b64decode(one["grey"]))
    return Face(one["ascent"], one["height"], held["pad"], left, dict(zip(held["letters"], one["advance"], strict=True)), grey)


def known(text: str, size: int) -> str:
    """``text`` with ? for every letter that has no picture."""
    advance = face(size).advance
    return "".join(c if c in advance else "?" for c in text)


def width(text: str, size: int) -> float:
    """How wide ``text`` is, in units. Letters without a picture count as M, the widest that is common."""
    advance = face(size).advance
    return sum(advance.get(c, advance["M"]) for c in text) / PIXELS


def wrapped(text: str, size: int, room: float) -> list[str]:
    """``text`` in lines no wider than ``room``; a word that is wider is broken."""
    lines, line = [], ""
    for word in text.split():
        rest = word
        while rest:
            joined = f"{line} {rest}" if line else rest
            if width(joined, size) <= room:
                line, rest = joined, ""
            elif line:
                lines.append(line)
                line = ""
            else:
                fits = _fitting(rest, size, room)
                lines.append(rest[:fits])
                rest = rest[fits:]
    return [*lines, line] if line else lines


def _fitting(word: str, size: int, room: float) -> int:
    """How many letters of ``word`` fit, at least one."""
    count = 1
    while count < len(word) and width(word[: count + 1], size) <= room:
        count += 1
    return count
