"""giqplan validate: is the intent right, in the base and in every environment? Reads nothing but the file, or the files of a folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.cli.options import environment, format_option, intent_argument, quiet
from giqplan.errors import Exit
from giqplan.units import canonical_json

if TYPE_CHECKING:
    from giqplan.intent import LoadedIntent


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of ``validate``."""
    intent_argument(parser)
    environment(parser)
    format_option(parser, ("text", "json"))
    quiet(parser)


def run(args: argparse.Namespace) -> Exit:
    """Print what was checked; every mistake of the file, or of all files, is raised at once."""
    path = Path(args.intent)
    checked = {str(path / file) if path.is_dir() else str(path): loaded for file, loaded in _checked(path, args.environment).items()}
    if args.format == "json":
        files = [
            {"errors": [], "file": file, "environments": {one.environment: one.digest for one in loaded}}
            for file, loaded in checked.items()
        ]
        print(canonical_json({"errors": [], "files": files} if path.is_dir() else files[0]))
    elif not args.quiet:
        for file, loaded in checked.items():
            print(f"{file} is valid ({', '.join(one.environment for one in loaded)})")
    return Exit.DONE


def _checked(path: Path, name: str | None) -> Mapping[str, tuple[LoadedIntent, ...]]:
    from giqplan.intent import load_all, load_intent

    if not path.is_dir():
        return {path.name: (load_intent(path, name),) if name else load_all(path)}
    from giqplan.intent.folder import load_all_of, load_folder

    return {file: (loaded,) for file, loaded in load_folder(path, name).items()} if name else load_all_of(path)
