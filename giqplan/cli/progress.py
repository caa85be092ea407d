"""Live progress of an apply: one line for each thing that begins, waits or ends. Nothing moves, so that logs stay readable."""

from __future__ import annotations

import sys
import threading
import time

from giqplan.model.address import Address
from giqplan.render.page import printable
from giqplan.secret_values import blotted


class LineReporter:
    """Prints to standard error; ``quiet`` keeps only failures."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet, self._lock, self._start = quiet, threading.Lock(), time.monotonic()

    def line(self, text: str) -> None:
        self._line("  ", text)

    def began(self, address: Address, summary: str) -> None:
        self._line("  ", f"{address}: {summary}")

    def waits(self, address: Address, reason: str) -> None:
        self._line("  ", f"{address}: waiting: {reason}")

    def ended(self, address: Address, summary: str, seconds: float) -> None:
        self._line("  ", f"{address}: {summary}" + (f" after {seconds:.0f} s" if seconds >= 1 else ""))

    def failed(self, address: Address, reason: str) -> None:
        with self._lock:
            print(printable(blotted(f"! {address}: {reason.removeprefix(f'{address}: ')}")), file=sys.stderr, flush=True)

    def _line(self, mark: str, text: str) -> None:
        if self._quiet:
            return
        with self._lock:
            print(f"{mark}{time.monotonic() - self._start:6.1f} s  {printable(text)}", file=sys.stderr, flush=True)
