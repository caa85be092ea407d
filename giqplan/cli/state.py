"""giqplan state: what giqplan remembers of its resources, shown and put right by hand. The world is never touched."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from giqplan.cli import options
from giqplan.cli.confirm import confirm
from giqplan.errors import Exit, Place, StateError
from giqplan.units import canonical_json

if TYPE_CHECKING:
    from giqplan.cli.session import Session
    from giqplan.state import State

_Work = Callable[[argparse.Namespace], None]
_APPLY_FIRST = "apply first, or name the environment and world that are meant (-e, --sandbox)"


def configure(parser: argparse.ArgumentParser) -> None:
    """The subcommands, one function each."""
    commands = parser.add_subparsers(dest="state_command", metavar="COMMAND", required=True)

    def command(name: str, text: str, work: _Work, *addresses: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        for address in addresses:
            one.add_argument(address.strip("[]").lower(), metavar=address.strip("[]"), nargs="?" if address.startswith("[") else None)
        one.add_argument(
            "-f", "--file", dest="intent", metavar="INTENT", default=options.DEFAULT_INTENT, help="the intent whose state it is"
        )
        options.environment(one)
        options.sandbox(one)
        options.debug(one)
        one.set_defaults(state_work=work)
        return one

    options.format_option(command("list", "name every resource that state holds", _list), ("text", "json"))
    options.format_option(command("show", "show one resource as state holds it, or all of state", _show, "[ADDRESS]"), ("text", "json"))
    one = command("rm", "forget a resource; it stays in the world", _rm, "ADDRESS")
    one.add_argument("--auto-approve", action="store_true", help="do not ask")
    command("mv", "let a resource of state stand under another address of the same type", _mv, "FROM", "TO")
    command("unlock", "clear the lock that a run which died has left", _unlock)


def run(args: argparse.Namespace) -> Exit:
    """Carry out the subcommand; StateError when it cannot."""
    work: _Work = args.state_work
    work(args)
    return Exit.DONE


def _list(args: argparse.Namespace) -> None:
    _, state = _open(args)
    if args.format == "json":
        print(canonical_json([{"address": str(a), "type": a.type, "name": a.name} for a in sorted(state.resources)]))
        return
    for address in sorted(state.resources):
        print(address)


def _show(args: argparse.Namespace) -> None:
    from giqplan.render.values import block
    from giqplan.state.edit import entry_of

    _, state = _open(args)
    value = entry_of(state, args.address).to_json() if args.address else state.to_json()
    if args.format == "json":
        print(canonical_json(value))
        return
    for line in block(value, 100):
        print(line)


def _rm(args: argparse.Namespace) -> None:
    from giqplan.state.edit import entry_of, forgotten

    with _editing(args) as (session, state):
        entry = entry_of(state, args.address)
        confirm(args, "state rm", f"Only 'yes' forgets {entry.address}")
        session.store.commit(forgotten(state, entry.address))
    print(f"Forgotten: {entry.address}. Nothing in the world was touched; state.json.backup is the state before.")
    print("While the intent wants it, the next plan recognises it, or blocks when it carries no mark of giqplan (giqplan import).")


def _mv(args: argparse.Namespace) -> None:
    from giqplan.state.edit import entry_of, moved

    with _editing(args) as (session, state):
        entry = entry_of(state, args.__dict__["from"])
        session.store.commit(moved(state, entry.address, args.to))
    print(f"{entry.address} stands as {args.to} now. Nothing in the world was touched; state.json.backup is the state before.")


def _unlock(args: argparse.Namespace) -> None:
    from giqplan.cli.session import open_session

    store = open_session(args).store
    left = store.unlock()
    print(f"Cleared the lock of {left}; its journal is kept, and the next apply goes on from there." if left else "Nobody holds the lock.")


def _open(args: argparse.Namespace) -> tuple[Session, State]:
    """The session and its state. Raises StateError (GIQ1810) when there is none."""
    from giqplan.cli.session import open_session

    session = open_session(args)
    state = session.state()
    if state is None:
        detail = f"nothing has been applied in world {session.connection.world}"
        raise StateError("GIQ1810", detail, _APPLY_FIRST, Place(str(session.store.path)))
    return session, state


@contextmanager
def _editing(args: argparse.Namespace) -> Iterator[tuple[Session, State]]:
    """State under its lock. Raises StateError (GIQ1809) while a run has not ended: its journal would be forgotten with the edit."""
    from giqplan.cli.session import open_session

    with open_session(args).store.lock(f"state {args.state_command}"):
        session, state = _open(args)
        session.store.must_be_settled()
        yield session, state
