"""giqplan profiles list: every profile that meets the targets, at the load that does, best first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from giqplan.cli import listing, profile_modelled, profile_question
from giqplan.cli.profile_modelled import Modelled
from giqplan.errors import Exit, NoProfileError
from giqplan.model.recommendation import Provenance

if TYPE_CHECKING:
    from giqplan.catalog import Catalog


def configure(parser: argparse.ArgumentParser) -> None:
    """``list``, with the flags of gcloud's ``container ai profiles list`` and ours."""
    one = listing.only_list(parser, "list profiles with latency, throughput and cost, the cheapest first")
    profile_question.names(one)
    profile_question.targets(one)
    profile_question.prices(one)
    profile_question.workload(one)
    listing.flags(one)


def run(args: argparse.Namespace) -> Exit:
    """Print the profiles, the measured ones first. Raises NoProfileError GIQ1236 or GIQ1237, behind an empty list, where none meets what
    is asked."""
    from giqplan.render.profile_notes import price_note
    from giqplan.render.profile_records import MODELLED_PROFILES, PROFILES

    catalog = profile_question.checked_catalog(args)
    by_name = profile_modelled.wanted(args)
    measured = _measured(args, catalog)
    if not by_name and (not measured.error or not profile_modelled.possible(args)):
        if measured.error:
            raise _refused(args, measured.error)
        listing.print_list(args, measured.records, PROFILES, measured.notes)
        return Exit.DONE
    made = profile_modelled.modelled(args, catalog)
    records = (*measured.records, *made.records)
    if not records:
        unmeasured = measured.error is None or measured.error.code == "GIQ1236"
        raise _refused(args, made.error if by_name or unmeasured else measured.error)
    nothing = (_instead(measured.error),) if measured.error and not by_name else ()
    priced = () if measured.records else (price_note(profile_question.priced(catalog, args)),)
    listing.print_list(args, records, MODELLED_PROFILES if made.records else PROFILES, (*nothing, *measured.notes, *priced, *made.notes))
    return Exit.DONE


def _instead(error: NoProfileError) -> str:
    return f"modelled, as nothing measured answers: {'; '.join(error.detail.splitlines())}"


def _refused(args: argparse.Namespace, error: NoProfileError | None) -> NoProfileError:
    from giqplan.render.profile_records import PROFILES

    listing.print_empty(args, PROFILES)
    assert error is not None, "an empty list has a reason"
    return error


def _measured(args: argparse.Namespace, catalog: Catalog) -> Modelled:
    """What the catalog's curves answer, in the same words as the modelled."""
    from giqplan.render.profile_notes import notes, price_note
    from giqplan.render.profile_records import profile_record

    if args.provenance == (Provenance.MODELLED,):
        return Modelled((), ())
    try:
        asked = profile_question.asked_of(args, catalog)
    except NoProfileError as error:
        if not profile_modelled.possible(args):
            raise
        return Modelled((), (), error)
    answers = asked.answers()
    if not answers.rows:
        return Modelled((), (), profile_question.no_rows(asked))
    records = tuple(profile_record(asked.catalog, row, asked.priced) for row in answers.rows)
    return Modelled(records, (price_note(asked.priced), *notes(answers, asked.query, asked.shared)))
