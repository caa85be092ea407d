"""The moments of a run at which the sweep can stop it, and a run that is stopped at one of them.

The run is giqplan itself in a process of its own. The product has no test hooks: in this process alone, the journal, the state's files and
the door to the cloud are wrapped, so that each call passes the moments before and after it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

KILL, INTERRUPT, TWICE, TERMINATE = "SIGKILL", "SIGINT", "SIGINT twice", "SIGTERM"
_NUMBERS = {KILL: signal.SIGKILL, INTERRUPT: signal.SIGINT, TWICE: signal.SIGINT, TERMINATE: signal.SIGTERM}
HANGS_S = 30
#: Pauses between looks, a fifth of the product's: the sandbox's time runs fifty times faster than usual.
_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5


@dataclass(frozen=True, order=True)
class Point:
    """Stop ``command`` by ``signal`` at ``moment``; ``moment`` "" = let it run, and write down what it passes."""

    command: str
    signal: str
    moment: str

    def __str__(self) -> str:
        return f"{self.command}: {self.signal} {self.moment}"


class Passage:
    """Where a run is. ``at`` is called by whatever thread passes a moment; a moment that comes again carries its number."""

    def __init__(self, point: Point, track: Path) -> None:
        self._point, self._track = point, track
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def at(self, moment: str, half: Callable[[], Any] = lambda: None) -> None:
        """``half`` is done before a kill: the first half of what was about to be written."""
        with self._lock:
            self._seen[moment] += 1
            count = self._seen[moment]
            name = moment if count == 1 else f"{moment} ({count})"
            if not self._point.moment:
                with self._track.open("a", encoding="utf-8") as file:
                    file.write(name + "\n")
            if name != self._point.moment:
                return
            self._track.write_text("reached\n", encoding="utf-8")
            if self._point.signal == KILL:
                half()
        os.kill(os.getpid(), _NUMBERS[self._point.signal])
        if self._point.signal == TWICE:
            threading.Event().wait(0.2)  # two signals that come together are one
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(HANGS_S)  # a request that is not answered: the run must not wait for it


def run(folder: Path, words: list[str], point: Point, track: Path) -> NoReturn:
    """Become a run of giqplan in ``folder``: its output goes to files there, its exit code is the process's."""
    code = 99
    try:
        os.chdir(folder)
        out = os.open(folder / "out.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        err = os.open(folder / "err.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
        _wrap(Passage(point, track))
        from giqplan.__main__ import main

        sys.argv = ["giqplan", *words]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 98
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wrap(passage: Passage) -> None:
    from giqplan.engine import settle

    settle._FIRST_S, settle._LONGEST_S = _PAUSE_S, _LONGEST_PAUSE_S
    _wrap_journal(passage)
    _wrap_state(passage)
    _wrap_cloud(passage)


def _wrap_journal(passage: Passage) -> None:
    from giqplan.state.journal import Journal
    from giqplan.units import canonical_json

    append, clear, names = Journal._append, Journal.clear, dict[int, str]()

    def noted(self: Journal, record: dict[str, Any]) -> None:
        if record["phase"] == "begin":
            names[record["id"]] = f"{record['verb']} {record['address']}"
        name = f"{record['phase']} {names.get(record.get('id', 0), '')}".rstrip()

        def half() -> None:
            if self._file is None:
                self._open()
            assert self._file is not None
            os.write(self._file, canonical_json(record).encode()[:40])

        passage.at(f"in the middle of the record: {name}", half)
        append(self, record)
        passage.at(f"after the record: {name}")

    def cleared(self: Journal) -> None:
        passage.at("state is written, the journal is not cleared")
        clear(self)
        passage.at("the journal is cleared")

    Journal._append, Journal.clear = noted, cleared  # type: ignore[method-assign]


def _wrap_state(passage: Passage) -> None:
    from giqplan.state import local

    write = local._write

    def written(path: Path, text: str) -> None:
        passage.at(f"in the middle of {path.name}", lambda: path.write_text(text[: len(text) // 2], encoding="utf-8"))
        write(path, text)
        passage.at(f"{path.name} is written")

    local._write = written


def _wrap_cloud(passage: Passage) -> None:
    from giqplan.cloud import Cloud

    execute = Cloud.execute

    def carried_out(self: Cloud, action: Any) -> Any:
        if getattr(action, "dry_run", False):
            return execute(self, action)
        what = _what(action)
        passage.at(f"before {what} is sent")
        answer = execute(self, action)
        passage.at(f"{what} is answered")
        return answer

    Cloud.execute = carried_out  # type: ignore[method-assign]


def _what(action: Any) -> str:
    """An action in one word and its target."""
    facts = [str(value) for name, value in vars(action).items() if isinstance(value, str) and value and name != "uid"]
    target = getattr(action, "path", "") or getattr(action, "cluster", "")
    if hasattr(action, "path"):
        facts = [action.path, *([action.field_manager] if hasattr(action, "field_manager") else [])]
    elif target:
        facts = [str(target), *sorted(getattr(action, "update", {}))]
    return f"{type(action).__name__} {' '.join(facts)}"


__all__ = ["INTERRUPT", "KILL", "TERMINATE", "TWICE", "Passage", "Point", "run"]
