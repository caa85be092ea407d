"""giqplan catalog prices import: one's own or negotiated prices become part of the user's layer."""

from __future__ import annotations

import argparse
from pathlib import Path

from giqplan.cli import options
from giqplan.cli.places import home_of
from giqplan.errors import Exit
from giqplan.units import canonical_json


def configure(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="prices_command", metavar="COMMAND", required=True)
    text = "take prices out of a CSV file or out of SKUs of Cloud Billing (JSON)"
    one = commands.add_parser("import", help=text, description=text[:1].upper() + text[1:] + ".")
    one.add_argument(
        "files", nargs="+", metavar="FILE", help="a table of prices (docs/catalog.md), or the pages that services.skus.list answered"
    )
    one.add_argument("--dry-run", action="store_true", help="show what would change, and write nothing")
    options.beside(one)
    options.format_option(one, ("text", "json"))
    options.debug(one)


def run(args: argparse.Namespace) -> Exit:
    """All of the files or nothing. Raises CatalogError GIQ1206 to GIQ1211."""
    from giqplan.catalog import open_catalog
    from giqplan.catalog.layer import set_prices
    from giqplan.catalog.layers import FOLDERS, USER
    from giqplan.catalog.price_files import read_prices
    from giqplan.render.catalog_changes import changes_json, changes_text

    home = home_of(Path(args.intent))
    found = read_prices([Path(file) for file in args.files], open_catalog(home))
    changes = set_prices(home / FOLDERS[USER], found.rows, found.sources, found.date, dry_run=args.dry_run)
    if args.format == "json":
        told = {"dry_run": args.dry_run, "changes": changes_json(changes), "refused": found.refused, "warnings": found.warnings}
        print(canonical_json(told))
        return Exit.DONE
    print(changes_text(changes), end="")
    for reason in found.refused:
        print(f"Refused {reason}")
    for warning in found.warnings:
        print(f"Warning: {warning}")
    print("Nothing was written." if args.dry_run else f"Written to {FOLDERS[USER]}." if changes else "The layer holds them already.")
    return Exit.DONE
