"""giqplan catalog: the data that giqplan decides by. One module a subcommand."""

from __future__ import annotations

import argparse
from importlib import import_module

from giqplan.cli import options
from giqplan.errors import Exit

#: Name -> (module below giqplan.cli, what it does).
SUBCOMMANDS = {
    "show": ("catalog_show", "show the layers and what they hold, or one model, curve or machine"),
    "sync": ("catalog_sync", "fetch Google's own benchmark data (GKE Inference Quickstart) into the synced layer"),
    "verify": ("catalog_verify", "check every layer: against itself, the others and physics"),
    "diff": ("catalog_diff", "compare two catalogs or layers row by row"),
    "import": ("catalog_import", "take benchmark reports of other tools into your own layer"),
    "prices": ("catalog_prices", "your own prices"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="catalog_command", metavar="COMMAND", required=True)
    for name, (module, text) in SUBCOMMANDS.items():
        one = commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        command = import_module(f"giqplan.cli.{module}")
        command.configure(one)
        options.debug(one)
        one.set_defaults(catalog_run=command.run)


def run(args: argparse.Namespace) -> Exit:
    """Carry out the subcommand."""
    found: Exit = args.catalog_run(args)
    return found
