"""Ctrl-C and termination: what is under way is ended or left, and the exit code says so (design 4.4)."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from giqplan.errors import Exit


class Stop(threading.Event):
    """Set by the first signal; ``terminated``: it was SIGTERM, not Ctrl-C."""

    terminated = False

    @property
    def exit(self) -> Exit:
        return Exit.TERMINATED if self.terminated else Exit.INTERRUPTED


@contextmanager
def stoppable() -> Iterator[Stop]:
    """The first signal lets running steps end and starts nothing more; the second ends the process at once: every action was written to
    the journal before it was sent, so the next run finds out what came of it."""
    stop = Stop()

    def told(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            _say("ended at once: what was under way stands in the journal; the same command goes on from there")
            end_at_once(stop.exit)
        stop.terminated = number == signal.SIGTERM
        stop.set()
        _say("stopping: running steps end, nothing more begins; once more to end at once")

    earlier = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def end_at_once(code: int) -> NoReturn:
    """End the process without waiting for its threads: a request may still wait a minute for its answer."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, RuntimeError, ValueError, AttributeError):  # closed, or a signal came in the middle of a write
            stream.flush()
    atexit._run_exitfuncs()  # temporary files
    os._exit(code)


def _say(text: str) -> None:
    """Straight to the terminal: a signal may have come in the middle of another write."""
    with suppress(OSError):
        os.write(2, f"\n{text}\n".encode())
