"""The loop over the wire: plan, apply, let the world live, plan again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from engine_house import House, Notes, by_address, leaf_paths, writes

from giqplan.engine.inputs import scope_of
from giqplan.errors import Exit
from giqplan.model.plan import Cause, Confidence, Verb
from giqplan.resources import REGISTRY
from giqplan.resources.kubernetes import KubernetesObject
from giqplan.sandbox import control

DEPLOYMENT = "kubernetes_deployment.inference/quickstart"
HPA_PATH = "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart"
DEPLOYMENT_PATH = "/apis/apps/v1/namespaces/inference/deployments/quickstart"


def test_the_first_plan_stands_before_cluster_and_namespace_exist(house: Callable[..., House]) -> None:
    proposal = house().plan()
    acting = by_address(proposal)
    assert {change.verb for change in acting.values()} == {Verb.CREATE}
    assert {change.cause for change in acting.values()} == {Cause.NOT_THERE}
    assert {change.confidence for change in acting.values()} == {Confidence.PREDICTED}
    assert "google_container_cluster.us-central1/inference" in acting
    assert "kubernetes_namespace.inference" in acting
    assert DEPLOYMENT in acting
    assert proposal.plan.exit(detailed=True) is Exit.CHANGES


def test_planning_writes_nothing_also_without_a_cluster(house: Callable[..., House]) -> None:
    one = house()
    assert writes(one.requests(one.plan)) == []
    assert not (one.store.path).exists()


def test_apply_makes_everything_and_says_so(house: Callable[..., House]) -> None:
    one, notes = house(), Notes()
    planned = set(by_address(one.plan()))
    applied = one.apply(reporter=notes)
    assert (applied.exit, applied.waits) == (Exit.DONE, {})
    assert {line.removesuffix(": created") for kind, line in notes.lines if kind == "ended" and not line.endswith(": ready")} == planned
    state = one.state
    assert planned <= {str(address) for address in state.resources}
    assert all(entry.created == (str(address) in planned) for address, entry in state.resources.items())
    assert state.cluster_uid == one.cluster()["id"]
    assert one.store.pending() == ()


def test_the_second_plan_is_empty_after_a_restart_and_ten_minutes(applied: House) -> None:
    applied.advance(600)
    applied.restart()
    proposal = applied.plan()
    assert by_address(proposal) == {}
    assert proposal.plan.drift == ()
    assert proposal.plan.exit(detailed=True) is Exit.DONE


def test_autopilots_admission_did_change_what_was_sent_and_that_is_said(applied: House) -> None:
    adapter = next(
        c for c in applied.plan().plan.changes if c.address.name.endswith("custom-metrics-stackdriver-adapter") and c.adjustments
    )
    assert adapter.verb is Verb.NOOP
    assert all("autopilot" in adjustment.source for adjustment in adapter.adjustments)


def test_the_second_plans_requests_are_reads_and_one_list_a_kind(applied: House) -> None:
    applied.restart()
    log = applied.requests(applied.plan)
    assert writes(log) == []
    assert not [entry for entry in log if "dryRun" in entry.query], "nothing changes, so nothing is dry-run"
    asked = Counter(entry.path for entry in log if entry.service == "kubernetes")
    cluster = scope_of(applied.inputs().loaded[applied.file.name].intent).cluster
    assert asked == Counter(kind.list_read(cluster).path for kind in REGISTRY.kinds.values() if isinstance(kind, KubernetesObject))


def test_the_longest_chain_of_a_plan_without_changes_is_four_requests(applied: House) -> None:
    control.set_latency(applied.sandbox, 250)  # far above what a loaded machine adds by itself
    control.clear_log(applied.sandbox)
    applied.plan()
    chain = control.longest_chain(applied.sandbox)
    assert len(chain) <= 4, [entry.path for entry in chain]


def test_applying_twice_writes_nothing_the_second_time(applied: House) -> None:
    before = applied.store.path.read_bytes()
    log = applied.requests(applied.apply)
    assert writes(log) == []
    assert applied.store.path.read_bytes() == before


def test_the_autoscalers_replicas_are_no_drift(applied: House) -> None:
    applied.kubernetes("PATCH", DEPLOYMENT_PATH + "/scale", {"spec": {"replicas": 3}}, manager="horizontal-pod-autoscaler")
    proposal = applied.plan()
    assert (by_address(proposal), proposal.plan.drift) == ({}, ())


def test_an_update_leaves_the_replica_count_to_the_autoscaler(applied: House) -> None:
    applied.set("autoscaling.minReplicas", 3)
    assert applied.apply().exit is Exit.DONE
    applied.advance(60)
    assert applied.kubernetes("GET", DEPLOYMENT_PATH)["spec"]["replicas"] == 3
    applied.set("serving.args", ["--max-num-seqs=64"])
    seen: list[int] = []

    def look(address: object, reason: str) -> None:
        seen.append(applied.kubernetes("GET", DEPLOYMENT_PATH)["spec"]["replicas"])

    assert applied.apply(reporter=Notes(on_waits=look)).exit is Exit.DONE
    assert set(seen) == {3}, "an apply that sent a count, or took it away, would show here"


def test_after_an_edit_is_applied_nothing_is_left(applied: House) -> None:
    applied.set("autoscaling.maxReplicas", 4)
    (change,) = by_address(applied.plan()).values()
    assert applied.apply().exit is Exit.DONE
    assert applied.kubernetes("GET", HPA_PATH)["spec"]["maxReplicas"] == 4
    assert leaf_paths(change) == ["spec.maxReplicas"]
    assert by_address(applied.plan()) == {}
