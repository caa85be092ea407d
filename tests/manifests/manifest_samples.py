"""Intents, recommendations and machines that the tests of manifests are made from."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

from giqplan.intent.model import Intent
from giqplan.manifests import MachineFacts, Rollout, build_objects
from giqplan.model.recommendation import (
    Bound,
    Cost,
    Evidence,
    OperatingPoint,
    Price,
    PricingModel,
    Profile,
    Provenance,
    Recommendation,
    Sizing,
    Statistic,
    UsdPerHour,
)
from giqplan.model.values import JsonObject

A3_8G = MachineFacts("a3-highgpu-8g", 208, 1872, 8, 6000, 80)
A3_1G = MachineFacts("a3-highgpu-1g", 26, 234, 1, 750, 80)
G2_12 = MachineFacts("g2-standard-12", 12, 48, 1, None, 24)
G2_96 = MachineFacts("g2-standard-96", 96, 384, 8, None, 24)

BUCKET = {"bucket": {"uri": "gs://acme-models/gpt-oss-120b"}}
HUGGING_FACE: dict[str, Any] = {"huggingFace": {"tokenSecret": {"name": "hf-secret", "key": "hf_api_token"}}}


def an_intent(spec: dict[str, Any] | None = None, name: str = "support-bot", labels: dict[str, str] | None = None, **more: Any) -> Intent:
    """An intent; ``spec`` is merged key by key over a small valid one."""
    base: dict[str, Any] = {"model": {"id": "openai/gpt-oss-120b"}, "storage": HUGGING_FACE, "target": {"project": "acme-dev"}}
    for key, value in {**(spec or {}), **more}.items():
        keep = isinstance(value, dict) and key != "storage"
        base[key] = {**base.get(key, {}), **value} if keep else value
    metadata = {"name": name, "labels": labels or {}}
    return Intent.model_validate({"apiVersion": "giqplan.dev/v1alpha1", "kind": "Inference", "metadata": metadata, "spec": base})


def a_recommendation(
    model: str = "openai/gpt-oss-120b",
    version: str = "0.18.0",
    accelerator: str = "nvidia-h100-80gb",
    count: int = 8,
    parallelism: str = "tp8",
    precision: str = "fp4",
    machine: str = "a3-highgpu-8g",
    pricing: PricingModel = PricingModel.ON_DEMAND,
    hpa_target: int | None = 48,
    replicas: tuple[int, int, int] = (1, 2, 8),
    server: str = "vllm",
) -> Recommendation:
    profile = Profile(model, server, version, accelerator, count, machine, precision, parallelism)
    point = OperatingPoint(Bound.NTPOT, 60.0, 6.0, 6000.0, 6000.0, 200.0, 10.0, 12.0, False)
    price = Price(machine, "us-central1", pricing, Decimal("88.49"), "2026-08-20", "ok", "a price list")
    per_hour = UsdPerHour(Decimal(1), Decimal(2), Decimal(8))
    low, first, high = replicas
    return Recommendation(
        model_id=model,
        profile=profile,
        operating_point=point,
        saturation_point=point,
        evidence=Evidence(
            "c0ffee123456", Provenance.MEASURED, Statistic.P50, "2026-02-10", "a public benchmark", 1024, 1024, 6, 0.0, False
        ),
        sizing=Sizing(low, first, high, 0.2, False, hpa_target, "a target was given", None),
        cost=Cost(pricing, "us-central1", machine, 1, per_hour, Decimal(1), Decimal(1), Decimal(4), price),
        objective="usd_per_hour.initial",
        rejected=(),
        catalog_digest="sha256:00",
        catalog_date="2026-11-22",
    )


def objects_of(
    intent: Intent | None = None,
    recommendation: Recommendation | None = None,
    *,
    weights_gib: float | None = 60.0,
    gated: bool | None = False,
    machine: MachineFacts = A3_8G,
    rollout: Rollout = Rollout.RECREATE,
    checkpoint_dtype: str = "mxfp4",
) -> tuple[JsonObject, ...]:
    return build_objects(
        intent or an_intent(),
        recommendation or a_recommendation(),
        weights_gib=weights_gib,
        gated=gated,
        machine=machine,
        rollout=rollout,
        checkpoint_dtype=checkpoint_dtype,
    )


def of_kind(objects: tuple[JsonObject, ...], kind: str) -> Any:
    """The one object of ``kind``."""
    (found,) = [body for body in objects if body["kind"] == kind]
    return found


def pod_of(objects: tuple[JsonObject, ...]) -> Any:
    return of_kind(objects, "Deployment")["spec"]["template"]["spec"]


def container_of(objects: tuple[JsonObject, ...]) -> Any:
    (found,) = pod_of(objects)["containers"]
    return found


def env_of(objects: tuple[JsonObject, ...]) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container_of(objects)["env"]}


def gib(quantity: str) -> int:
    return int(quantity.removesuffix("Gi"))


def other(recommendation: Recommendation, **profile: Any) -> Recommendation:
    """The recommendation with another profile."""
    return dataclasses.replace(recommendation, profile=dataclasses.replace(recommendation.profile, **profile))
