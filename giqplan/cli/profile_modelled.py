"""Modelled profiles in ``profiles list``: where they are asked for by provenance, or where nothing measured answers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from giqplan.cli import profile_question
from giqplan.errors import NoProfileError, UsageError
from giqplan.model.profiles import ProfileAnswers, ProfileQuery
from giqplan.model.recommendation import Provenance

if TYPE_CHECKING:
    from giqplan.catalog import Catalog, Model
    from giqplan.model.values import JsonObject
    from giqplan.recommend.estimator.curves import Case, Estimated, Unestimated
    from giqplan.recommend.estimator.search import Option
    from giqplan.render.profile_records import Priced

_GUESSED = "lengths: those of the use case {name}, as none are asked for (--use-case, --target-input-length)"
_WHAT = (
    "modelled rows stand at the bad end of their 90 % interval, as a plan counts on them; class and interval: --format json, "
    "giqplan.estimate; docs/estimator.md"
)


@dataclass(frozen=True)
class Modelled:
    """``records`` of what can be modelled and holds the targets; ``error``: why there is none."""

    records: tuple[JsonObject, ...]
    notes: tuple[str, ...]
    error: NoProfileError | None = None


def wanted(args: argparse.Namespace) -> bool:
    """Whether modelled profiles are asked for by name. Raises UsageError GIQ0111 where they alone are, and of no model."""
    if args.provenance == (Provenance.MODELLED,) and not args.model:
        raise UsageError("GIQ0111", "--provenance modelled: profiles are modelled for one model", "add --model")
    return Provenance.MODELLED in args.provenance and bool(args.model)


def possible(args: argparse.Namespace) -> bool:
    """Whether profiles may be modelled where nothing measured answers: a model is named, and nothing that only a measurement has."""
    plain = args.serving_stack in (None, profile_question.NONE) and args.model_server in (None, "vllm")
    return bool(args.model) and plain and (not args.provenance or wanted(args))


def modelled(args: argparse.Namespace, catalog: Catalog) -> Modelled:
    """The modelled profiles that the flags ask for."""
    from giqplan.cli.named import model_id
    from giqplan.recommend.estimator.curves import Estimated

    model = catalog.model(model_id(catalog, args.model))
    if model is None:
        return Modelled((), (), NoProfileError("GIQ1236", f"nothing is known of {args.model} but its measurements", ""))
    case, told = _case(args, catalog, model)
    options = list(_options(args, case)) if not case.too_long else []
    answers = _estimated(case, options)
    curves = {one.curve.key: one for one in answers if isinstance(one, Estimated)}
    if not curves:
        return Modelled((), (), _none(case, options, answers))
    return _listed(args, case, curves, told)


def _case(args: argparse.Namespace, catalog: Catalog, model: Model) -> tuple[Case, tuple[str, ...]]:
    from giqplan.recommend.estimator.curves import Case
    from giqplan.recommend.workload import DEFAULT_USE_CASE

    given, out = profile_question.lengths_of(catalog, args)
    told: tuple[str, ...] = ()
    if given is None or out is None:
        usual = catalog.use_case(DEFAULT_USE_CASE)
        given, out, told = usual.input_tokens, usual.output_tokens, (_GUESSED.format(name=usual.name),)
    return Case(catalog, model, given, out, max(model.max_context or 0, given + out)), told


def _options(args: argparse.Namespace, case: Case) -> Iterator[Option]:
    from giqplan.cli.named import accelerator_label
    from giqplan.recommend.estimator.search import Wanted, newest_version, options

    if args.accelerator_type:
        accelerator_label(case.catalog, args.accelerator_type)
    named = args.model_server_version not in (profile_question.LATEST, profile_question.ALL)
    for chip in case.catalog.accelerators():
        if chip.kind != "gpu" or args.accelerator_type not in (None, chip.name):
            continue
        version = args.model_server_version.removeprefix("v") if named else newest_version(case.catalog, "vllm", case.model, chip.name)
        yield from options(case.model, case.catalog, chip, Wanted("vllm", version, "", case.longest, args.accelerator_count))


def _estimated(case: Case, options: list[Option]) -> tuple[Estimated | Unestimated, ...]:
    from giqplan.recommend.estimator.curves import estimated
    from giqplan.recommend.estimator.memory import Fit

    return estimated(case, [option.setup for option in options if isinstance(option.memory, Fit)])


def _none(case: Case, options: list[Option], answers: tuple[Estimated | Unestimated, ...]) -> NoProfileError:
    from giqplan.recommend.estimator.curves import Unestimated
    from giqplan.recommend.estimator.memory import NoFit

    whys = [case.too_long, *(one.why for one in answers if isinstance(one, Unestimated))]
    unfit = [one.memory for one in options if isinstance(one.memory, NoFit)]
    least = min(unfit, key=lambda no: no.missing_gib, default=None)
    whys += [least.reason if least else "", "no accelerator of those named can be modelled"]
    remedy = least.remedy if least else "name other accelerators, lengths or another model"
    why = next(filter(None, whys))
    return NoProfileError("GIQ1236", f"no profile of {case.model.model_id} is measured, and none can be modelled: {why}", remedy)


def _listed(args: argparse.Namespace, case: Case, curves: dict[str, Estimated], told: tuple[str, ...]) -> Modelled:
    from giqplan.catalog.columns import build
    from giqplan.catalog.query import ask
    from giqplan.render.modelled import published_text
    from giqplan.render.profile_notes import no_profile

    how = profile_question.priced(case.catalog, args)
    columns = build((one.curve for one in curves.values()), case.catalog.digest)
    query = profile_question.by_workload(case.catalog, args, ProfileQuery())
    query = replace(query, provenances=())
    query = profile_question.with_targets(case.catalog, args, query, columns, how)
    answers = ask(columns, query)
    if not answers.rows:
        return Modelled((), (), no_profile(ask(columns, replace(query, rejections=None)), query, None))
    listed = {row.profile.accelerator for row in answers.rows}
    published = (f"published: {published_text(row)}" for row in case.catalog.published(case.model.model_id) if row.accelerator in listed)
    return Modelled(tuple(_records(answers, case, how, curves)), (*told, _WHAT, *published))


def _records(answers: ProfileAnswers, case: Case, how: Priced, curves: dict[str, Estimated]) -> Iterator[JsonObject]:
    from giqplan.render.profile_records import modelled_record

    for row in answers.rows:
        one = curves[row.curve_key]
        yield modelled_record(case.catalog, row, how, one.grade, one.at(row.load))
