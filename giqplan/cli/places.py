"""Where things lie beside an intent."""

from __future__ import annotations

from pathlib import Path

FOLDER = ".giqplan"


def home_of(intent: Path) -> Path:
    """The folder that an intent stands in; a folder of intents itself."""
    found = intent.resolve()
    return found if found.is_dir() else found.parent


def folder_of(intent: Path) -> Path:
    """The ``.giqplan`` folder beside the intent."""
    return home_of(intent) / FOLDER


def sandbox_of(intent: Path) -> Path:
    """The folder of the sandbox beside the intent."""
    return folder_of(intent) / "sandbox"


def world_of(intent: Path) -> Path | None:
    """The world.yaml beside the intent, None when there is none."""
    beside = home_of(intent) / "world.yaml"
    return beside if beside.is_file() else None
