from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sync_house import SyncHouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SyncHouse]:
    """A folder with a running sandbox that has never been synced."""
    yield from _running(tmp_path)


@pytest.fixture(scope="module")
def synced_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncHouse]:
    """One that has been synced, for tests that leave it as it was."""
    for one in _running(tmp_path_factory.mktemp("synced")):
        one.synced()
        yield one


def _running(folder: Path) -> Iterator[SyncHouse]:
    one = SyncHouse(folder / "work")
    one.start()
    yield one
    one.stop()
