"""One edited value gives exactly one changed resource with exactly the changed leaves, as the server's dry-run shows them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from engine_house import House, by_address, leaf_paths, writes

from giqplan.engine.inputs import Proposal
from giqplan.model.plan import Cause, Confidence, Verb

DEPLOYMENT = "kubernetes_deployment.inference/quickstart"
HPA = "kubernetes_horizontal_pod_autoscaler.inference/quickstart"
CONTAINER = "spec.template.spec.containers[inference-server]"

EDITS: list[tuple[str, Any, str, set[str]]] = [
    ("autoscaling.maxReplicas", 4, HPA, {"spec.maxReplicas"}),
    ("autoscaling.minReplicas", 2, HPA, {"spec.minReplicas"}),
    ("serving.args", ["--max-num-seqs=64"], DEPLOYMENT, {f"{CONTAINER}.args"}),
    ("serving.env", {"VLLM_LOGGING_LEVEL": "DEBUG"}, DEPLOYMENT, {f"{CONTAINER}.env[VLLM_LOGGING_LEVEL]"}),
    ("serving.imagePullSecrets", ["pull"], DEPLOYMENT, {"spec.template.spec.imagePullSecrets"}),
    ("model.maxModelLen", 16384, DEPLOYMENT, {f"{CONTAINER}.args"}),
    ("storage.bucket.uri", "gs://my-project-models/other", DEPLOYMENT, {f"{CONTAINER}.args[0]"}),
    (
        "observability.logging",
        ["SYSTEM", "WORKLOAD", "API_SERVER"],
        "google_container_cluster_logging.us-central1/inference",
        {"components"},
    ),
    (
        "target.cluster.releaseChannel",
        "rapid",
        "google_container_cluster.us-central1/inference",
        {"releaseChannel.channel"},
    ),
]


@pytest.fixture(scope="module")
def one(_applied_once: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One sandbox for all edits: planning changes nothing, which is what these tests show."""
    house = _applied_once.copy_to(tmp_path_factory.mktemp("edits") / "house")
    house.start()
    yield house
    house.stop()


@pytest.mark.parametrize(("path", "value", "address", "leaves"), EDITS, ids=[edit[0] for edit in EDITS])
def test_one_edit(one: House, path: str, value: Any, address: str, leaves: set[str]) -> None:
    before = copy.deepcopy(one.intent)
    one.set(path, value)
    planned: list[Proposal] = []
    log = one.requests(lambda: planned.append(one.plan()))
    one.intent = before
    (proposal,) = planned
    changes = by_address(proposal)
    assert list(changes) == [address]
    change = changes[address]
    assert (change.verb, set(leaf_paths(change))) == (Verb.UPDATE, leaves)
    assert {leaf.cause for leaf in change.leaves} == {Cause.INTENT}
    assert proposal.plan.drift == ()
    assert writes(log) == []
    if address.startswith("kubernetes_"):
        assert change.confidence is Confidence.VERIFIED
        assert len([entry for entry in log if "dryRun" in entry.query]) == 1, "only what changes is dry-run"
