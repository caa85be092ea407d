"""Enabled Google Cloud APIs. Turned on when they are off; never turned off (design rule 4)."""

from __future__ import annotations

from collections.abc import Mapping

from giqplan.kube.readiness import Progress, State
from giqplan.model.address import Address
from giqplan.model.calls import EnableService, Outcome, Read, Reading
from giqplan.model.plan import Cause, Verb
from giqplan.model.resource import Live, Presence
from giqplan.model.values import JsonObject
from giqplan.model.world import Scope, World, services_read
from giqplan.resources.base import READY, Kind, Patience, Step, live_from

TYPE = "google_project_service"


class Service(Kind):
    """``name`` is the API's name. Source of states: Service Usage v1 ``services.get`` (``state: ENABLED | DISABLED``)."""

    type = TYPE
    patience = Patience(600, "Service Usage answers batchEnable within minutes; Google names no bound")
    permissions: Mapping[Verb, tuple[str, ...]] = {Verb.CREATE: ("serviceusage.services.enable",)}

    def reading(self, address: Address, world: World) -> Reading:
        listing = world.reading(services_read(world.scope.project))
        if not listing.ok:
            return listing
        suffix = f"/services/{address.name}"
        found = [s for s in listing.body.get("services", ()) if s["name"].endswith(suffix)]
        return Reading(Outcome.OK, found[0]) if found else Reading(Outcome.ABSENT)

    def read_one(self, address: Address, scope: Scope) -> Read:
        return Read("serviceusage", f"/v1/projects/{scope.project}/services/{address.name}")

    def live_of(self, address: Address, wanted: JsonObject, reading: Reading) -> Live:
        if not reading.ok:
            return live_from(reading)
        if reading.body.get("state") != "ENABLED":
            return Live(Presence.ABSENT)
        return Live(Presence.PRESENT, {"service": address.name, "state": "ENABLED"}, reading.body["name"])

    def steps(
        self, verb: Verb, address: Address, desired: JsonObject, live: Live, scope: Scope, once: JsonObject | None = None
    ) -> tuple[Step, ...]:
        return (Step(EnableService(scope.project, address.name), f"enable {address.name}"),)

    def on_unwanted(self, cause: Cause) -> Verb:
        return Verb.FORGET

    def progress(self, body: JsonObject, desired: JsonObject, address: Address) -> Progress:
        return READY if body.get("state") == "ENABLED" else Progress(State.WAITING, "the API is being enabled")
