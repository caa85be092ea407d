"""giqplan explain: the recommendation alone, from intent and catalog; no cloud is read."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from giqplan.cli.options import environment, format_option, intent_argument
from giqplan.errors import Exit
from giqplan.units import canonical_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of ``explain``."""
    intent_argument(parser)
    environment(parser)
    format_option(parser, ("text", "json"))


def run(args: argparse.Namespace) -> Exit:
    """Print the choice and its reasons; exit 4 when what is shown is only the nearest miss."""
    from giqplan.catalog import open_catalog
    from giqplan.engine.choice import choose
    from giqplan.intent import load_intent

    found = choose(load_intent(Path(args.intent), args.environment), open_catalog())
    if args.format == "json":
        from giqplan.render.json import plain

        print(canonical_json(plain(found)))
    else:
        from giqplan.render.explain import explain_text

        print(explain_text(found, width=min(shutil.get_terminal_size((100, 24)).columns, 120)), end="")
    return Exit.BLOCKED if found.miss else Exit.DONE
