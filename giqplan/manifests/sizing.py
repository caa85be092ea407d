"""What a replica may ask of its machine, and whether a new one may start before an old one stops."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from giqplan.errors import ManifestError
from giqplan.model.recommendation import Profile

#: Google's own manifests ask for 70 % of the machine: 146 of 208 vCPU and 1311 of 1872 GiB of an a3-highgpu-8g
#: (kubernetes-engine-samples ai-ml/llm-serving-llama/vllm, Apache-2.0). The rest is the node's and the DaemonSets'.
USUAL_SHARE = 0.7
#: DaemonSets of logging, metrics, networking and the GPU driver (our estimate).
DAEMONSETS_GIB = 2
#: GKE's reservation: 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112, 2 % above
#: (docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes), and 100 MiB before the kubelet evicts.
_RESERVED = ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06), (math.inf, 0.02))
_EVICTION_GIB = 100 / 1024


@dataclass(frozen=True)
class MachineFacts:
    """A machine as the catalog describes it; ``local_ssd_gib`` is what always comes with it, None = none or optional."""

    machine_type: str
    vcpu: float
    memory_gib: float
    accelerator_count: float
    local_ssd_gib: float | None
    accelerator_memory_gib: float


@dataclass(frozen=True)
class Share:
    """A replica's part of its machine. ``memory_limit_gib``: what can be scheduled at most; ``cpu``/``memory_gib``: what is usual."""

    accelerators: int
    fraction: float
    cpu: int
    memory_gib: int
    memory_limit_gib: int


def allocatable_gib(memory_gib: float) -> float:
    """Memory of a node that pods can have: all, less GKE's reservation, the eviction threshold and the DaemonSets."""
    rest, reserved = memory_gib, _EVICTION_GIB + DAEMONSETS_GIB
    for step, part in _RESERVED:
        taken = min(rest, step)
        reserved += taken * part
        rest -= taken
    return memory_gib - reserved


def share_of(profile: Profile, machine: MachineFacts) -> Share:
    """The replica's share by accelerators. ManifestError GIQ1408 when it needs more accelerators than the machine has."""
    if profile.accelerator_count > machine.accelerator_count:
        detail = f"a replica needs {profile.accelerator_count} accelerators, {machine.machine_type} has {machine.accelerator_count:g}"
        raise ManifestError("GIQ1408", detail, "choose another profile: spec.accelerator")
    fraction = profile.accelerator_count / machine.accelerator_count
    limit = math.floor(allocatable_gib(machine.memory_gib) * fraction)
    cpu = max(1, math.ceil(machine.vcpu * fraction * USUAL_SHARE))
    return Share(profile.accelerator_count, fraction, cpu, min(limit, math.ceil(machine.memory_gib * fraction * USUAL_SHARE)), limit)


def memory_request(share: Share, needed_gib: int, sidecar_gib: int, machine: MachineFacts) -> int:
    """GiB to ask for: the usual share, or more where the weights need it. ManifestError GIQ1408 when the machine has less."""
    if needed_gib + sidecar_gib > share.memory_limit_gib:
        detail = f"a replica needs {needed_gib + sidecar_gib} GiB of memory, {machine.machine_type} has {share.memory_limit_gib} GiB for it"
        raise ManifestError("GIQ1408", detail, "choose a machine with more memory: spec.accelerator")
    return max(needed_gib, min(share.memory_gib, share.memory_limit_gib - sidecar_gib))


class Rollout(StrEnum):
    """How a new version of the pods replaces the old one."""

    SURGE = "surge"
    RECREATE = "recreate"


def choose_rollout(accelerators_per_replica: int, max_replicas: int, accelerator_limit: int | None) -> tuple[Rollout, str]:
    """Surge only where the quota holds one replica more than the highest count, and why.

    Without a spare the surge pod stays Pending for ever: maxUnavailable rounds down to 0 (observed on a 1.33 API server with
    three GPU nodes and three replicas). ``accelerator_limit``: accelerators this workload may use, None = not known.
    """
    needed = accelerators_per_replica * (max_replicas + 1)
    if accelerator_limit is None:
        return (
            Rollout.RECREATE,
            "the accelerator quota is not known, so a spare replica cannot be counted on; pods stop before new ones start",
        )
    if accelerator_limit >= needed:
        return Rollout.SURGE, f"{accelerator_limit} accelerators hold {max_replicas} replicas and one more ({needed})"
    return Rollout.RECREATE, f"{accelerator_limit} accelerators do not hold {max_replicas} replicas and one more ({needed})"
