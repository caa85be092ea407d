"""The flags that several commands share (design 4.3). A command calls those that it acts on, and no others."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

DEFAULT_INTENT = "inference.yaml"


class _OneIntent(argparse.Action):
    """Stores the intent's path; the argument and ``-f`` together are a mistake, as is ``-f`` twice."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        if getattr(namespace, "intent_given", False):
            parser.error(f"more than one intent: {namespace.intent} and {values}")
        namespace.intent, namespace.intent_given = values, True


def intent_argument(parser: argparse.ArgumentParser) -> None:
    """``args.intent``: the path of the intent, as an argument or with ``-f``."""
    parser.add_argument(
        "intent", nargs="?", action=_OneIntent, default=argparse.SUPPRESS, metavar="INTENT", help="the intent file, or a folder of intents"
    )
    parser.add_argument(
        "-f",
        "--file",
        dest="intent",
        action=_OneIntent,
        default=DEFAULT_INTENT,
        metavar="INTENT",
        help="the same, as a flag (default: %(default)s)",
    )


def beside(parser: argparse.ArgumentParser) -> None:
    """``args.intent``: the intent, or its folder, beside which something lies; it need not be there."""
    told = f"the intent beside which the layers of the catalog lie (default: {DEFAULT_INTENT})"
    parser.add_argument("-f", "--file", dest="intent", metavar="INTENT", default=DEFAULT_INTENT, help=told)


def plan_or_intent(parser: argparse.ArgumentParser) -> None:
    """``args.subject``: a saved plan or an intent, None = the default; ``args.intent_file``: the intent beside a saved plan."""
    parser.add_argument("subject", nargs="?", metavar="PLAN|INTENT", help="a plan that `plan -o` saved, or the intent file")
    text = f"the intent; beside a saved plan, the one it was made from (default: {DEFAULT_INTENT})"
    parser.add_argument("-f", "--file", dest="intent_file", metavar="INTENT", help=text)


def choice_of_resources(parser: argparse.ArgumentParser) -> None:
    """``args.target`` and ``args.exclude``: globs over addresses."""
    told = "GLOB over addresses, types or headings; may be repeated"
    parser.add_argument("--target", action="append", default=[], metavar="GLOB", help=f"only these and what they need ({told})")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="all but these and what needs them")


def detail(parser: argparse.ArgumentParser) -> None:
    """``args.summary`` and ``args.full``: how much of a plan is shown."""
    level = parser.add_mutually_exclusive_group()
    level.add_argument("--summary", action="store_true", help="show counts, cost and what stands in the way only")
    level.add_argument("--full", action="store_true", help="show unchanged resources and every value")


def environment(parser: argparse.ArgumentParser) -> None:
    """``args.environment``: a name out of the intent's ``environments``, None = the base."""
    parser.add_argument("-e", "--environment", metavar="NAME", help="apply this overlay of the intent (default: the base alone)")


def sandbox(parser: argparse.ArgumentParser) -> None:
    """``args.sandbox``: the world is the local sandbox beside the intent."""
    parser.add_argument("--sandbox", action="store_true", help="use the local sandbox instead of Google Cloud; it is started on demand")


def format_option(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """``args.format``: one of ``formats``; the first is the default."""
    parser.add_argument("--format", choices=list(formats), default=formats[0], help="how the result is printed (default: %(default)s)")


def output_style(parser: argparse.ArgumentParser) -> None:
    """``args.no_color`` (also by the variable NO_COLOR, https://no-color.org) and ``args.quiet``."""
    import os

    parser.add_argument("--no-color", action="store_true", default=bool(os.environ.get("NO_COLOR")), help="no colours, also in a terminal")
    quiet(parser)


def quiet(parser: argparse.ArgumentParser) -> None:
    """``args.quiet``: no progress and no word of success; results and errors only."""
    parser.add_argument("--quiet", action="store_true", help="print results and errors only")


def debug(parser: argparse.ArgumentParser) -> None:
    """``args.debug``: every command has it."""
    parser.add_argument("--debug", action="store_true", help="show where in giqplan an error comes from")


def force_conflicts(parser: argparse.ArgumentParser) -> None:
    """``args.force_globs``: globs over addresses."""
    told = "take the fields that other managers hold of these (GLOB over addresses; may be repeated)"
    parser.add_argument("--force-conflicts", dest="force_globs", action="append", default=[], metavar="GLOB", help=told)


def world_flags(parser: argparse.ArgumentParser) -> None:
    """What plan, apply and destroy share: environment, sandbox, text or JSON, colours."""
    environment(parser)
    sandbox(parser)
    format_option(parser, ("text", "json"))
    output_style(parser)
