"""Write giqplan/render/charts/letters.json: the letters of PNG charts, rendered from DejaVu Sans.

Usage: python scripts/make_chart_letters.py FOLDER   (the folder with DejaVuSans.ttf and DejaVuSans-Bold.ttf; needs Pillow)

DejaVu Sans 2.37 (dejavu-fonts.github.io, free licence: NOTICE). Kept are grey-level pictures of printable ASCII in the two sizes that
charts use, at two pixels a unit, so that drawing a chart needs neither a font nor a library that reads one.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

TARGET = Path(__file__).parents[1] / "giqplan/render/charts/letters.json"
LETTERS = "".join(map(chr, range(32, 127)))
SIZES = {"12": ("DejaVuSans.ttf", 24), "16": ("DejaVuSans-Bold.ttf", 32)}


PAD = 2
"""Pixels kept free on either side of a letter: some reach beyond their advance."""


def strip(file: Path, pixels: int) -> dict[str, object]:
    """All letters side by side, each ``advance`` and twice PAD pixels wide, with ``ascent`` pixels above the base line."""
    font = ImageFont.truetype(str(file), pixels)
    ascent, descent = font.getmetrics()
    advance = [round(font.getlength(letter)) for letter in LETTERS]
    picture, x = Image.new("L", (sum(advance) + 2 * PAD * len(advance), ascent + descent)), 0
    for letter, width in zip(LETTERS, advance, strict=True):
        cell = Image.new("L", (width + 2 * PAD, ascent + descent))
        ImageDraw.Draw(cell).text((PAD, 0), letter, fill=255, font=font)
        picture.paste(cell, (x, 0))
        x += cell.width
    packed = zlib.compress(picture.tobytes(), 9)
    return {"ascent": ascent, "height": ascent + descent, "advance": advance, "grey": base64.b64encode(packed).decode()}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = {size: strip(folder / name, pixels) for size, (name, pixels) in SIZES.items()}
    TARGET.write_text(json.dumps({"letters": LETTERS, "pad": PAD, "sizes": found}, indent=1) + "\n", encoding="utf-8")
