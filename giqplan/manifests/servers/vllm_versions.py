"""What which version of vLLM knows: releases and flags.

Source: the source distributions of 44 releases of the PyPI package ``vllm`` (Apache-2.0), compared on 2026-11-22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from giqplan.errors import ManifestError

_RELEASED = """0.6.0 0.6.1 0.6.1.post1 0.6.1.post2 0.6.2 0.6.3 0.6.3.post1 0.6.4 0.6.4.post1 0.6.5 0.6.6 0.6.6.post1 0.7.0 0.7.1 0.7.2 0.7.3
    0.8.0 0.8.1 0.8.2 0.8.3 0.8.4 0.8.5 0.8.5.post1 0.9.0 0.9.0.1 0.9.1 0.9.2 0.10.0 0.10.1 0.10.1.1 0.10.2 0.11.0 0.11.1 0.11.2
    0.12.0 0.13.0 0.14.0 0.14.1 0.15.0 0.15.1 0.16.0 0.17.0 0.17.1 0.18.0 0.18.1 0.19.0 0.19.1 0.20.0 0.20.1 0.20.2 0.21.0 0.22.0
    0.22.1 0.23.0 0.24.0 0.25.0 0.25.1 0.26.0 0.27.0 0.27.1 0.28.0 0.29.0 0.30.0 0.31.0 0.32.0 0.33.0"""
RELEASES = tuple(_RELEASED.split())
_FORM = re.compile(r"(\d+(?:\.\d+)+)(?:\.post(\d+))?")


def parse(version: str) -> tuple[tuple[int, ...], int]:
    """``version`` as something that sorts. ManifestError GIQ1402 when it is not a release (a nightly, a branch)."""
    found = _FORM.fullmatch(version)
    if found is None:
        remedy = "set spec.serving.version to a release, such as 0.12.0"
        raise ManifestError("GIQ1402", f"vLLM {version!r} is not a release: its flags are not known", remedy)
    return tuple(int(part) for part in found[1].split(".")), int(found[2] or 0)


def at_least(version: str, other: str) -> bool:
    """Whether ``version`` is ``other`` or newer."""
    return parse(version) >= parse(other)


def check_release(version: str, own_image: bool) -> None:
    """ManifestError GIQ1402 when ``version`` is older than the table, or was never released and so has no image.

    Newer than the table is accepted, with the flags of the newest one known. With an image of one's own the version says
    only which flags it knows.
    """
    if not at_least(version, RELEASES[0]):
        raise ManifestError("GIQ1402", f"vLLM {version} is older than {RELEASES[0]}", "set spec.serving.version to a newer release")
    if not own_image and version not in RELEASES and not at_least(version, RELEASES[-1]):
        raise ManifestError("GIQ1402", f"vLLM {version} was never released", "set spec.serving.version to a release, or spec.serving.image")


@dataclass(frozen=True)
class Flag:
    """First version with the flag and first version without it; "" = all of the table. ``instead``: what replaced it."""

    since: str = ""
    until: str = ""
    instead: str = ""


FLAGS: dict[str, Flag] = {
    "swap-space": Flag(until="0.18.0", instead="nothing: V1 does not swap"),
    "disable-log-requests": Flag(until="0.17.0", instead="nothing: request logs are off unless --enable-log-requests"),
    "enable-log-requests": Flag(since="0.10.1"),
    "num-scheduler-steps": Flag(until="0.10.1", instead="nothing"),
    "multi-step-stream-outputs": Flag(until="0.10.1", instead="nothing"),
    "device": Flag(until="0.10.0", instead="nothing: the device is detected"),
    "use-v2-block-manager": Flag(until="0.10.0", instead="nothing"),
    "enable-reasoning": Flag(until="0.10.0", instead="--reasoning-parser"),
    "preemption-mode": Flag(until="0.11.0", instead="nothing"),
    "scheduler-delay-factor": Flag(until="0.11.0", instead="nothing"),
    "max-seq-len-to-capture": Flag(until="0.11.0", instead="nothing"),
    "disable-async-output-proc": Flag(until="0.11.0", instead="nothing"),
    "rope-scaling": Flag(until="0.11.1", instead="--hf-overrides"),
    "rope-theta": Flag(until="0.11.1", instead="--hf-overrides"),
    "guided-decoding-backend": Flag(until="0.12.0", instead="--structured-outputs-config"),
    "structured-outputs-config": Flag(since="0.11.0"),
    "override-pooler-config": Flag(until="0.12.0", instead="--pooler-config"),
    "num-lookahead-slots": Flag(until="0.12.0", instead="nothing"),
    "task": Flag(since="0.6.4", until="0.13.0", instead="--runner or --convert"),
    "runner": Flag(since="0.10.1"),
    "convert": Flag(since="0.10.1"),
    "cuda-graph-sizes": Flag(since="0.9.0", until="0.13.0", instead="--cudagraph-capture-sizes"),
    "cudagraph-capture-sizes": Flag(since="0.11.1"),
    "disable-mm-preprocessor-cache": Flag(until="0.13.0", instead="--mm-processor-cache-gb"),
    "mm-processor-cache-gb": Flag(since="0.10.1"),
    "max-num-partial-prefills": Flag(since="0.7.3", until="0.27.0", instead="nothing"),
    "max-long-partial-prefills": Flag(since="0.7.3", until="0.27.0", instead="nothing"),
    "generation-config": Flag(since="0.6.6"),
    "data-parallel-size": Flag(since="0.8.5"),
    "enable-expert-parallel": Flag(since="0.8.0"),
    "async-scheduling": Flag(since="0.10.0"),
    "kv-transfer-config": Flag(since="0.6.5"),
    "kv-events-config": Flag(since="0.9.0.1"),
    "api-server-count": Flag(since="0.10.0"),
    "kv-offloading-size": Flag(since="0.11.1"),
    "attention-backend": Flag(since="0.13.0"),
    "disable-access-log-for-endpoints": Flag(since="0.16.0"),
    "reasoning-parser": Flag(since="0.7.2"),
    "disable-uvicorn-access-log": Flag(since="0.8.5"),
}


def check_flag(name: str, version: str) -> None:
    """ManifestError GIQ1403 when vLLM ``version`` does not know ``--name``; flags outside the table pass."""
    flag = FLAGS.get(name)
    if flag is None:
        return
    if flag.until and at_least(version, flag.until):
        raise ManifestError("GIQ1403", f"--{name} is gone since vLLM {flag.until}; this is {version}", f"use instead: {flag.instead}")
    if flag.since and not at_least(version, flag.since):
        raise ManifestError("GIQ1403", f"--{name} exists from vLLM {flag.since}; this is {version}", "remove it from spec.serving.args")
