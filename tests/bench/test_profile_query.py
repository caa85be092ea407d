"""The generated catalog of `make bench`: its questions are answered, and DuckDB answers them alike."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from giqplan.catalog.columns import Columns, build
from giqplan.catalog.query import ask

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module("profile_query")
    finally:
        sys.path.remove(str(BENCH))


@pytest.fixture(scope="module")
def columns(bench: ModuleType) -> Columns:
    return build(bench.curves(30_000), bench.DIGEST)


def test_every_question_has_an_answer_or_says_what_is_nearest(bench: ModuleType, columns: Columns) -> None:
    for name, query in bench.QUERIES.items():
        answers = ask(columns, query)
        assert answers.rows if "impossible" not in name else answers.nearest_miss, name


def test_duckdb_answers_alike(bench: ModuleType, columns: Columns) -> None:
    pytest.importorskip("duckdb")
    peer = sys.modules["profile_query_duckdb"].asked(columns, bench.QUERIES, 1)
    for name, query in bench.QUERIES.items():
        assert peer.first[name] == [row.curve_key for row in ask(columns, query).rows], name
