"""giqplan benchmarks list: every load point of the curves of a model and server, as measured."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from giqplan.cli import listing, profile_question
from giqplan.errors import Exit
from giqplan.model.recommendation import Reason
from giqplan.model.values import JsonObject

if TYPE_CHECKING:
    from giqplan.catalog import Curve
    from giqplan.cli.listing import Commands
    from giqplan.cli.profile_question import Asked


def configure(commands: Commands) -> None:
    """``list``, with the flags of gcloud's ``container ai profiles benchmarks list`` and ours."""
    one = listing.command(commands, "list", "list every measured load of a model on a server, of one replica; CSV as gcloud's")
    profile_question.names(one, required=("model", "model-server"))
    profile_question.prices(one)
    profile_question.workload(one)
    listing.flags(one, format="csvprofile")
    one.set_defaults(work=_list)


def _list(args: argparse.Namespace) -> Exit:
    """Print the points. Raises NoProfileError GIQ1237, behind an empty list, where no curve is what is asked for."""
    from giqplan.model.profiles import Hardware
    from giqplan.render.profile_notes import price_note, shared_note
    from giqplan.render.profile_records import BENCHMARKS, point_records

    asked = profile_question.asked(args)
    curves = curves_of(asked)
    if not curves:
        raise profile_question.refuse(args, asked, BENCHMARKS)
    offers = asked.query.offers or {}
    records: list[JsonObject] = []
    for curve in curves:
        profile = curve.profile
        hardware = Hardware(profile.accelerator, profile.accelerator_count, profile.machine_type)
        records += point_records(asked.catalog, curve, offers.get(hardware), asked.priced)
    told = [price_note(asked.priced), *shared_note(asked.shared)]
    if suspect := sum(point.suspect != "" or point.queue_dominated for curve in curves for point in curve.points):
        told.append(f"{suspect} of {len(records)} points are suspect or dominated by waiting in the queue; the JSON says which")
    listing.print_list(args, records, BENCHMARKS, told)
    return Exit.DONE


def curves_of(asked: Asked) -> list[Curve]:
    """The curves that have what is named, the lengths included; also those whose points a profile cannot be made of."""
    answers = asked.answers(rejections=None)
    rejected = {Reason.LENGTHS_TOO_FAR, *([Reason.LENGTHS_UNKNOWN] if asked.query.input_tokens else [])}
    keys = {row.curve_key for row in answers.rows} | {lost.curve_key for lost in answers.rejections if lost.reason not in rejected}
    found = (curve for key in keys if (curve := asked.catalog.curve(key)) is not None)
    return sorted(found, key=lambda c: (c.profile, c.input_tokens or 0, c.output_tokens or 0, c.key))
