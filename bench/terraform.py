"""terraform beside us: as many of its built-in terraform_data as the quickstart has resources, so that no provider has to be installed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from measure import BenchError, run

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
    """An applied configuration in ``folder``."""

    program: str
    folder: Path


def prepared(folder: Path) -> Terraform | None:
    """A fresh configuration, applied; None where terraform is not installed or does not run."""
    program = shutil.which("terraform")
    if program is None:
        return None
    os.environ["CHECKPOINT_DISABLE"] = "1"  # else it asks HashiCorp for newer versions, which costs what the network costs
    folder.mkdir()
    (folder / "main.tf.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    try:
        run((program, "init"), folder)
        run((program, "apply", "-auto-approve"), folder)
    except BenchError:
        return None
    return Terraform(program, folder)
