"""Fields that others hold: shown, never taken unless somebody says so; and what ``kubectl apply`` left is taken over as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from engine_house import House, Notes, by_address, leaf_paths

from giqplan.errors import Exit
from giqplan.model.check import CheckStatus
from giqplan.model.plan import Cause, Taking, Verb
from giqplan.sandbox import control

HPA = "kubernetes_horizontal_pod_autoscaler.inference/quickstart"
HPA_PATH = "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart"
SERVICE = "kubernetes_service.inference/quickstart"
SERVICE_PATH = "/api/v1/namespaces/inference/services/quickstart"
APPLY = "application/apply-patch+yaml"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def holders(house: House, path: str) -> dict[str, Any]:
    """The managers of an object with the fields that each owns."""
    entries = house.kubernetes("GET", path)["metadata"]["managedFields"]
    return {entry["manager"]: entry["fieldsV1"] for entry in entries if "subresource" not in entry}


def scale_to_7(house: House) -> None:
    house.kubernetes("PATCH", HPA_PATH, {"spec": {"maxReplicas": 7}})


def kubectl(house: House, *words: str, stdin: str = "") -> None:
    """The real kubectl, as the cluster's administrator."""
    config = house.folder / "kubeconfig"
    config.write_text(yaml.safe_dump(control.kubeconfig(house.sandbox)), encoding="utf-8")
    argv = [str(Path(sys.executable).parent / "kubectl"), "--kubeconfig", str(config), "--cache-dir", str(house.folder / "cache"), *words]
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_conflict_blocks_until_the_caller_says_force(applied: House) -> None:
    scale_to_7(applied)
    code, out, _ = applied.cli("plan")
    assert (code, "remedy: " in out, f"--force-conflicts '{HPA}'" in " ".join(out.split())) == (4, True, True)
    code, out, _ = applied.cli("plan", "--detailed-exitcode", "--force-conflicts", HPA)
    assert code == 2
    assert "! .spec.maxReplicas taken from kubectl-edit: 7 -> 3  # --force-conflicts" in out
    assert "warn    GIQ1505" in out
    code, _, err = applied.cli("apply", "--auto-approve", "--force-conflicts", "kubernetes_horizontal_*")
    assert (code, applied.kubernetes("GET", HPA_PATH)["spec"]["maxReplicas"]) == (0, 3), err
    assert "f:maxReplicas" in holders(applied, HPA_PATH)["giqplan"]["f:spec"]
    assert "f:maxReplicas" not in holders(applied, HPA_PATH).get("kubectl-edit", {}).get("f:spec", {})
    assert by_address(applied.plan()) == {}


def test_force_is_of_what_it_names_and_nothing_else(applied: House) -> None:
    scale_to_7(applied)
    applied.kubernetes("PATCH", SERVICE_PATH, {"metadata": {"labels": {"team": "theirs"}}})
    proposal = applied.plan(force=(HPA,))
    statuses = {dict(c.evidence)["resource"]: c.status for c in proposal.plan.checks if c.code == "GIQ1505"}
    assert statuses == {HPA: CheckStatus.WARN, SERVICE: CheckStatus.FAIL}
    (conflict,) = by_address(proposal)[SERVICE].conflicts
    assert (conflict.manager, conflict.theirs, conflict.ours, conflict.taken) == ("kubectl-edit", "theirs", "docs", None)
    assert applied.cli("apply", "--auto-approve", "--force-conflicts", HPA)[0] == 4


def test_a_glob_that_names_nothing_is_an_error(applied: House) -> None:
    code, _, err = applied.cli("plan", "--force-conflicts", "kubernetes_hpa.*")
    assert (code, "GIQ1613" in err) == (1, True)


def test_a_conflict_that_nobody_has_reviewed_is_not_won(applied: House) -> None:
    scale_to_7(applied)
    edited: list[str] = []

    def interfere(address: Any, summary: str) -> None:
        if str(address) == HPA and not edited:
            edited.append(summary)
            applied.kubernetes("PATCH", HPA_PATH, {"spec": {"minReplicas": 2}}, manager="somebody-else")

    ended = applied.apply(reporter=Notes(on_began=interfere), force=(HPA,))
    assert [error.code for error in ended.walked.errors.values()] == ["GIQ1909"]
    assert applied.kubernetes("GET", HPA_PATH)["spec"]["maxReplicas"] == 7
    (conflict,) = [c for c in by_address(applied.plan(force=(HPA,)))[HPA].conflicts if c.manager == "somebody-else"]
    assert (conflict.path, conflict.theirs, conflict.ours) == (".spec.minReplicas", 2, 1)


