"""giqplan validate: is the intent right, in the base and in every environment? Reads nothing but the file."""

from __future__ import annotations

import argparse
from pathlib import Path

from giqplan.cli.options import environment, format_option, intent_argument, quiet
from giqplan.errors import Exit
from giqplan.units import canonical_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of ``validate``."""
    intent_argument(parser)
    environment(parser)
    format_option(parser, ("text", "json"))
    quiet(parser)


def run(args: argparse.Namespace) -> Exit:
    """Print what was checked; every mistake of the file is raised at once."""
    from giqplan.intent import load_all, load_intent

    path = Path(args.intent)
    checked = (load_intent(path, args.environment),) if args.environment else load_all(path)
    names = [loaded.environment for loaded in checked]
    if args.format == "json":
        print(canonical_json({"errors": [], "file": str(path), "environments": {one.environment: one.digest for one in checked}}))
    elif not args.quiet:
        print(f"{path} is valid ({', '.join(names)})")
    return Exit.DONE
