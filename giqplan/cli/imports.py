"""giqplan import: one thing that exists becomes known to state. The world is not touched."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from giqplan.cli import options
from giqplan.errors import Exit
from giqplan.units import canonical_json

if TYPE_CHECKING:
    from giqplan.engine.importing import Imported


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="what to record, as `giqplan plan --full` names it")
    options.intent_argument(parser)
    options.world_flags(parser)


def run(args: argparse.Namespace) -> Exit:
    """Record it and say what was recorded."""
    from giqplan.cli.session import open_session
    from giqplan.engine.importing import find_import, record_import
    from giqplan.engine.planner import make_plan

    session = open_session(args)
    with session.store.lock("import"):
        inputs = session.inputs()
        session.store.must_be_settled()
        proposal = make_plan(inputs)
        imported = find_import(args.address, inputs, proposal)
        record_import(imported, inputs.state, proposal, session.store)
    if args.format == "json":
        print(canonical_json({"imported": imported.entry.to_json()}))
    elif not args.quiet:
        print(_text(imported), end="")
    return Exit.DONE


def _text(imported: Imported) -> str:
    from giqplan.render.values import block, essential

    entry = imported.entry
    whose = "it carries giqplan's marks: destroy deletes it" if entry.created else "it was there before giqplan: destroy leaves it"
    lines = [f"Recorded {entry.address} as it is; {whose}."]
    lines += [f"      {line}" for line in block(essential(entry.applied), 94)]
    return "\n".join((*lines, "Nothing in the world was touched. giqplan plan shows what differs from the intent.")) + "\n"
