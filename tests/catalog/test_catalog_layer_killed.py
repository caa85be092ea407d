"""A writer that is killed at any moment leaves the old layer or the new one; a reader beside it never sees half of a change."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from giqplan.catalog import open_catalog
from giqplan.catalog.layer import replace_layer, source_of
from giqplan.catalog.layers import FOLDERS, USER

WRITER = """
import itertools, sys
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from test_catalog_layer_killed import content, replace_layer
print("ready", flush=True)
for turn in itertools.count():
    replace_layer(Path(sys.argv[1]), content(turn % 2), f"2026-11-0{turn % 2 + 1}", name="user")
"""


def content(which: int) -> dict[str, list[dict[str, str]]]:
    source = source_of(f"list {which}")
    prices = [
        {
            "machine_type": "a3-highgpu-8g",
            "region": region,
            "pricing_model": "on-demand",
            "usd_per_hour": str(60 + which),
            "quality": "single-source",
            "as_of": "2026-11-01",
            "source": source.id,
        }
        for region in ("us-central1", "us-east4")
    ]
    return {"prices": prices, "sources": [{"id": source.id, "citation": source.citation, "licence": "", "date": ""}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / FOLDERS[USER]
    replace_layer(found, content(0), "2026-11-01", name="user")
    return found


def writer(folder: Path) -> subprocess.Popen[str]:
    words = (sys.executable, "-c", WRITER, str(folder), str(Path(__file__).parent))
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def digests(tmp_path: Path) -> set[str]:
    for which in (0, 1):
        replace_layer(tmp_path / str(which) / FOLDERS[USER], content(which), f"2026-11-0{which + 1}", name="user")
    return {open_catalog(tmp_path / str(which)).layers[1].digest for which in (0, 1)}


def test_a_killed_writer_leaves_one_of_the_two(folder: Path, tmp_path: Path) -> None:
    chance, whole = random.Random(1), digests(tmp_path)
    for _ in range(6):
        process = writer(folder)
        time.sleep(chance.random() / 10)
        process.kill()
        process.communicate()
        assert open_catalog(folder.parent).layers[1].digest in whole
    replace_layer(folder, content(1), "2026-11-02", name="user")
    assert sorted(p.name for p in folder.iterdir()) == ["catalog.json", "prices.csv", "sources.csv"]


def test_a_reader_never_sees_half_of_a_change(folder: Path, tmp_path: Path) -> None:
    whole, seen = digests(tmp_path), set()
    process = writer(folder)
    until = time.monotonic() + 20
    while seen != whole and time.monotonic() < until:
        for _ in range(50):
            seen.add(open_catalog(folder.parent).layers[1].digest)
    process.kill()
    process.communicate()
    assert seen == whole
