"""What the modules here ask of a plan, and the worlds that they ask it about."""

from __future__ import annotations

from typing import Any

from engine_house import House, quickstart

from giqplan.model.check import Check, CheckStatus

PROJECT = "my-project"


def found(house: House, code: str, caller: str = "owner") -> list[Check]:
    """The answers of one code, as a plan made now gives them."""
    return [check for check in house.plan(caller).plan.checks if check.code == code]


def status(house: House, code: str, caller: str = "owner") -> list[CheckStatus]:
    return [check.status for check in found(house, code, caller)]


def world_with_caller(name: str, *roles: str, bucket: tuple[str, ...] = ()) -> dict[str, Any]:
    """The quickstart's world with one caller more: his roles on the project, and on the bucket."""
    _, world = quickstart()
    member = f"user:{name}@example.com"
    world["callers"][name] = {"member": member, "roles": list(roles)}
    world["buckets"][0]["iam"] += [{"role": role, "members": [member]} for role in bucket]
    return world
