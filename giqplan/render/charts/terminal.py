"""A chart as text: lines in Braille dots, each mark one letter, so that it is read without colours, in a pipe and in a log."""

from __future__ import annotations

from math import hypot
from textwrap import wrap

from giqplan.render.charts.chart import Chart, Mark, Path, Tone
from giqplan.render.charts.scale import Scale, number, scales
from giqplan.render.page import printable

NARROWEST = 40
_ROWS = 22
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Braille: the bit of each dot by row and column of its cell."""

_PATTERNS = {Tone.GROWING: (5, 4), Tone.LATE: (1, 3)}
"""Dots drawn and left out in turn; every other tone is a whole line."""

_LINES = {Tone.IDEAL: "⠤⠤⠤⠤", Tone.GROWING: "⠤⠄⠠⠤", Tone.LATE: "⠄⠄⠄⠄"}
_COLORS = {
    Tone.IDEAL: "\033[34m",
    Tone.FRONT: "\033[34m",
    Tone.HELD: "\033[34m",
    Tone.SATURATION: "\033[32m",
    Tone.GROWING: "\033[31m",
    Tone.DOUBTED: "\033[33m",
}
_RESET = "\033[0m"
_RANK = (Tone.SATURATION, Tone.FRONT, Tone.HELD, Tone.GROWING, Tone.IDEAL, Tone.LATE, Tone.BEATEN, Tone.DOUBTED)
"""Of two marks in one cell the one named first here is seen."""


def terminal_text(chart: Chart, columns: int, *, color: bool) -> str:
    """``columns``: the width of the terminal; below NARROWEST the text is wider than that."""
    wide = max(columns, NARROWEST)
    drawn = _Canvas(chart, wide, color)
    lines = [*_prose(chart.title, wide)]
    for about in chart.about:
        lines += _prose(about, wide)
    lines += ["", *_prose(chart.y.title, wide), *drawn.lines(), ""]
    for tone, words in chart.key:
        sample = _sample(chart, tone)
        first, *rest = _prose(f"{sample}  {words}", wide, hang=6)
        lines += [first.replace(sample, _paint(sample, tone, color), 1), *rest]
    lines.append("")
    for entry in chart.entries:
        lines += _prose(f"{entry.label}  {entry.name}", wide, hang=3)
        lines += _prose(entry.about, wide, indent=3)
    lines += [""] if chart.entries else []
    for note in chart.notes:
        lines += _prose(note, wide, hang=2)
    lines += _prose(chart.origin, wide, hang=2)
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _prose(text: str, wide: int, *, indent: int = 0, hang: int = 0) -> list[str]:
    first, rest = " " * indent, " " * (indent + hang)
    return wrap(printable(text), wide, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [""]


def _paint(text: str, tone: Tone, color: bool) -> str:
    start = _COLORS.get(tone) if color else None
    return f"{start}{text}{_RESET}" if start else text


def _sample(chart: Chart, tone: Tone) -> str:
    """What the tone looks like: its line, or the signs of its marks."""
    if tone in _LINES and any(path.tone is tone for path in chart.paths):
        return _LINES[tone]
    signs = sorted({mark.sign for mark in chart.marks if mark.tone is tone})
    return (signs[0] if len(signs) == 1 else f"{signs[0]}-{signs[-1]}").ljust(4)


class _Canvas:
    """The frame with its axes: cells of Braille dots, and the signs of marks on top of them."""

    def __init__(self, chart: Chart, wide: int, color: bool) -> None:
        self._x, self._y = scales(chart)
        self._color = color
        self._margin = max(len(number(tick)) for tick in self._y.ticks) + 2
        self._columns = wide - self._margin
        self._dots: dict[tuple[int, int], int] = {}
        self._tones: dict[tuple[int, int], Tone] = {}
        self._signs: dict[tuple[int, int], str] = {}
        for limit in chart.limits:
            self._limit(limit.on, limit.value)
        for path in chart.paths:
            self._path(path)
        for mark in sorted(chart.marks, key=lambda m: -_RANK.index(m.tone)):
            self._mark(mark)
        for limit in chart.limits:
            self._words(limit.on, limit.value, printable(limit.label))
        self._title = chart.x.title

    def _dot(self, x: float, y: float) -> tuple[int, int]:
        """The dot of a point, counted from the upper left."""
        across = round(self._x.share(x) * (self._columns * 2 - 1))
        return across, (_ROWS * 4 - 1) - round(self._y.share(y) * (_ROWS * 4 - 1))

    def _set(self, across: int, down: int, tone: Tone | None) -> None:
        cell = (down // 4, across // 2)
        self._dots[cell] = self._dots.get(cell, 0) | _DOTS[down % 4][across % 2]
        if tone is not None:
            self._tones[cell] = tone

    def _path(self, path: Path) -> None:
        drawn, left_out = _PATTERNS.get(path.tone, (1, 0))
        gone = 0
        for (x0, y0), (x1, y1) in zip(path.points, path.points[1:], strict=False):
            (a0, d0), (a1, d1) = self._dot(x0, y0), self._dot(x1, y1)
            steps = max(abs(a1 - a0), abs(d1 - d0), 1)
            length = hypot(a1 - a0, d1 - d0) / steps
            for i in range(steps + 1):
                if (gone + i * length) % (drawn + left_out) < drawn:
                    self._set(round(a0 + (a1 - a0) * i / steps), round(d0 + (d1 - d0) * i / steps), path.tone)
            gone += round(steps * length)

    def _limit(self, on: str, value: float) -> None:
        if on == "y":
            _, down = self._dot(self._x.high, value)
            for across in range(0, self._columns * 2, 3):
                self._set(across, down, None)
        else:
            across, _ = self._dot(value, self._y.high)
            for down in range(0, _ROWS * 4, 3):
                self._set(across, down, None)

    def _words(self, on: str, value: float, label: str) -> None:
        """The label of a limit, where it covers no mark; else further on."""
        across, down = self._dot(self._x.high, value) if on == "y" else self._dot(value, self._y.high)
        row = min(max(down // 4 - 1, 0), _ROWS - 1) if on == "y" else 0
        first = 1 if on == "y" else across // 2 + 2
        if first + len(label) > self._columns:
            first = max(across // 2 - 1 - len(label), 0)
        for start in range(first, self._columns - len(label)):
            if not any((row, start + i) in self._signs for i in range(-1, len(label) + 1)):
                first = start
                break
        for i, letter in enumerate(label[: self._columns - first]):
            self._signs.setdefault((row, first + i), letter)
            self._tones.pop((row, first + i), None)

    def _mark(self, mark: Mark) -> None:
        across, down = self._dot(mark.x, mark.y)
        cell = (down // 4, across // 2)
        self._signs[cell], self._tones[cell] = mark.sign, mark.tone

    def lines(self) -> list[str]:
        """The rows from above, then the axis of x with its numbers and its title."""
        ticks = self._ticks(self._y)
        rows = [f"{ticks.get(row, ''):>{self._margin - 1}}{'┤' if row in ticks else '│'}{self._row(row)}" for row in range(_ROWS)]
        corner = " " * (self._margin - 1) + "└"
        marks = {round(self._x.share(tick) * (self._columns - 1)): number(tick) for tick in self._x.ticks}
        axis = "".join("┴" if column in marks else "─" for column in range(self._columns))
        title = " " * self._margin + f"{self._title:>{self._columns}}"
        titles = [title] if len(self._title) <= self._columns else _prose(self._title, self._margin + self._columns)
        return [*rows, corner + axis, self._numbers(marks), *titles]

    def _ticks(self, axis: Scale) -> dict[int, str]:
        """Row -> the number beside it."""
        return {((_ROWS * 4 - 1) - round(axis.share(tick) * (_ROWS * 4 - 1))) // 4: number(tick) for tick in axis.ticks}

    def _numbers(self, marks: dict[int, str]) -> str:
        line = [" "] * (self._margin + self._columns)
        free = 0
        for column, text in sorted(marks.items()):
            start = min(max(self._margin + column - len(text) // 2, free), len(line) - len(text))
            if start >= free and abs(start + len(text) // 2 - self._margin - column) <= len(text):
                line[start : start + len(text)] = text
                free = start + len(text) + 1
        return "".join(line)

    def _row(self, row: int) -> str:
        return "".join(self._cell((row, column)) for column in range(self._columns)).rstrip()

    def _cell(self, cell: tuple[int, int]) -> str:
        sign = self._signs.get(cell) or (chr(0x2800 + self._dots[cell]) if cell in self._dots else " ")
        tone = self._tones.get(cell)
        return _paint(sign, tone, self._color) if tone is not None and sign != " " else sign
