"""kubectl (the wheel of the development requirements) against the sandbox: discovery, reads and writes, and what a plan says afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from engine_house import House, by_address, leaf_paths

from giqplan.model.plan import Cause, Verb
from giqplan.sandbox import control

KUBECTL = Path(sys.executable).parent / "kubectl"
Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(applied: House, tmp_path: Path) -> Kubectl:
    config = tmp_path / "kubeconfig"
    config.write_text(yaml.safe_dump(control.kubeconfig(applied.sandbox)), encoding="utf-8")

    def run(*words: str) -> str:
        argv = [str(KUBECTL), "--kubeconfig", str(config), "--cache-dir", str(tmp_path / "cache"), "-n", "inference", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_kubectl_reads_what_was_applied(kubectl: Kubectl) -> None:
    names = set(kubectl("get", "deploy,svc,hpa,podmonitorings.monitoring.googleapis.com", "-o", "name").split())
    assert names == {
        "deployment.apps/quickstart",
        "service/quickstart",
        "horizontalpodautoscaler.autoscaling/quickstart",
        "podmonitoring.monitoring.googleapis.com/quickstart",
    }
    table = kubectl("get", "deploy").splitlines()
    assert table[0].split()[:4] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE"]
    assert json.loads(kubectl("get", "hpa", "quickstart", "-o", "json"))["spec"]["maxReplicas"] == 3


def test_kubectl_annotates_and_labels_without_becoming_drift(kubectl: Kubectl, applied: House) -> None:
    kubectl("annotate", "deploy", "quickstart", "team.example.com/note=seen")
    kubectl("label", "svc", "quickstart", "seen=yes")
    assert json.loads(kubectl("get", "deploy", "quickstart", "-o", "json"))["metadata"]["annotations"]["team.example.com/note"] == "seen"
    assert by_address(applied.plan()) == {}


def test_a_field_patched_by_kubectl_is_reported_as_exactly_that_drift(kubectl: Kubectl, applied: House) -> None:
    kubectl("patch", "hpa", "quickstart", "--type", "merge", "-p", '{"spec": {"maxReplicas": 9}}')
    proposal = applied.plan()
    ((address, change),) = by_address(proposal).items()
    assert (address, change.verb, change.cause) == ("kubernetes_horizontal_pod_autoscaler.inference/quickstart", Verb.UPDATE, Cause.DRIFT)
    assert leaf_paths(change) == ["spec.maxReplicas"]
    (drift,) = proposal.plan.drift
    assert [(leaf.before, leaf.after) for leaf in drift.leaves] == [(3, 9)]


def test_what_kubectl_deletes_is_made_again(kubectl: Kubectl, applied: House) -> None:
    kubectl("delete", "svc", "quickstart")
    ((address, change),) = by_address(applied.plan()).items()
    assert (address, change.verb, change.cause) == ("kubernetes_service.inference/quickstart", Verb.CREATE, Cause.GONE)


def test_kubectl_scales_and_the_autoscaler_stays_the_owner(kubectl: Kubectl, applied: House) -> None:
    kubectl("scale", "deploy", "quickstart", "--replicas=3")
    assert by_address(applied.plan()) == {}
