"""giqplan apply and giqplan destroy: plan, ask, carry out; or carry out a saved plan."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.cli import options
from giqplan.cli.confirm import confirm
from giqplan.cli.interrupt import stoppable
from giqplan.cli.plan import show
from giqplan.cli.progress import LineReporter
from giqplan.errors import Exit, GiqplanError, UsageError, worst

if TYPE_CHECKING:
    from giqplan.cli.session import Session
    from giqplan.engine.apply import Applied
    from giqplan.engine.inputs import Inputs, Proposal
    from giqplan.model.plan import Plan
    from giqplan.state import State


def configure(parser: argparse.ArgumentParser) -> None:
    is_apply = parser.prog.endswith("apply")
    if is_apply:
        options.plan_or_intent(parser)
        told = "the digest of the saved plan that was reviewed; needed where there is neither a terminal nor the intent"
        parser.add_argument("--digest", metavar="sha256:HEX", help=told)
    else:
        options.intent_argument(parser)
    options.world_flags(parser)
    options.choice_of_resources(parser)
    if is_apply:
        options.force_conflicts(parser)
    options.detail(parser)
    parser.add_argument("--auto-approve", action="store_true", help="do not ask before the first action")


def run(args: argparse.Namespace) -> Exit:
    """``apply`` and ``destroy`` differ only in the plan they make."""
    from giqplan.cli.session import open_session

    file = None
    if args.command == "apply":
        from giqplan.cli.saved import subject

        file = subject(args)
    if file is not None:
        return _run_saved(file, args)
    if getattr(args, "digest", None) is not None:
        raise UsageError("GIQ0101", "--digest is of a saved plan, and none was named", "name it: giqplan apply PLAN --digest ...")
    session = open_session(args)
    with _locked(session, args):
        inputs = session.inputs()
        return _approve(session, inputs.state, _propose(args.command, inputs), args, asks=True)


def _run_saved(file: Path, args: argparse.Namespace) -> Exit:
    """Carry out just what a file says: it has been reviewed, so nobody is asked, unless nothing but a terminal vouches for it."""
    from giqplan.cli.saved import open_saved, propose_saved
    from giqplan.render.plan_file import read_plan

    if args.target or args.exclude or args.force_globs:
        detail = "--target, --exclude and --force-conflicts were decided when the plan was made"
        raise UsageError("GIQ0101", detail, "plan again with them")
    plan, told = read_plan(file)
    session = open_saved(plan, file, told, args)
    with _locked(session, args):
        proposal = propose_saved(plan, session)
        return _approve(session, session.state(), proposal, args, asks=not session.loaded and args.digest is None)


@contextmanager
def _locked(session: Session, args: argparse.Namespace) -> Iterator[None]:
    with session.store.lock(args.command) as crashed:
        if crashed:
            print(f"An earlier run did not end in order ({crashed}); this one goes on from what it left.", file=sys.stderr)
        yield


def _approve(session: Session, state: State | None, proposal: Proposal, args: argparse.Namespace, *, asks: bool) -> Exit:
    from giqplan.engine.session import for_apply

    proposal = for_apply(proposal)
    show(proposal.plan, args)
    if proposal.plan.blocked:
        return Exit.BLOCKED
    if not proposal.plan.acting:
        never = state is None and proposal.plan.destroy  # nothing is there and nothing ever was: there is nothing to record
        recorded = Exit.DONE if never else _record_unchanged(session, state, proposal)
        return worst((recorded, Exit.INCOMPLETE if proposal.plan.deferred else Exit.DONE))
    if asks:
        confirm(args, args.command, "Only 'yes' carries this plan out")
    return _carry_out(session, state, proposal, args)


def _propose(command: str, inputs: Inputs) -> Proposal:
    if command == "destroy":
        from giqplan.engine.destroy import plan_destroy

        return plan_destroy(inputs)
    from giqplan.engine.planner import make_plan

    return make_plan(inputs)


def _record_unchanged(session: Session, state: State | None, proposal: Proposal) -> Exit:
    from giqplan.engine.session import carry_out

    assert session.cloud is not None
    return carry_out(proposal, state, session.cloud, session.store, LineReporter(quiet=True), threading.Event()).exit


def _carry_out(session: Session, state: State | None, proposal: Proposal, args: argparse.Namespace) -> Exit:
    from giqplan.engine.session import carry_out

    assert session.cloud is not None
    with stoppable() as stop:
        applied = carry_out(proposal, state, session.cloud, session.store, LineReporter(args.quiet), stop)
    _report(applied, proposal.plan, args)
    ended = stop.exit if applied.stopped else applied.exit
    return worst((ended, Exit.INCOMPLETE if any(change.left for change in proposal.plan.changes) else Exit.DONE))


def _report(applied: Applied, plan: Plan, args: argparse.Namespace) -> None:
    from giqplan.render.applied import applied_text

    if args.format == "text":
        print(applied_text(applied, plan), end="")
    errors: list[GiqplanError] = list(applied.walked.errors.values())
    if errors:
        from giqplan.cli.errors import print_error

        for error in errors:
            print_error(error, json=args.format == "json")
