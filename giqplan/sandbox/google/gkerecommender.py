"""GKE Recommender v1, the API of GKE Inference Quickstart: what it fetches is answered from a catalog, what it generates is refused.

Methods, messages and their quirks (``profile`` for a list, one ``performanceStats`` a profile in ``profiles:fetch``, latest version where
none is named): the API's field documentation and gcloud's generated client. Its error texts are written from memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from giqplan.catalog.levels import Level, highest_within, saturation_index
from giqplan.catalog.store import Catalog
from giqplan.catalog.versions import newest
from giqplan.model.recommendation import PricingModel
from giqplan.sandbox.google.errors import ApiError, invalid
from giqplan.sandbox.google.paging import page
from giqplan.sandbox.google.projects import Projects
from giqplan.sandbox.google.recommender_profiles import (
    DEFAULT_RATIO,
    MATCH,
    Profile,
    Profiles,
    distance,
    ranges,
    stack_message,
)
from giqplan.sandbox.google.schema import normalised
from giqplan.sandbox.wire import Caller, HttpRequest

SERVICE = "gkerecommender.googleapis.com"
PERMISSION = "serviceusage.services.use"
PATH = re.compile(r"/v1(?:/(?P<what>[A-Za-z]+))?:(?P<verb>fetch|generate\w*)")
_PAGE, _LARGEST_PAGE = 50, 1000
_TARGETS = {"targetNtpotMilliseconds": "ntpot", "targetTtftMilliseconds": "ttft", "targetItlMilliseconds": "itl"}
_COSTS = ("costPerMillionOutputTokens", "costPerMillionInputTokens")
_Fields = Mapping[str, Any]


class GkeRecommender:
    """Stateless: the catalog is read when it is first asked for."""

    def __init__(self, projects: Projects, catalog: Callable[[], Catalog]) -> None:
        self._projects = projects
        self._open = catalog
        self._profiles: Profiles | None = None
        self._catalog: Catalog | None = None
        self._methods: Mapping[tuple[str, str], tuple[str, tuple[str, ...], Callable[[HttpRequest, _Fields], Any]]] = {
            ("GET", "models"): ("FetchModelsRequest", (), self._models),
            ("GET", "modelServers"): ("FetchModelServersRequest", ("model",), self._servers),
            ("GET", "modelServerVersions"): ("FetchModelServerVersionsRequest", ("model", "modelServer"), self._versions),
            ("GET", "servingStacks"): ("FetchServingStacksRequest", (), self._stacks),
            ("GET", "servingStackVersions"): ("FetchServingStackVersionsRequest", ("servingStack",), self._stack_versions),
            ("POST", "useCases"): ("FetchUseCasesRequest", (), self._use_cases),
            ("POST", "profiles"): ("FetchProfilesRequest", (), self._fetch_profiles),
            ("POST", "benchmarkingData"): ("FetchBenchmarkingDataRequest", ("modelServerInfo",), self._benchmarks),
        }

    def answer(self, request: HttpRequest, caller: Caller, match: re.Match[str]) -> Any:
        """Route one request."""
        self._admit(request, caller)
        if match["verb"] != "fetch":
            text = f"{request.path}: the sandbox answers from a catalog and generates no manifests."
            raise ApiError(501, text, status="UNIMPLEMENTED", legacy="notImplemented")
        method = self._methods.get((request.method, match["what"] or ""))
        if method is None:
            raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")
        message, required, work = method
        told = {key: values[0] for key, values in request.query.items()} if request.method == "GET" else request.json() or {}
        fields = normalised(message, told, "")
        for name in required:
            if not fields.get(name):
                raise invalid(f"Field '{name}' is required.")
        return work(request, fields)

    def _admit(self, request: HttpRequest, caller: Caller) -> None:
        """403 without a quota project: the API belongs to no resource, so that only this header names a project."""
        name = request.headers.get("x-goog-user-project", "")
        if not name:
            text = (
                "Your application is authenticating by using local Application Default Credentials. "
                f"The {SERVICE} API requires a quota project, which is not set by default."
            )
            raise ApiError(403, text, reason="SERVICE_DISABLED", service=SERVICE, consumer="projects/0")
        self._projects.admit(caller, name, SERVICE, PERMISSION)

    # -- what there is

    @property
    def _shelf(self) -> Profiles:
        if self._profiles is None:
            self._catalog = self._open()
            self._profiles = Profiles(self._catalog)
        return self._profiles

    def _of(self, fields: _Fields) -> list[Profile]:
        """Profiles of the model and server that are named, or of any."""
        return [p for p in self._shelf.all if fields.get("model") in (None, p.model) and fields.get("modelServer") in (None, p.server)]

    def _models(self, request: HttpRequest, fields: _Fields) -> Any:
        return _page(sorted({p.model for p in self._shelf.all}), "models", request)

    def _servers(self, request: HttpRequest, fields: _Fields) -> Any:
        return _page(sorted({p.server for p in self._of(fields)}), "modelServers", request)

    def _versions(self, request: HttpRequest, fields: _Fields) -> Any:
        return _page(sorted({p.version for p in self._of(fields)}), "modelServerVersions", request)

    def _stacks(self, request: HttpRequest, fields: _Fields) -> Any:
        return _page([stack_message(s) for s in sorted({p.stack for p in self._of(fields) if p.stack})], "servingStacks", request)

    def _stack_versions(self, request: HttpRequest, fields: _Fields) -> Any:
        stacks = [stack_message(p.stack) for p in self._of(fields)]
        found = {s["version"] for s in stacks if s.get("name") == fields["servingStack"] and "version" in s}
        return _page(sorted(found), "servingStackVersions", request)

    def _use_cases(self, request: HttpRequest, fields: _Fields) -> Any:
        _ = self._shelf
        assert self._catalog is not None
        named = [u for u in self._catalog.use_cases() if u.kind == "use-case"]
        specs = [{"useCase": u.name, "averageInputLength": u.input_tokens, "averageOutputLength": u.output_tokens} for u in named]
        return {"workloadSpecs": specs}

    # -- profiles and their curves

    def _benchmarks(self, request: HttpRequest, fields: _Fields) -> Any:
        info = fields["modelServerInfo"]
        for name in ("model", "modelServer"):
            if not info.get(name):
                raise invalid(f"Field 'modelServerInfo.{name}' is required.")
        found = _of_version(self._of(info), info.get("modelServerVersion", ""))
        found = self._of_workload(_of_stack(found, fields), {"useCase": fields["useCase"]} if "useCase" in fields else {})
        found = [p for p in found if fields.get("instanceType") in (None, p.machine_type)]
        pricing = _pricing(fields)
        return {"profile": [self._shelf.message(p, p.levels, pricing) for p in found]} if found else {}

    def _fetch_profiles(self, request: HttpRequest, fields: _Fields) -> Any:
        wanted = fields.get("performanceRequirements", {})
        cost = wanted.get("targetCost", {})
        pricing, ratio = _pricing(cost), float(cost.get("outputInputCostRatio", DEFAULT_RATIO))
        if not ratio > 0:
            raise invalid("Field 'performanceRequirements.targetCost.outputInputCostRatio' must be above 0.")
        named = _of_stack(_of_version(self._of(fields), fields.get("modelServerVersion", "")), fields)
        workload = fields.get("workloadSpec", {})
        known = self._of_workload(named, workload)
        targets = {name: float(wanted[field]) for field, name in _TARGETS.items() if field in wanted}
        found = [(p, level) for p in known if (level := _level(p, targets)) and self._cheap_enough(p, level, cost, pricing, ratio)]
        told = {"pageSize": (str(fields.get("pageSize", "")),), "pageToken": (fields.get("pageToken", ""),)}
        asked = HttpRequest(request.method, request.path, told)
        answer = _page([self._shelf.message(p, (level,), pricing, ratio) for p, level in found], "profile", asked)
        if known:
            answer["performanceRange"] = ranges((p, p.levels) for p in known)
        if not found:
            text = "meets the performance requirements" if known else "is known for the given model, server, stack and workload"
            answer["comments"] = f"No profile {text}."
        return answer

    def _of_workload(self, found: Iterable[Profile], spec: _Fields) -> list[Profile]:
        """Profiles of a named workload, or of lengths within 20 % of those given. No specification = all of them."""
        inputs, outputs = spec.get("averageInputLength", 0), spec.get("averageOutputLength", 0)
        if spec.get("useCase"):
            assert self._catalog is not None
            use_case = self._catalog.find_use_case(spec["useCase"])
            if use_case is None:
                raise invalid(f"Unknown use case: {spec['useCase']}.")
            return [p for p in found if p.use_case == use_case.name]
        if not inputs and not outputs:
            return list(found)
        if inputs <= 0 or outputs <= 0:
            raise invalid("averageInputLength and averageOutputLength must be given together, and be above 0.")
        return [p for p in found if distance(inputs, outputs, p.input_tokens, p.output_tokens) <= MATCH]

    def _cheap_enough(self, profile: Profile, level: Level, cost: _Fields, pricing: PricingModel, ratio: float) -> bool:
        limits = {name: _decimal(cost[name]) for name in _COSTS if name in cost}
        if not limits:
            return True
        output = self._shelf.output_cost(profile, level, pricing, ratio)
        if output is None:
            return False
        costs = {"costPerMillionOutputTokens": output, "costPerMillionInputTokens": output / Decimal(ratio)}
        return all(costs[name] <= limit for name, limit in limits.items())


def _page(rows: list[Any], key: str, request: HttpRequest) -> dict[str, Any]:
    return page(rows, key, request, default=_PAGE, limit=_LARGEST_PAGE)


def _of_version(found: list[Profile], version: str) -> list[Profile]:
    """Of that version; ``all``; none named = the latest of each model and server."""
    if version == "all":
        return found
    if version:
        return [p for p in found if p.version == version]
    versions: dict[tuple[str, str], set[str]] = {}
    for p in found:
        versions.setdefault((p.model, p.server), set()).add(p.version)
    last = {key: newest(known) for key, known in versions.items()}
    return [p for p in found if p.version == last[p.model, p.server]]


def _of_stack(found: list[Profile], fields: _Fields) -> list[Profile]:
    """On the stack that is named; none named = any."""
    stack = fields.get("servingStack", {})
    told = [(p, stack_message(p.stack)) for p in found]
    return [p for p, has in told if all(has.get(key) == value for key, value in stack.items())]


def _pricing(fields: _Fields) -> PricingModel:
    text = fields.get("pricingModel") or PricingModel.SPOT.value
    if text not in list(PricingModel):
        raise invalid(f"Unknown pricing model: {text}. Must be one of {', '.join(PricingModel)}.")
    return PricingModel(text)


def _level(profile: Profile, targets: Mapping[str, float]) -> Level | None:
    """The inflection point, or the highest load at which every target holds; None = there is none."""
    if targets:
        return highest_within(profile.levels, targets)
    knee = saturation_index(profile.levels)
    return profile.levels[-1 if knee is None else knee]


def _decimal(value: _Fields) -> Decimal:
    return int(value.get("units", 0)) + Decimal(value.get("nanos", 0)).scaleb(-9)
