"""A table of questions, row by row as text, made into setups and arrays; and the estimator's answers to them, row by row again.

A row that cannot be asked or answered has a reason and no number. Rows say totals over ``replicas``; the estimator answers for one.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from giqplan.catalog import Catalog
from giqplan.model.estimate import LARGEST, METRICS, MOST_ACCELERATORS, LoadKind, Setup

if TYPE_CHECKING:
    from giqplan.recommend.estimator.door import Estimator

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MODELS = ("model_id", "model")
"""Columns that name the model, the first that names a known one counts; a table needs one of them."""

COLUMNS = (
    "model_server",
    "model_server_version",
    "gke_accelerator",
    "accelerator_count",
    "precision",
    "parallelism",
    "load_kind",
    "isl",
    "osl",
    "load",
)
"""The other columns that a table needs; of version, precision and parallelism a cell may be empty."""

REPLICAS = "replicas"
"""The column that says of how many replicas a row's load and rates are the total; without it, or empty: one."""

_NUMBERS = ("isl", "osl", "load")
_SHOWN = 40


@dataclass(frozen=True)
class Batch:
    """Rows as arrays. ``case``: the number of what its words say; ``reason``: which of ``Questions.reasons``, 0 = the row can be asked."""

    case: Ints
    numbers: Mapping[str, Floats]
    reason: Ints


@dataclass(frozen=True)
class Answers:
    """Of each row: the (value, low, high) of every metric, NaN = none, totals over the row's replicas; the class, "" = no answer; the
    reason, "" = answered."""

    metrics: Mapping[str, Floats]
    grades: Sequence[str]
    reasons: Sequence[str]


class _Case(NamedTuple):
    """What the words of a row say. ``reason`` 0 = all of it is understood."""

    setup: int = 0
    is_rate: bool = False
    replicas: int = 1
    reason: int = 0


class _Numbered(dict[tuple[str, ...], int]):
    """Numbers what is looked up, in order of appearance; ``new`` is told of each."""

    def __init__(self, new: Callable[[tuple[str, ...]], None]) -> None:
        super().__init__()
        self._new = new

    def __missing__(self, key: tuple[str, ...]) -> int:
        self._new(key)
        self[key] = number = len(self)
        return number


