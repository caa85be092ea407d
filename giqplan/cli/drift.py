"""giqplan drift: what others have changed since the last apply; nothing is planned and nothing is written."""

from __future__ import annotations

import argparse

from giqplan.cli.options import intent_argument, world_flags
from giqplan.cli.plan import color
from giqplan.errors import Exit
from giqplan.units import canonical_json


def configure(parser: argparse.ArgumentParser) -> None:
    intent_argument(parser)
    world_flags(parser)


def run(args: argparse.Namespace) -> Exit:
    """Print the report; exit 2 when there is drift, 5 when something could not be looked at."""
    from giqplan.cli.session import open_session
    from giqplan.engine.drift_report import find_drift
    from giqplan.render.drift import drift_json, drift_text

    session = open_session(args)
    inputs = session.inputs()
    report = find_drift(inputs, {pending.address: pending.verb for pending in session.store.pending()})
    if args.format == "json":
        print(canonical_json(drift_json(report)))
    elif report.exit is not Exit.DONE or not args.quiet:
        print(drift_text(report, color=color(args)), end="")
    return report.exit
