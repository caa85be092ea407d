"""GIQ1501: accelerator quota for the highest replica count, in the region, for the way the machines are bought.

Two limits apply to every GPU: the model's or family's own, and all GPUs of the project (facts: GPUS-ALL-REGIONS of 1 silently blocks
8-GPU machines). The Quota API has no usage; what other giqplan workloads of the cluster run is counted from the cluster itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from giqplan.checks.base import Subject, answer
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Change, Verb
from giqplan.model.recommendation import PricingModel
from giqplan.model.world import quotas_read
from giqplan.resources import REGISTRY
from giqplan.resources.kubernetes import KubernetesObject

CODE = "GIQ1501"
ALL_GPUS = "GPUS-ALL-REGIONS-per-project"

#: quota id and the family dimension it needs, standard and preemptible. Source: quotas as several open projects list them for their own
#: Google Cloud projects (2026-08); dimensions themselves are read from the API, never assumed.
_FAMILY = "GPUS-PER-GPU-FAMILY-per-project-region"
_STANDARD: Mapping[str, tuple[str, str]] = {
    "nvidia-tesla-t4": ("NVIDIA-T4-GPUS-per-project-region", ""),
    "nvidia-l4": ("NVIDIA-L4-GPUS-per-project-region", ""),
    "nvidia-tesla-a100": ("NVIDIA-A100-GPUS-per-project-region", ""),
    "nvidia-a100-80gb": ("NVIDIA-A100-80GB-GPUS-per-project-region", ""),
    "nvidia-h100-80gb": (_FAMILY, "NVIDIA_H100"),
    "nvidia-h100-mega-80gb": (_FAMILY, "NVIDIA_H100_MEGA"),
    "nvidia-h200-141gb": (_FAMILY, "NVIDIA_H200"),
    "nvidia-b200": (_FAMILY, "NVIDIA_B200"),
    "nvidia-gb200": (_FAMILY, "NVIDIA_GB200"),
    "nvidia-rtx-pro-6000": (_FAMILY, "NVIDIA_RTX_PRO_6000"),
}
_PREEMPTIBLE: Mapping[str, tuple[str, str]] = {
    "nvidia-tesla-t4": ("PREEMPTIBLE-NVIDIA-T4-GPUS-per-project-region", ""),
    "nvidia-l4": ("PREEMPTIBLE-NVIDIA-L4-GPUS-per-project-region", ""),
    "nvidia-tesla-a100": ("PREEMPTIBLE-NVIDIA-A100-GPUS-per-project-region", ""),
    "nvidia-a100-80gb": ("PREEMPTIBLE-NVIDIA-A100-80GB-GPUS-per-project-region", ""),
    "nvidia-h100-80gb": ("PREEMPTIBLE-NVIDIA-H100-GPUS-per-project-region", ""),
    "nvidia-h200-141gb": ("PREEMPTIBLE-NVIDIA-H200-GPUS-per-project-region", ""),
    "nvidia-b200": ("PREEMPTIBLE-NVIDIA-B200-GPUS-per-project-region", ""),
}


@dataclass(frozen=True)
class Limit:
    """One quota that bounds the accelerators. ``value`` None = unlimited."""

    quota_id: str
    metric: str
    region: str
    value: int | None

    @property
    def room(self) -> float:
        return float("inf") if self.value is None else self.value


def quota_id(accelerator: str, pricing_model: PricingModel) -> tuple[str, str] | None:
    """(quota id, GPU family or "") that a machine of this accelerator spends; None = no source names one.

    Committed use is a discount on ordinary machines, so it spends the standard quota; spot spends the preemptible one.
    """
    return (_PREEMPTIBLE if pricing_model is PricingModel.SPOT else _STANDARD).get(accelerator)


def limits(quota_infos: Iterable[Mapping[str, Any]], wanted: tuple[str, str], region: str) -> tuple[Limit, ...]:
    """The limits that apply. Precedence as the Cloud Quotas API defines it: the entry with the most matching dimensions wins; a dimension
    that an entry lacks means all values."""
    found = []
    for quota, family in (wanted, (ALL_GPUS, "")):
        info = next((i for i in quota_infos if i.get("quotaId") == quota), None)
        value = None if info is None else _value(info, {"region": region, "gpu_family": family})
        if info is not None and value is not None:
            where = region if "region" in info.get("dimensions", ()) else "all regions"
            found.append(Limit(quota, info.get("metric", quota), where, None if value < 0 else value))
    return tuple(found)


def _value(info: Mapping[str, Any], dimensions: Mapping[str, str]) -> int | None:
    matching: list[tuple[int, int]] = []
    for entry in info.get("dimensionsInfos", ()):
        own = entry.get("dimensions", {})
        if "value" in entry.get("details", {}) and all(dimensions.get(key) == value for key, value in own.items()):
            matching.append((len(own), int(entry["details"]["value"])))
    return max(matching)[1] if matching else None


def accelerators_needed(subject: Subject) -> int:
    """Accelerators of whole machines at the highest replica count: quota is spent by machines, not by Pods."""
    recommendation = subject.recommendation
    machines = -(-recommendation.sizing.max_replicas // recommendation.cost.replicas_per_machine)
    return machines * int(subject.machine.accelerator_count)


def used_by_others(subject: Subject, own: Iterable[Subject] = (), going: Iterable[str] = ()) -> int:
    """Accelerators that giqplan workloads of this cluster, the subject's and ``own`` left out, may ask for: as many replicas as their
    autoscalers allow, for the present count changes by itself. ``going``: Deployments (namespace/name) that the plan takes down."""
    names = {(s.intent.spec.target.namespace, s.intent.metadata.name) for s in (subject, *own)}
    names |= {(namespace, name) for namespace, _, name in (text.partition("/") for text in going)}
    highest = _highest(subject)
    kind = next(k for k in REGISTRY.kinds.values() if isinstance(k, KubernetesObject) and k.info.kind == "Deployment")
    reading = subject.world.reading(kind.list_read(subject.world.scope.cluster))
    used = 0
    for item in (reading.body.get("items") or ()) if reading.ok else ():
        meta, spec = item["metadata"], item["spec"]
        pod = spec["template"]["spec"]
        same = pod.get("nodeSelector", {}).get("cloud.google.com/gke-accelerator") == subject.recommendation.profile.accelerator
        if same and (meta.get("namespace"), meta["name"]) not in names:
            gpus = sum(int(c.get("resources", {}).get("limits", {}).get("nvidia.com/gpu", 0)) for c in pod["containers"])
            used += gpus * highest.get((meta.get("namespace"), meta["name"]), int(spec.get("replicas", 1)))
    return used


def _highest(subject: Subject) -> Mapping[tuple[str, str], int]:
    """The highest replica count of every workload with an autoscaler of giqplan, by namespace and name."""
    kind = REGISTRY.kinds["kubernetes_horizontal_pod_autoscaler"]
    assert isinstance(kind, KubernetesObject)
    reading = subject.world.reading(kind.list_read(subject.world.scope.cluster))
    items = (reading.body.get("items") or ()) if reading.ok else ()
    return {(i["metadata"]["namespace"], i["spec"]["scaleTargetRef"]["name"]): int(i["spec"]["maxReplicas"]) for i in items}


def spare_limits(subjects: Sequence[Subject]) -> tuple[int | None, ...]:
    """For each intent how many accelerators it may run beside what others use and what the other intents ask for; None = not known."""
    found: dict[int, int | None] = {}
    for together in _spending(subjects):
        bounds = _limits(together[0])
        needed, used = {id(s): accelerators_needed(s) for s in together}, used_by_others(together[0], together) if bounds else 0
        tightest = min((limit.room for limit in bounds), default=float("inf"))
        for subject in together:
            beside = used + sum(needed.values()) - needed[id(subject)]
            found[id(subject)] = None if tightest == float("inf") else int(tightest) - beside
    return tuple(found[id(subject)] for subject in subjects)


def _spending(subjects: Sequence[Subject]) -> Iterable[list[Subject]]:
    """The intents that spend the same quota, together."""
    spent: dict[tuple[object, ...], list[Subject]] = {}
    for subject in subjects:
        cost = subject.recommendation.cost
        accelerator = subject.recommendation.profile.accelerator
        spent.setdefault((accelerator, quota_id(accelerator, cost.pricing_model), cost.region), []).append(subject)
    return spent.values()


def _limits(subject: Subject) -> tuple[Limit, ...]:
    recommendation = subject.recommendation
    reading = subject.world.reading(quotas_read(subject.world.scope.project))
    wanted = quota_id(recommendation.profile.accelerator, recommendation.cost.pricing_model)
    if not reading.ok or wanted is None:
        return ()
    return limits(reading.body.get("quotaInfos", ()), wanted, recommendation.cost.region)


def check(subjects: Sequence[Subject], planned: Iterable[Change]) -> tuple[Check, ...]:
    """Needed against limit for each quota that the intents spend, with the shortfall; unknown when the quota cannot be read."""
    of_all = sum(map(accelerators_needed, subjects))
    going = tuple(c.address.name for c in planned if c.verb is Verb.DELETE and c.address.type == "kubernetes_deployment")
    return tuple(_check(together, of_all, going) for together in _spending(subjects))


def _check(subjects: Sequence[Subject], of_all: int, going: Iterable[str]) -> Check:
    """The answer for intents that spend the same quota: it has to bear all of them at their highest replica counts at once, and the quota
    of all GPUs has to bear ``of_all``."""
    recommendation, world = subjects[0].recommendation, subjects[0].world
    needed, used = sum(map(accelerators_needed, subjects)), used_by_others(subjects[0], subjects, going)
    accelerator = recommendation.profile.accelerator
    wanted = quota_id(accelerator, recommendation.cost.pricing_model)
    if wanted is None:
        summary = f"no source names the quota that {accelerator} spends under {recommendation.cost.pricing_model.value}"
        return answer(CODE, CheckStatus.UNKNOWN, summary, {"needed": needed})
    reading, found = world.reading(quotas_read(world.scope.project)), _limits(subjects[0])
    if not found:
        why = "offline" if world.offline else reading.message or f"{reading.outcome.value}: quota {wanted[0]}"
        remedy = "enable cloudquotas.googleapis.com and grant roles/cloudquotas.viewer" if not world.offline else "plan without --offline"
        return answer(CODE, CheckStatus.UNKNOWN, f"the quota could not be read ({why})", {"quota": wanted[0], "needed": needed}, remedy)
    asked = {limit.quota_id: of_all if limit.quota_id == ALL_GPUS else needed for limit in found}
    tightest = min(found, key=lambda limit: limit.room - asked[limit.quota_id])
    needed = asked[tightest.quota_id]
    evidence: dict[str, object] = {"metric": tightest.metric, "quota": tightest.quota_id}
    if wanted[1] and tightest.quota_id == wanted[0]:
        evidence["gpu family"] = wanted[1]
    evidence |= {
        "region": tightest.region,
        "needed": needed,
        "used": f"{used} by other giqplan workloads of this cluster at most (the Quota API shows no usage)",
        "limit": "unlimited" if tightest.value is None else tightest.value,
    }
    short = needed + used - tightest.room
    if short <= 0:
        return answer(CODE, CheckStatus.PASS, f"{needed} {accelerator} fit the quota", evidence)
    evidence["shortfall"] = int(short)
    remedy = (
        f"ask for {needed + used} of {tightest.quota_id} in {tightest.region} (Google Cloud console, IAM & Admin, Quotas), "
        "or lower spec.autoscaling.maxReplicas"
    )
    replicas = sum(s.recommendation.sizing.max_replicas for s in subjects)
    return answer(CODE, CheckStatus.FAIL, f"{int(short)} {accelerator} short at {replicas} replicas", evidence, remedy)
