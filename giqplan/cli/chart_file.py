"""Where a chart goes and in which format: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.cli.whole_file import whole_file
from giqplan.errors import Place, UsageError

if TYPE_CHECKING:
    from giqplan.render.charts.chart import Chart

FORMATS = ("terminal", "svg", "png", "html")
_SUFFIXES = {".txt": "terminal", ".svg": "svg", ".png": "png", ".html": "html", ".htm": "html"}
_HEAD = 4096
ORIGIN = "drawn by giqplan benchmarks plot"
"""How the last line of every chart begins."""


def chosen_format(format: str | None, file: str | None) -> str:
    """The format that ``--format`` names, else the suffix of ``-o``, else terminal. Raises UsageError GIQ0115."""
    suffix = Path(file).suffix.lower() if file else ""
    by_suffix = _SUFFIXES.get(suffix)
    if format and by_suffix and format != by_suffix:
        raise UsageError(
            "GIQ0115", f"--format {format} contradicts the suffix of {file}", f"leave --format out, or name a file{_suffix_of(format)}"
        )
    found = format or by_suffix
    if found is None and file:
        known = ", ".join(_SUFFIXES)
        raise UsageError("GIQ0115", f"the suffix of {file} names no format", f"add --format {'|'.join(FORMATS)}, or take one of {known}")
    if not file and found in ("svg", "png", "html") and to_terminal():
        raise UsageError("GIQ0115", f"{found} does not go to a terminal", f"add -o FILE{_suffix_of(found)}, or pipe it")
    return found or "terminal"


def to_terminal() -> bool:
    """Whether standard output is a terminal; whoever started us may have closed it."""
    return sys.stdout is not None and sys.stdout.isatty()


def _suffix_of(format: str) -> str:
    return next(suffix for suffix, name in _SUFFIXES.items() if name == format)


def check_target(file: str, overwrite: bool) -> None:
    """Refuse before anything is asked what could not be written afterwards: UsageError GIQ0116 for a file that is no chart of ours."""
    path = Path(file)
    if overwrite or not path.is_file():
        return
    try:
        ours = _is_ours(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    if not ours:
        raise UsageError("GIQ0116", f"{path} is there and was not drawn by giqplan", "name another file, or add --overwrite", Place(file))


def _is_ours(path: Path) -> bool:
    """Whether a file is a chart that we drew; an empty file counts, since nothing is lost."""
    from giqplan.render.charts.png import SIGNATURE, SOFTWARE
    from giqplan.render.charts.svg import GENERATOR

    with path.open("rb") as opened:
        head = opened.read(_HEAD)
        opened.seek(max(path.stat().st_size - _HEAD, 0))
        tail = opened.read(_HEAD).decode(errors="replace")
    if not head or (head.startswith(SIGNATURE) and SOFTWARE in head):
        return True
    first_tags = re.match(rf"(<!doctype html>\s*)?<(svg|html)\b[^>]*\b{GENERATOR}", head.decode(errors="replace"))
    return first_tags is not None or any(line.startswith(ORIGIN) for line in tail.splitlines()[-4:])


def write(chart: Chart, format: str, file: str | None, *, columns: int, color: bool) -> None:
    """Draw and deliver. Raises UsageError GIQ0117 where the file cannot be written; then it is as it was."""
    content = _drawers(columns, color)[format](chart)
    if file is None:
        if sys.stdout is None:
            return
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        with whole_file(Path(file)) as opened:
            opened.write(content)
    except OSError as error:
        raise _unwritable(Path(file), error) from None


def _drawers(columns: int, color: bool) -> dict[str, Callable[[Chart], bytes]]:
    from giqplan.render.charts.html import html
    from giqplan.render.charts.png import png
    from giqplan.render.charts.svg import svg
    from giqplan.render.charts.terminal import terminal_text

    return {
        "terminal": lambda chart: terminal_text(chart, columns, color=color).encode(),
        "svg": lambda chart: svg(chart).encode(),
        "html": lambda chart: html(chart).encode(),
        "png": png,
    }


def _unwritable(path: Path, error: OSError) -> UsageError:
    why = error.strerror or type(error).__name__
    return UsageError("GIQ0117", f"{path} cannot be written: {why}", "name a file in a folder that you may write", Place(str(path)))
