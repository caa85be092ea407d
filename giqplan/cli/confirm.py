"""Asking before something is done. Where there is no terminal nobody is asked, and nothing is done."""

from __future__ import annotations

import argparse
import sys

from giqplan.errors import UsageError


def someone_is_there() -> bool:
    """Whether standard input is a terminal. It is None when whoever started us has closed it."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(args: argparse.Namespace, what: str, question: str) -> None:
    """Ask, unless ``--auto-approve`` has answered. Raises UsageError: GIQ0102 nobody to ask, GIQ0103 another answer than yes.

    The question goes to standard error: standard output may be a file, and in JSON holds one value and nothing else.
    """
    if args.auto_approve:
        return
    if not someone_is_there():
        raise UsageError("GIQ0102", f"{what} asks before it acts, and there is no terminal", "add --auto-approve")
    sys.stdout.flush()
    print(f"\n{question}: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise UsageError("GIQ0103", "nothing was changed", "answer yes to go on")
