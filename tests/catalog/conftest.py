"""The shipped catalog, and copies of it in which one cell is changed."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from giqplan.catalog import Catalog, open_catalog
from giqplan.data_files import data_path

Change = Callable[[dict[str, str]], bool]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return open_catalog()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(data_path("catalog"), tmp_path / "catalog"))


@pytest.fixture
def edited(copy: Path) -> Callable[[str, Change], Catalog]:
    """A catalog whose table had its first row edited for which ``change`` returns True."""

    def edit(table: str, change: Change) -> Catalog:
        path = copy / f"{table}.csv"
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        assert any(change(row) for row in rows), "no row was changed"
        with path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return open_catalog(embedded=copy)

    return edit
