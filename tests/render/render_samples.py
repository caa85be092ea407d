"""Plans as the engine could make them, one for each thing that a page has to show."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import (
    ABSENT_LEAF,
    Adjustment,
    Cause,
    Change,
    Confidence,
    Conflict,
    Deferred,
    Drift,
    Leaf,
    Part,
    Pin,
    Plan,
    Verb,
)
from giqplan.model.recommendation import (
    Bound,
    Cost,
    Evidence,
    LatencyRange,
    OperatingPoint,
    Price,
    PricingModel,
    Profile,
    Provenance,
    Reason,
    Recommendation,
    Rejection,
    Sizing,
    SloMiss,
    Statistic,
    UsdPerHour,
)
from giqplan.model.resource import Stage
from giqplan.model.values import UNKNOWN

PROFILE = Profile("google/gemma-2-27b-it", "vllm", "0.11.0", "nvidia-l4", 4, "g2-standard-48", "bf16", "tp4")
POINT = OperatingPoint(Bound.NTPOT, 24.0, 3.0, 900.0, 900.0, 310.0, 24.5, 25.2, False)
DEPLOYMENT = Address("kubernetes_deployment", "inference/bot")


def recommendation() -> Recommendation:
    price = Price("g2-standard-48", "us-central1", PricingModel.ON_DEMAND, Decimal("4.00"), "2026-07-30", "list", "sample price list")
    hourly = UsdPerHour(Decimal("4"), Decimal("8"), Decimal("32"))
    return Recommendation(
        model_id=PROFILE.model_id,
        profile=PROFILE,
        operating_point=POINT,
        saturation_point=replace(POINT, bound=Bound.SATURATION, is_saturation=True, qps=4.5),
        evidence=Evidence("c-1", Provenance.MEASURED, Statistic.P50, "2026-03-27", "sample points", 1024, 256, 6, 0.3, True),
        sizing=Sizing(1, 2, 8, 0.2, True, 19, "ntpot", 5),
        cost=Cost(
            PricingModel.ON_DEMAND,
            "us-central1",
            "g2-standard-48",
            1,
            hourly,
            Decimal("2.469"),
            Decimal("0.617"),
            Decimal(4),
            price,
            ("disks",),
        ),
        objective="the lowest cost per hour at the initial replicas",
        rejected=(Rejection("c-2", replace(PROFILE, accelerator_count=8), Reason.DEARER, "$9.00/h", Decimal(9)),),
        catalog_digest="sha256:catalog",
        catalog_date="2026-08-21",
        notes=("lengths are near, not equal",),
    )


def deployment(replicas: int = 2, image: str = "vllm/vllm-openai:v0.11.0") -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "bot",
            "namespace": "inference",
            "labels": {"team": "support", "app.kubernetes.io/managed-by": "giqplan"},
            "annotations": {"giqplan.dev/version": "0.1.0"},
        },
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [{"name": "inference-server", "image": image, "args": ["--port=8000", '--x={"a":1}']}]}},
        },
    }


def _plan(changes: tuple[Change, ...], **more: Any) -> Plan:
    values: dict[str, Any] = {
        "world": "gcp",
        "environment": "prod",
        "project": "my-project",
        "cluster": "projects/my-project/locations/us-central1/clusters/inference",
        "inputs": {"catalog": "sha256:catalog"},
    }
    found = {**values, **more}
    chosen = found.pop("recommendation", recommendation())
    return Plan(changes=changes, parts=(Part("bot", "inference.yaml", "sha256:intent", chosen),), **found)


QUOTA_FAILS = Check(
    "GIQ1501",
    "accelerator quota",
    CheckStatus.FAIL,
    "8 more nvidia-l4 are needed than the quota allows",
    (("needed", "32"), ("limit", "24")),
    "ask for a limit of 32 in us-central1",
)
SLO_PASSES = Check("GIQ1502", "SLO in reach", CheckStatus.PASS, "the latency targets hold", (("ntpot p50", "25 ms of 30 ms"),))
CLUSTER_WARNS = Check("GIQ1503", "cluster", CheckStatus.WARN, "the cluster is degraded", (("status", "DEGRADED"),), "look at its events")


def first() -> Plan:
    """Nothing is there yet."""
    not_read = ("not compared: there is no cluster yet",)
    cluster = Address("google_container_cluster", "us-central1/inference")
    names = ("a", "b", "c")
    return _plan(
        (
            Change(
                cluster,
                Verb.CREATE,
                Stage.CLUSTER,
                cause=Cause.NOT_THERE,
                after={"name": "inference", "autopilot": {"enabled": True}, "endpoint": UNKNOWN},
            ),
            Change(
                Address("google_storage_bucket_iam_member", "models/viewer/bot"),
                Verb.CREATE,
                Stage.IAM,
                after={"members": [UNKNOWN, "user:a@example.com"], "role": "roles/storage.objectViewer"},
                cause=Cause.NOT_THERE,
                why="the model server reads its weights",
                confidence=Confidence.VERIFIED,
            ),
            *(
                Change(
                    Address("kubernetes_service", f"inference/{n}"),
                    Verb.CREATE,
                    Stage.NETWORK,
                    None,
                    {"port": 8000},
                    (),
                    Cause.NOT_THERE,
                    notes=not_read,
                )
                for n in names
            ),
            Change(
                DEPLOYMENT,
                Verb.CREATE,
                Stage.WORKLOAD,
                after=deployment(),
                cause=Cause.NOT_THERE,
                why="the model server",
                depends_on=(cluster,),
                adjustments=(Adjustment(("spec", "replicas"), 2, 3, "sample table", predicted=True),),
            ),
        ),
        checks=(SLO_PASSES, CLUSTER_WARNS),
        pins=(Pin(DEPLOYMENT, "", "absent"),),
        notes=("rollout: recreate: no spare accelerator",),
    )


def changed() -> Plan:
    """Something of everything, with drift and conflicts."""
    image = ("spec", "template", "spec", "containers", "[name=inference-server]", "image")
    version = ("metadata", "annotations", "giqplan.dev/version")
    update = Change(
        DEPLOYMENT,
        Verb.UPDATE,
        Stage.WORKLOAD,
        before=deployment(replicas=5),
        after=deployment(image="vllm/vllm-openai:v0.12.0"),
        leaves=(
            Leaf(version, ABSENT_LEAF, "0.1.0", Cause.WITH_ANOTHER),
            Leaf(("spec", "replicas"), 5, 2, Cause.DRIFT),
            Leaf(image, "vllm/vllm-openai:v0.11.0", "vllm/vllm-openai:v0.12.0"),
            Leaf(("spec", "paused"), True, ABSENT_LEAF),
        ),
        why="the model server",
        confidence=Confidence.VERIFIED,
        conflicts=(Conflict("spec.paused", "kubectl-edit", True, False),),
        identity="uid-1",
    )
    return _plan(
        (
            update,
            Change(
                Address("kubernetes_service", "inference/bot"),
                Verb.REPLACE,
                Stage.NETWORK,
                before={"spec": {"clusterIP": "None"}},
                after={"spec": {"clusterIP": UNKNOWN}},
                leaves=(Leaf(("spec", "clusterIP"), "None", UNKNOWN),),
                confidence=Confidence.VERIFIED,
                replace_paths=(("spec", "clusterIP"),),
            ),
            Change(
                Address("kubernetes_pod_monitoring", "inference/old"),
                Verb.DELETE,
                Stage.MONITORING,
                before={"spec": {"interval": "15s"}},
                cause=Cause.NOT_WANTED,
                confidence=Confidence.VERIFIED,
            ),
            Change(
                Address("kubernetes_namespace", "inference"),
                Verb.FORGET,
                Stage.MONITORING,
                before={"metadata": {"name": "inference"}},
                cause=Cause.NOT_WANTED,
                why="it was there before giqplan",
                confidence=Confidence.PREDICTED,
            ),
            Change(Address("google_project_service", "compute"), Verb.NOOP, Stage.APIS, {"a": 1}, {"a": 1}, confidence=Confidence.VERIFIED),
        ),
        drift=(
            Drift(
                DEPLOYMENT,
                Verb.UPDATE,
                (Leaf(("spec", "replicas"), 2, 5, Cause.DRIFT),),
                {"spec": {"replicas": 2}},
                {"spec": {"replicas": 5}},
            ),
            Drift(Address("kubernetes_service", "inference/gone"), Verb.DELETE, before={"spec": {}}),
        ),
        checks=(SLO_PASSES, QUOTA_FAILS, replace(QUOTA_FAILS, status=CheckStatus.PASS, summary="the other region has room")),
        deferred=(Deferred(Address("kubernetes_secret", "inference/hf"), "not compared: may not read secrets"),),
    )


def unchanged() -> Plan:
    """Nothing to do; the platform holds one value otherwise, and one object is taken over."""
    kept = Change(DEPLOYMENT, Verb.NOOP, Stage.WORKLOAD, deployment(), deployment(), confidence=Confidence.VERIFIED)
    adjusted = replace(kept, adjustments=(Adjustment(("spec", "replicas"), 2, 3, "sample table"),))
    found = replace(kept, address=Address("kubernetes_namespace", "inference"), cause=Cause.ADOPT, stage=Stage.NAMESPACE)
    return _plan((found, adjusted), checks=(SLO_PASSES,))


def missed() -> Plan:
    """No profile meets the SLO, made offline."""
    reach = LatencyRange("ntpot", 12.0, 80.0, "c-1", PROFILE)
    found = replace(recommendation(), miss=SloMiss("ntpot", 5.0, 12.0, (reach,)))
    check = Check(
        "GIQ1502", "SLO in reach", CheckStatus.FAIL, "no profile reaches ntpot 5 ms", (("reachable ntpot", "12 to 80 ms"),), "ask for 12 ms"
    )
    change = Change(DEPLOYMENT, Verb.CREATE, Stage.WORKLOAD, after=deployment(), cause=Cause.NOT_THERE)
    return _plan((change,), recommendation=found, checks=(check,), offline=True)


def destroyed() -> Plan:
    """Destroy: no cost, no recommendation."""
    change = Change(
        DEPLOYMENT, Verb.DELETE, Stage.WORKLOAD, before=deployment(), cause=Cause.DESTROY, confidence=Confidence.VERIFIED, identity="uid-1"
    )
    return _plan((change,), recommendation=None, destroy=True)


def nothing_left() -> Plan:
    """Destroy once more."""
    return _plan((), recommendation=None, destroy=True)


PLANS = {
    "first": first,
    "changed": changed,
    "unchanged": unchanged,
    "missed-offline": missed,
    "destroyed": destroyed,
    "nothing-left": nothing_left,
}
