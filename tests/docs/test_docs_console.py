"""The comparison of pages with what commands print can fail."""

from __future__ import annotations

from pathlib import Path

from doc_console import Step, difference, run, steps


def test_commands_and_their_output_are_told_apart() -> None:
    page = "```console\n$ one \\\n    more\nfirst\n...\n$ two\n```\ntext\n```text\n$ three\n```\n"
    assert steps(page) == [Step("one \\\n    more", ("first", "...")), Step("two", ())]


def test_left_out_lines_may_be_anything_and_all_others_must_be_there() -> None:
    assert difference(("a", "...", "d"), "a\nb\nc\nd\n") == ""
    assert difference(("...",), "a\n") == ""
    assert difference(("a", "", "b"), "a\nb\n\n") == ""
    assert "nothing more" in difference(("a", "...", "x"), "a\nb\n")
    assert "the page ends before 'b'" in difference(("a",), "a\nb\n")
    assert "prints 'b'" in difference(("a", "c"), "a\nb\n")


def test_names_and_times_of_a_run_are_compared_by_their_form() -> None:
    assert difference(("world sandbox-0123456789ab at 2026-01-01T00:00:00Z",), "world sandbox-ba9876543210 at 2027-02-02T11:11:11Z\n") == ""
    assert difference(("world gcp",), "world sandbox-ba9876543210\n") != ""


def test_commands_run_in_one_shell(tmp_path: Path) -> None:
    assert run(["mkdir inner; cd inner", "pwd", "false", "echo $?"], tmp_path) == ["", f"{tmp_path}/inner\n", "", "1\n"]
