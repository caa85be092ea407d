"""An argument parser whose errors are values of our own tree."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import NoReturn

from giqplan.errors import UsageError

_LONG = 300


class Parser(argparse.ArgumentParser):
    """argparse, except that a wrong command line raises UsageError (exit 1, where argparse would exit with 2 = "changes")."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("allow_abbrev", False)  # an abbreviation that works today is ambiguous with tomorrow's flag
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found; the usage line is the remedy, unless it would be a screen of flags, and the commands where there are
        some."""
        usage = " ".join(self.format_usage().split())
        if len(usage) > _LONG:
            usage = f"`{self.prog} --help` says what each flag takes"
        groups = (action.choices for action in self._actions if isinstance(action, argparse._SubParsersAction))
        commands = "".join(f"\ncommands: {', '.join(choices)}" for choices in groups)
        raise UsageError("GIQ0101", message, f"{usage}{commands}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean plan? ``, or nothing when no known word is near."""
    import difflib  # 6 ms, and --help has 100

    near = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {near[0]}? " if near else ""
