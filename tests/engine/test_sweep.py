"""A sample of ``make sweep``: the quickstart's apply and destroy, stopped at points of their journal, reach the same end when run again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SWEEP = Path(__file__).resolve().parents[2] / "scripts" / "sweep.py"


@pytest.mark.slow
def test_a_run_that_is_stopped_anywhere_ends_as_if_it_had_not_been_when_it_is_run_again() -> None:
    swept = subprocess.run([sys.executable, str(SWEEP), "--every", "29"], capture_output=True, text=True, check=False)
    assert swept.returncode == 0, swept.stdout + swept.stderr
