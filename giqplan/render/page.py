"""A page of plain text: lines with a symbol in front, wrapped prose, and nothing in it that a terminal would obey."""

from __future__ import annotations

from textwrap import wrap

_GREEN, _YELLOW, _RED, _CYAN = "\033[32m", "\033[33m", "\033[31m", "\033[36m"
_COLORS = {"+": _GREEN, "~": _YELLOW, "-": _RED, "-/+": _RED, ".": _CYAN, "!": _RED}
_RESET = "\033[0m"


def printable(text: str) -> str:
    """``text`` with everything that does not print (escape sequences, line ends) written as an escape: names and messages come from
    servers and may hold anything."""
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Page:
    """Collects lines. ``color`` is used for symbols only."""

    def __init__(self, *, color: bool, width: int) -> None:
        self._color, self._width = color, max(width, 40)
        self._lines: list[str] = []

    @property
    def width(self) -> int:
        return self._width

    def gap(self) -> None:
        """One empty line, never two and never first."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def line(self, indent: int, text: str, symbol: str = "") -> None:
        """One line as it is, however long: values are never broken."""
        start = f"{self._paint(symbol)} " if symbol else ""
        self._lines.append((" " * indent + start + printable(text)).rstrip())

    def prose(self, indent: int, text: str, *, label: str = "", hang: int = 2, symbol: str = "") -> None:
        """``text`` wrapped at the width; what follows the first line hangs below the text after ``label``."""
        first = " " * indent + (symbol + " " if symbol else "") + label
        rest = " " * (len(first) if label else len(first) + hang)
        lines = wrap(
            printable(text),
            self._width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [first.rstrip()]
        if symbol:
            lines[0] = lines[0].replace(symbol, self._paint(symbol), 1)
        self._lines += lines

    def _paint(self, symbol: str) -> str:
        color = _COLORS.get(symbol) if self._color else None
        return f"{color}{symbol}{_RESET}" if color else symbol

    def text(self) -> str:
        return "\n".join(self._lines).rstrip() + "\n"
