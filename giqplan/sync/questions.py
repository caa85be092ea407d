"""What is asked of the GIQ v1 API, as reads. Methods and fields: the API's generated client (gcloud), field documentation."""

from __future__ import annotations

from dataclasses import dataclass

from giqplan.model.calls import Read
from giqplan.model.recommendation import PricingModel
from giqplan.units import canonical_json

SERVICE = "gkerecommender"
API = "gkerecommender.googleapis.com"


@dataclass(frozen=True, order=True)
class Stack:
    """A serving stack; ``version`` "" = not said."""

    name: str
    version: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.name, self.version) if part)


@dataclass(frozen=True, order=True)
class Served:
    """A model server in one version, with one model."""

    model: str
    server: str
    version: str

    def __str__(self) -> str:
        return f"{self.model} {self.server} {self.version}"


@dataclass(frozen=True, order=True)
class Workload:
    """One question for benchmarking data. ``use_case`` "" and ``stack`` None: the question names none."""

    served: Served
    use_case: str = ""
    stack: Stack | None = None


def _list(what: str, **query: str) -> Read:
    return Read(SERVICE, f"/v1/{what}:fetch", tuple(query.items()), items=what)


def models() -> Read:
    return _list("models")


def servers(model: str) -> Read:
    return _list("modelServers", model=model)


def versions(model: str, server: str) -> Read:
    return _list("modelServerVersions", model=model, modelServer=server)


def stacks(model: str, server: str) -> Read:
    return _list("servingStacks", model=model, modelServer=server)


def stack_versions(model: str, server: str, stack: str) -> Read:
    return _list("servingStackVersions", servingStack=stack, model=model, modelServer=server)


def use_cases() -> Read:
    return Read(SERVICE, "/v1/useCases:fetch", items="workloadSpecs", method="POST", body={})


def benchmarks(asked: Workload, pricing: PricingModel) -> Read:
    """The whole curves of a served model; costs are of the one pricing model."""
    served = asked.served
    info = {"model": served.model, "modelServer": served.server, "modelServerVersion": served.version}
    body: dict[str, object] = {"modelServerInfo": info, "pricingModel": pricing.value}
    if asked.use_case:
        body["useCase"] = asked.use_case
    if asked.stack is not None:
        body["servingStack"] = {"name": asked.stack.name, **({"version": asked.stack.version} if asked.stack.version else {})}
    return Read(SERVICE, "/v1/benchmarkingData:fetch", items="profile", method="POST", body=body)


def identity(read: Read) -> str:
    """One text for equal questions; also how a question is named in an error."""
    told = canonical_json(read.body) if read.body else canonical_json(dict(read.query)) if read.query else ""
    return f"{read.path.removeprefix('/v1/')} {told}".strip()
