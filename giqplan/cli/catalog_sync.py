"""giqplan catalog sync: Google's own benchmark data, fetched into `.giqplan/catalog/` beside the intent."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.cli import options
from giqplan.errors import Exit
from giqplan.units import canonical_json, counted

if TYPE_CHECKING:
    from giqplan.catalog.difference import Cells
    from giqplan.sync import Synced

_ATTEMPTS, _LONGEST_PAUSE_S = 8, 60.0
"""A sync is thousands of requests long and loses nothing by waiting: quotas are counted by the minute."""
_MOST = 20
"""Curves named one by one; JSON names them all."""
_NAMED = (
    *("key", "model_id", "model_server", "model_server_version", "accelerator", "accelerator_count", "machine_type"),
    *("serving_stack", "input_tokens", "output_tokens"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of ``catalog sync``."""
    options.intent_argument(parser)
    told = "only this model (as the API names it); may be repeated. What was synced of others stays"
    parser.add_argument("--model", action="append", default=[], metavar="M", help=told)
    options.sandbox(parser)
    options.format_option(parser, ("text", "json"))
    options.quiet(parser)


def run(args: argparse.Namespace) -> Exit:
    """Fetch, replace the layer, say what changed."""
    from giqplan.cli.places import home_of
    from giqplan.cli.progress import LineReporter
    from giqplan.cli.session import connect, load
    from giqplan.cloud import Cloud, Patience
    from giqplan.sync import sync

    path = Path(args.intent)
    target = next(iter(load(path, None).values())).intent.spec.target
    project = target.quota_project or target.project
    connection = connect(args, path, target.project)
    patience = Patience(_ATTEMPTS, _LONGEST_PAUSE_S)
    cloud = Cloud(connection, quota_project=project, run_id=secrets.token_hex(6), patience=patience)
    found = sync(
        cloud,
        home_of(path),
        world_name=connection.world,
        project=project,
        models=args.model,
        progress=LineReporter(args.quiet),
        now=datetime.now(UTC),
    )
    if args.format == "json":
        print(canonical_json(_json(found, connection.world)))
    elif not args.quiet:
        print("\n".join(_text(found, connection.world)))
    return Exit.DONE


def _text(found: Synced, world: str) -> Iterable[str]:
    asked = counted(found.requests, "request") + (f", {counted(found.resumed, 'answer')} kept from before" if found.resumed else "")
    yield f"Synced {counted(len(found.models), 'model')} from {_place(world)} ({asked})."
    yield f"Curves: {len(found.new)} new, {len(found.changed)} changed, {len(found.gone)} gone, {found.unchanged} as before."
    named = [
        f"  {mark} {_curve(row)}"
        for mark, rows in (("+", found.new if found.earlier else ()), ("~", found.changed), ("-", found.gone))
        for row in rows
    ]
    yield from named[:_MOST]
    if len(named) > _MOST:
        yield f"  ... and {len(named) - _MOST} more: --format json names them all"
    if found.unknown_models:
        yield f"Models that only this API knows: {', '.join(found.unknown_models)}."
    if found.other_models:
        yield f"Left as they were: {', '.join(found.other_models)}."
    kept = f"; nothing differs from the sync of {found.earlier}" if found.earlier == found.date and not named else ""
    yield f"Synced layer: {counted(found.points, 'load level')}, dated {found.date} (the day of the sync: the API gives none){kept}."


def _place(world: str) -> str:
    return "Google" if world == "gcp" else f"{world}, whose catalog stands in for Google's"


def _curve(row: Cells) -> str:
    stack = f" with {row['serving_stack']}" if row["serving_stack"] else ""
    lengths = f"{row['input_tokens'] or '?'}/{row['output_tokens'] or '?'} tokens"
    served = f"{row['model_id']} {row['model_server']} {row['model_server_version']}{stack}"
    return f"{served} on {row['accelerator_count']} x {row['accelerator']}, {row['machine_type']}, {lengths}"


def _json(found: Synced, world: str) -> dict[str, object]:
    def rows(listed: Iterable[Cells]) -> list[dict[str, str]]:
        return [{column: row[column] for column in _NAMED} for row in listed]

    curves = {"new": rows(found.new), "changed": rows(found.changed), "gone": rows(found.gone), "unchanged": found.unchanged}
    return {
        "world": world,
        "date": found.date,
        "earlier_date": found.earlier,
        "models": list(found.models),
        "unknown_models": list(found.unknown_models),
        "other_models": list(found.other_models),
        "use_cases": found.use_cases,
        "curves": curves,
        "points": found.points,
        "requests": found.requests,
        "resumed": found.resumed,
    }
