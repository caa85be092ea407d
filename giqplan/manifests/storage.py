"""Where weights come from, and what that needs: variables, volumes, memory, disk and time.

Sizes are GiB, rates GiB/s. Sources stand beside each constant; docs/manifests.md explains them for users.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from giqplan.errors import ManifestError
from giqplan.units import GIB

if TYPE_CHECKING:
    from giqplan.intent.model import Intent
    from giqplan.manifests.sizing import MachineFacts, Share

DATA = "/data"
RAM_CACHE = "/dev/shm/hf_cache"  # noqa: S108 - the page's own path, in the pod's memory
#: GKE nodes have a boot disk of 100 GiB, of which 10 % stay with the system (GIQ page, troubleshooting).
DISK_GIB = 90
#: Beside the weights on disk: logs, compile caches, configuration (our estimate).
DISK_MARGIN_GIB = 10
#: /dev/shm beside a cache of weights: NCCL and vLLM's own queues (our estimate; a few hundred MiB an accelerator seen in practice).
SHM_GIB_EACH = 2
#: The Run:ai streamer buffers at most 40 GB unless distributed, then without limit (its env-vars.md: RUNAI_STREAMER_MEMORY_LIMIT).
STREAMER_BUFFER_GIB = 40
#: The server's own memory: a base and one worker process an accelerator (our estimate).
BASE_GIB, WORKER_GIB = 4, 4
#: Start-up beside loading: compilation, CUDA graphs, warm-up; vLLM itself waits 600 s for its engine.
WARM_UP_SECONDS = 600

_MOUNT_OPTIONS = "implicit-dirs"
_FILE_CACHE = (
    "file-cache:enable-parallel-downloads:true,file-cache:parallel-downloads-per-file:100,file-cache:max-parallel-downloads:-1,"
    "file-cache:download-chunk-size-mb:10,file-cache:max-size-mb:-1"
)


class Via(StrEnum):
    """How weights reach the server."""

    HUGGING_FACE = "hugging-face"
    STREAMER = "streamer"
    FUSE = "fuse"


#: Slow but real rates; they bound how long start-up may take, they promise nothing (our estimates, on the safe side).
_RATE_GIB_PER_SECOND = {Via.HUGGING_FACE: 0.1, Via.STREAMER: 0.5, Via.FUSE: 0.2}


@dataclass(frozen=True)
class Source:
    """A source of weights and everything a pod needs for it."""

    via: Via
    model_argument: str
    checkpoint_dtype: str
    start_seconds: int
    memory_gib: int
    sidecar_memory_gib: int
    disk_gib: int
    shm_gib: int
    env: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    mounts: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    volumes: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    pod_annotations: tuple[tuple[str, str], ...] = ()


def choose_source(
    intent: Intent,
    *,
    weights_gib: float | None,
    gated: bool | None,
    checkpoint_dtype: str,
    streams: bool,
    share: Share,
    machine: MachineFacts,
) -> Source:
    """Where this intent's weights come from.

    Raises ManifestError GIQ1407 (size not known), GIQ1408 (fits neither disk nor memory).
    """
    if weights_gib is None:
        raise ManifestError("GIQ1407", "the size of the weights is not known", "set spec.model.weightsGiB")
    weights = math.ceil(weights_gib)
    base = BASE_GIB + WORKER_GIB * share.accelerators
    shm = SHM_GIB_EACH * share.accelerators
    bucket = intent.spec.storage.bucket
    if bucket is None:
        return _hugging_face(intent, weights, gated, checkpoint_dtype, base, shm, share, machine)
    if streams:
        return _streamer(bucket.uri, weights, checkpoint_dtype, base, shm, share)
    return _fuse(bucket.uri, weights, checkpoint_dtype, base, shm, share, machine)


def _start_seconds(via: Via, weights: int) -> int:
    """How long start-up may take, in whole minutes."""
    return math.ceil((WARM_UP_SECONDS + weights / _RATE_GIB_PER_SECOND[via]) / 60) * 60


def _place(weights: int, base: int, share: Share, machine: MachineFacts) -> tuple[int, int]:
    """(GiB of memory, GiB of disk) for a copy of the weights: boot disk, else memory, else local SSD."""
    needed = weights + DISK_MARGIN_GIB
    if needed <= DISK_GIB:
        return 0, needed
    if base + weights + DISK_MARGIN_GIB <= share.memory_limit_gib:
        return needed, DISK_MARGIN_GIB
    ssd = (machine.local_ssd_gib or 0) * share.fraction
    if needed <= 0.9 * ssd:
        return 0, needed
    detail = f"{weights} GiB of weights fit neither the boot disk ({DISK_GIB} GiB) nor the memory of {machine.machine_type}"
    raise ManifestError("GIQ1408", f"{detail} ({share.memory_limit_gib} GiB for this replica)", "serve from a bucket with vLLM >= 0.11.1")


def _hugging_face(
    intent: Intent, weights: int, gated: bool | None, checkpoint_dtype: str, base: int, shm: int, share: Share, machine: MachineFacts
) -> Source:
    settings = intent.spec.storage.hugging_face
    assert settings is not None, "an intent has one of the two sources"
    key: dict[str, Any] = {"name": settings.token_secret.name, "key": settings.token_secret.key}
    if gated is False:
        # An open model downloads without a token: a missing Secret must not keep the pod from starting.
        key["optional"] = True
    env: list[dict[str, Any]] = [
        {"name": name, "valueFrom": {"secretKeyRef": dict(key)}} for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
    ]
    # The download's chunk cache takes up to 10 GB beside the weights and serves a second download that never comes.
    env.append({"name": "HF_XET_CHUNK_CACHE_SIZE_BYTES", "value": "0"})
    in_memory, disk = _place(weights, base + shm, share, machine)
    if in_memory:
        env.append({"name": "HF_HOME", "value": RAM_CACHE})
    return Source(
        Via.HUGGING_FACE,
        intent.spec.model.id,
        checkpoint_dtype,
        _start_seconds(Via.HUGGING_FACE, weights),
        base + shm + in_memory,
        0,
        disk,
        shm + in_memory,
        tuple(env),
    )


def _streamer(uri: str, weights: int, checkpoint_dtype: str, base: int, shm: int, share: Share) -> Source:
    """The Run:ai streamer; where the machine has less memory than its buffer wants, the buffer is told so and loads slower."""
    wanted = weights if share.accelerators > 1 else min(STREAMER_BUFFER_GIB, weights)
    free = share.memory_limit_gib - base - shm
    buffer, env = wanted, tuple[dict[str, Any], ...]()
    if 1 <= free < wanted:
        buffer, env = free, ({"name": "RUNAI_STREAMER_MEMORY_LIMIT", "value": str(free * GIB)},)
    seconds = _start_seconds(Via.STREAMER, weights)
    return Source(Via.STREAMER, uri.rstrip("/"), checkpoint_dtype, seconds, base + shm + buffer, 0, DISK_MARGIN_GIB, shm, env)


def _fuse(uri: str, weights: int, checkpoint_dtype: str, base: int, shm: int, share: Share, machine: MachineFacts) -> Source:
    """A mounted bucket, with the file cache on the boot disk, or in memory where the weights do not fit there."""
    bucket, _, folder = uri.removeprefix("gs://").strip("/").partition("/")
    in_memory, disk = _place(weights, base + shm, share, machine)
    options = ",".join(part for part in (_MOUNT_OPTIONS, _FILE_CACHE, f"only-dir:{folder}" if folder else "") if part)
    csi = {
        "driver": "gcsfuse.csi.storage.gke.io",
        "readOnly": True,
        "volumeAttributes": {"bucketName": bucket, "mountOptions": options, "skipCSIBucketAccessCheck": "true"},
    }
    volumes: list[dict[str, Any]] = [{"name": "model-weights", "csi": csi}]
    notes = {"gke-gcsfuse/volumes": "true", "gke-gcsfuse/cpu-limit": "0", "gke-gcsfuse/memory-limit": "0"}
    notes["gke-gcsfuse/ephemeral-storage-limit"] = "0"
    if in_memory:
        volumes.append({"name": "gke-gcsfuse-cache", "emptyDir": {"medium": "Memory", "sizeLimit": f"{in_memory}Gi"}})
        notes["gke-gcsfuse/memory-request"] = f"{in_memory}Gi"
    else:
        notes["gke-gcsfuse/ephemeral-storage-request"] = f"{disk}Gi"
    return Source(
        Via.FUSE,
        DATA,
        checkpoint_dtype,
        _start_seconds(Via.FUSE, weights),
        base + shm,
        in_memory,
        DISK_MARGIN_GIB,
        shm,
        (),
        ({"name": "model-weights", "mountPath": DATA, "readOnly": True},),
        tuple(volumes),
        tuple(sorted(notes.items())),
    )