def test_a_value_that_another_manager_applies_too_is_no_conflict_until_it_changes(applied: House) -> None:
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "quickstart"}}
    shared = {**body, "spec": {"maxReplicas": 3, "scaleTargetRef": applied.kubernetes("GET", HPA_PATH)["spec"]["scaleTargetRef"]}}
    applied.kubernetes("PATCH", HPA_PATH, shared, manager="argocd-controller", content=APPLY)
    assert by_address(applied.plan()) == {}
    applied.set("autoscaling.maxReplicas", 4)
    (conflict,) = by_address(applied.plan())[HPA].conflicts
    assert (conflict.manager, conflict.path, conflict.theirs, conflict.ours) == ("argocd-controller", ".spec.maxReplicas", 3, 4)


def test_what_we_give_up_and_another_manager_holds_too_stays_and_that_is_said(applied: House) -> None:
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "quickstart", "labels": {"team": "docs"}}}
    applied.kubernetes("PATCH", SERVICE_PATH, body, manager="argocd-controller", content=APPLY)
    applied.intent["metadata"]["labels"] = {}
    applied.write()
    change = by_address(applied.plan())[SERVICE]
    assert (change.verb, change.leaves) == (Verb.UPDATE, ())
    assert "metadata.labels.team stays: another manager holds it too" in change.notes
    assert applied.apply().exit is Exit.DONE
    assert applied.kubernetes("GET", SERVICE_PATH)["metadata"]["labels"]["team"] == "docs"
    assert "f:team" not in json.dumps(holders(applied, SERVICE_PATH)["giqplan"])
    assert by_address(applied.plan()) == {}


def remade_by_kubectl(house: House, path: str, change: dict[str, Any] | None = None) -> None:
    """An object of ours deleted and made again by ``kubectl apply``, with something changed and something more in it."""
    body = house.kubernetes("GET", path)
    house.kubernetes("DELETE", path)
    body.pop("status", None)
    kept = ("name", "namespace", "labels", "annotations")
    body["metadata"] = {key: value for key, value in body["metadata"].items() if key in kept}
    for field in ("clusterIP", "clusterIPs"):
        body["spec"].pop(field, None)
    body["metadata"]["labels"] |= {"made-by": "hand"}
    body["spec"] |= change or {}
    kubectl(house, "apply", "-f", "-", stdin=json.dumps(body))


def test_what_kubectl_apply_left_is_taken_over_and_what_we_do_not_want_goes(applied: House) -> None:
    remade_by_kubectl(applied, HPA_PATH, {"maxReplicas": 9})
    assert set(holders(applied, HPA_PATH)) == {"kubectl-client-side-apply"}
    proposal = applied.plan()
    change = by_address(proposal)[HPA]
    assert change.adopts
    assert [(c.manager, c.path, c.theirs, c.ours, c.taken) for c in change.conflicts] == [
        ("kubectl-client-side-apply", ".spec.maxReplicas", 9, 3, Taking.ADOPTED)
    ]
    assert {(path, leaf.cause) for path, leaf in zip(leaf_paths(change), change.leaves, strict=True)} == {
        ("spec.maxReplicas", Cause.DRIFT),
        ("metadata.labels.made-by", Cause.LEFT_BY_KUBECTL),
    }
    assert not [check for check in proposal.plan.checks if check.status is CheckStatus.FAIL]
    _, out, _ = applied.cli("plan")
    assert ".spec.maxReplicas taken from kubectl-client-side-apply: 9 -> 3  # left by kubectl apply" in out
    assert "adopted: what kubectl apply had set in it passes to giqplan" in out
    assert "- metadata.labels.made-by: hand  # left by kubectl apply" in out
    assert applied.apply().exit is Exit.DONE
    held = applied.kubernetes("GET", HPA_PATH)
    assert set(holders(applied, HPA_PATH)) == {"giqplan"}
    assert (held["spec"]["maxReplicas"], "made-by" in held["metadata"]["labels"]) == (3, False)
    assert LAST_APPLIED not in held["metadata"].get("annotations", {})
    assert by_address(applied.plan()) == {}


def test_a_field_of_an_adopted_object_that_the_intent_drops_later_really_goes(applied: House) -> None:
    remade_by_kubectl(applied, HPA_PATH, {"maxReplicas": 9})
    assert applied.apply().exit is Exit.DONE
    applied.intent["metadata"]["labels"] = {}
    applied.write()
    assert applied.apply().exit is Exit.DONE
    assert "team" not in applied.kubernetes("GET", HPA_PATH)["metadata"]["labels"]


