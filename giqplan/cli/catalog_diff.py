"""giqplan catalog diff: rows added, removed and changed between two catalogs or layers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.cli import options
from giqplan.cli.places import home_of
from giqplan.errors import CatalogError, Exit, Place, UsageError
from giqplan.units import canonical_json

if TYPE_CHECKING:
    from giqplan.catalog.layers import Layer

_NAMES = "embedded, synced or user, or the folder of a catalog or layer"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="A", help=_NAMES)
    parser.add_argument("after", nargs="?", metavar="B", help="what is compared with A")
    parser.add_argument(
        "--against", metavar="LAYER", help="instead of B: what A adds to LAYER or changes in it; rows it lacks are no difference"
    )
    options.beside(parser)
    options.format_option(parser, ("text", "json"))


def run(args: argparse.Namespace) -> Exit:
    """Raises CatalogError: GIQ1214 where nothing of a catalog stands, GIQ1201 and GIQ1202 where it cannot be read."""
    from giqplan.catalog.difference import difference
    from giqplan.catalog.layer import cells_of
    from giqplan.render.catalog_changes import changes_json, changes_text

    if (args.after is None) is (args.against is None):
        raise UsageError("GIQ0101", "two catalogs are compared", "name A and B, or A and --against LAYER")
    home = home_of(Path(args.intent))
    if args.against is None:
        found = difference(*(cells_of(_layer(name, home)) for name in (args.before, args.after)))
    else:
        found = difference(*(cells_of(_layer(name, home)) for name in (args.against, args.before)))
        found = tuple(change for change in found if change.after is not None)
    print(canonical_json(changes_json(found)) if args.format == "json" else changes_text(found), end="\n" if args.format == "json" else "")
    return Exit.DONE


def _layer(name: str, home: Path) -> Layer:
    from giqplan.catalog.layers import EMBEDDED, FOLDERS, Layer, embedded_layer

    layer = embedded_layer() if name == EMBEDDED else Layer(name, home / FOLDERS[name] if name in FOLDERS else Path(name))
    if not layer.begun():
        raise CatalogError("GIQ1214", f"{name} holds no table of a catalog", f"Name {_NAMES}.", Place(str(layer.root)))
    _ = layer.about
    return layer
