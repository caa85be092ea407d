"""A chart laid out: lines, spots and words at places of a picture, which SVG and PNG draw alike. Units are CSS pixels, y grows downward."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from giqplan.render.charts.chart import Chart, Entry, Tone
from giqplan.render.charts.letters import LARGE, SMALL, width, wrapped
from giqplan.render.charts.scale import Scale, number, scales
from giqplan.render.page import printable

WIDTH = 960.0
MARGIN = 24.0
LEFT, RIGHT = 84.0, 40.0
PLOT_HEIGHT = 420.0
LINE = 17.0
INK, SOFT, GRID, PAPER = "#1a1a1a", "#555555", "#e3e3e3", "#ffffff"
SHAPES = ("circle", "square", "triangle", "diamond", "wedge", "hexagon")

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Line:
    """``dash``: lengths drawn and left out in turn, () = whole."""

    points: Points
    ink: str
    width: float
    dash: tuple[float, ...] = ()


@dataclass(frozen=True)
class Spot:
    """One of SHAPES, ``radius`` from its middle to its rim. ``tip`` () = it stands in the key only."""

    x: float
    y: float
    shape: str
    radius: float
    fill: str
    rim: str
    rim_width: float
    tip: tuple[str, ...] = ()


@dataclass(frozen=True)
class Words:
    """``x`` is where they ``start``, their ``middle`` or their ``end``, ``y`` the base line. ``upward``: read from below to above."""

    x: float
    y: float
    text: str
    size: int = SMALL
    anchor: str = "start"
    ink: str = INK
    upward: bool = False


Item = Line | Spot | Words


@dataclass(frozen=True)
class Frame:
    """The rectangle in which points are drawn."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Scene:
    width: float
    height: float
    frame: Frame
    items: tuple[Item, ...]


@dataclass(frozen=True)
class _Style:
    """Colours: Okabe and Ito, Color Universal Design (2008), told apart also with red or green blindness."""

    ink: str
    dash: tuple[float, ...] = ()
    halo: str = ""
    radius: float = 4.5
    hollow: bool = False


STYLES = {
    Tone.IDEAL: _Style("#0072b2", halo="#d6e8f4"),
    Tone.SATURATION: _Style("#009e73", radius=8.0),
    Tone.GROWING: _Style("#d55e00", dash=(7, 4), halo="#fbe3d3"),
    Tone.LATE: _Style("#767676", dash=(2, 4)),
    Tone.HELD: _Style("#0072b2", radius=8.0, hollow=True),
    Tone.FRONT: _Style("#0072b2", radius=6.5),
    Tone.BEATEN: _Style("#767676", radius=4.0),
    Tone.DOUBTED: _Style("#d55e00", radius=4.0, hollow=True),
}


def scene(chart: Chart) -> Scene:
    """The picture of ``chart``, which has at least one mark."""
    items: list[Item] = []
    y = _head(chart, items)
    frame = Frame(LEFT, y, WIDTH - RIGHT, y + PLOT_HEIGHT)
    x_scale, y_scale = scales(chart)
    place = _Place(frame, x_scale, y_scale)
    _grid(chart, place, items)
    _drawing(chart, place, items)
    y = _foot(chart, frame.bottom + 66, items)
    return Scene(WIDTH, round(y + MARGIN - LINE / 2), frame, tuple(items))


@dataclass(frozen=True)
class _Place:
    frame: Frame
    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.across(x), self.down(y)

    def inside(self, x: float, y: float) -> tuple[float, float]:
        """The place nearest to this one at which a label stands within the frame."""
        return min(max(x, self.frame.left + 8), self.frame.right - 8), min(max(y, self.frame.top + 12), self.frame.bottom - 3)

    def across(self, x: float) -> float:
        return self.frame.left + self.x.share(x) * (self.frame.right - self.frame.left)

    def down(self, y: float) -> float:
        return self.frame.bottom - self.y.share(y) * (self.frame.bottom - self.frame.top)


def _head(chart: Chart, items: list[Item]) -> float:
    """Title and what holds for all; the y where the frame may begin."""
    y = MARGIN + LARGE
    y = _prose(items, printable(chart.title), MARGIN, y, size=LARGE)
    for line in chart.about:
        y = _prose(items, printable(line), MARGIN, y, ink=SOFT)
    return y + 4


def _prose(items: list[Item], text: str, x: float, y: float, *, size: int = SMALL, ink: str = INK) -> float:
    """Wrapped text from ``y`` on; the base line that comes next."""
    for line in wrapped(text, size, WIDTH - MARGIN - x):
        items.append(Words(x, y, line, size, ink=ink))
        y += LINE if size == SMALL else LINE + 5
    return y


def _grid(chart: Chart, place: _Place, items: list[Item]) -> None:
    frame = place.frame
    for tick in place.x.ticks:
        x = place.across(tick)
        items.append(Line(((x, frame.top), (x, frame.bottom)), GRID, 1))
        items.append(Words(x, frame.bottom + 18, number(tick), anchor="middle", ink=SOFT))
    for tick in place.y.ticks:
        y = place.down(tick)
        items.append(Line(((frame.left, y), (frame.right, y)), GRID, 1))
        items.append(Words(frame.left - 8, y + 4, number(tick), anchor="end", ink=SOFT))
    corners = ((frame.left, frame.top), (frame.left, frame.bottom), (frame.right, frame.bottom))
    items.append(Line(corners, SOFT, 1.5))
    items.append(Words((frame.left + frame.right) / 2, frame.bottom + 40, printable(chart.x.title), anchor="middle"))
    items.append(Words(MARGIN + 2, (frame.top + frame.bottom) / 2, printable(chart.y.title), anchor="middle", upward=True))


