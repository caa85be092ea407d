"""Whole plans as people and programs see them: golden/<case>/plan.txt, full.txt and plan.json. Review their diff.

Written anew with ``GIQPLAN_UPDATE_GOLDEN=1 pytest tests/render/test_plan_golden.py``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from render_samples import PLANS

from giqplan.render.json import plan_json
from giqplan.render.text import plan_text
from giqplan.units import canonical_json

GOLDEN = Path(__file__).parent / "golden"


def _compare(path: Path, text: str) -> None:
    if os.environ.get("GIQPLAN_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", PLANS)
def test_text(name: str) -> None:
    _compare(GOLDEN / name / "plan.txt", plan_text(PLANS[name]()))


@pytest.mark.parametrize("name", PLANS)
def test_full_text(name: str) -> None:
    _compare(GOLDEN / name / "full.txt", plan_text(PLANS[name](), full=True))


@pytest.mark.parametrize("name", PLANS)
def test_json(name: str) -> None:
    value = json.loads(canonical_json(plan_json(PLANS[name]())))
    _compare(GOLDEN / name / "plan.json", json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def test_no_folder_without_a_plan() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(PLANS)
