"""What the Google half tells a cluster: how many accelerators may run, and whose metrics may be read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.clusters import Clusters
from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google.cloudquotas import CloudQuotas
from giqplan.sandbox.google.iam import Iam
from giqplan.sandbox.google.projects import Projects
from giqplan.sandbox.oauth import OAuth
from giqplan.sandbox.store import Store

FAMILY = "GPUS-PER-GPU-FAMILY-per-project-region"
H100 = "nvidia-h100-80gb"


@pytest.fixture
def world() -> Any:
    store = Store(":memory:")
    documents, clock = Documents(store), Clock(store, 0)
    iam = Iam(documents)
    projects = Projects(documents, iam)
    projects.add("p-one", "111111111111", [])
    quotas = CloudQuotas(documents, projects)
    clusters = Clusters(store, clock, OAuth(documents, clock), projects, quotas, controllers=False)
    yield SimpleNamespace(iam=iam, quotas=quotas, clusters=clusters, documents=documents)
    store.close()


def test_the_entry_with_most_dimensions_wins(world: Any) -> None:
    world.quotas.set_limit("p-one", "GPUS-ALL-REGIONS-per-project", {}, -1)
    world.quotas.set_limit("p-one", FAMILY, {"gpu_family": "NVIDIA_H100"}, 8)
    world.quotas.set_limit("p-one", FAMILY, {"gpu_family": "NVIDIA_H100", "region": "us-central1"}, 24)
    assert world.quotas.accelerator_limits("p-one", "us-central1", H100, spot=False) == (24, None)
    assert world.quotas.accelerator_limits("p-one", "us-east5", H100, spot=False) == (8, None)
    assert world.quotas.accelerator_limits("p-one", "us-east5", "nvidia-b200", spot=False) == (0, None)


def test_spot_spends_its_own_quota(world: Any) -> None:
    world.quotas.set_limit("p-one", FAMILY, {}, 24)
    assert world.quotas.accelerator_limits("p-one", "us-central1", H100, spot=True) == (0, 0), "a new project has none"
    world.quotas.set_limit("p-one", "PREEMPTIBLE-NVIDIA-H100-GPUS-per-project-region", {"region": "us-central1"}, 8)
    world.quotas.set_limit("p-one", "GPUS-ALL-REGIONS-per-project", {}, 16)
    assert world.quotas.accelerator_limits("p-one", "us-central1", H100, spot=True) == (8, 16)


def running(world: Any, **clusters: tuple[str, dict[tuple[str, str], int]]) -> None:
    """Clusters of p-one: name -> (region, accelerators in use)."""
    for name, (region, used) in clusters.items():
        world.clusters._apis[name] = SimpleNamespace(controllers=SimpleNamespace(accelerators_in_use=lambda used=used: used))
        world.clusters._places[name] = ("p-one", region)


def test_a_cluster_may_use_what_the_others_of_its_region_leave(world: Any) -> None:
    world.quotas.set_limit("p-one", "GPUS-ALL-REGIONS-per-project", {}, -1)
    world.quotas.set_limit("p-one", FAMILY, {"region": "us-central1"}, 24)
    standard = (H100, "standard")
    running(
        world,
        a=("us-central1", {standard: 8}),
        b=("us-central1", {standard: 16, (H100, "spot"): 3}),
        c=("us-east5", {standard: 99}),
    )
    assert world.clusters._limit("a", H100, "standard") == 8
    assert world.clusters._limit("a", "unheard-of", "standard") is None


def test_the_limit_of_all_gpus_counts_all_types_in_all_regions(world: Any) -> None:
    world.quotas.set_limit("p-one", "GPUS-ALL-REGIONS-per-project", {}, 32)
    world.quotas.set_limit("p-one", FAMILY, {}, 24)
    running(
        world, a=("us-central1", {(H100, "standard"): 8, ("nvidia-l4", "standard"): 2}), c=("us-east5", {("nvidia-l4", "standard"): 10})
    )
    assert world.clusters._limit("a", H100, "standard") == 20


def test_an_adapter_reads_metrics_through_its_principal(world: Any) -> None:
    def may() -> bool:
        return bool(world.clusters._may_read_metrics("p-one", "custom-metrics", "adapter"))

    pool = "iam.googleapis.com/projects/111111111111/locations/global/workloadIdentityPools/p-one.svc.id.goog"
    assert not may()
    world.iam.grant("projects/p-one", "roles/storage.objectViewer", (f"principal://{pool}/subject/ns/custom-metrics/sa/adapter",))
    assert not may()
    world.iam.grant("projects/p-one", "roles/monitoring.viewer", (f"principal://{pool}/subject/ns/custom-metrics/sa/adapter",))
    assert may()


@pytest.mark.parametrize(
    "member", ["serviceAccount:p-one.svc.id.goog[custom-metrics/adapter]", "principalSet://{pool}/namespace/custom-metrics"]
)
def test_other_names_of_the_same_identity(world: Any, member: str) -> None:
    pool = "iam.googleapis.com/projects/111111111111/locations/global/workloadIdentityPools/p-one.svc.id.goog"
    world.iam.grant("projects/p-one", "roles/monitoring.viewer", (member.format(pool=pool),))
    assert world.clusters._may_read_metrics("p-one", "custom-metrics", "adapter")
    assert not world.clusters._may_read_metrics("p-one", "other", "adapter")
