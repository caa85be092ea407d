"""giqplan profiles list: every profile that meets the targets, at the load that does, best first."""

from __future__ import annotations

import argparse

from giqplan.cli import listing, profile_question
from giqplan.errors import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """``list``, with the flags of gcloud's ``container ai profiles list`` and ours."""
    one = listing.only_list(parser, "list profiles with latency, throughput and cost, the cheapest first")
    profile_question.names(one)
    profile_question.targets(one)
    profile_question.prices(one)
    profile_question.workload(one)
    listing.flags(one)


def run(args: argparse.Namespace) -> Exit:
    """Print the profiles. Raises NoProfileError GIQ1237, behind an empty list, where none meets what is asked."""
    from giqplan.render.profile_notes import notes, price_note
    from giqplan.render.profile_records import PROFILES, profile_record

    asked = profile_question.asked(args)
    answers = asked.answers()
    if not answers.rows:
        raise profile_question.refuse(args, asked, PROFILES)
    records = [profile_record(asked.catalog, row, asked.priced) for row in answers.rows]
    priced = price_note(asked.priced)
    listing.print_list(args, records, PROFILES, (priced, *notes(answers, asked.query, asked.shared)))
    return Exit.DONE
