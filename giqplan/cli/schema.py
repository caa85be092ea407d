"""giqplan schema: the JSON Schema of inference.yaml."""

from __future__ import annotations

import argparse

from giqplan.errors import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """``schema`` has no flags of its own."""
    parser.epilog = "Editors take it from the file's first line: # yaml-language-server: $schema=inference.schema.json"


def run(args: argparse.Namespace) -> Exit:
    """Print the schema, as it lies in schemas/inference.schema.json."""
    from giqplan.intent.schema import schema_text

    print(schema_text(), end="")
    return Exit.DONE
