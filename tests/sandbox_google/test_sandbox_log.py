"""The longest chain of dependent requests."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.sandbox.log import Entry, critical_path


def entry(start: float, end: float, stream: bool = False) -> Entry:
    return Entry(start, end, "container", "GET", f"/{start}", "", 200, stream=stream)


def test_no_requests_no_chain() -> None:
    assert critical_path([]) == []


def test_parallel_requests_count_once() -> None:
    chain = critical_path([entry(0, 1), entry(2, 3), entry(2, 4), entry(2.5, 3.5), entry(5, 6)])
    assert [e.start for e in chain] == [0, 2, 5], "of the three in parallel the slowest is shown"


def test_a_request_sent_before_an_answer_does_not_depend_on_it() -> None:
    assert len(critical_path([entry(0, 10), entry(1, 2), entry(3, 4)])) == 2


def test_nobody_waits_for_a_watch() -> None:
    assert critical_path([entry(0, 1, stream=True), entry(2, 3)]) == [entry(2, 3)]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=12))
def test_the_chain_is_the_longest_there_is(spans: list[tuple[int, int]]) -> None:
    entries = [entry(start, start + length + 0.5) for start, length in spans]
    chain = critical_path(entries)
    assert all(a.end <= b.start for a, b in pairwise(chain))

    def longest(after: float) -> int:
        return max((1 + longest(e.end) for e in entries if e.start >= after), default=0)

    assert len(chain) == longest(float("-inf"))
