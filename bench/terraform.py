"""terraform beside us: as many of its built-in terraform_data as giqplan manages resources, so that no provider has to be installed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import BenchError, Process, run

RESOURCES = 36
"""What the quickstart manages."""
CHANGING = 6
"""How many of them a new label changes."""
CONFIG = {
    "variable": {"label": {"default": "first"}},
    "resource": {
        "terraform_data": {
            "steady": {"count": RESOURCES - CHANGING, "input": "${count.index}"},
            "labelled": {"count": CHANGING, "input": "${var.label}"},
        }
    },
}


@dataclass(frozen=True)
class Terraform:
    """A configuration in ``folder``."""

    program: str
    folder: Path

    def apply(self) -> Process:
        return run((self.program, "apply", "-auto-approve"), self.folder)


def prepared(folder: Path) -> Terraform | None:
    """What stands beside the quickstart, applied; None where terraform is not installed or does not run."""
    found = _initialised(folder, CONFIG)
    try:
        if found:
            found.apply()
    except BenchError:
        return None
    return found


def configured(folder: Path, resources: int) -> Terraform | None:
    """So many resources, not applied yet; None where terraform is not installed or does not run."""
    steady = {"count": resources, "input": "${count.index}"}
    return _initialised(folder, {"resource": {"terraform_data": {"steady": steady}}})


def _initialised(folder: Path, config: Mapping[str, Any]) -> Terraform | None:
    program = shutil.which("terraform")
    if program is None:
        return None
    os.environ["CHECKPOINT_DISABLE"] = "1"  # else it asks HashiCorp for newer versions, which costs what the network costs
    folder.mkdir()
    (folder / "main.tf.json").write_text(json.dumps(config), encoding="utf-8")
    try:
        run((program, "init"), folder)
    except BenchError:
        return None
    return Terraform(program, folder)
