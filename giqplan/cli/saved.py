"""A saved plan on the command line: where it is read, what it belongs to, and whether it may still be carried out."""

from __future__ import annotations

import argparse
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from giqplan.cli.confirm import someone_is_there
from giqplan.cli.options import DEFAULT_INTENT
from giqplan.cli.places import folder_of
from giqplan.errors import IntentError, Place, PlanError, UsageError
from giqplan.intent import DEFAULT_ENVIRONMENT

if TYPE_CHECKING:
    from giqplan.cli.session import Session
    from giqplan.engine.inputs import Proposal
    from giqplan.model.plan import Plan


def subject(args: argparse.Namespace) -> Path | None:
    """Sorts out PLAN|INTENT and -f into ``args.intent``; the path of the saved plan when one was named. Raises GiqplanError."""
    named = None if args.subject is None else Path(args.subject)
    if named is not None:
        _must_be_there(named)
    if named is not None and _is_plan(named):
        args.intent = args.intent_file or DEFAULT_INTENT
        return named
    if named is not None and args.intent_file is not None:
        raise UsageError("GIQ0101", f"more than one intent: {named} and {args.intent_file}", "name one of them")
    args.intent = args.subject or args.intent_file or DEFAULT_INTENT
    return None


def _must_be_there(named: Path) -> None:
    place = Place(str(named))
    try:
        ordinary = S_ISREG(named.stat().st_mode) or named.is_dir()
    except (OSError, ValueError) as error:
        remedy = "name a plan that `giqplan plan -o` saved, or an intent: `giqplan init` writes one"
        reason = getattr(error, "strerror", None) or str(error)
        there = f"there is no file {named}" if isinstance(error, FileNotFoundError) else f"{named} cannot be read: {reason}"
        raise IntentError("GIQ1010", there, remedy, place) from None
    if not ordinary:
        raise PlanError("GIQ1605", "it is no ordinary file", "name a plan file, or an intent", place)


def _is_plan(path: Path) -> bool:
    from giqplan.render.plan_file import is_plan_file

    return is_plan_file(path)


def intent_of(plan: Plan, file: Path, args: argparse.Namespace) -> Path | None:
    """The intent, or the folder of intents, that a plan was made from: named by -f, beside the plan, or in this folder."""
    if args.intent_file is not None:
        return Path(args.intent_file)
    for folder in (file.resolve().parent, Path.cwd()):
        if all((folder / part.file).is_file() for part in plan.parts):
            return folder if len(plan.parts) > 1 or "/" in plan.parts[0].file else folder / plan.parts[0].file
    return None


def open_saved(plan: Plan, file: Path, told: str, args: argparse.Namespace) -> Session:
    """The session of a saved plan. Raises PlanError: GIQ1603 made offline, GIQ1608 of another world or environment, GIQ1614 no digest that
    vouches."""
    from giqplan.cli import session as sessions
    from giqplan.engine.saved import must_be_of

    if plan.offline:
        raise PlanError("GIQ1603", "the plan was made offline", "plan again without --offline")
    intent = intent_of(plan, file, args)
    if args.digest is not None and args.digest != told:
        raise PlanError("GIQ1614", f"the plan has {told}, {args.digest} was reviewed", "apply the plan that was reviewed")
    if args.digest is None and intent is None and not someone_is_there():
        remedy = "add --digest sha256:... as the review shows it, or -f INTENT"
        raise PlanError("GIQ1614", "there is neither a terminal nor the intent: only a digest can vouch for the plan", remedy)
    must_be_of(plan, plan.world, args.environment or DEFAULT_ENVIRONMENT)
    if (plan.world == "gcp") is args.sandbox:
        remedy = "leave --sandbox out" if args.sandbox else "add --sandbox"
        raise PlanError("GIQ1608", f"the plan is of world {plan.world}", remedy)
    if intent is not None:
        args.intent = str(intent)
        opened = sessions.open_session(args)
    else:
        home = file if folder_of(file).exists() else Path(DEFAULT_INTENT)
        connection = sessions.connect(args, home, plan.project)
        store = sessions.store_of(home, connection, args.environment)
        opened = sessions.Session({}, connection, sessions.cloud_of(connection, None), store)
    must_be_of(plan, opened.connection.world, args.environment or DEFAULT_ENVIRONMENT)
    return opened


def propose_saved(plan: Plan, session: Session) -> Proposal:
    """What carries out just this plan. Raises StaleError (GIQ1609) or PlanError (GIQ1610) when it is no longer what would be planned."""
    from dataclasses import replace

    from giqplan.engine import saved
    from giqplan.engine.planner import make_plan

    assert session.cloud is not None
    if not session.loaded:
        state = session.state()
        return saved.by_digest_alone(plan, state, session.cloud, session.begun())
    now = make_plan(replace(session.inputs(), options=plan.options))
    saved.must_be_current(plan, now.plan)
    if not now.plan.blocked:
        saved.must_be_same(plan, now)
    return now
