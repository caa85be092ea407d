"""The answer columns of a table of questions: their names, and many rows of them as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from giqplan.model.estimate import METRICS
from giqplan.render.digits import four_digits

if TYPE_CHECKING:
    from giqplan.recommend.estimator.questions import Answers

_NAMES = {metric: metric.replace("tokens_per_second", "tok_per_s") for metric in METRICS}
"""As the columns of measured points are called."""

COLUMNS = (*(f"{name}{end}" for name in _NAMES.values() for end in ("", "_low", "_high")), "class", "reason")
"""What is appended to a row: of each metric the value and its 90 % interval."""

GIVEN = "_given"


def header(names: Sequence[str]) -> tuple[list[str], list[int]]:
    """The first line of the output and the places of the input's columns that stay. A column that is called like an answer becomes
    ``NAME_given``; where that is there already, the table was answered before and the old answer goes."""
    kept = [place for place, name in enumerate(names) if name not in COLUMNS or f"{name}{GIVEN}" not in names]
    return [*(f"{names[p]}{GIVEN}" if names[p] in COLUMNS else names[p] for p in kept), *COLUMNS], kept


def answer_columns(answers: Answers) -> list[Sequence[str]]:
    """``COLUMNS``, each with a text a row; numbers in four digits."""
    numbers = [four_digits(line) for metric in METRICS for line in answers.metrics[metric]]
    return [*numbers, answers.grades, answers.reasons]
