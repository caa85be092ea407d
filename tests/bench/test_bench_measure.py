"""What `make bench` computes: time covered by overlapping requests, pauses, medians, verdicts and the table."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def _load() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "bench" / "measure.py"
    spec = importlib.util.spec_from_file_location("bench_measure", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


measure = _load()
SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=12)


@settings(max_examples=100, deadline=None)
@given(SPANS)
def test_covered_counts_each_instant_once(spans: list[tuple[int, int]]) -> None:
    assert measure.covered(spans) == len({instant for start, end in spans for instant in range(start, end)})


def test_a_pause_is_the_gap_before_another_look_at_the_same_thing() -> None:
    requests = [("PATCH a", 0, 1), ("GET a", 2, 3), ("GET b", 4, 5), ("GET a", 9, 10), ("GET a", 15, 16)]
    assert measure.pauses(requests) == (9 - 5) + (15 - 10)


def test_a_look_after_a_change_is_no_repetition() -> None:
    assert measure.pauses([("GET a", 0, 1), ("PATCH a", 5, 6), ("GET a", 9, 10)]) == 0


def test_a_look_while_another_request_is_under_way_is_no_pause() -> None:
    assert measure.pauses([("GET a", 0, 1), ("GET b", 2, 20), ("GET a", 5, 6)]) == 0


def test_the_median_decides() -> None:
    assert measure.Row("x", [0.1, 0.2, 9.0], "s", 0.2).verdict == "ok"
    assert measure.Row("x", [0.1, 0.21, 0.3], "s", 0.2).verdict == "OVER"
    assert measure.Row("x", [0.1], "s", None).verdict == "-"


def test_the_table_is_aligned_and_notes_stand_below() -> None:
    text = measure.table(
        [measure.Row("short", [0.05], "s", 0.1), measure.Row("much longer", [123.4, 200, 100], "ms", 2, "peer", "with all")]
    )
    head, rule, first, second, blank, note = text.splitlines()
    assert (blank, note) == ("", "much longer: with all")
    assert head.index("median") + len("median") == first.index("0.050 s") + len("0.050 s") == second.index("123 ms") + len("123 ms")
    assert second.endswith("OVER     peer") and "100 - 200" in second
    assert set(rule) == {"-", " "}


@pytest.mark.parametrize(("value", "text"), [(0.0414, "0.041"), (1.234, "1.23"), (12.34, "12.3"), (117.4, "117"), (3.0, "3")])
def test_numbers_are_shown_with_about_three_digits(value: float, text: str) -> None:
    assert measure.shown(value) == text


def test_a_process_is_measured_from_start_to_exit(tmp_path: Path) -> None:
    done = measure.run((sys.executable, "-c", "print('x' * 3, end=''); b = bytearray(64 * 2**20)"), tmp_path)
    assert done.stdout == "xxx"
    assert done.seconds > 0
    assert done.peak_mib > 64


def test_a_command_that_fails_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(measure.BenchError, match=r"ended with 3: .*broken"):
        measure.run((sys.executable, "-c", "import sys; print('broken', file=sys.stderr); sys.exit(3)"), tmp_path)


def test_commands_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    commands = [((sys.executable, "-c", f"open({str(log)!r}, 'a').write({letter!r})"), tmp_path) for letter in "ab"]
    columns = measure.side_by_side(commands, 2)
    assert log.read_text() == "ababab"  # the first turn is not counted
    assert [len(column) for column in columns] == [2, 2]
