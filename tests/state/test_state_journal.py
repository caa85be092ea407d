"""The journal: whatever byte a crash cuts it at, what was noted as done is in the state and what was begun is known."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.errors import StateError
from giqplan.model.address import Address
from giqplan.state import IntentRecord, Journal, LocalState, ResourceState, State

A, B, C = (Address("kubernetes_service", f"default/{name}") for name in "abc")


def entry(address: Address, revision: int = 1) -> ResourceState:
    return ResourceState(address, {"n": revision}, None, f"uid-{revision}", True)


def first(**resources: object) -> State:
    return State("aa", 0, "gcp", "default", "p", "c", "", {"bot": IntentRecord("inference.yaml")}, {A: entry(A)})


@pytest.fixture
def store(tmp_path: Path) -> LocalState:
    found = LocalState(tmp_path / "gcp" / "default")
    found.commit(first())
    return found


def reopened(store: LocalState) -> LocalState:
    return LocalState(store.folder)


def held(store: LocalState) -> dict[Address, ResourceState]:
    loaded = store.load()
    assert loaded is not None
    return dict(loaded.resources)


def test_what_was_noted_as_done_is_in_the_state_without_a_commit(store: LocalState) -> None:
    store.journal.done(store.journal.begin(B, "create", "create b"), entry(B))
    store.journal.done(store.journal.begin(A, "delete", "delete a"), None)
    again = reopened(store)
    assert held(again) == {B: entry(B)}
    assert again.pending() == ()


def test_what_was_chosen_is_in_the_state_before_anything_of_it_is_done(store: LocalState) -> None:
    chosen = {"bot": IntentRecord("bot.yaml", {"curve": "c-1"})}
    store.journal.chosen(chosen)
    store.journal.begin(B, "create", "create b")
    loaded = reopened(store).load()
    assert loaded is not None
    assert loaded.intents["bot"] == chosen["bot"]


def test_what_was_begun_and_never_ended_is_pending(store: LocalState) -> None:
    number = store.journal.begin(B, "create", "create b")
    store.journal.failed(store.journal.begin(C, "create", "create c"), "GIQ1904: denied")
    again = reopened(store)
    assert held(again) == {A: entry(A)}
    assert [(p.id, p.address, p.verb, p.summary) for p in again.pending()] == [(number, B, "create", "create b")]


def test_the_next_run_goes_on_numbering(store: LocalState) -> None:
    number = store.journal.begin(B, "create", "")
    again = reopened(store)
    again.load()
    assert again.journal.begin(C, "create", "") > number


def test_a_commit_begins_the_journal_anew(store: LocalState) -> None:
    store.journal.done(store.journal.begin(B, "create", ""), entry(B))
    loaded = store.load()
    assert loaded is not None
    store.commit(loaded)
    assert not store.journal.path.exists()
    assert held(reopened(store)) == {A: entry(A), B: entry(B)}


def test_records_that_a_crash_left_behind_a_commit_are_not_replayed(store: LocalState) -> None:
    store.journal.done(store.journal.begin(B, "create", ""), entry(B))
    left = store.journal.path.read_bytes()
    store.commit(replace(first(), resources={C: entry(C)}))
    store.journal.path.write_bytes(left)
    assert held(reopened(store)) == {C: entry(C)}


@pytest.mark.parametrize("change", [{"serial": 5}, {"lineage": "bb"}])
def test_the_journal_of_another_state_is_an_error(store: LocalState, change: dict[str, object]) -> None:
    store.journal.begin(B, "create", "")
    line = json.loads(store.journal.path.read_text())
    store.journal.path.write_text(json.dumps(line | change) + "\n")
    with pytest.raises(StateError) as found:
        reopened(store).load()
    assert found.value.code == "GIQ1807"


@pytest.mark.parametrize(
    "change",
    [{"id": "x"}, {"phase": "half"}, {"serial": None}, {"lineage": 1}, {"address": "nodot"}, {"id": 7, "phase": "done", "resource": None}],
)
def test_a_broken_record_is_an_error_naming_the_journal(store: LocalState, change: dict[str, object]) -> None:
    store.journal.begin(B, "create", "")
    line = json.loads(store.journal.path.read_text())
    store.journal.path.write_text(json.dumps(line | change) + "\n")
    with pytest.raises(StateError) as found:
        reopened(store).load()
    assert found.value.code == "GIQ1802"
    assert found.value.place is not None and found.value.place.file == str(store.journal.path)


def test_only_the_last_line_may_be_torn(store: LocalState) -> None:
    store.journal.begin(B, "create", "")
    whole = store.journal.path.read_bytes()
    store.journal.path.write_bytes(whole[:-9] + b"\n" + whole)
    with pytest.raises(StateError, match="record 1") as found:
        reopened(store).load()
    assert found.value.code == "GIQ1802"


def test_threads_may_write_at_once(store: LocalState) -> None:
    addresses = [Address("kubernetes_service", f"default/s{n}") for n in range(40)]

    def work(address: Address) -> None:
        store.journal.done(store.journal.begin(address, "create", ""), entry(address))

    threads = [threading.Thread(target=work, args=(address,)) for address in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held(reopened(store)) == {A: entry(A), **{address: entry(address) for address in addresses}}


def test_one_record_costs_the_same_however_large_the_state(store: LocalState) -> None:
    """Linear apply: a record never rewrites what is there."""
    sizes = []
    for number in range(50):
        before = store.journal.path.stat().st_size if store.journal.path.exists() else 0
        address = Address("kubernetes_service", f"default/s{number:03}")
        store.journal.done(store.journal.begin(address, "create", ""), entry(address))
        sizes.append(store.journal.path.stat().st_size - before)
    assert max(sizes) - min(sizes) <= 4  # the record's number grows by a digit


EVENTS = st.lists(st.tuples(st.sampled_from([A, B, C]), st.sampled_from(["done", "gone", "failed", "lost"])), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.floats(0, 1))
def test_a_crash_at_any_byte_gives_a_prefix_of_what_happened(events: list[tuple[Address, str]], cut: float) -> None:
    """Every prefix of the journal loads as the state after the records that are whole in it; a further record can then be written."""
    with TemporaryDirectory() as name:
        store = LocalState(Path(name) / "gcp" / "default")
        store.commit(first())
        expected: list[tuple[int, dict[Address, ResourceState], set[Address]]] = [(0, {A: entry(A)}, set())]

        def note(resources: dict[Address, ResourceState], pending: set[Address]) -> None:
            expected.append((store.journal.path.stat().st_size, dict(resources), set(pending)))

        resources, lost = {A: entry(A)}, set[Address]()
        for revision, (address, how) in enumerate(events):
            number = store.journal.begin(address, "update", "")
            note(resources, lost | {address})
            if how == "lost":
                lost.add(address)
                continue
            if how == "failed":
                store.journal.failed(number, "no")
            elif how == "gone":
                lost.discard(address)
                store.journal.done(number, None)
                resources.pop(address, None)
            else:
                lost.discard(address)
                resources[address] = entry(address, revision)
                store.journal.done(number, resources[address])
            note(resources, lost)
        store.journal.close()
        data = store.journal.path.read_bytes()
        size = round(cut * len(data))
        store.journal.path.write_bytes(data[:size])
        _, then, pending = [known for known in expected if known[0] <= size][-1]
        again = LocalState(store.folder)
        assert held(again) == then
        assert {p.address for p in again.pending()} == pending
        again.journal.done(again.journal.begin(B, "create", ""), entry(B, 99))
        again.journal.close()
        assert held(LocalState(store.folder))[B] == entry(B, 99)


def test_a_full_disk_leaves_a_journal_that_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a record in the middle would make the journal unreadable for good: what was torn is cut off at once (GIQ1808)."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.begin(Address("thing", "a"), "create", "create a")
    whole = (tmp_path / "journal.jsonl").read_bytes()
    real = os.write

    def full(handle: int, data: bytes) -> int:
        real(handle, data[:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StateError) as caught:
        journal.begin(Address("thing", "b"), "create", "create b")
    monkeypatch.setattr(os, "write", real)
    assert caught.value.code == "GIQ1808"
    assert (tmp_path / "journal.jsonl").read_bytes() == whole
    journal.close()


class SlowDisk:
    """``os.fdatasync`` that waits until ``open`` is set, and fails while ``broken``. ``begun``: how many syncs were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.broken, self.begun = threading.Event(), False, 0
        real = os.fdatasync

        def sync(handle: int) -> None:
            self.begun += 1
            assert self.open.wait(10)
            if self.broken:
                raise OSError(errno.EIO, "Input/output error")
            real(handle)

        monkeypatch.setattr(os, "fdatasync", sync)