def _drawing(chart: Chart, place: _Place, items: list[Item]) -> None:
    paths = [(STYLES[path.tone], tuple(place.at(*point) for point in path.points)) for path in chart.paths]
    items += [Line(points, style.halo, 12) for style, points in paths if style.halo]
    items += [Line(points, style.ink, 2.2, style.dash) for style, points in paths]
    items += _limits(chart, place)
    order = list(Tone)
    for mark in sorted(chart.marks, key=lambda m: order.index(m.tone) in _LAST):
        items.append(_spot(*place.at(mark.x, mark.y), mark.tone, mark.shape, mark.tip))
    items += _labels(chart, place)


_LAST = {list(Tone).index(tone) for tone in (Tone.SATURATION, Tone.HELD, Tone.FRONT)}
"""Marks drawn above all others."""


def _spot(x: float, y: float, tone: Tone, shape: int | None, tip: tuple[str, ...] = ()) -> Spot:
    style = STYLES[tone]
    fill = PAPER if style.hollow else style.ink
    rim = style.ink if style.hollow else INK if tone in (Tone.SATURATION, Tone.FRONT) else PAPER
    return Spot(x, y, SHAPES[(shape or 0) % len(SHAPES)], style.radius, fill, rim, 2 if style.hollow else 1.2, tip)


def _limits(chart: Chart, place: _Place) -> Iterator[Item]:
    frame = place.frame
    for limit in chart.limits:
        text = printable(limit.label)
        if limit.on == "y":
            y = place.down(limit.value)
            yield Line(((frame.left, y), (frame.right, y)), INK, 1.4, (10, 4, 2, 4))
            yield Words(frame.left + 6, y - 5, text)
        else:
            x = place.across(limit.value)
            ends = x + 6 + width(text, SMALL) > frame.right
            yield Line(((x, frame.top), (x, frame.bottom)), INK, 1.4, (10, 4, 2, 4))
            yield Words(x - 6 if ends else x + 6, frame.top + 12, text, anchor="end" if ends else "start")


_BESIDE = ((-15, -8), (15, -8), (-15, 18), (15, 18), (0, -15), (0, 25), (-24, 5), (24, 5), (-28, -18), (28, -18))
"""Where a label may stand from the middle of its mark, the best place first."""


def _labels(chart: Chart, place: _Place) -> Iterator[Words]:
    """Each label at the first place where it covers no other and its own mark is the nearest of those that have one; in a crowd where it
    only covers no other."""
    named = [(mark, place.at(mark.x, mark.y)) for mark in chart.marks if mark.label]
    taken: list[tuple[float, float]] = []
    for mark, (x, y) in named:
        spots = [place.inside(x + dx, y + dy) for dx, dy in _BESIDE]
        others = [at for _, at in named if at != (x, y)]
        free = [spot for spot in spots if all(abs(spot[0] - a) > 13 or abs(spot[1] - b) > 15 for a, b in taken)]
        near = [spot for spot in free if all(_apart(spot, at) > 1.3 * _apart(spot, (x, y)) for at in others)]
        spot = (*near, *free, *spots)[0]
        taken.append(spot)
        yield Words(*spot, printable(mark.label), LARGE, "middle")


def _apart(label: tuple[float, float], mark: tuple[float, float]) -> float:
    """The distance, squared, of a label's middle from a mark."""
    return (label[0] - mark[0]) ** 2 + (label[1] - 5 - mark[1]) ** 2


def _foot(chart: Chart, y: float, items: list[Item]) -> float:
    y = _key(chart.key, y, items) + 8
    for entry in chart.entries:
        y = _entry(entry, y, items)
    if chart.notes:
        y += 8
        for note in chart.notes:
            y = _prose(items, printable(note), MARGIN, y, ink=SOFT)
    return _prose(items, printable(chart.origin), MARGIN, y + 8, ink=SOFT)


def _key(key: Iterable[tuple[Tone, str]], y: float, items: list[Item]) -> float:
    """What the tones mean, side by side as far as they fit."""
    x = MARGIN
    for tone, text in key:
        style, words = STYLES[tone], printable(text)
        if x > MARGIN and x + 44 + width(words, SMALL) > WIDTH - MARGIN:
            x, y = MARGIN, y + LINE + 3
        if tone in (Tone.IDEAL, Tone.GROWING, Tone.LATE):
            ends = ((x, y - 4), (x + 34, y - 4))
            items += [Line(ends, style.halo, 12)] if style.halo else []
            items.append(Line(ends, style.ink, 2.2, style.dash))
        else:
            items.append(_spot(x + 17, y - 4, tone, 0))
        items.append(Words(x + 44, y, words))
        x += 44 + width(words, SMALL) + 26
    return y + LINE


def _entry(entry: Entry, y: float, items: list[Item]) -> float:
    items.append(Words(MARGIN, y, printable(entry.label), LARGE))
    if entry.shape is not None:
        items.append(Spot(MARGIN + 30, y - 5, SHAPES[entry.shape % len(SHAPES)], 5, SOFT, PAPER, 1))
    y = _prose(items, printable(entry.name), MARGIN + 44, y)
    return _prose(items, printable(entry.about), MARGIN + 44, y, ink=SOFT) + 3
