"""Requests that go wrong on the way: carried out but never answered, a service that fails, a login that ends, a world that dies.

The next run reads the world and goes on: same end, nothing twice, nothing that nobody knows of.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest
from engine_house import House, Notes, by_address
from test_recovery import normal, pending

from giqplan.cloud import google_actions, sessions
from giqplan.engine.walk import End
from giqplan.errors import CloudError, Exit
from giqplan.model.address import Address
from giqplan.sandbox import control
from giqplan.sandbox.faults import Fault

CLUSTERS = "/v1/projects/my-project/locations/us-central1/clusters"
DEPLOYMENT = "/apis/apps/v1/namespaces/inference/deployments/quickstart"
HPA = "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart"
SENT = "?fieldManager=giqplan&fieldValidation=Strict"
"""The query of a server-side apply that is no dry-run."""
FIRST_COUNT = "?fieldManager=giqplan-initial*"


def created(house: House) -> Counter[str]:
    """How often each thing was created, by the sandbox's own log."""
    made: Counter[str] = Counter()
    for entry in control.log(house.sandbox):
        real = "dryRun" not in entry.query
        if real and ((entry.method == "PATCH" and entry.status == 201) or (entry.method == "POST" and entry.path == CLUSTERS)):
            made[entry.path] += 1
    return made


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CLUSTERS),
        ("POST", "/v3/projects/my-project:setIamPolicy"),
        ("PUT", "/storage/v1/b/my-project-models/iam*"),
        ("PATCH", f"/api/v1/namespaces/inference{SENT}"),
        ("PATCH", DEPLOYMENT + SENT),
        ("PATCH", DEPLOYMENT + FIRST_COUNT),
        ("PATCH", HPA + SENT),
    ],
)
def test_what_was_done_and_never_answered_is_found_and_is_ours(house: Callable[..., House], applied: House, method: str, path: str) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(method=method, path=path, cut=True, after=True, times=1))
    first = one.apply()
    assert first.exit is Exit.ERROR
    assert {error.code for error in first.walked.errors.values()} == {"GIQ1903"}
    assert len(pending(one)) == 1
    one.advance(600)
    assert one.apply().exit is Exit.DONE
    assert (pending(one), normal(one)) == ([], normal(applied))
    assert set(created(one).values()) == {1}
    assert by_address(one.plan()) == {}


def test_a_first_replica_count_whose_answer_was_lost_is_sent_again(house: Callable[..., House]) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(path=DEPLOYMENT + FIRST_COUNT, cut=True, times=1))
    assert one.apply().exit is Exit.ERROR
    assert one.kubernetes("GET", DEPLOYMENT)["spec"]["replicas"] == 1
    (change,) = [c for a, c in by_address(one.plan()).items() if a == "kubernetes_deployment.inference/quickstart"]
    assert [(leaf.before, leaf.after) for leaf in change.leaves] == [(1, 2)]
    assert one.apply().exit is Exit.DONE
    sent = [e.status for e in control.log(one.sandbox) if e.path == DEPLOYMENT and "giqplan-initial" in e.query]
    assert sent == [0, 200]


def test_a_deletion_whose_answer_was_lost_is_over_when_it_is_gone(applied: House) -> None:
    control.add_fault(applied.sandbox, Fault(method="DELETE", path=HPA, cut=True, after=True, times=1))
    assert applied.destroy().exit is Exit.ERROR
    assert applied.destroy().exit is Exit.DONE
    assert pending(applied) == []
    assert "google_project_service" not in {a.type for a in applied.state.resources}


@pytest.mark.parametrize("path", ["*:enable", "*:getIamPolicy"])
def test_what_may_be_asked_twice_is_asked_again_at_once(house: Callable[..., House], path: str) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(path=path, status=503, after=True, times=2))
    assert one.apply().exit is Exit.DONE


def test_a_run_that_does_not_come_to_what_an_earlier_one_began_leaves_it_open(house: Callable[..., House]) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(method="PUT", path="/storage/v1/b/my-project-models/iam*", cut=True, after=True, times=1))
    assert one.apply().exit is Exit.ERROR
    open_before = pending(one)
    control.add_fault(one.sandbox, Fault(path="/storage/v1/b/my-project-models/iam*", status=403))
    one.apply()
    assert set(open_before) <= set(pending(one))
    control.clear_faults(one.sandbox)
    assert one.apply().exit is Exit.DONE
    (entry,) = [e for a, e in one.state.resources.items() if str(a) in open_before]
    assert (entry.created, pending(one)) == (True, [])


def test_a_token_that_ends_in_the_middle_is_renewed(house: Callable[..., House]) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(path=DEPLOYMENT + SENT, status=401, times=1))
    assert one.apply().exit is Exit.DONE


