"""giqplan catalog show: the layers and what they hold, or one model, curve or machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from giqplan.cli import options
from giqplan.cli.places import home_of
from giqplan.errors import CatalogError, Exit
from giqplan.units import canonical_json


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="MODEL|CURVE|MACHINE", help="a model id or alias, the key of a curve, or a machine type")
    options.beside(parser)
    options.format_option(parser, ("text", "json"))


def run(args: argparse.Namespace) -> Exit:
    """Raises CatalogError GIQ1212 for a name that is nothing in the catalog."""
    from giqplan.catalog import open_catalog
    from giqplan.render import catalog as page

    catalog = open_catalog(home_of(Path(args.intent)))
    if args.name is None:
        found, text = page.overview(catalog), page.overview_text
    elif (curve := catalog.curve(args.name)) is not None:
        found, text = page.curve(catalog, curve), page.curve_text
    elif (machine := catalog.find_machine(args.name)) is not None:
        found, text = page.machine(catalog, machine), page.machine_text
    elif (model := catalog.model(args.name)) is not None:
        found, text = page.model(catalog, model), page.model_text
    else:
        near = ", ".join(catalog.closest_models(args.name))
        remedy = f"Did you mean {near}?" if near else "Name a model id, the key of a curve (c-...) or a machine type."
        raise CatalogError("GIQ1212", f"{args.name} is no model, curve or machine type of the catalog", remedy)
    print(canonical_json(found) if args.format == "json" else text(found), end="\n" if args.format == "json" else "")
    return Exit.DONE