class Questions:
    """Questions in the columns of ``header``. Setups and reasons are numbered in order of appearance, over all batches. Take all batches
    before the first answer: the estimator prepares what it knows of the setups once for all of them."""

    def __init__(self, catalog: Catalog, header: Sequence[str]) -> None:
        self._catalog = catalog
        self._width = len(header)
        self._number_places = {name: header.index(name) for name in _NUMBERS}
        named = (*MODELS, *(name for name in COLUMNS if name not in _NUMBERS), REPLICAS)
        self._words = {name: header.index(name) for name in named if name in header}
        self.setups: list[Setup] = []
        self.reasons: list[str] = [""]
        self._cases = {field: array("q") for field in _Case._fields}
        self._numbered = _Numbered(self._new_case)
        self._setup_numbers: dict[Setup, int] = {}
        self._reason_numbers: dict[str, int] = {"": 0}

    def batch(self, rows: list[list[str]]) -> Batch:
        """The rows as arrays. A row of another width than the header has a reason, and is made as wide."""
        reason = np.zeros(len(rows), np.int64)
        for at, wide in made_even(rows, self._width):
            reason[at] = self._reason(f"the row has {wide} cells, the first line has {self._width}")
        columns = list(zip(*rows, strict=True))
        words = zip(*(columns[place] for place in self._words.values()), strict=True)
        case = np.fromiter(map(self._numbered.__getitem__, words), np.int64, len(rows))
        reason = np.where(reason, reason, self._of_cases("reason")[case])
        numbers = {}
        for name, place in self._number_places.items():
            cells = columns[place]
            numbers[name] = values = _numbers(cells)
            wrong = ~((values > 0) & (values <= LARGEST)) & (reason == 0)
            for at in np.flatnonzero(wrong).tolist():
                reason[at] = self._reason(_no_number(name, cells[at], values[at]))
        return Batch(case, numbers, reason)

    def answers(self, estimator: Estimator, batch: Batch) -> Answers:
        """What the estimator says to the rows that can be asked, and the reasons of all others."""
        case = batch.case
        replicas = self._of_cases("replicas")[case].astype(np.float64)
        asked = np.flatnonzero(batch.reason == 0)
        metrics = {name: np.full((3, len(case)), np.nan) for name in METRICS}
        grades: NDArray[np.object_] = np.full(len(case), "", object)
        reasons: NDArray[np.object_] = np.array(self.reasons, object)[batch.reason]
        if len(asked):
            table = estimator.table(
                self.setups,
                self._of_cases("setup")[case[asked]],
                batch.numbers["isl"][asked],
                batch.numbers["osl"][asked],
                self._of_cases("is_rate")[case[asked]].astype(bool),
                batch.numbers["load"][asked] / replicas[asked],
            )
            answered = table.grade != ""
            grades[asked] = table.grade
            reasons[asked] = np.where(answered, "", np.array(table.reasons, object)[table.reason])
            for name in METRICS:
                metrics[name][:, asked] = np.where(answered, table.metrics[name], np.nan)
        metrics["output_tokens_per_second"] *= replicas
        return Answers(metrics, grades.tolist(), reasons.tolist())

    def _of_cases(self, field: str) -> Ints:
        return np.array(self._cases[field], np.int64)

    def _new_case(self, key: tuple[str, ...]) -> None:
        case = self._case({name: cell.strip() for name, cell in zip(self._words, key, strict=True)})
        for field, value in case._asdict().items():
            self._cases[field].append(value)

    def _case(self, words: Mapping[str, str]) -> _Case:
        model = next((found for name in MODELS if (found := self._catalog.model(words.get(name, "")))), None)
        accelerator = self._catalog.accelerator(words["gke_accelerator"].lower())
        count, replicas = _whole(words["accelerator_count"]), _whole(words.get(REPLICAS) or "1")
        if model is None:
            return self._refused(f"{self._model_named(words)} is no model of the catalog")
        if not words["model_server"]:
            return self._refused("model_server: names none")
        if accelerator is None:
            return self._refused(f"gke_accelerator: {_cell(words['gke_accelerator'])} is none that the catalog knows")
        if not 0 < count <= MOST_ACCELERATORS:
            return self._refused(f"accelerator_count: {_cell(words['accelerator_count'])} is no number of accelerators")
        if words["load_kind"].lower() not in list(LoadKind):
            return self._refused(f"load_kind: {_cell(words['load_kind'])} is none of {', '.join(LoadKind)}")
        if not replicas:
            return self._refused(f"replicas: {_cell(words[REPLICAS])} is no whole number above 0")
        setup = Setup(
            model_id=model.model_id,
            model_server=words["model_server"].lower(),
            model_server_version=words["model_server_version"].removeprefix("v"),
            accelerator=accelerator.name,
            accelerator_count=count,
            precision=words["precision"].lower(),
            parallelism=words["parallelism"].lower(),
        )
        number = self._setup_numbers.setdefault(setup, len(self.setups))
        if number == len(self.setups):
            self.setups.append(setup)
        return _Case(number, words["load_kind"].lower() == LoadKind.RATE, replicas)

    def _model_named(self, words: Mapping[str, str]) -> str:
        return _cell(next((words[name] for name in MODELS if words.get(name)), ""))

    def _refused(self, reason: str) -> _Case:
        return _Case(reason=self._reason(reason))

    def _reason(self, text: str) -> int:
        number = self._reason_numbers.setdefault(text, len(self.reasons))
        if number == len(self.reasons):
            self.reasons.append(text)
        return number


def made_even(rows: list[list[str]], width: int) -> list[tuple[int, int]]:
    """Make every row ``width`` cells wide; place and former width of those that were not."""
    uneven = [(at, len(row)) for at, row in enumerate(rows) if len(row) != width]
    for at, cells in uneven:
        rows[at] = [*rows[at][:width], *[""] * (width - cells)]
    return uneven


def _numbers(cells: Sequence[str]) -> Floats:
    """The cells as numbers, NaN for what is none; ``1_000`` is one to Python only."""
    if "_" not in "".join(cells):
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            pass
    return np.fromiter(map(_number, cells), np.float64, len(cells))


def _number(cell: str) -> float:
    try:
        return np.nan if "_" in cell else float(cell)
    except ValueError:
        return np.nan


def _no_number(name: str, cell: str, value: float) -> str:
    if not cell.strip():
        return f"{name}: the cell is empty"
    why = f"is beyond {LARGEST:,.0f}" if value > 0 else "is no number above 0"
    return f"{name}: {_cell(cell)} {why}"


def _whole(cell: str) -> int:
    """A whole number above 0, also written as ``8.0``; 0 = it is none."""
    value = _number(cell)
    return int(value) if 0 < value <= LARGEST and value.is_integer() else 0


def _cell(text: str) -> str:
    """A cell as a reason shows it."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def columns_missing(header: Iterable[str]) -> list[str]:
    """The columns that ``header`` lacks."""
    found = set(header)
    missing = [] if found & set(MODELS) else [" or ".join(reversed(MODELS))]
    return [*missing, *(name for name in COLUMNS if name not in found)]


def columns_twice(header: Iterable[str]) -> list[str]:
    """The columns that are read and stand in ``header`` more than once."""
    read = {*MODELS, *COLUMNS, REPLICAS}
    return [name for name, count in Counter(header).items() if count > 1 and name in read]
