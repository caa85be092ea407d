"""The process: ``giqplan`` and ``python -m giqplan``."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from giqplan.cli.interrupt import end_at_once
from giqplan.cli.main import main as run
from giqplan.errors import Exit


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(int(Exit.TERMINATED))


def main() -> NoReturn:
    """Run the command line of this process; a termination signal unwinds it like an error, so that files are closed and locks freed."""
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None when whoever started us has closed it
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # in every locale: intents and JSON are UTF-8 too
    # Numbers of an estimate must not depend on how many cores there are; and threads that spin on busy cores take four times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(100_000)  # a short process that builds large values once: the default walks them all, again and again
    code = run(sys.argv[1:])
    if code in (Exit.INTERRUPTED, Exit.TERMINATED):
        end_at_once(code)
    gc.freeze()  # the end of the process frees everything at once; 20 ms of `validate` were the collector's last round
    sys.exit(code)


if __name__ == "__main__":
    main()
