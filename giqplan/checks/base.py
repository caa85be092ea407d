"""What every check sees, and the way its answer is made."""

from __future__ import annotations

from dataclasses import dataclass

from giqplan.catalog import Catalog, Machine
from giqplan.error_codes import CODES
from giqplan.intent.model import Intent
from giqplan.manifests import fetched_gib
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.recommendation import Recommendation
from giqplan.model.resource import Resource
from giqplan.model.values import JsonObject
from giqplan.model.world import World
from giqplan.resources import gated


@dataclass(frozen=True)
class Subject:
    """One plan as checks see it. ``resources``: what the intent wants, as it would be sent."""

    intent: Intent
    recommendation: Recommendation
    world: World
    catalog: Catalog
    resources: tuple[Resource, ...] = ()

    @property
    def machine(self) -> Machine:
        """The machine that the recommendation runs on."""
        return self.catalog.machine(self.recommendation.cost.machine_type)

    @property
    def gated(self) -> bool | None:
        """Whether the model wants its licence accepted first; None = nobody says."""
        return gated(self.catalog, self.recommendation.model_id)

    @property
    def fetched_gib(self) -> float | None:
        """Size of the files that a replica fetches; None = not known."""
        model, chosen = self.catalog.model(self.recommendation.model_id), self.recommendation
        return fetched_gib(self.intent, chosen.profile, chosen.weights_gib, "" if model is None else model.checkpoint_dtype)

    @property
    def server_pod(self) -> JsonObject:
        """The Pod of the model server, as it would be sent."""
        address = Address("kubernetes_deployment", f"{self.intent.spec.target.namespace}/{self.intent.metadata.name}")
        found: JsonObject = next(r.desired for r in self.resources if r.address == address)["spec"]["template"]["spec"]
        return found


def answer(code: str, status: CheckStatus, summary: str, evidence: dict[str, object], remedy: str = "") -> Check:
    """A check's answer; its name is the code's line in error_codes.py, its evidence keeps the order given."""
    facts = tuple((name, str(value)) for name, value in evidence.items())
    return Check(code, CODES[code], status, summary, facts, remedy if status is not CheckStatus.PASS else "")
