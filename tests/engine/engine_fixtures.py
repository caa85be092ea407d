"""Sandboxes for the engine's tests: an empty one, and one in which the quickstart has been applied and has settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_house import House

from giqplan.errors import Exit


@pytest.fixture(scope="session")
def _applied_once(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The quickstart applied, its world at rest, its sandbox stopped: what tests copy and never touch."""
    house = House(tmp_path_factory.mktemp("applied") / "house")
    house.start()
    assert house.apply().exit is Exit.DONE
    house.stop()
    return house


@pytest.fixture
def applied(_applied_once: House, tmp_path: Path) -> Iterator[House]:
    """The quickstart, applied; each test has its own."""
    house = _applied_once.copy_to(tmp_path / "house")
    house.start()
    yield house
    house.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes a house whose world holds nothing of ours yet; ``intent`` and ``world`` replace the quickstart's."""
    made: list[House] = []

    def make(intent: dict[str, Any] | None = None, world: dict[str, Any] | None = None, **more: Any) -> House:
        made.append(House(tmp_path / f"house{len(made)}", intent, world, **more))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()
