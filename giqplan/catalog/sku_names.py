"""How Cloud Billing describes the parts of a machine. Google documents no field that says so; read in public repositories:

Cyclenerd/google-cloud-pricing-cost-calculator build/mapping.csv (Apache-2.0, commit 08440e74), cloudpilot-ai/karpenter-provider-gcp
(Apache-2.0) and skypilot-org/skypilot sky/catalog/data_fetchers/fetch_gcp.py (Apache-2.0), which agree on: "A3 Instance Core running in
Americas", "Spot Preemptible A3 Instance Ram running in ...", "Nvidia H100 80GB GPU attached to Spot Preemptible VMs running in ...",
"Commitment v1: A3 Cpu in ... for 1 Year", "SSD backed Local Storage". A4's slice covers vCPUs, memory and local SSD too. The field
usageType is not asked: Google files some spot SKUs under OnDemand. What is reserved, or sold by calendar or by the dynamic workload
scheduler, reads otherwise and is not matched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from giqplan.catalog.values import Machine
from giqplan.model.recommendation import PricingModel

MODELS = (PricingModel.ON_DEMAND, PricingModel.SPOT, PricingModel.ONE_YEAR_CUD, PricingModel.THREE_YEARS_CUD)
_YEARS = {PricingModel.ONE_YEAR_CUD: "1 Years?", PricingModel.THREE_YEARS_CUD: "3 Years?"}


@dataclass(frozen=True)
class Part:
    """What a machine is billed by: ``kind`` is accelerator, vCPU, memory or local SSD; its SKU's description reads like ``pattern``."""

    kind: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class _Family:
    """``series``: "A3" of "A3 Instance Core", "" = the accelerator's SKU covers the whole machine."""

    series: str
    accelerators: tuple[str, ...]


_FAMILIES = {
    "a2-highgpu": _Family("A2", ("Nvidia Tesla A100 GPU",)),
    "a2-megagpu": _Family("A2", ("Nvidia Tesla A100 GPU",)),
    "a2-ultragpu": _Family("A2", ("Nvidia Tesla A100 80GB GPU",)),
    "a3-highgpu": _Family("A3", ("Nvidia H100 80GB GPU",)),
    "a3-megagpu": _Family("A3Plus", ("Nvidia H100 80GB Mega GPU", "Nvidia H100 Mega 80GB GPU", "Nvidia H100 80GB Plus GPU")),
    "a3-ultragpu": _Family("A3Ultra", ("H200 141GB GPU", "Nvidia H200 141GB GPU")),
    "a4-highgpu": _Family("", ("A4 Nvidia B200 (1 gpu slice)",)),
    "g2-standard": _Family("G2", ("Nvidia L4 GPU",)),
    "g4-standard": _Family("G4", ("RTX 6000 96GB",)),
}


def unknown_parts(machine: Machine) -> str:
    """Why it is not known what a machine is billed by; "" = it is."""
    if _family(machine) is None:
        return "how the SKUs are called is not known"
    if machine.accelerator_count < 1:
        return "a part of an accelerator has SKUs of its own, whose names are not known"
    return "whether local SSD comes with it is not known" if machine.local_ssd_mode == "unknown" else ""


def parts_of(machine: Machine, how: PricingModel) -> tuple[tuple[Part, Decimal], ...]:
    """What a machine is billed by, and how much of it: accelerators, vCPUs, GiB; () where that is not known."""
    family = _family(machine)
    if family is None or unknown_parts(machine):
        return ()
    accelerators = "(?:" + "|".join(re.escape(name) for name in family.accelerators) + ")"
    found = [(Part("accelerator", _accelerator(accelerators, how)), Decimal(repr(machine.accelerator_count)))]
    if not family.series:
        return tuple(found)
    series = re.escape(family.series)
    found += [
        (Part("vCPU", _instance(series, "Core", "Cpu", how)), Decimal(machine.vcpu)),
        (Part("memory", _instance(series, "Ram", "Ram", how)), Decimal(repr(machine.memory_gib))),
    ]
    if machine.local_ssd_mode == "bundled":
        found.append((Part("local SSD", _local_ssd(how)), Decimal(repr(machine.local_ssd_gib))))
    return tuple(found)


def _family(machine: Machine) -> _Family | None:
    return _FAMILIES.get(machine.machine_type.rpartition("-")[0])


def _instance(series: str, resource: str, committed: str, how: PricingModel) -> re.Pattern[str]:
    if how in _YEARS:
        return re.compile(f"Commitment v1: {series} {committed} in .+ for {_YEARS[how]}")
    spot = "Spot Preemptible " if how is PricingModel.SPOT else ""
    return re.compile(f"{spot}{series} Instance {resource} running in .+")


def _accelerator(name: str, how: PricingModel) -> re.Pattern[str]:
    if how in _YEARS:
        return re.compile(f"Commitment v1: {name} (?:running )?in .+ for {_YEARS[how]}")
    if how is PricingModel.SPOT:
        return re.compile(f"{name} attached to Spot Preemptible VMs running in .+|Spot Preemptible {name} running in .+")
    return re.compile(f"{name} running in .+")


def _local_ssd(how: PricingModel) -> re.Pattern[str]:
    if how in _YEARS:
        return re.compile(f"Commitment v1: Local SSD in .+ for {_YEARS[how]}")
    spot = " attached to Spot Preemptible VMs" if how is PricingModel.SPOT else ""
    return re.compile(f"SSD backed Local Storage{spot}(?: in .+)?")