def test_a_login_that_is_revoked_in_the_middle_ends_the_run_and_the_next_goes_on(house: Callable[..., House], applied: House) -> None:
    one = house()

    def revoke(address: Address, summary: str) -> None:
        if str(address) == "kubernetes_namespace.inference":
            control.add_fault(one.sandbox, Fault(service="oauth2", status=400))
            control.add_fault(one.sandbox, Fault(service="[!o]*", status=401))

    first = one.apply(reporter=Notes(on_began=revoke))
    assert first.exit is Exit.ERROR
    assert {error.code for error in first.walked.errors.values()} == {"GIQ1902"}
    with pytest.raises(CloudError) as caught:
        one.plan()
    assert caught.value.code == "GIQ1902"
    control.clear_faults(one.sandbox)
    assert one.apply().exit is Exit.DONE
    assert (pending(one), normal(one)) == ([], normal(applied))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets whose other end died
@pytest.mark.parametrize("moment", ["google_container_cluster.", "kubernetes_namespace.inference", "kubernetes_horizontal_pod_autoscaler."])
def test_a_world_that_dies_in_the_middle_is_gone_on_with_when_it_is_back(
    house: Callable[..., House], applied: House, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_FIRST_PAUSE_S", 0.02)  # a tenth of the product's patience: nobody comes back meanwhile
    monkeypatch.setattr(google_actions, "_RETRY_S", 1.0)
    one = house()
    status = control.status(one.sandbox)
    assert status is not None

    def kill(address: Address, summary: str) -> None:
        if str(address).startswith(moment):
            os.kill(status["pid"], signal.SIGKILL)
            while control.running(one.sandbox):
                time.sleep(0.01)

    first = one.apply(reporter=Notes(on_began=kill))
    assert first.exit is Exit.ERROR
    assert {error.code for error in first.walked.errors.values()} == {"GIQ1903"}
    assert End.DONE in first.walked.ends.values()
    one.start()
    one.advance(600)
    assert one.apply().exit is Exit.DONE
    assert (pending(one), normal(one)) == ([], normal(applied))
    assert set(created(one).values()) == {1}
    assert by_address(one.plan()) == {}


def test_an_update_whose_answer_was_lost_is_no_drift(applied: House) -> None:
    applied.set("autoscaling.maxReplicas", 4)
    control.add_fault(applied.sandbox, Fault(path=HPA + SENT, status=503, after=True, times=1))
    assert applied.apply().exit is Exit.ERROR
    assert pending(applied) == ["kubernetes_horizontal_pod_autoscaler.inference/quickstart"]
    proposal = applied.plan()
    assert (by_address(proposal), proposal.plan.drift) == ({}, ())
    assert applied.apply().exit is Exit.DONE
    assert pending(applied) == []
    assert applied.plan().plan.drift == ()


def test_what_an_interrupted_run_began_is_taken_back_when_the_intent_no_longer_wants_it(house: Callable[..., House]) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(method="PUT", path="/storage/v1/b/my-project-models/iam*", cut=True, after=True, times=1))
    assert one.apply().exit is Exit.ERROR
    (member,) = pending(one)
    one.set("storage", {"huggingFace": {"tokenSecret": {"name": "hf-secret", "key": "hf_api_token"}}})
    assert member in by_address(one.plan())
    one.apply()
    assert pending(one) == []
    policy = one.google("GET", "/storage/v1/b/my-project-models/iam")
    assert not [m for binding in policy["bindings"] for m in binding["members"] if m.startswith("principal:")]


def test_the_choice_of_a_failed_apply_stays(house: Callable[..., House]) -> None:
    one = house()
    control.add_fault(one.sandbox, Fault(path=HPA + SENT, status=400, times=1))
    assert one.apply().exit is Exit.ERROR
    assert one.state.intents["quickstart"].choices["curve"]


@pytest.fixture
def slowly(applied: House) -> House:
    """The quickstart applied, in a world where deleting a cluster takes seconds; its cluster goes with destroy."""
    applied.stop()
    applied.speed = 50
    applied.start()
    applied.set("target.cluster.deletionPolicy", "delete")
    return applied


def test_a_cluster_that_is_being_deleted_is_waited_for(slowly: House) -> None:
    control.add_fault(slowly.sandbox, Fault(method="DELETE", path=f"{CLUSTERS}/inference", cut=True, after=True, times=1))
    assert slowly.destroy().exit is Exit.ERROR
    assert slowly.cluster()["status"] == "STOPPING"
    assert slowly.destroy().exit is Exit.DONE
    assert (pending(slowly), slowly.state.resources) == ([], {})
