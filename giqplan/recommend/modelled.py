"""Candidates that nobody measured: the estimator's curves of every replica that the intent allows, at just the lengths it asks for.

Memory and market are looked at first, then all that is left is estimated in one go; nothing is estimated where the intent does not
allow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from giqplan.catalog import Curve
from giqplan.catalog.placement import NoPlacement, place
from giqplan.model.estimate import Setup
from giqplan.model.profiles import MATCH
from giqplan.model.recommendation import Provenance, Reason, Rejection
from giqplan.recommend.cost import machines
from giqplan.recommend.estimator.curves import PREFIX, Case, Estimated, Unestimated, estimated, key_of, profile_of, setup_of
from giqplan.recommend.estimator.memory import NoFit, fit, with_remedy
from giqplan.recommend.estimator.search import Option, Wanted, options
from giqplan.recommend.question import MODELLED_SERVER, Question
from giqplan.units import counted, usd_text


@dataclass(frozen=True)
class Proposals:
    """``curves`` to be judged, and what cannot be one, with its reason. ``refusal``: why the estimator has no answer for one that
    fits; ``unfit``: of the replicas that do not fit, the one that lacks least."""

    curves: tuple[Estimated, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    refusal: str = ""
    unfit: Option | None = None


def continues(curve: Curve, applied: str | None, question: Question) -> bool:
    """Whether a choice of ``curve`` is the one applied: the curve of that key; of a modelled one the same replica at the same lengths,
    whatever data and parameters now give its numbers, and once it is measured, that measurement."""
    case = question.case
    if applied is None or not applied.startswith(PREFIX) or case is None:
        return curve.key == applied
    key = curve.key if curve.provenance is Provenance.MODELLED else key_of(setup_of(curve.profile, case), case)
    return key.rpartition("-")[0] == applied.rpartition("-")[0]


def proposals(question: Question, measured: Iterable[Curve], to_beat: Decimal | None = None) -> Proposals:
    """Modelled curves for ``question``.

    ``measured``: curves that could be chosen but for price or targets, beside which no modelled twin is made: it would only compete with
    the truth. ``to_beat``: what the best of them costs an hour, where that decides: what costs as much before it serves anything is not
    estimated.
    """
    case = question.case
    if case is None or question.not_modelled:
        return Proposals()
    known = {setup_of(curve.profile, case) for curve in measured if question.far(curve) <= MATCH}
    found: list[Setup] = []
    rejections: list[Rejection] = []
    unfit: list[tuple[float, int, Option]] = []
    for option in _options(case, question):
        setup = option.setup
        if setup in known:
            continue
        if isinstance(option.memory, NoFit):
            unfit.append((option.memory.missing_gib * setup.accelerator_count, len(unfit), option))
        reason = _hurdle(option, case, question, to_beat)
        if reason is None:
            found.append(setup)
        else:
            rejections.append(_rejection(setup, case, *reason))
    answers = estimated(case, found)
    refused = [one for one in answers if isinstance(one, Unestimated)]
    rejections += [_rejection(one.setup, case, Reason.NOT_MODELLED, one.why) for one in refused]
    curves = tuple(one for one in answers if isinstance(one, Estimated))
    return Proposals(curves, tuple(rejections), refused[0].why if refused else "", min(unfit)[2] if unfit else None)


def _options(case: Case, question: Question) -> Iterator[Option]:
    spec, precision = question.intent.spec, question.plain_precision
    assert precision is not None, "else nothing is modelled"
    for accelerator in case.catalog.accelerators():
        if accelerator.kind == "gpu" and ("any" in spec.accelerator.types or accelerator.name in spec.accelerator.types):
            version = question.version_on(accelerator.name)
            wanted = Wanted(MODELLED_SERVER, version, precision, case.longest, spec.accelerator.count)
            yield from options(case.model, case.catalog, accelerator, wanted)


def _rejection(setup: Setup, case: Case, reason: Reason, detail: str) -> Rejection:
    return Rejection(key_of(setup, case), profile_of(setup), reason, detail, modelled=True)


def _hurdle(option: Option, case: Case, question: Question, to_beat: Decimal | None) -> tuple[Reason, str] | None:
    """Why a replica is not worth an estimate: no memory, no machine to buy, more than may be spent or is spent on a measured one."""
    if isinstance(option.memory, NoFit):
        reason = Reason.DOES_NOT_FIT if option.memory.missing_gib else Reason.NOT_MODELLED
        return reason, _lacking(option, case)
    placed = place(profile_of(option.setup), question.market)
    if isinstance(placed, NoPlacement):
        return placed.reason, placed.detail
    most, demand = question.intent.spec.cost.max_usd_per_hour, question.demand
    fewest, all_of_them = (
        machines(replicas, placed.replicas_per_machine) * placed.price.usd_per_hour
        for replicas in (demand.min_replicas, demand.max_replicas)
    )
    if most is not None and all_of_them > most:
        return Reason.TOO_EXPENSIVE_PER_HOUR, f"{usd_text(all_of_them)}/h at {demand.max_replicas} replicas, at most {usd_text(most)}/h"
    if to_beat is not None and fewest >= to_beat:
        replicas = counted(demand.min_replicas, "replica")
        return Reason.DEARER, f"{usd_text(fewest)}/h for {replicas} alone, {usd_text(to_beat)}/h for the best measured profile"
    return None


def _lacking(option: Option, case: Case) -> str:
    """Why a replica does not fit; where only the longest request that the server must be able to hold finds no room, that it does not."""
    setup, memory = option.setup, option.memory
    assert isinstance(memory, NoFit), "asked only of what does not fit"
    accelerator = case.catalog.accelerator(setup.accelerator)
    asked = case.input_tokens + case.output_tokens
    if accelerator is None or not memory.missing_gib or case.longest <= asked:
        return memory.reason
    names = (setup.precision, setup.parallelism, setup.model_server)
    short = fit(case.model, accelerator, setup.accelerator_count, *names, asked)
    if isinstance(short, NoFit):
        return memory.reason
    return (
        f"one request of {case.longest:,} tokens, the longest that it is started for, finds no room in the KV cache: {setup.model_server} "
        f"does not start; spec.model.maxModelLen of {int(short.kv_tokens):,} or less helps"
    )


def why_none(found: Proposals, question: Question) -> tuple[str, str]:
    """Why nothing is modelled, and what would help; "" = nothing stands in the way, or it is told curve by curve."""
    case, unfit = question.case, found.unfit
    if Provenance.MODELLED not in question.intent.spec.evidence.allow:
        return question.not_modelled, "add modelled to spec.evidence.allow"
    if question.not_modelled or found.refusal or unfit is None or case is None:
        return question.not_modelled or found.refusal, ""
    setup, memory = unfit.setup, unfit.memory
    assert isinstance(memory, NoFit), "only what does not fit is kept so"
    helped = with_remedy(memory, case.model, case.catalog, setup.precision, setup.model_server, case.longest, setup.accelerator)
    return _lacking(unfit, case), helped.remedy


def version_note(setup: Setup, question: Question) -> str:
    """Where the version of a modelled replica comes from, unless it is the intent's word or the model's own newest."""
    version = setup.model_server_version
    if question.version_is_named or question.versions.get(setup.accelerator) == version:
        return ""
    return f"{setup.model_server} {version}: the newest measured of any model; of this one on {setup.accelerator} none was measured"
