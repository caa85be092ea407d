"""What goes wrong in the middle: stops, lost state, a world that was reset, things that fail for good. Apply again goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from engine_house import House, Notes, by_address, quickstart, writes

from giqplan.engine.planner import make_plan
from giqplan.engine.session import carry_out
from giqplan.engine.walk import End
from giqplan.errors import Exit, StateError
from giqplan.model.address import Address
from giqplan.model.plan import Cause, Verb
from giqplan.model.values import UNKNOWN
from giqplan.sandbox import control

DEPLOYMENT_PATH = "/apis/apps/v1/namespaces/inference/deployments/quickstart"


def normal(house: House) -> dict[str, Any]:
    """State without what differs from run to run. A cluster's settings are there with the cluster, so nobody "makes" them."""
    found = house.state.resources.items()
    return {str(a): (e.applied, e.created or a.type.startswith("google_container_cluster_"), e.depends_on) for a, e in found}


def pending(house: House) -> list[str]:
    """What the journal says was begun and not ended."""
    store = house.store
    store.load()
    return [str(entry.address) for entry in store.pending()]


@pytest.mark.parametrize("moment", ["google_container_cluster.", "google_project_iam_member.", "kubernetes_deployment.inference/"])
def test_a_stopped_apply_ends_with_130_and_the_next_reaches_the_same_end(house: Callable[..., House], applied: House, moment: str) -> None:
    one, stop = house(), threading.Event()
    notes = Notes(on_began=lambda address, summary: stop.set() if str(address).startswith(moment) else None)
    first = one.apply(reporter=notes, stop=stop)
    assert first.exit is Exit.INTERRUPTED
    assert End.SKIPPED in first.walked.ends.values() or moment.startswith("kubernetes_deployment")
    second = one.apply()
    assert second.exit is Exit.DONE
    assert normal(one) == normal(applied)
    assert by_address(one.plan()) == {}


def test_what_a_stopped_run_had_begun_to_create_is_ours(house: Callable[..., House]) -> None:
    one, stop = house(), threading.Event()
    notes = Notes(on_began=lambda address, summary: stop.set() if address.type == "google_container_cluster" else None)
    first = one.apply(reporter=notes, stop=stop)
    errors = {str(address): error.code for address, error in first.walked.errors.items()}
    assert errors in ({}, {"google_container_cluster.us-central1/inference": "GIQ1704"})
    one.advance(600)
    assert one.apply().exit is Exit.DONE
    entry = one.state.resources[Address("google_container_cluster", "us-central1/inference")]
    assert entry.created is True


def test_a_killed_run_leaves_a_journal_and_the_next_run_settles_it(house: Callable[..., House], applied: House) -> None:
    class Killed(BaseException):
        """As a process that ends without cleaning up."""

    def kill(address: Address, summary: str) -> None:
        if str(address) == "kubernetes_service.inference/quickstart":
            raise Killed

    one = house()
    with pytest.raises(Killed):
        one.apply(reporter=Notes(on_began=kill))
    assert pending(one) == ["kubernetes_service.inference/quickstart"]
    assert one.apply().exit is Exit.DONE
    assert pending(one) == []
    assert normal(one) == normal(applied)
    assert by_address(one.plan()) == {}


def test_without_state_everything_is_recognised_and_nothing_is_made(applied: House) -> None:
    before = applied.state
    applied.forget_state()
    proposal = applied.plan()
    assert by_address(proposal) == {}
    assert {change.cause for change in proposal.plan.changes} == {Cause.ADOPT}
    ours = [change for change in proposal.plan.changes if "it carries giqplan's marks" in change.notes]
    assert {c.address.type for c in ours} >= {"google_container_cluster", "kubernetes_deployment", "kubernetes_namespace"}
    assert writes(applied.requests(applied.apply)) == []
    assert set(applied.state.resources) == set(before.resources)
    marked = {a for a in before.resources if a.type.startswith("kubernetes_") or a.type == "google_container_cluster"}
    assert all(applied.state.resources[a].created for a in marked), "marks say that we made it"
    assert by_address(applied.plan()) == {}


def test_the_state_of_another_instance_of_the_sandbox_is_not_this_ones(applied: House) -> None:
    control.reset(applied.sandbox, world_file=applied.world_file, speed=applied.speed)
    assert {change.cause for change in by_address(applied.plan()).values()} == {Cause.NOT_THERE}


def test_a_sandbox_reset_between_plan_and_apply_is_noticed_before_the_first_write(house: Callable[..., House]) -> None:
    one = house()
    session = one.session()
    assert session.cloud is not None
    inputs = session.inputs()
    proposal = make_plan(inputs)
    control.reset(one.sandbox, world_file=one.world_file, speed=one.speed)
    control.clear_log(one.sandbox)
    with session.store.lock("apply"):
        applied = carry_out(proposal, inputs.state, session.cloud, session.store, Notes(), threading.Event())
    assert {error.code for error in applied.walked.errors.values()} <= {"GIQ1911", "GIQ1902"}
    assert writes(control.log(one.sandbox)) == []


