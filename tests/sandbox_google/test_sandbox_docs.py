"""docs/sandbox.md prints the durations that the sandbox has; the tables of facts are sound."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from giqplan.sandbox.google.cloudquotas import quota_table
from giqplan.sandbox.google.durations import DURATIONS
from giqplan.sandbox.google.iam import role_grants

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", DURATIONS)
def test_every_duration_is_documented(name: str) -> None:
    duration = DURATIONS[name]
    source = f"assumed: {duration.source}" if duration.assumed else duration.source
    assert f"| {name} | {duration.seconds:g} | {source} |" in (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")


def test_the_timings_inside_a_cluster_are_documented() -> None:
    manual = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
    rows = json.loads((ROOT / "giqplan/sandbox/data/controller_timings.json").read_text(encoding="utf-8"))["rows"]
    for name, row in rows.items():
        assert f"| {name.removesuffix('_s').replace('_', ' ')} | {row['seconds']:g} | {row['source']} |" in manual


def test_the_shapes_of_gkes_messages_are_those_of_the_library() -> None:
    """Fields and enum values only ever grow, so a newer library still has all of ours."""
    script = ROOT / "scripts/make_container_schema.py"
    spec = importlib.util.spec_from_file_location("make_container_schema", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    library: dict[str, Any] = module.build()
    ours = json.loads(module.TARGET.read_text(encoding="utf-8"))
    for message, fields in ours["messages"].items():
        assert fields.items() <= library["messages"][message].items(), message
    for enum, values in ours["enums"].items():
        assert values.items() <= library["enums"][enum].items(), enum


def test_every_accelerators_quota_exists_and_its_dimensions_fit() -> None:
    table = quota_table()
    for accelerator, ways in table["accelerators"].items():
        for row in ways.values():
            assert set(row.get("dimensions", {})) <= set(table["quotas"][row["quota"]]["dimensions"]), accelerator


@pytest.mark.parametrize(
    ("role", "permission", "held"),
    [
        ("roles/container.clusterAdmin", "container.clusters.create", True),
        ("roles/container.clusterAdmin", "container.deployments.create", False),
        ("roles/container.clusterViewer", "container.clusters.get", True),
        ("roles/container.clusterViewer", "container.operations.get", False),
        ("roles/container.viewer", "container.pods.list", True),
        ("roles/container.viewer", "container.secrets.get", False),
        ("roles/container.viewer", "container.deployments.create", False),
        ("roles/container.developer", "container.secrets.create", True),
        ("roles/container.developer", "container.clusterRoles.create", False),
        ("roles/container.developer", "container.clusters.delete", False),
        ("roles/container.admin", "container.clusterRoleBindings.create", True),
        ("roles/owner", "storage.buckets.setIamPolicy", False),
        ("roles/owner", "resourcemanager.projects.setIamPolicy", True),
        ("roles/editor", "resourcemanager.projects.setIamPolicy", False),
        ("roles/storage.objectViewer", "storage.buckets.get", False),
        ("roles/storage.bucketViewer", "storage.buckets.get", True),
        ("roles/browser", "resourcemanager.projects.getIamPolicy", True),
        ("roles/monitoring.viewer", "monitoring.timeSeries.list", True),
        ("roles/unknown", "container.clusters.get", False),
    ],
)
def test_roles_hold_what_googles_roles_hold(role: str, permission: str, held: bool) -> None:
    assert role_grants(role, permission) is held
