"""giqplan catalog verify: whether the catalog with all its layers agrees with itself and with physics."""

from __future__ import annotations

import argparse
from pathlib import Path

from giqplan.cli import options
from giqplan.cli.places import home_of
from giqplan.errors import CatalogError, ErrorList, Exit
from giqplan.units import canonical_json

_REMEDY = "Mend the row, or leave it: a plan is made all the same. docs/catalog.md says what is checked."


def configure(parser: argparse.ArgumentParser) -> None:
    options.beside(parser)
    options.format_option(parser, ("text", "json"))


def run(args: argparse.Namespace) -> Exit:
    """Raises what cannot be read (GIQ1201, GIQ1202), else every contradiction (GIQ1213)."""
    from giqplan.catalog import open_catalog
    from giqplan.catalog.verify import verify

    catalog = open_catalog(home_of(Path(args.intent)))
    problems = verify(catalog)
    if problems:
        raise ErrorList(CatalogError("GIQ1213", problem, _REMEDY) for problem in problems)
    layers = [{"name": layer.name, "date": layer.date, "digest": layer.digest} for layer in catalog.layers]
    if args.format == "json":
        print(canonical_json({"digest": catalog.digest, "layers": layers, "problems": []}))
        return Exit.DONE
    for layer in layers:
        print(f"{layer['name']:9} {layer['date']:10}  {layer['digest']}")
    print("No problem found.")
    return Exit.DONE
