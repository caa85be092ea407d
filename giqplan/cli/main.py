"""The door: find the command, import its module and no other, run it, and turn what happened into an exit code.

A command module has ``configure(parser)``, which declares its flags, and ``run(args) -> Exit``.
To add a command, add its line to ``COMMANDS``.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise

from giqplan import __version__
from giqplan.cli import options
from giqplan.cli.errors import print_error
from giqplan.cli.parser import Parser, did_you_mean
from giqplan.errors import Exit, GiqplanError, UsageError


@dataclass(frozen=True)
class Command:
    """``module`` is below ``giqplan.cli``; ``help`` is the line of ``giqplan --help``."""

    module: str
    help: str


#: In the order in which one meets them. Only what works stands here.
COMMANDS: dict[str, Command] = {
    "init": Command("init", "write a commented inference.yaml to start from"),
    "validate": Command("validate", "check an intent and all its environments"),
    "explain": Command("explain", "say which profile is chosen, why, and why not the others"),
    "plan": Command("plan", "show what would be done, what it costs, and what stands in the way"),
    "show": Command("show", "a saved plan, or what state holds"),
    "apply": Command("apply", "plan, ask, and carry the plan out; or carry out a saved plan"),
    "destroy": Command("apply", "delete what giqplan has created"),
    "secret": Command("secret", "put a token into the cluster, never into plan, state or log"),
    "drift": Command("drift", "say what others have changed since the last apply"),
    "import": Command("imports", "record one thing that exists already, so that giqplan may change it"),
    "catalog": Command("catalog", "show the data that giqplan decides by, check it, fetch Google's, and add your own to it"),
    "state": Command("state", "show what giqplan remembers, and put it right by hand"),
    "models": Command("catalog_lists", "list the models that the catalog has profiles of"),
    "model-servers": Command("catalog_lists", "list the servers that a model was measured on"),
    "model-server-versions": Command("catalog_lists", "list the versions of a server that a model was measured on"),
    "accelerators": Command("accelerators", "list the accelerators that a model was measured on"),
    "use-cases": Command("catalog_lists", "list the workloads that have a name"),
    "use-case": Command("catalog_lists", "the same as use-cases"),
    "serving-stacks": Command("catalog_lists", "list the serving stacks that profiles were measured with"),
    "serving-stack-versions": Command("catalog_lists", "list the versions of a serving stack"),
    "profiles": Command("profiles", "list profiles with latency, throughput and cost"),
    "benchmarks": Command("benchmarks", "list or draw every load that was measured"),
    "estimate": Command("estimate", "say how fast a replica would be that nobody has measured, and how wrong that may be"),
    "sandbox": Command("sandbox", "the local Google Cloud and Kubernetes"),
    "schema": Command("schema", "print the JSON Schema of inference.yaml, for editors"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code (design 4.4). Nothing escapes but what ends the process at once."""
    words = sys.argv[1:] if argv is None else argv
    try:
        code = int(_run(words))
        if sys.stdout is not None:  # it is None when whoever started us has closed it
            sys.stdout.flush()
    except SystemExit as stop:
        code = _system_exit(stop)
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        code = _reader_is_gone()
    except GiqplanError as error:
        _trace_if_asked(words)
        print_error(error, json=_wants_json(words))
        code = error.exit
    except OSError as error:
        _trace_if_asked(words)
        full = error.errno in (errno.ENOSPC, errno.EIO, errno.EBADF)
        told = UsageError("GIQ0104", f"the output cannot be written: {error.strerror}", "make room, or send it elsewhere")
        print_error(told if full else _internal(error), json=_wants_json(words))
        code = _no_more_output() if full else Exit.ERROR
    except Exception as error:
        _trace_if_asked(words)
        print_error(_internal(error), json=_wants_json(words))
        code = Exit.ERROR
    return int(code)


def _run(words: list[str]) -> Exit:
    name = words[0] if words else ""
    command = COMMANDS.get(name)
    if command is None:
        return _top(words)
    module = import_module(f"giqplan.cli.{command.module}")
    parser = Parser(prog=f"giqplan {name}", description=command.help[:1].upper() + command.help[1:] + ".")
    module.configure(parser)
    options.debug(parser)
    args = parser.parse_args(words[1:], argparse.Namespace(command=name))
    code: Exit = module.run(args)
    return code


def _top(words: list[str]) -> Exit:
    """``giqplan --help``, ``--version``, and what is none of the commands."""
    if words and not words[0].startswith("-"):
        hint = did_you_mean(words[0], COMMANDS)
        raise UsageError("GIQ0101", f"there is no command {words[0]!r}", f"{hint}giqplan --help lists the commands")
    parser = Parser(prog="giqplan", usage="giqplan COMMAND [FLAGS]", formatter_class=argparse.RawDescriptionHelpFormatter)
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {command.help}" for name, command in COMMANDS.items())
    parser.description = f"Choose, plan and apply LLM inference on GKE.\n\ncommands:\n{listed}"
    parser.epilog = "giqplan COMMAND --help shows a command's flags."
    parser.add_argument("--version", action="version", version=f"giqplan {__version__}")
    parser.parse_args(words)
    raise UsageError("GIQ0101", "no command is given", "giqplan --help lists the commands")


def _system_exit(stop: SystemExit) -> int:
    """argparse ends ``--help`` so, and a signal handler ends a run so."""
    return stop.code if isinstance(stop.code, int) else Exit.DONE if stop.code is None else Exit.ERROR


def _reader_is_gone() -> Exit:
    """Whoever read our output (``| head``) has closed it: say nothing."""
    return _no_more_output()


def _no_more_output() -> Exit:
    """Keep the interpreter from trying to write what is left at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.ERROR


def _internal(error: Exception) -> GiqplanError:
    remedy = "this is a mistake in giqplan; run the command again with --debug to see where, and report it"
    return GiqplanError("GIQ0199", f"{type(error).__name__}: {error}", remedy)


def _trace_if_asked(words: list[str]) -> None:
    if "--debug" in words:
        import traceback

        from giqplan.secret_values import blotted

        print(blotted(traceback.format_exc()), end="", file=sys.stderr)


def _wants_json(words: list[str]) -> bool:
    """Whether errors are wanted as JSON: read off the words, because the command line itself may be what is wrong."""
    return "--format=json" in words or ("--format", "json") in pairwise(words)
