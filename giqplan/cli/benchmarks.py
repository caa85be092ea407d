"""giqplan benchmarks: all that was measured, load by load."""

from __future__ import annotations

import argparse

from giqplan.cli import benchmarks_list, benchmarks_plot, listing
from giqplan.errors import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """The subcommands, one module each."""
    commands = listing.subcommands(parser)
    benchmarks_list.configure(commands)
    benchmarks_plot.configure(commands)


def run(args: argparse.Namespace) -> Exit:
    """Carry out the subcommand."""
    done: Exit = args.work(args)
    return done
