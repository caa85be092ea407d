"""giqplan secret set: a token into the cluster. Its value is read here, goes to the API, and is printed nowhere."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.cli import options
from giqplan.errors import Exit, UsageError
from giqplan.units import canonical_json

if TYPE_CHECKING:
    from giqplan.model.calls import SecretValue

_LARGEST = 2**20
"""Bytes that a Secret may hold (Kubernetes: MaxSecretSize, 1 MiB)."""


def configure(parser: argparse.ArgumentParser) -> None:
    """``set``, the one subcommand."""
    commands = parser.add_subparsers(dest="secret_command", metavar="COMMAND", required=True)
    text = "put a token into the Secret that the intent names, in its cluster and namespace"
    one = commands.add_parser("set", help=text, description=text[:1].upper() + text[1:] + ". The value is never printed or kept.")
    one.add_argument("name", nargs="?", metavar="NAME", help="the Secret (default: the intent's storage.huggingFace.tokenSecret)")
    options.intent_argument(one)
    source = one.add_mutually_exclusive_group(required=True)
    source.add_argument("--from-env", metavar="VARIABLE", help="the environment variable that holds the value")
    source.add_argument("--from-file", type=Path, metavar="PATH", help="a text file with the value; a line break at its end is left out")
    one.add_argument("--key", metavar="KEY", help="the key in the Secret (default: the intent's, else hf_api_token)")
    one.add_argument("--force-conflicts", dest="takes_over", action="store_true", help="take the key over from another field manager")
    options.environment(one)
    options.sandbox(one)
    options.format_option(one, ("text", "json"))
    options.quiet(one)
    options.debug(one)


def run(args: argparse.Namespace) -> Exit:
    """Write the value and say what became of it."""
    from giqplan.cli.session import open_session
    from giqplan.engine.secret import place_of, set_secret

    _refuse_values(args)
    value, notes = _value(args)
    session = open_session(args)
    intent = session.only.intent
    place = place_of(intent, args.name, args.key)
    assert session.cloud is not None
    change = set_secret(session.cloud, session.connection.world, intent, place, value, force=args.takes_over)
    if not place.wanted:
        notes.append("the intent does not refer to it: its model server will not read this key")
    if args.format == "json":
        told = {"secret": place.name, "namespace": place.namespace, "key": place.key, "result": change.value, "notes": notes}
        print(canonical_json({**told, "world": session.connection.world, "environment": session.only.environment}))
    elif not args.quiet:
        print(f"Secret {place.namespace}/{place.name}, key {place.key}: {change.value}")
        for note in notes:
            print(f"note: {note}")
    return Exit.DONE


def _refuse_values(args: argparse.Namespace) -> None:
    """UsageError GIQ0105 for a value in place of a name: the shell's history has it now, and no error may repeat it."""
    from giqplan.secret_values import looks_like

    for word in (args.name, args.key, args.from_env, str(args.from_file or "")):
        if what := looks_like(word or ""):
            detail = f"what looks like {what} stands on the command line, where a name is wanted"
            raise UsageError("GIQ0105", detail, "revoke that token: the shell keeps it; name the variable or file that holds the new one")


def _value(args: argparse.Namespace) -> tuple[SecretValue, list[str]]:
    """The value, and what was done to it. Raises UsageError GIQ0105; nothing of a value stands in it."""
    from giqplan.model.calls import SecretValue

    if args.from_env is not None:
        where, text = f"environment variable {args.from_env}", os.environ.get(args.from_env)
        if text is None:
            raise UsageError("GIQ0105", f"{where} is not set", "export it, or name another: --from-env VARIABLE")
        _check_size(len(os.fsencode(text)), where)
    else:
        where, text = str(args.from_file), _text_of(args.from_file)
    stripped = text.rstrip("\r\n")
    if not stripped.strip():
        raise UsageError("GIQ0105", f"{where} is empty", "put the token there")
    if "\0" in stripped or any("\ud800" <= c <= "\udfff" for c in stripped):
        raise UsageError("GIQ0105", f"{where} holds no text", "a token is text: name the file that holds it alone")
    notes = [f"the line break at the end of {where} was left out"] if stripped != text else []
    return SecretValue(stripped), notes


def _text_of(path: Path) -> str:
    """The text of a file, or of a pipe such as ``<(pass show token)``."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError("GIQ0105", f"{path} cannot be read: {reason}", "name a file that is there and yours to read") from None
    _check_size(len(data), str(path))
    return data.decode(errors="surrogateescape")


def _check_size(size: int, where: str) -> None:
    if size > _LARGEST:
        raise UsageError("GIQ0105", f"{where} holds more than 1 MiB, the most that a Secret can hold", "name what holds the token alone")
