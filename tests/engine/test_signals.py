"""Ctrl-C, termination, a full disk and locks, as processes meet them: exit codes, what is said, and that the next run goes on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_house import House, by_address
from test_recovery import normal, pending

from giqplan.sandbox import control
from giqplan.sandbox.faults import Fault

NAMESPACE = "/api/v1/namespaces/inference?fieldManager=giqplan&fieldValidation=Strict"
HANGS_MS = 60_000
"""A request that is not answered: what waits for it would show."""


def command(house: House, *words: str) -> list[str]:
    return [sys.executable, "-m", "giqplan", words[0], str(house.file), "--sandbox", "--no-color", *words[1:]]


@contextmanager
def running(house: House, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run of giqplan in a process of its own; gone afterwards whatever happens."""
    process = subprocess.Popen(command(house, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not what():
        assert time.monotonic() < limit, "it never came"
        time.sleep(0.02)


def hanging(house: House) -> bool:
    """Whether the fault that was ordered has been met: its request hangs now."""
    return control.faults(house.sandbox) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_at_once_while_a_request_hangs(house: Callable[..., House], number: signal.Signals, code: int) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(path=NAMESPACE, delay_ms=HANGS_MS, times=1))
    with running(one, "apply", "--auto-approve") as process:
        until(lambda: hanging(one))
        process.send_signal(number)
        time.sleep(0.3)
        assert process.poll() is None, "the first signal lets what is under way end"
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == code
    assert "stopping:" in errors and "the same command goes on from there" in errors
    assert "kubernetes_namespace.inference" in pending(one)
    again, _, errors = one.cli("apply", "--auto-approve")
    assert again == 0, errors
    assert "did not end in order" in errors
    assert by_address(one.plan()) == {}


def test_ctrl_c_while_a_plan_reads_does_not_wait_for_the_answers(applied: House) -> None:
    control.add_fault(applied.sandbox, Fault(method="GET", path="/apis/apps/*", delay_ms=HANGS_MS, times=1))
    with running(applied, "plan") as process:
        until(lambda: hanging(applied))
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (130, "", "")


def test_ctrl_c_at_the_question_changes_nothing(house: Callable[..., House]) -> None:
    one = house()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command(one, "apply"), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        read_up_to(ours, "Only 'yes' carries this plan out: ")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
    finally:
        process.kill()
        os.close(ours)
    assert not (one.store.path).exists()
    _, _, errors = one.cli("apply", "--auto-approve")
    assert "did not end in order" not in errors


def read_up_to(terminal: int, end: str) -> None:
    text = ""
    while end not in text:
        text += os.read(terminal, 4096).decode(errors="replace")


def test_a_full_disk_ends_the_run_with_its_reason_and_the_next_goes_on(house: Callable[..., House], applied: House) -> None:
    one = house()
    words = command(one, "apply", "--auto-approve")
    limited = subprocess.run(["bash", "-c", 'ulimit -f 12; exec "$@"', "-", *words], capture_output=True, text=True, check=False)
    assert limited.returncode == 1, limited.stderr
    assert "GIQ1808" in limited.stderr and "Traceback" not in limited.stderr and "GIQ0199" not in limited.stderr
    assert one.cli("apply", "--auto-approve")[0] == 0
    assert (pending(one), normal(one)) == ([], normal(applied))
    assert by_address(one.plan()) == {}


def test_a_state_folder_that_cannot_be_made_is_said_before_anything_is_done(house: Callable[..., House]) -> None:
    one = house()
    Path(one.store.folder.parent).write_text("", encoding="utf-8")
    code, _, errors = one.cli("apply", "--auto-approve")
    assert (code, "GIQ1808" in errors) == (1, True)


def test_a_lock_of_a_run_that_lives_is_respected_and_one_of_a_dead_run_is_not(house: Callable[..., House]) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(path=NAMESPACE, delay_ms=HANGS_MS, times=1))
    with running(one, "apply", "--auto-approve") as process:
        until(lambda: hanging(one))
        code, _, errors = one.cli("apply", "--auto-approve")
        assert (code, "GIQ1806" in errors, f"process {process.pid}" in errors) == (1, True, True)
        process.kill()
        process.wait()
    code, _, errors = one.cli("apply", "--auto-approve")
    assert code == 0, errors
    assert f"process {process.pid}" in errors and "did not end in order" in errors
