"""Whatever is done to a report, it imports or is refused by an error of ours; what imports can be read again."""

from __future__ import annotations

import copy
import csv
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from import_reports import REPORTS, given
from test_import_figures import GCLOUD, report_of_version

from giqplan.catalog import open_catalog
from giqplan.catalog.importers import read
from giqplan.catalog.importers.assemble import assemble
from giqplan.catalog.layer import add_curves
from giqplan.errors import GiqplanError

CATALOG = open_catalog()
ODD = (None, -1, 0, 0.0, float("inf"), float("nan"), 1e-300, 10**40, 1e14, True, "x", "", "N/A", [], [1], {}, {"a": 1})
CELLS = (
    "",
    "-1",
    "0",
    "NaN",
    "1e999999999999999999999",
    "1e-99",
    "x",
    "{",
    "{}",
    '{"version":2}',
    "[",
    "constant@1e9",
    "concurrent@-1",
    "1_000",
)
BYTES = b'{}[]",:-019.eE\n &*!|>#'


def trees() -> list[Any]:
    stage = json.loads((REPORTS / "run" / "stage_0_lifecycle_metrics.json").read_text(encoding="utf-8"))
    streams = json.loads((REPORTS / "guidellm" / "streams.json").read_text(encoding="utf-8"))
    return [stage, streams, *(report_of_version(version, "s") for version in ("0.1", "0.2", "0.2.1"))]


def tables() -> list[str]:
    row = "g2-standard-12,nvidia-l4,google/gemma-2-2b-it,vllm,v0.7.2,256,19,31,18,2.0,0.009,0.036,Chatbot,128,128,N/A,N/A\n"
    return [GCLOUD + row, *((REPORTS / name).read_text(encoding="utf-8") for name in ("guidellm/rates.csv", "h100_stages.csv"))]


def paths(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in members:
        yield (*way, key)
        yield from paths(below, (*way, key))


def changed_tree(chance: random.Random) -> bytes:
    tree = copy.deepcopy(chance.choice(trees()))
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice(list(paths(tree)))
        place = tree
        for key in way:
            place = place[key]
        if chance.random() < 0.25:
            del place[last]
        else:
            place[last] = copy.deepcopy(chance.choice(ODD))
    return (json.dumps(tree) if chance.random() < 0.5 else yaml.safe_dump(tree)).encode()


def changed_table(chance: random.Random) -> bytes:
    rows = list(csv.reader(io.StringIO(chance.choice(tables()))))
    row = chance.choice(rows)
    row[chance.randrange(len(row))] = chance.choice(CELLS)
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def changed_bytes(chance: random.Random) -> bytes:
    data = bytearray(chance.choice([*(json.dumps(tree).encode() for tree in trees()), *(table.encode() for table in tables())]))
    at = chance.randrange(len(data))
    how = chance.randrange(3)
    if how == 0:
        data[at] = chance.randrange(256)
    elif how == 1:
        del data[at : at + chance.randrange(1, 60)]
    else:
        data[at:at] = bytes(chance.choices(BYTES, k=3))
    return bytes(data)


@pytest.mark.parametrize("change", [changed_tree, changed_table, changed_bytes])
def test_any_report_imports_or_is_refused(change: Any, tmp_path: Path) -> None:
    chance, outcomes = random.Random(20261127), {True: 0, False: 0}
    for number in range(150):
        try:
            found = assemble(read("report", change(chance)), given(), CATALOG, {"report": "0" * 64})
            add_curves(tmp_path / str(number), found.curves, found.sources, found.date or "2026-01-01")
            outcomes[True] += 1
        except GiqplanError as error:
            assert error.detail and error.remedy
            outcomes[False] += 1
    assert all(outcomes.values())
