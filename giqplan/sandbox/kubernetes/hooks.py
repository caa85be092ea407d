"""What the Google side tells a cluster: quotas and identities. Every hook has a default that lets things work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _no_limit(accelerator: str, provisioning: str) -> int | None:
    return None


def _yes(namespace: str, service_account: str) -> bool:
    return True


@dataclass(frozen=True)
class Hooks:
    """``accelerator_limit(accelerator, provisioning)``: how many accelerators of a type (``nvidia-h100-80gb``) may run in this cluster's
    region; provisioning is ``standard`` or ``spot``; None = no limit. ``may_read_metrics(namespace, service_account)``: whether the
    Kubernetes service account (the metrics adapter's) holds roles/monitoring.viewer through its workload identity principal."""

    accelerator_limit: Callable[[str, str], int | None] = _no_limit
    may_read_metrics: Callable[[str, str], bool] = _yes
