"""giqplan explain: the recommendation alone, from intent and catalog; no cloud is read."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from giqplan.cli.options import environment, format_option, intent_argument
from giqplan.cli.places import home_of
from giqplan.errors import Exit
from giqplan.units import canonical_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of ``explain``."""
    intent_argument(parser)
    environment(parser)
    format_option(parser, ("text", "json"))


def run(args: argparse.Namespace) -> Exit:
    """Print the choice and its reasons, of each intent; exit 4 when what is shown is only the nearest miss."""
    from giqplan.catalog import open_catalog
    from giqplan.cli.session import load
    from giqplan.engine.choice import choose

    path = Path(args.intent)
    catalog = open_catalog(home_of(path))
    found = {file: choose(loaded, catalog) for file, loaded in load(path, args.environment).items()}
    if args.format == "json":
        from giqplan.render.json import plain

        told = {file: plain(one) for file, one in found.items()}
        print(canonical_json(told if path.is_dir() else next(iter(told.values()))))
    else:
        from giqplan.render.explain import explain_text

        width = min(shutil.get_terminal_size((100, 24)).columns, 120)
        layers = [f"{layer.name} {layer.date}, {layer.digest}" for layer in catalog.layers] if len(catalog.layers) > 1 else []
        heads = {file: f"{file}\n\n" if path.is_dir() else "" for file in found}
        print("\n".join(heads[file] + explain_text(one, width=width, layers=layers) for file, one in found.items()), end="")
    return Exit.BLOCKED if any(one.miss for one in found.values()) else Exit.DONE