def test_a_state_of_another_intent_is_refused(applied: House) -> None:
    applied.intent["metadata"]["name"] = "other"
    applied.write()
    with pytest.raises(StateError) as caught:
        applied.plan()
    assert caught.value.code == "GIQ1807"


def test_a_state_of_another_cluster_is_refused(applied: House) -> None:
    applied.set("target.cluster.name", "other")
    with pytest.raises(StateError) as caught:
        applied.plan()
    assert caught.value.code == "GIQ1807"
    assert "inference" in caught.value.detail and "other" in caught.value.detail


def test_a_cluster_that_others_made_anew_under_the_same_name_is_noticed(applied: House) -> None:
    path = "/v1/projects/my-project/locations/us-central1/clusters"
    applied.google("DELETE", f"{path}/inference")
    applied.advance(600)
    applied.google("POST", path, {"cluster": {"name": "inference", "autopilot": {"enabled": True}}})
    applied.advance(600)
    with pytest.raises(StateError) as caught:
        applied.plan()
    assert caught.value.code == "GIQ1807"
    assert writes(applied.requests(lambda: applied.cli("apply", "--auto-approve"))) == []


def test_a_cluster_that_vanished_is_made_again_with_all_in_it(applied: House) -> None:
    applied.google("DELETE", "/v1/projects/my-project/locations/us-central1/clusters/inference")
    applied.advance(600)
    acting = by_address(applied.plan())
    assert acting["google_container_cluster.us-central1/inference"].cause is Cause.GONE
    assert acting["kubernetes_deployment.inference/quickstart"].verb is Verb.CREATE
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}
    assert applied.state.cluster_uid == applied.cluster()["id"]


def test_a_rollout_that_cannot_get_machines_fails_with_the_reason(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    world["clusters"] = [{"name": "inference", "location": "us-central1", "kubernetes": hoarder()}]
    one = house(world=world)
    notes = Notes()
    applied = one.apply(reporter=notes)
    (address,) = applied.walked.errors
    assert str(address) == "kubernetes_deployment.inference/quickstart"
    assert applied.walked.errors[address].code == "GIQ1702"
    assert applied.exit is Exit.ERROR
    assert "failed" in {kind for kind, _ in notes.lines}


def hoarder() -> list[dict[str, Any]]:
    """A Deployment of others that takes every accelerator of the quota; it is not ours, so no check sees it."""
    labels = {"app": "hoarder"}
    pod = {
        "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"},
        "containers": [{"name": "c", "image": "i", "resources": {"limits": {"nvidia.com/gpu": "8"}}}],
    }
    spec = {"replicas": 5, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hoarder", "namespace": "default"}, "spec": spec}]


def test_with_the_lock_held_by_another_run_nothing_is_done(applied: House) -> None:
    with applied.store.lock("apply"), pytest.raises(StateError) as caught:
        applied.apply()
    assert caught.value.code == "GIQ1806"


def test_what_is_not_known_before_apply_is_asked_again_once_it_can_be(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["apis"].remove("cloudresourcemanager.googleapis.com")
    one = house(world=world)
    member = by_address(one.plan())["google_storage_bucket_iam_member.my-project-models/roles/storage.objectViewer/inference/quickstart"]
    assert member.after is not None and member.after["member"] is UNKNOWN
    assert one.apply().exit is Exit.DONE
    held = one.state.resources[member.address].applied["member"]
    assert held.startswith("principal://iam.googleapis.com/projects/481516234201/")
    assert by_address(one.plan()) == {}


def test_what_stays_unknown_fails_with_the_permission_that_is_missing(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["apis"] = ["container.googleapis.com", "compute.googleapis.com", "storage.googleapis.com"]
    world["clusters"] = [{"name": "inference", "location": "us-central1"}]
    world["callers"]["keeper"] = {
        "member": "user:keeper@example.com",
        "roles": ["roles/storage.legacyBucketOwner", "roles/container.admin"],
    }
    one = house(world=world)
    one.set("slo", None)
    applied = one.apply("keeper")
    member = Address("google_storage_bucket_iam_member", "my-project-models/roles/storage.objectViewer/inference/quickstart")
    error = applied.walked.errors[member]
    assert error.code == "GIQ1705" and "roles/browser" in error.remedy
    assert applied.walked.ends[Address("kubernetes_deployment", "inference/quickstart")] is End.SKIPPED
    assert applied.exit is Exit.ERROR
