"""What differs between two catalogs or layers: rows by their key, cells by their column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from giqplan.catalog.curves import MEASURED
from giqplan.catalog.schema import TABLES

Cells = Mapping[str, str]
Tables = Mapping[str, Sequence[Cells]]


@dataclass(frozen=True)
class RowChange:
    """``before`` None: the row is added; ``after`` None: it is removed. A point is told by its curve and what was measured."""

    table: str
    key: tuple[str, ...]
    before: Cells | None
    after: Cells | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose cells differ; () of a row that is added or removed."""
        if self.before is None or self.after is None:
            return ()
        names = dict.fromkeys((*self.before, *self.after))
        return tuple(c for c in names if self.before.get(c, "") != self.after.get(c, ""))


def key_of(table: str, row: Cells) -> tuple[str, ...]:
    """What tells a row from all others of its table."""
    columns = TABLES[table].key if TABLES[table].unique else (*TABLES[table].key, *MEASURED)
    return tuple(row[column] for column in columns)


def difference(before: Tables, after: Tables) -> tuple[RowChange, ...]:
    """Rows added, removed and changed, in order of table and key."""
    return tuple(change for table in TABLES for change in _table(table, before.get(table, ()), after.get(table, ())))


def _table(table: str, before: Sequence[Cells], after: Sequence[Cells]) -> Iterator[RowChange]:
    old = {key_of(table, row): row for row in before}
    new = {key_of(table, row): row for row in after}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield RowChange(table, key, old.get(key), new.get(key))
