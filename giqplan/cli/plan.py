"""giqplan plan: what would be done, what it costs, and what stands in the way."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from giqplan.cli.options import choice_of_resources, detail, force_conflicts, intent_argument, world_flags
from giqplan.errors import Exit, UsageError
from giqplan.model.plan import Plan
from giqplan.units import canonical_json


def configure(parser: argparse.ArgumentParser) -> None:
    intent_argument(parser)
    world_flags(parser)
    choice_of_resources(parser)
    force_conflicts(parser)
    parser.add_argument("-o", "--out", metavar="PLAN", help="save the plan for `giqplan apply PLAN`")
    parser.add_argument("--detailed-exitcode", action="store_true", help="exit with 2 when there are changes")
    parser.add_argument("--offline", action="store_true", help="read no cloud: the whole plan is predicted from intent and catalog")
    detail(parser)


def run(args: argparse.Namespace) -> Exit:
    if args.offline and args.sandbox:
        raise UsageError("GIQ0101", "--offline reads no world, --sandbox names one", "choose one of them")
    from giqplan.cli.session import open_session
    from giqplan.engine.planner import make_plan

    session = open_session(args, offline=args.offline)
    plan = make_plan(session.inputs()).plan
    show(plan, args)
    if args.out:
        write(plan, Path(args.out))
    _next(plan, args)
    return plan.exit(args.detailed_exitcode)


def show(plan: Plan, args: argparse.Namespace) -> None:
    """Print a plan in the format asked for."""
    if args.format == "json":
        from giqplan.render.json import plan_json

        print(canonical_json(plan_json(plan)))
    elif getattr(args, "summary", False):
        from giqplan.render.summary import summary_text

        print(summary_text(plan, color=color(args)))
    else:
        from giqplan.render.text import plan_text

        print(plan_text(plan, color=color(args), full=getattr(args, "full", False)))


def _next(plan: Plan, args: argparse.Namespace) -> None:
    """Where the plan went, and the command that carries out just this plan."""
    if not args.out or args.format != "text" or args.quiet:
        return
    from giqplan.render.json import plan_json

    print(f"Saved to {args.out}, {plan_json(plan)['digest']}")
    if plan.applyable:
        world = " --sandbox" if args.sandbox else ""
        chosen = f" -e {args.environment}" if args.environment else ""
        print(f"Carry out just this plan: giqplan apply {args.out}{world}{chosen}")


def write(plan: Plan, path: Path) -> None:
    """Write the plan file; it appears whole or not at all, and replaces nothing but an earlier plan."""
    from giqplan.render.json import plan_json
    from giqplan.render.plan_file import BEGINS

    try:
        if path.exists() or path.is_symlink():
            if not path.is_file() or path.is_symlink():
                raise UsageError("GIQ0104", f"{path} is no ordinary file", "name another file")
            with path.open("rb") as earlier:
                if earlier.read(len(BEGINS)) not in (b"", BEGINS):
                    raise UsageError("GIQ0104", f"{path} is there and is no plan", "name another file: -o replaces plans only")
        scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        scratch.write_text(canonical_json(plan_json(plan)) + "\n", encoding="utf-8")
        scratch.replace(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError("GIQ0104", f"{path} cannot be written: {reason}", "name a file in a folder that is there") from None


def color(args: argparse.Namespace) -> bool:
    """Whether to colour: a terminal, and nobody said no."""
    return not args.no_color and sys.stdout is not None and sys.stdout.isatty()
