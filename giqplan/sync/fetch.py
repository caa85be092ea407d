"""The walk through the API: models, their servers, versions and stacks, then the curves of each. Each question is asked once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Protocol, TypeVar

from giqplan.errors import CatalogError, CloudError, GiqplanError
from giqplan.model.calls import Outcome, Read, Reading
from giqplan.model.recommendation import PricingModel
from giqplan.sync import answers, questions
from giqplan.sync.answers import Profile, UseCase
from giqplan.sync.journal import Journal
from giqplan.sync.questions import API, Served, Stack, Workload
from giqplan.threads import reading_threads
from giqplan.units import counted

PARALLEL = 8
"""Requests at a time: what the API allows is not documented."""
FIRST = PricingModel.SPOT
"""The API's default. Where it knows no profile at this price, it knows none at any: a price only changes the costs."""

S = TypeVar("S")
T = TypeVar("T")


class Reader(Protocol):
    """The world: ``cloud.Cloud``."""

    def read(self, read: Read) -> Reading: ...


class Progress(Protocol):
    """What a run tells while it works; called from several threads."""

    def line(self, text: str) -> None: ...


@dataclass(frozen=True)
class Fetched:
    """All that the API told. ``models``: those that were asked about."""

    models: tuple[str, ...]
    use_cases: tuple[UseCase, ...]
    profiles: tuple[Profile, ...]


class Api:
    """Questions to the API, one answer each: from the journal, or from the world and then kept in the journal."""

    def __init__(self, world: Reader, journal: Journal, project: str, accelerators: Collection[str]) -> None:
        self._world, self._journal, self._project = world, journal, project
        self.accelerators = accelerators
        self.reused: set[str] = set()

    def ask(self, read: Read, understood: Callable[[Any, str], T]) -> T:
        """The answer as a value. Raises CloudError, and CatalogError where the answer does not hold what it should."""
        name = questions.identity(read)
        kept = self._journal.answer(name)
        body = self._fetched(read) if kept is None else kept
        value = understood(body, name)
        if kept is None:
            self._journal.finished(name, body)
        else:
            self.reused.add(name)
        return value

    def _fetched(self, read: Read) -> Any:
        reading = self._world.read(read)
        if reading.ok:
            return reading.body
        if reading.outcome is Outcome.DISABLED:
            command = f"gcloud services enable {API} --project {self._project}"
            text = f"{command}\nand let spec.target.quotaProject name the project that pays, if that is another one"
            raise CloudError("GIQ1904", reading.message, text, status=403, reason="disabled")
        if reading.outcome is Outcome.DENIED:
            text = f"the caller needs serviceusage.services.use on {self._project} (roles/serviceusage.serviceUsageConsumer has it)"
            raise CloudError("GIQ1904", reading.message, text, status=403, reason="denied")
        raise CloudError("GIQ1905", f"{API}: {read.path}: {reading.message}", "see the server's words", status=404, reason="absent")


def fetch(api: Api, wanted: Sequence[str], progress: Progress) -> Fetched:
    """Everything about the models of ``wanted``, () = all that the API knows.

    Raises CatalogError (GIQ1225 an answer that cannot be used, GIQ1226 a model that it does not know, GIQ1230 it knows none), CloudError.
    """
    models = _models(api, wanted)
    use_cases = api.ask(questions.use_cases(), answers.use_cases)
    progress.line(f"{counted(len(models), 'model')}, {counted(len(use_cases), 'use case')}")
    servers = _each(models, lambda model: api.ask(questions.servers(model), _names("modelServers")))
    pairs = [(model, server) for model, found in zip(models, servers, strict=True) for server in found]
    versions = _each(pairs, lambda pair: api.ask(questions.versions(*pair), _names("modelServerVersions")))
    stacks = _each(pairs, lambda pair: _stacks(api, *pair))
    progress.line(f"{counted(len(pairs), 'model server')}, {counted(sum(map(len, versions)), 'version')} of them")
    asked = [
        Workload(Served(model, server, version), use_case, stack)
        for (model, server), found, layers in zip(pairs, versions, stacks, strict=True)
        for version, use_case, stack in product(found, ["", *(u.name for u in use_cases)], [None, *layers])
    ]
    profiles = [one for found in _each(asked, lambda workload: _curves(api, workload, progress)) for one in found]
    return Fetched(tuple(models), tuple(use_cases), tuple(_once(profiles)))


def _models(api: Api, wanted: Sequence[str]) -> list[str]:
    known = api.ask(questions.models(), _names("models"))
    if not known:
        detail = f"{API} names no model: an empty catalog replaces nothing"
        raise CatalogError("GIQ1230", detail, "The catalog is as it was. Look whether a proxy answers in Google's place, and try again.")
    unknown = [model for model in wanted if model not in known]
    if unknown:
        detail = f"{API} has no data of {', '.join(unknown)}"
        raise CatalogError("GIQ1226", detail, f"It knows {', '.join(known)}.")
    return [model for model in known if not wanted or model in wanted]


def _names(field: str) -> Callable[[Any, str], list[str]]:
    return lambda answer, request: answers.names(answer, request, field)


def _stacks(api: Api, model: str, server: str) -> list[Stack]:
    """Every stack in every version; one without a version only where the API names none."""
    listed = api.ask(questions.stacks(model, server), answers.stacks)
    found: set[Stack] = {stack for stack in listed if stack.version}
    for name in sorted({stack.name for stack in listed}):
        versions = api.ask(questions.stack_versions(model, server, name), _names("servingStackVersions"))
        found |= {Stack(name, version) for version in versions}
        if not any(stack.name == name for stack in found):
            found.add(Stack(name))
    return sorted(found)


def _curves(api: Api, asked: Workload, progress: Progress) -> list[Profile]:
    """The profiles of one question with the costs of every pricing model: they come one pricing model a request."""
    first = _priced(api, asked, FIRST)
    if not first:
        return []
    others = [_priced(api, asked, how) for how in PricingModel if how is not FIRST]
    found = _once([*first, *(one for each in others for one in each)])
    told = f", {asked.use_case or 'any use case'}" + (f", {asked.stack}" if asked.stack else "")
    progress.line(f"{asked.served}{told}: {counted(len(found), 'profile')}, {counted(sum(len(p.stats) for p in found), 'load level')}")
    return found


def _priced(api: Api, asked: Workload, pricing: PricingModel) -> list[Profile]:
    def understood(answer: Any, request: str) -> list[Profile]:
        return answers.profiles(answer, request, asked, pricing, api.accelerators)

    return api.ask(questions.benchmarks(asked, pricing), understood)


def _once(profiles: Iterable[Profile]) -> list[Profile]:
    """Profiles that differ in nothing but costs are one, with the costs of all."""
    found: dict[Profile, Profile] = {}
    for profile in profiles:
        bare = replace(profile, model_info={}, stats=tuple(replace(stats, costs=()) for stats in profile.stats))
        known = found.get(bare, profile)
        together = [
            replace(stats, costs=tuple({cost.pricing_model: cost for cost in (*stats.costs, *more.costs)}.values()))
            for stats, more in zip(known.stats, profile.stats, strict=True)
        ]
        found[bare] = replace(known, stats=tuple(together))
    return list(found.values())


def _each(items: Sequence[S], work: Callable[[S], T]) -> list[T]:
    """``work`` of each, some at a time, in order. The first error ends it: what has not begun is not begun."""
    if not items:
        return []
    with reading_threads(PARALLEL) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except GiqplanError:
            for future in futures:
                future.cancel()
            raise
