"""What every list command has in common: gcloud's list flags, the catalog beside the intent, and printing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.cli import options
from giqplan.errors import IntentError, Place, UsageError
from giqplan.model.values import JsonObject

if TYPE_CHECKING:
    from giqplan.catalog import Catalog
    from giqplan.render.lists import Layout

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_FORMATS = ("table", "csv", "json", "yaml", "markdown", "profile", "csvprofile")


def formats(parser: argparse.ArgumentParser, format: str | None = "table") -> None:
    """``--format``; ``format`` is the default one, None = it is told whether the flag is given."""
    what = "table, csv, json (one array), yaml or markdown; profile and csvprofile are gcloud's names of table and csv"
    parser.add_argument("--format", choices=_FORMATS, default=format, metavar="FORMAT", help=f"{what} (default: {format or 'table'})")


def layers(parser: argparse.ArgumentParser) -> None:
    """``args.intent``: beside which the further layers of the catalog lie."""
    where = "the intent, or the folder, beside which the catalog's further layers lie (default: this folder)"
    parser.add_argument("-f", "--file", dest="intent", default=".", metavar="INTENT", help=where)


def flags(parser: argparse.ArgumentParser, format: str = "table") -> None:
    """The flags of every ``list``; ``format`` is the default one."""
    formats(parser, format)
    parser.add_argument(
        "--filter", metavar="EXPRESSION", default="", help="KEY OPERATOR VALUE joined by AND, OR, NOT, on the keys of the JSON"
    )
    parser.add_argument("--sort-by", metavar="KEYS", default="", help="keys of the JSON, parted by commas; ~KEY: falling")
    parser.add_argument("--limit", type=count, metavar="N", help="list at most N, after filtering and sorting")
    parser.add_argument("--page-size", type=count, metavar="N", help="print the head again after every N lines (table, markdown)")
    parser.add_argument("--uri", action="store_true", help="list names as URIs (catalog:COLLECTION/NAME) only")
    layers(parser)
    options.quiet(parser)
    options.debug(parser)


def subcommands(parser: argparse.ArgumentParser) -> Commands:
    """Where the subcommands of a group are added."""
    return parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)


def command(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    """The parser of one subcommand."""
    return commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")


def only_list(parser: argparse.ArgumentParser, text: str) -> argparse.ArgumentParser:
    """The parser of ``list`` in a group that has no other subcommand."""
    return command(subcommands(parser), "list", text)


def count(text: str) -> int:
    """A whole number above 0, as a type of argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def catalog_of(args: argparse.Namespace) -> Catalog:
    """The catalog with the layers beside ``args.intent``. Raises IntentError GIQ1010 where that is not there."""
    from giqplan.catalog import open_catalog
    from giqplan.cli.places import home_of

    path = Path(args.intent)
    if not path.exists():
        raise IntentError("GIQ1010", f"{path} is not there", "name the intent or the folder beside which the layers lie", Place(str(path)))
    return open_catalog(home_of(path))


def check_flags(args: argparse.Namespace) -> None:
    """UsageError GIQ0111 for flags that have no effect together."""
    from giqplan.render.lists import ALIASES, PAGED

    chosen = ALIASES.get(args.format, args.format)
    if args.page_size and chosen not in PAGED:
        raise UsageError("GIQ0111", f"--page-size: {chosen} has no pages", f"use --limit, or a format with pages: {', '.join(PAGED)}")
    if args.page_size and args.uri:
        raise UsageError("GIQ0111", "--page-size: --uri prints no head", "use --limit")


def print_empty(args: argparse.Namespace, layout: Layout) -> None:
    """A list of nothing, in the format asked for: the reason comes as an error behind it."""
    from giqplan.render.lists import ALIASES, text_of, uri_text

    format = ALIASES.get(args.format, args.format)
    print(uri_text([], layout, format) if args.uri else text_of([], layout, format), end="", flush=True)


def print_list(args: argparse.Namespace, records: Sequence[JsonObject], layout: Layout, notes: Iterable[str] = ()) -> None:
    """``records`` filtered, sorted and limited as asked, on standard output; ``notes`` on standard error."""
    from giqplan.render.lists import ALIASES, uri_text
    from giqplan.render.records import keys_of, sorted_by

    check_flags(args)
    found = list(records)
    keys = keys_of(records) if args.filter or args.sort_by else ()
    if args.filter and records:
        from giqplan.render.list_filter import parse

        holds = parse(args.filter, keys)
        found = [record for record in found if holds(record)]
    if args.sort_by and records:
        found = sorted_by(found, args.sort_by, keys)
    left = len(found) - args.limit if args.limit else 0
    found = found[: args.limit]
    if args.uri:
        print(uri_text(found, layout, ALIASES.get(args.format, args.format)), end="", flush=True)
        print_notes(args, notes)
    else:
        print_records(args, found, layout, notes, args.page_size)
    if args.quiet:
        return
    if args.filter and not found:
        print(f"Listed 0 of {len(records)}: --filter leaves none", file=sys.stderr)
    if left > 0:
        print(f"{left} more are left out by --limit", file=sys.stderr)


def print_records(
    args: argparse.Namespace, records: Sequence[JsonObject], layout: Layout, notes: Iterable[str] = (), page_size: int | None = None
) -> None:
    """``records`` as they are, in the format asked for, on standard output; ``notes`` on standard error."""
    from giqplan.render.lists import ALIASES, text_of

    print(text_of(records, layout, ALIASES.get(args.format, args.format), page_size), end="", flush=True)
    print_notes(args, notes)


def print_notes(args: argparse.Namespace, notes: Iterable[str]) -> None:
    """What is said beside a list, on standard error; nothing with ``--quiet``."""
    from giqplan.render.page import printable

    for note in () if args.quiet else notes:
        print(printable(note), file=sys.stderr)
