"""giqplan accelerators list: for each accelerator, count and server the profile with the most tokens a second."""

from __future__ import annotations

import argparse

from giqplan.cli import listing, profile_question
from giqplan.errors import Exit
from giqplan.model.profiles import Order, ProfileRow


def configure(parser: argparse.ArgumentParser) -> None:
    """``list``, with the flags of gcloud's ``alpha container ai profiles accelerators list``."""
    text = "list the accelerators that a model was measured on, each with its highest throughput"
    one = listing.only_list(parser, text)
    profile_question.names(one, required=("model",))
    told = "NTPOT, request latency / output tokens, at most so many ms; shown is the highest load that holds it"
    one.add_argument(
        "--max-ntpot-milliseconds", dest="target_ntpot_milliseconds", type=profile_question.milliseconds, metavar="MS", help=told
    )
    listing.flags(one)


def run(args: argparse.Namespace) -> Exit:
    """Print the accelerators. Raises NoProfileError GIQ1237, behind an empty list, where none meets the target."""
    from giqplan.render.profile_notes import notes
    from giqplan.render.profile_records import ACCELERATORS, profile_record

    asked = profile_question.asked(args)
    answers = asked.answers(order=Order.THROUGHPUT)
    if not answers.rows:
        raise profile_question.refuse(args, asked, ACCELERATORS)
    best: dict[tuple[str, int, str, str, str], ProfileRow] = {}
    for row in answers.rows:
        profile = row.profile
        kind = (profile.accelerator, profile.accelerator_count, profile.model_id, profile.model_server, profile.model_server_version)
        best.setdefault(kind, row)
    records = [profile_record(asked.catalog, best[kind], asked.priced) for kind in sorted(best)]
    listing.print_list(args, records, ACCELERATORS, notes(answers, asked.query, asked.shared))
    return Exit.DONE
