"""A scene as PNG, drawn here with numpy (docs/adr/0006-charts.md): lines, filled shapes and letters with smooth rims."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

from giqplan.render.charts.chart import Chart
from giqplan.render.charts.letters import PIXELS, face, known
from giqplan.render.charts.scene import PAPER, Line, Spot, Words, scene
from giqplan.render.charts.svg import corners

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SOFTWARE = b"Software\x00giqplan"
"""The text chunk that every PNG of ours has: such a file may be written again."""


def png(chart: Chart) -> bytes:
    """The chart as a picture, two pixels for each unit of the scene."""
    found = scene(chart)
    sheet = _Sheet(round(found.width * PIXELS), round(found.height * PIXELS))
    for item in found.items:
        if isinstance(item, Line):
            sheet.line(item)
        elif isinstance(item, Words):
            sheet.words(item)
        else:
            sheet.spot(item)
    return _packed(sheet.pixels)


class _Sheet:
    """Rows x columns x (red, green, blue), 0 to 255."""

    def __init__(self, width: int, height: int) -> None:
        import numpy as np

        self.pixels: Floats = np.empty((height, width, 3))
        self.pixels[:] = _rgb(PAPER)

    def line(self, line: Line) -> None:
        """The whole line at once: where its parts meet, nothing is covered twice."""
        points = [(x * PIXELS, y * PIXELS) for x, y in line.points]
        parts = _dashed(points, [length * PIXELS for length in line.dash]) if line.dash else list(pairwise(points))
        half = line.width * PIXELS / 2
        left, right = min(x for x, _ in points) - half - 1, max(x for x, _ in points) + half + 1
        top, bottom = min(y for _, y in points) - half - 1, max(y for _, y in points) + half + 1
        xs, ys, rows, columns = self._window(left, top, right, bottom)
        import numpy as np

        nearest = np.full((ys.size, xs.size), np.inf)
        for (x0, y0), (x1, y1) in parts:
            dx, dy = x1 - x0, y1 - y0
            squared = dx * dx + dy * dy
            along = ((xs - x0) * dx + (ys - y0) * dy) / squared if squared else np.zeros_like(nearest)
            along = np.clip(along, 0.0, 1.0)
            distance = np.sqrt((xs - x0 - along * dx) ** 2 + (ys - y0 - along * dy) ** 2)
            nearest = np.minimum(nearest, distance)
        self._cover(rows, columns, np.clip(half + 0.5 - nearest, 0.0, 1.0), line.ink)

    def spot(self, spot: Spot) -> None:
        """The rim as a larger shape below the filling."""
        import numpy as np

        x, y = spot.x * PIXELS, spot.y * PIXELS
        reach = (spot.radius * 1.4 + spot.rim_width) * PIXELS + 1
        xs, ys, rows, columns = self._window(x - reach, y - reach, x + reach, y + reach)
        if spot.shape == "circle":
            outside = np.sqrt((xs - x) ** 2 + (ys - y) ** 2) - spot.radius * PIXELS
        else:
            outside = np.full((ys.size, xs.size), -np.inf)
            rim = [(a * PIXELS, b * PIXELS) for a, b in corners(spot)]
            for (x0, y0), (x1, y1) in pairwise([*rim, rim[0]]):
                length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
                outside = np.maximum(outside, ((xs - x0) * (y1 - y0) - (ys - y0) * (x1 - x0)) / length)
        half = spot.rim_width * PIXELS / 2
        self._cover(rows, columns, np.clip(half + 0.5 - outside, 0.0, 1.0), spot.rim)
        self._cover(rows, columns, np.clip(0.5 - half - outside, 0.0, 1.0), spot.fill)

    def words(self, words: Words) -> None:
        import numpy as np

        strip = _strip(words.text, words.size)
        ascent, pad = face(words.size).ascent, face(words.size).pad
        before = {"start": pad, "middle": strip.shape[1] // 2, "end": strip.shape[1] - pad}[words.anchor]
        x, y = round(words.x * PIXELS), round(words.y * PIXELS)
        left, top = (x - ascent, y + before - strip.shape[1]) if words.upward else (x - before, y - ascent)
        strip = np.rot90(strip) if words.upward else strip
        height, width = self.pixels.shape[:2]
        rows, columns = slice(max(top, 0), min(top + strip.shape[0], height)), slice(max(left, 0), min(left + strip.shape[1], width))
        self._cover(rows, columns, strip[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left], words.ink)

    def _window(self, left: float, top: float, right: float, bottom: float) -> tuple[Floats, Floats, slice, slice]:
        """The middles of the pixels in a rectangle, as a row of x and a column of y, and where they stand on the sheet."""
        import numpy as np

        height, width = self.pixels.shape[:2]
        rows, columns = slice(max(int(top), 0), min(int(bottom) + 1, height)), slice(max(int(left), 0), min(int(right) + 1, width))
        xs = np.arange(columns.start, columns.stop) + 0.5
        ys = np.arange(rows.start, rows.stop) + 0.5
        return xs[None, :], ys[:, None], rows, columns

    def _cover(self, rows: slice, columns: slice, share: Floats, ink: str) -> None:
        part = self.pixels[rows, columns]
        part += (_rgb(ink) - part) * share[:, :, None]


def _strip(text: str, size: int) -> Floats:
    """How much of each pixel of a line of text is ink, 0 to 1."""
    import numpy as np

    letters = face(size)
    grey = np.frombuffer(letters.grey, np.uint8).reshape(letters.height, letters.row) / 255.0
    shown = known(text, size)
    found = np.zeros((letters.height, sum(letters.advance[c] for c in shown) + 2 * letters.pad))
    x = 0
    for c in shown:
        wide = letters.advance[c] + 2 * letters.pad
        part = found[:, x : x + wide]
        np.maximum(part, grey[:, letters.left[c] : letters.left[c] + wide], out=part)
        x += letters.advance[c]
    return found


def _rgb(ink: str) -> Floats:
    import numpy as np

    return np.array([int(ink[i : i + 2], 16) for i in (1, 3, 5)], float)


def _dashed(points: list[tuple[float, float]], dash: list[float]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The parts of a line that are drawn: ``dash`` lengths drawn and left out in turn."""
    found, index, left = [], 0, dash[0]
    for (x0, y0), (x1, y1) in pairwise(points):
        length, gone = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 0.0
        while gone < length:
            step = min(left, length - gone)
            if index % 2 == 0:
                a, b = gone / length, (gone + step) / length
                found.append(((x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)))
            gone, left = gone + step, left - step
            if left <= 1e-9:
                index += 1
                left = dash[index % len(dash)]
    return found


def _packed(pixels: Floats) -> bytes:
    """PNG 1.2 (RFC 2083): 8 bits a colour, no filter, one IDAT; 144 dots an inch, as there are two pixels a unit."""
    import numpy as np

    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + width * 3), np.uint8)
    rows[:, 1:] = np.rint(pixels).astype(np.uint8).reshape(height, width * 3)
    per_metre = 5669

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"".join(
        (
            SIGNATURE,
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            chunk(b"tEXt", SOFTWARE),
            chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
            chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            chunk(b"IEND", b""),
        )
    )
