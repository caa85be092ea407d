"""giqplan apply and giqplan destroy: plan, ask, carry out."""

from __future__ import annotations

import argparse
import sys
import threading
from typing import TYPE_CHECKING

from giqplan.cli.interrupt import stoppable
from giqplan.cli.options import force_conflicts, world_flags
from giqplan.cli.plan import show
from giqplan.cli.progress import LineReporter
from giqplan.errors import Exit, GiqplanError, UsageError, worst

if TYPE_CHECKING:
    from giqplan.cli.session import Session
    from giqplan.engine.apply import Applied
    from giqplan.engine.planner import Inputs, Proposal


def configure(parser: argparse.ArgumentParser) -> None:
    world_flags(parser)
    if parser.prog.endswith("apply"):
        force_conflicts(parser)
    parser.add_argument("--auto-approve", action="store_true", help="do not ask before the first action")


def run(args: argparse.Namespace) -> Exit:
    """``apply`` and ``destroy`` differ only in the plan they make."""
    from giqplan.cli.session import open_session
    from giqplan.engine.session import for_apply

    session = open_session(args)
    with session.store.lock(args.command) as crashed:
        if crashed:
            print(f"An earlier run did not end in order ({crashed}); this one goes on from what it left.", file=sys.stderr)
        inputs = session.inputs()
        proposal = for_apply(_propose(args.command, inputs))
        show(proposal.plan, args)
        if proposal.plan.blocked:
            return Exit.BLOCKED
        if not proposal.plan.acting:
            recorded = _record_unchanged(session, inputs, proposal)
            return worst((recorded, Exit.INCOMPLETE if proposal.plan.deferred else Exit.DONE))
        _confirm(args)
        return _carry_out(session, inputs, proposal, args)


def _propose(command: str, inputs: Inputs) -> Proposal:
    if command == "destroy":
        from giqplan.engine.destroy import plan_destroy

        return plan_destroy(inputs)
    from giqplan.engine.planner import make_plan

    return make_plan(inputs)


def _record_unchanged(session: Session, inputs: Inputs, proposal: Proposal) -> Exit:
    from giqplan.engine.session import carry_out

    assert session.cloud is not None
    return carry_out(proposal, inputs, session.cloud, session.store, LineReporter(quiet=True), threading.Event()).exit


def _confirm(args: argparse.Namespace) -> None:
    if args.auto_approve:
        return
    if not sys.stdin.isatty():
        raise UsageError("GIQ0102", f"{args.command} asks before it acts, and there is no terminal", "add --auto-approve")
    print(f"\nOnly 'yes' {args.command}s this plan: ", end="", flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise UsageError("GIQ0103", "nothing was changed", "answer yes to go on")


def _carry_out(session: Session, inputs: Inputs, proposal: Proposal, args: argparse.Namespace) -> Exit:
    from giqplan.engine.session import carry_out

    assert session.cloud is not None
    with stoppable() as stop:
        applied = carry_out(proposal, inputs, session.cloud, session.store, LineReporter(args.quiet), stop)
    _report(applied, proposal, args)
    ended = stop.exit if applied.stopped else applied.exit
    return worst((ended, Exit.INCOMPLETE if any(change.left for change in proposal.plan.changes) else Exit.DONE))


def _report(applied: Applied, proposal: Proposal, args: argparse.Namespace) -> None:
    from giqplan.render.applied import applied_text

    if args.format == "text":
        print(applied_text(applied, proposal.plan), end="")
    errors: list[GiqplanError] = list(applied.walked.errors.values())
    if errors:
        from giqplan.cli.errors import print_error

        for error in errors:
            print_error(error, json=args.format == "json")
