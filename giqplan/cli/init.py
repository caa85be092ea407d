"""giqplan init: write a commented inference.yaml. It asks in a terminal only, and never overwrites a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from giqplan.cli.confirm import someone_is_there
from giqplan.cli.options import DEFAULT_INTENT, quiet
from giqplan.errors import Exit, UsageError
from giqplan.intent.init import starter

#: What may be asked: the field, the flag's help, which is also the question.
_QUESTIONS = {
    "name": "name of the deployment",
    "model": "model, owner/name on Hugging Face",
    "input_tokens": "mean length of a prompt in tokens",
    "output_tokens": "mean length of an answer in tokens",
    "project": "Google Cloud project id",
    "location": "region",
    "namespace": "Kubernetes namespace",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """A flag for each question; what has a flag is not asked."""
    parser.add_argument("file", nargs="?", default=DEFAULT_INTENT, metavar="FILE", help="the file to write (default: %(default)s)")
    defaults = starter.__kwdefaults__ or {}
    for field, text in _QUESTIONS.items():
        flag = "--" + field.replace("_", "-")
        parser.add_argument(flag, metavar=field.upper(), help=f"{text} (default: {defaults[field]})")
    quiet(parser)


def run(args: argparse.Namespace) -> Exit:
    """Write the file, once its content is known to be valid."""
    from giqplan.intent import load_intent

    path = Path(args.file)
    _refuse_to_overwrite(path)
    given = {field: getattr(args, field) for field in _QUESTIONS if getattr(args, field) is not None}
    if someone_is_there() and sys.stdout.isatty():
        given = _ask(given)
    text = starter(**given)
    load_intent(path, text=text)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _refuse_to_overwrite(path)
    except OSError as error:
        raise UsageError("GIQ0104", f"{path} cannot be written: {error.strerror}", "name a file in a folder that is there") from None
    if not args.quiet:
        print(f"wrote {path}; next: giqplan validate {path}, giqplan explain {path}")
    return Exit.DONE


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise UsageError("GIQ0104", f"{path} exists, and init overwrites nothing", "name another file: giqplan init FILE")


def _ask(given: dict[str, str]) -> dict[str, str]:
    """The answers to what was not given; an empty answer takes the default."""
    answers = dict(given)
    for field, default in (starter.__kwdefaults__ or {}).items():
        if field not in given:
            try:
                answers[field] = input(f"{_QUESTIONS[field]} [{default}]: ").strip() or default
            except EOFError:  # Ctrl-D: like Ctrl-C, no answer is wanted any more
                raise KeyboardInterrupt from None
    return answers
