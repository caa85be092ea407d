"""Asking before something is done: where the question goes, and what happens where nobody can be asked."""

from __future__ import annotations

import argparse
import io

import pytest

from giqplan.cli.confirm import confirm
from giqplan.errors import UsageError

ASKS = argparse.Namespace(auto_approve=False)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_question_is_no_part_of_the_output(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    confirm(ASKS, "apply", "Only 'yes' carries this plan out")
    assert capsys.readouterr() == ("", "\nOnly 'yes' carries this plan out: ")


@pytest.mark.parametrize("stdin", [None, io.StringIO("yes\n")], ids=["closed", "no terminal"])
def test_where_nobody_can_be_asked_nothing_is_done(monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(UsageError) as found:
        confirm(ASKS, "apply", "Only 'yes' carries this plan out")
    assert found.value.code == "GIQ0102"


@pytest.mark.parametrize("answer", ["y\n", "no\n", ""])
def test_only_yes_is_yes(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(UsageError) as found:
        confirm(ASKS, "apply", "Only 'yes' carries this plan out")
    assert found.value.code == "GIQ0103"