def begin_side_by_side(journal: Journal, names: str, disk: SlowDisk) -> list[Future[int]]:
    """A begin for each name, in threads of their own; all are in the file when this returns."""
    pool, lines = ThreadPoolExecutor(len(names)), len(names) + len(list(journal.records()))
    begun = [pool.submit(journal.begin, Address("thing", name), "create", "") for name in names]
    deadline = time.monotonic() + 10
    while not disk.begun or journal.path.read_bytes().count(b"\n") < lines:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    pool.shutdown(wait=False)
    return begun


def test_records_of_actions_side_by_side_wait_for_the_disk_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No begin returns before its record is on disk: until then nothing may be sent. Ten of them take two turns of the disk, not ten."""
    journal, disk = Journal(tmp_path / "journal.jsonl"), SlowDisk(monkeypatch)
    begun = begin_side_by_side(journal, "abcdefghij", disk)
    assert not any(one.done() for one in begun)
    disk.open.set()
    assert sorted(one.result(10) for one in begun) == list(range(1, 11))
    assert disk.begun == 2
    journal.close()


def test_what_the_disk_does_not_take_is_cut_off_and_everybody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, disk = Journal(tmp_path / "journal.jsonl"), SlowDisk(monkeypatch)
    disk.open.set()
    journal.begin(Address("thing", "first"), "create", "")
    whole = journal.path.read_bytes()
    disk.open.clear()
    disk.broken, disk.begun = True, 0
    begun = begin_side_by_side(journal, "abc", disk)
    disk.open.set()
    assert {one.exception(10).code for one in begun} == {"GIQ1808"}  # type: ignore[union-attr]
    assert journal.path.read_bytes() == whole
    disk.broken = False
    assert journal.begin(Address("thing", "later"), "create", "") == 5
    journal.close()
    assert [record["id"] for record in Journal(journal.path).records()] == [1, 5]
