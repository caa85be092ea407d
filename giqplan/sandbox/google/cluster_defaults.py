"""A cluster as GKE holds it: what was asked for, and everything that GKE fills in (container_defaults.json)."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def _table() -> Mapping[str, Any]:
    return dict(json.loads(Path(__file__).with_name("container_defaults.json").read_text(encoding="utf-8")))


def channel_version(channel: str) -> str:
    """The version that a release channel gives."""
    return str(_table()["versions"].get(channel, _table()["versions"]["UNSPECIFIED"]))


def region_of(location: str) -> str:
    """``us-central1`` of ``us-central1`` and of ``us-central1-a``."""
    return re.sub(r"-[a-z]$", "", location)


def fingerprint(value: Any) -> str:
    """Eight base64 letters, as GKE writes etags and label fingerprints."""
    return base64.b64encode(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()[:6]).decode()


def full_cluster(asked: Mapping[str, Any], project: str, number: str, location: str, now: str) -> dict[str, Any]:
    """The cluster right after ``create``: PROVISIONING, without an endpoint."""
    autopilot = bool(asked.get("autopilot", {}).get("enabled"))
    region = region_of(location)
    short = hashlib.sha256(f"{project}/{location}/{asked['name']}/{now}".encode()).hexdigest()
    words = {"project": project, "region": region, "location": location, "name": asked["name"], "number": number, "hash": short[:32]}
    cluster: dict[str, Any] = copy.deepcopy(_filled(_table()["common"]["cluster"], words))
    if autopilot:
        _merge(cluster, _filled(_table()["autopilot"]["cluster"], words))
    _merge(cluster, {key: value for key, value in copy.deepcopy(dict(asked)).items() if value != {} or key in cluster})
    version = asked.get("initialClusterVersion", "")
    if version in ("", "-", "latest"):
        version = channel_version(cluster["releaseChannel"].get("channel", "UNSPECIFIED"))
    link = f"https://container.googleapis.com/v1/projects/{project}/locations/{location}/clusters/{asked['name']}"
    zones = [location] if region != location else [f"{region}-{letter}" for letter in "abc"]
    cluster |= {
        "createTime": now,
        "currentMasterVersion": version,
        "currentNodeVersion": version,
        "id": short,
        "initialClusterVersion": version,
        "labelFingerprint": fingerprint(cluster.get("resourceLabels", {})),
        "location": location,
        "locations": asked.get("locations") or zones,
        "selfLink": link,
        "status": "PROVISIONING",
        "zone": location,
    }
    cluster.pop("endpoint", None)
    _short_network(cluster)
    cluster["nodePools"] = _pools(cluster, asked, autopilot, version)
    cluster["nodeConfig"] = cluster["nodePools"][0]["config"]
    cluster["initialNodeCount"] = cluster["nodePools"][0].get("initialNodeCount", 1)
    cluster["currentNodeCount"] = cluster["initialNodeCount"] * len(cluster["locations"])
    return stamped(cluster)


def stamped(cluster: dict[str, Any]) -> dict[str, Any]:
    """The cluster with the etag of what it now is."""
    cluster.pop("etag", None)
    cluster["etag"] = fingerprint(cluster)
    return cluster


def _short_network(cluster: dict[str, Any]) -> None:
    """``network`` is answered as a bare name, networkConfig holds the whole one (recorded)."""
    for key in ("network", "subnetwork"):
        cluster[key] = cluster[key].rpartition("/")[2]
        whole = cluster["networkConfig"].get(key, "")
        cluster["networkConfig"][key] = f"{whole.rpartition('/')[0]}/{cluster[key]}"


def _pools(cluster: Mapping[str, Any], asked: Mapping[str, Any], autopilot: bool, version: str) -> list[dict[str, Any]]:
    default = {"name": "default-pool", "initialNodeCount": asked.get("initialNodeCount", 1), "config": asked.get("nodeConfig", {})}
    pools = asked.get("nodePools") or [default]
    base: dict[str, Any] = copy.deepcopy(_table()["pool"]["pool"])
    base |= {"locations": cluster["locations"], "maxPodsConstraint": cluster["defaultMaxPodsConstraint"], "version": version}
    if autopilot:
        base["config"]["machineType"], base["podIpv4CidrSize"] = "e2-small", 26
    result = []
    for pool in pools:
        whole = copy.deepcopy(base)
        _merge(whole, copy.deepcopy(dict(pool)))
        result.append(whole)
    return result


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, words) for inner in value]
    return value.format_map(words) if isinstance(value, str) and "{" in value else value


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Objects are merged, everything else is replaced."""
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value
