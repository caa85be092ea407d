"""giqplan show: a saved plan, as it was printed; or what state holds of an intent."""

from __future__ import annotations

import argparse

from giqplan.cli import options
from giqplan.cli.plan import show
from giqplan.cli.saved import subject
from giqplan.errors import Exit, PlanError
from giqplan.units import canonical_json


def configure(parser: argparse.ArgumentParser) -> None:
    options.plan_or_intent(parser)
    options.environment(parser)
    options.sandbox(parser)
    options.format_option(parser, ("text", "json"))
    options.detail(parser)
    options.output_style(parser)


def run(args: argparse.Namespace) -> Exit:
    """Nothing is read but the file, or the state."""
    file = subject(args)
    if file is not None:
        from giqplan.render.plan_file import read_plan

        plan, told = read_plan(file)
        show(plan, args)
        if args.format == "text" and not args.quiet:
            print(told)
        return Exit.DONE
    from giqplan.cli.session import open_session
    from giqplan.render.state import state_text

    state = open_session(args).state()
    if state is None:
        raise PlanError("GIQ1620", "nothing was applied in this world and environment", "apply first, or name a saved plan")
    if args.format == "json":
        print(canonical_json(state.to_json()))
    else:
        print(state_text(state.to_json(), full=args.full), end="")
    return Exit.DONE
