"""A scene as SVG: no script, no outside font or style; tips as <title>, so that a browser shows them."""

from __future__ import annotations

import json
from html import escape
from math import cos, pi, sin

from giqplan.render.charts.chart import Chart
from giqplan.render.charts.scene import PAPER, Item, Line, Scene, Spot, Words, scene
from giqplan.render.page import printable

GENERATOR = 'data-generator="giqplan"'
"""Stands in the first tag of every SVG and HTML of ours: such a file may be written again."""

_FONT = "DejaVu Sans, Verdana, Arial, sans-serif"
_SIDES = {"square": (4, 45), "triangle": (3, -90), "diamond": (4, 0), "wedge": (3, 90), "hexagon": (6, 0)}
"""Shape -> its corners and the direction of the first one, in degrees."""


def svg(chart: Chart) -> str:
    """The chart as a file of its own."""
    return drawn(chart, scene(chart)) + "\n"


def drawn(chart: Chart, found: Scene, *, focusable: bool = False) -> str:
    """The <svg> element. ``focusable``: every spot with a tip can be reached by the keyboard and names itself to a screen reader."""
    size = f'width="{plain(found.width)}" height="{plain(found.height)}" viewBox="0 0 {plain(found.width)} {plain(found.height)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {GENERATOR} {size} role="{"group" if focusable else "img"}" font-family="{_FONT}">'
    lines = [head, f"<title>{text(chart.title)}</title>", f"<desc>{text('. '.join(chart.about))}</desc>"]
    lines.append(f'<rect width="100%" height="100%" fill="{PAPER}"/>')
    lines += [_item(item, focusable) for item in found.items]
    return "\n".join([*lines, "</svg>"])


def text(words: str) -> str:
    """``words`` as text or attribute of XML, whatever they hold."""
    return escape(printable(words), quote=True)


def plain(value: float) -> str:
    """At most one decimal, none where there is nothing to say."""
    return f"{value:z.1f}".removesuffix(".0")


def corners(spot: Spot) -> tuple[tuple[float, float], ...]:
    """Of a spot that is no circle, drawn as large to the eye as one of its radius."""
    count, first = _SIDES[spot.shape]
    radius = spot.radius * {3: 1.35, 4: 1.2, 6: 1.08}[count]
    angles = [(first + 360 * i / count) * pi / 180 for i in range(count)]
    return tuple((round(spot.x + radius * cos(a), 2), round(spot.y + radius * sin(a), 2)) for a in angles)


def _item(item: Item, focusable: bool) -> str:
    if isinstance(item, Line):
        return _line(item)
    return _words(item) if isinstance(item, Words) else _spot(item, focusable)


def _pairs(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{plain(x)},{plain(y)}" for x, y in points)


def _line(line: Line) -> str:
    dash = f' stroke-dasharray="{" ".join(map(plain, line.dash))}"' if line.dash else ' stroke-linecap="round"'
    style = f'stroke="{line.ink}" stroke-width="{plain(line.width)}" stroke-linejoin="round"{dash}'
    return f'<polyline points="{_pairs(line.points)}" fill="none" {style}/>'


def _words(words: Words) -> str:
    x, y = plain(words.x), plain(words.y)
    turned = f' transform="rotate(-90 {x} {y})"' if words.upward else ""
    anchor = f' text-anchor="{words.anchor}"' if words.anchor != "start" else ""
    weight = ' font-weight="bold"' if words.size > 12 else ""
    return f'<text x="{x}" y="{y}" font-size="{words.size}" fill="{words.ink}"{anchor}{weight}{turned}>{text(words.text)}</text>'


def _spot(spot: Spot, focusable: bool) -> str:
    style = f'fill="{spot.fill}" stroke="{spot.rim}" stroke-width="{plain(spot.rim_width)}"'
    if spot.shape == "circle":
        found = f'<circle cx="{plain(spot.x)}" cy="{plain(spot.y)}" r="{plain(spot.radius)}" {style}'
    else:
        found = f'<polygon points="{_pairs(corners(spot))}" {style}'
    if not spot.tip:
        return f"{found}/>"
    if focusable:
        told = text("; ".join(spot.tip))
        lines = text(json.dumps([printable(line) for line in spot.tip], ensure_ascii=False))
        return f'{found} class="spot" tabindex="-1" role="img" aria-label="{told}" data-tip="{lines}"/>'
    tag = found[1:].split(" ", 1)[0]
    lines = "&#10;".join(text(line) for line in spot.tip)
    return f"{found}><title>{lines}</title></{tag}>"
