"""GIQ1514: weights of 90 GiB and more, fetched from Hugging Face, fit where the download is kept.

A node's boot disk has 100 GiB, of which the kubelet keeps 10 % free by evicting Pods, so a bigger download goes to memory or to local SSD
(GIQ page, troubleshooting; kubelet's hard eviction of nodefs at 10 %, facts/gke.md 7.3). The manifests place it so; a variable of
Hugging Face's library in the intent can move it.
"""

from __future__ import annotations

from collections.abc import Mapping

from giqplan.checks.base import Subject, answer
from giqplan.kube import quantity
from giqplan.manifests.storage import DISK_GIB
from giqplan.model.check import Check, CheckStatus
from giqplan.model.values import JsonObject
from giqplan.units import GIB

CODE = "GIQ1514"
_MEMORY = "/dev/shm"  # noqa: S108 - the Pod's own memory
#: huggingface_hub 2.4.0, constants.py: the first that is set decides; the last two name a folder above the cache.
_PLACES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")
_BELOW = {"HF_HOME": "/hub", "XDG_CACHE_HOME": "/huggingface/hub"}
_DEFAULT = "/root/.cache/huggingface/hub"


def check(subject: Subject) -> tuple[Check, ...]:
    """Nothing for a bucket, nor for a smaller model that nobody moves."""
    weights, own = subject.fetched_gib, subject.intent.spec.serving.env
    if subject.intent.spec.storage.bucket is not None or weights is None:
        return ()
    moved = [name for name in _PLACES if name in own]
    if weights < DISK_GIB and not moved:
        return ()
    pod = subject.server_pod
    container = pod["containers"][0]
    cache = _cache({entry["name"]: entry.get("value", "") for entry in container["env"]})
    in_memory = f"{cache}/".startswith(f"{_MEMORY}/")
    limit = _shared_memory(pod) if in_memory else container["resources"]["limits"]["ephemeral-storage"]
    room_gib = float(quantity.parse(limit)) / GIB
    evidence: dict[str, object] = {
        "weights": f"{weights:.1f} GiB",
        "kept at": cache,
        "which is": "memory" if in_memory else _disk(subject),
        "room": f"{room_gib:g} GiB ({'sizeLimit of /dev/shm' if in_memory else 'limit of ephemeral-storage'})",
    }
    if weights <= room_gib:
        where = "memory" if in_memory else "disk"
        return (answer(CODE, CheckStatus.PASS, f"{weights:.1f} GiB of weights fit the Pod's {where}", evidence),)
    remedy = f"remove {', '.join(moved)} from spec.serving.env: then the download goes where it fits"
    summary = f"{weights:.1f} GiB of weights do not fit {cache}: the Pod would be evicted while it downloads"
    return (answer(CODE, CheckStatus.FAIL, summary, evidence, remedy),)


def _cache(env: Mapping[str, str]) -> str:
    """The folder into which the model is downloaded."""
    name = next((name for name in _PLACES if env.get(name)), None)
    return _DEFAULT if name is None else env[name].rstrip("/") + _BELOW.get(name, "")


def _shared_memory(pod: JsonObject) -> str:
    return next(str(volume["emptyDir"]["sizeLimit"]) for volume in pod["volumes"] if volume["name"] == "dshm")


def _disk(subject: Subject) -> str:
    ssd = subject.machine.local_ssd_gib
    if ssd:
        return f"{ssd:g} GiB of local SSD that come with {subject.machine.machine_type}, less the kubelet's 10 %"
    return f"the node's boot disk: {DISK_GIB} GiB after the kubelet's 10 %"