def test_what_kubectl_apply_does_to_what_we_have_applied_is_a_conflict_not_a_heritage(applied: House) -> None:
    body = applied.kubernetes("GET", HPA_PATH)
    del body["status"], body["metadata"]["managedFields"], body["metadata"]["resourceVersion"]
    body["spec"]["maxReplicas"] = 9
    kubectl(applied, "apply", "-f", "-", stdin=json.dumps(body))
    change = by_address(applied.plan())[HPA]
    assert (change.adopts, [c.manager for c in change.blocked_by]) == (False, ["kubectl-client-side-apply"])


def test_an_object_whose_managers_were_cleared_is_taken_over_too(applied: House) -> None:
    applied.kubernetes("PATCH", HPA_PATH, {"metadata": {"managedFields": [{}]}})
    applied.set("autoscaling.maxReplicas", 4)
    change = by_address(applied.plan())[HPA]
    assert [(c.manager, c.taken) for c in change.conflicts] == [("before-first-apply", Taking.ADOPTED)]
    assert leaf_paths(change) == ["spec.maxReplicas"], "nothing goes but what the intent changes"
    assert applied.apply().exit is Exit.DONE
    assert applied.kubernetes("GET", HPA_PATH)["spec"]["maxReplicas"] == 4
    applied.intent["metadata"]["labels"] = {}
    applied.write()
    assert applied.apply().exit is Exit.DONE
    assert "team" not in applied.kubernetes("GET", HPA_PATH)["metadata"]["labels"]
    assert by_address(applied.plan()) == {}


def test_somebody_elses_change_is_not_taken_along_with_the_heritage(applied: House) -> None:
    remade_by_kubectl(applied, HPA_PATH)
    scale_to_7(applied)
    proposal = applied.plan()
    change = by_address(proposal)[HPA]
    assert [(c.manager, c.path) for c in change.blocked_by] == [("kubectl-edit", ".spec.maxReplicas")]
    assert [check.status for check in proposal.plan.checks if check.code == "GIQ1505"] == [CheckStatus.FAIL]


def test_controllers_that_write_in_between_do_not_stop_a_takeover(applied: House) -> None:
    remade_by_kubectl(applied, HPA_PATH, {"maxReplicas": 9})
    rest: list[int] = [2]

    def interfere(address: Any, summary: str) -> None:
        if "take over" in summary and rest[0]:
            rest[0] -= 1
            applied.kubernetes("PATCH", HPA_PATH, {"metadata": {"annotations": {"seen": str(rest[0])}}}, manager="controller")

    assert applied.apply(reporter=Notes(on_began=interfere)).exit is Exit.DONE
    assert rest == [0]
    assert set(holders(applied, HPA_PATH)) == {"giqplan", "controller"}


def test_replicas_that_a_person_has_set_come_back_only_by_force(applied: House) -> None:
    applied.intent["spec"].pop("slo")
    applied.set("workload.requestsPerSecond", {"mean": 9, "peak": 10})
    assert applied.apply().exit is Exit.DONE
    path, address = "/apis/apps/v1/namespaces/inference/deployments/quickstart", "kubernetes_deployment.inference/quickstart"
    ours = applied.kubernetes("GET", path)["spec"]["replicas"]
    applied.kubernetes("PATCH", path, {"spec": {"replicas": ours + 1}})
    assert [c.path for c in by_address(applied.plan())[address].blocked_by] == [".spec.replicas"]
    assert by_address(applied.plan(force=(address,)))[address].blocked_by == ()


def test_a_deployment_of_kubectl_apply_keeps_its_replicas_when_the_autoscaler_gets_them(applied: House) -> None:
    path, address = "/apis/apps/v1/namespaces/inference/deployments/quickstart", "kubernetes_deployment.inference/quickstart"
    applied.kubernetes("DELETE", HPA_PATH)
    remade_by_kubectl(applied, path, {"replicas": 3})
    paths = leaf_paths(by_address(applied.plan())[address])
    assert ("metadata.labels.made-by" in paths, "spec.replicas" in paths) == (True, False)
    seen: list[int] = []
    notes = Notes(on_began=lambda a, s: seen.append(applied.kubernetes("GET", path)["spec"]["replicas"]) if str(a) == address else None)
    assert applied.apply(reporter=notes).exit is Exit.DONE
    assert seen == [3, 3, 3], "before the takeover, before the replicas are handed over, before our own apply"
    held = holders(applied, path)
    assert "f:replicas" not in held["giqplan"]["f:spec"]
    assert "kubectl-client-side-apply" not in held
    assert by_address(applied.plan()) == {}
