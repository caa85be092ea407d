"""Objects of others under our names, objects of ours that lost their label, and clusters that are busy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from engine_house import House, Notes, by_address, leaf_paths, quickstart, writes

from giqplan.errors import Exit
from giqplan.model.address import Address
from giqplan.model.check import CheckStatus
from giqplan.model.plan import Cause, Verb

SERVICE = "kubernetes_service.inference/quickstart"
SERVICE_PATH = "/api/v1/namespaces/inference/services/quickstart"
LABEL = "app.kubernetes.io/managed-by"
CLUSTERS = "/v1/projects/my-project/locations/us-central1/clusters"


def test_what_lost_our_label_is_drift_and_no_creation(applied: House) -> None:
    applied.kubernetes("PATCH", SERVICE_PATH, {"metadata": {"labels": {LABEL: None}}})
    proposal = applied.plan()
    change = by_address(proposal)[SERVICE]
    (drift,) = proposal.plan.drift
    assert (change.verb, change.cause, leaf_paths(change)) == (Verb.UPDATE, Cause.DRIFT, [f"metadata.labels.{LABEL}"])
    assert (str(drift.address), drift.verb) == (SERVICE, Verb.UPDATE)
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}
    assert applied.state.resources[change.address].created


def test_an_object_of_others_under_our_name_blocks_and_is_not_touched(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "inference"}}
    theirs = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "quickstart", "namespace": "inference"}}
    world["clusters"] = [{"name": "inference", "location": "us-central1", "kubernetes": [namespace, theirs]}]
    one = house(world=world)
    proposal = one.plan()
    change = by_address(proposal)["kubernetes_service_account.inference/quickstart"]
    assert (change.verb, change.cause, change.foreign) == (Verb.UPDATE, Cause.ADOPT, True)
    assert [check.status for check in proposal.plan.checks if check.code == "GIQ1507"] == [CheckStatus.FAIL]
    assert writes(one.requests(lambda: one.cli("apply", "--auto-approve"))) == []


def test_apply_waits_for_a_cluster_that_others_are_making(house: Callable[..., House]) -> None:
    one = house(speed=300)
    for api in ("compute", "container"):
        one.google("POST", f"/v1/projects/my-project/services/{api}.googleapis.com:enable")
    one.advance(60)
    one.google("POST", CLUSTERS, {"cluster": {"name": "inference", "autopilot": {"enabled": True}}})
    notes = Notes()
    assert one.apply(reporter=notes).exit is Exit.DONE
    assert ("waits", "google_container_cluster.us-central1/inference: cluster is provisioning") in notes.lines
    assert one.state.resources[Address("google_container_cluster", "us-central1/inference")].created is False


def test_a_stop_while_waiting_for_the_cluster_starts_nothing(house: Callable[..., House]) -> None:
    one = house(speed=300)
    for api in ("compute", "container"):
        one.google("POST", f"/v1/projects/my-project/services/{api}.googleapis.com:enable")
    one.advance(60)
    one.google("POST", CLUSTERS, {"cluster": {"name": "inference", "autopilot": {"enabled": True}}})
    stop = threading.Event()
    stop.set()
    applied = one.apply(stop=stop)
    assert applied.exit is Exit.INTERRUPTED
    assert [error.code for error in applied.walked.errors.values()] == ["GIQ1704"]
    assert {end.value for end in applied.walked.ends.values()} == {"skipped"}


def test_while_others_update_the_cluster_ours_waits_its_turn(applied: House) -> None:
    applied.set("observability.logging", ["SYSTEM", "WORKLOAD", "API_SERVER"])
    theirs = {"update": {"desiredReleaseChannel": {"channel": "REGULAR"}}}
    began: list[str] = []

    def interfere(address: Address, summary: str) -> None:
        if not began:
            applied.google("PUT", f"{CLUSTERS}/inference", theirs)
        began.append(summary)

    assert applied.apply(reporter=Notes(on_began=interfere)).exit is Exit.DONE
    assert "APISERVER" in applied.cluster()["loggingConfig"]["componentConfig"]["enableComponents"]
    assert by_address(applied.plan()) == {}


def test_replicas_are_handed_over_to_an_autoscaler_that_comes_later(house: Callable[..., House]) -> None:
    one = house()
    slo: dict[str, Any] = one.intent["spec"]["slo"]
    one.set("slo", None)
    one.set("workload.requestsPerSecond", {"mean": 8})
    one.set("autoscaling.minReplicas", 2)
    assert one.apply().exit is Exit.DONE
    path = "/apis/apps/v1/namespaces/inference/deployments/quickstart"
    before = one.kubernetes("GET", path)["spec"]["replicas"]
    one.set("slo", slo)
    seen: list[int] = []
    notes = Notes(on_began=lambda a, s: seen.append(one.kubernetes("GET", path)["spec"]["replicas"]))
    assert one.apply(reporter=notes).exit is Exit.DONE
    assert before >= 2 and min(seen) >= 2, "it never falls to the default of one"
    assert any("hand the replica count" in line for _, line in notes.lines)
    assert by_address(one.plan()) == {}
