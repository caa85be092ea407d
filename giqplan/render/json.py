"""A plan as JSON in the shapes of Terraform's plan representation, with what is ours beside it.

Source of the shapes: ``terraform show -json`` of Terraform 1.11 (format_version 1.2)
and developer.hashicorp.com/terraform/internals/json-format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from itertools import groupby
from typing import Any

from giqplan import __version__
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import ABSENT_LEAF, Cause, Change, Drift, Part, Plan, Verb
from giqplan.model.resource import Stage
from giqplan.model.values import UNKNOWN, JsonObject, Path, has_unknown
from giqplan.units import digest

FORMAT_VERSION = "1.2"

ACTIONS = {
    Verb.NOOP: ["no-op"],
    Verb.CREATE: ["create"],
    Verb.UPDATE: ["update"],
    Verb.REPLACE: ["delete", "create"],
    Verb.DELETE: ["delete"],
    Verb.FORGET: ["forget"],
}

#: Terraform prints a check that does not hold as a warning and calls it ``fail``; only ``applyable`` says whether it blocks.
_STATUS = {CheckStatus.PASS: "pass", CheckStatus.WARN: "fail", CheckStatus.FAIL: "fail", CheckStatus.UNKNOWN: "unknown"}
_WORST_FIRST = ("fail", "unknown", "pass")


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values; ``digest`` is the SHA-256 of the canonical JSON (``units.canonical_json``) of all the rest.

    Money is text. What is known after apply is absent from ``after`` and true in ``after_unknown``. No value depends on the day.
    """
    body = {
        "format_version": FORMAT_VERSION,
        "resource_changes": [_resource_change(change) for change in plan.changes if not change.nothing],
        "resource_drift": [resource_drift(drift) for drift in plan.drift],
        "checks": _terraform_checks(plan.checks),
        "applyable": plan.applyable,
        "complete": plan.complete,
        "errored": False,
        "giqplan_checks": [plain(check) for check in plan.checks],
        "intents": [_part(part, alone=len(plan.parts) == 1) for part in plan.parts],
        "recommendation": plain(plan.recommendation),
        "cost": plain(plan.recommendation.cost) if plan.recommendation is not None else {"usd_per_hour": plain(plan.cost)},
        "left_out": [_resource_change(change) for change in plan.changes if change.nothing],
        "deferred": [plain(deferred) for deferred in plan.deferred],
        "pins": [plain(pin) for pin in plan.pins],
        "inputs": dict(plan.inputs),
        "world": plan.world,
        "environment": plan.environment,
        "project": plan.project,
        "cluster": plan.cluster,
        "destroy": plan.destroy,
        "offline": plan.offline,
        "notes": list(plan.notes),
        "options": plain(plan.options),
        "giqplan_version": __version__,
    }
    return {**body, "digest": digest(body)}


def _part(part: Part, *, alone: bool) -> dict[str, Any]:
    """One intent; the recommendation of a plan's only intent stands at the top."""
    if alone:
        return {key: inner for key, inner in plain(replace(part, recommendation=None)).items() if key != "recommendation"}
    return {**plain(part), "cost": plain(part.recommendation.cost) if part.recommendation is not None else None}


def _resource_change(change: Change) -> dict[str, Any]:
    found = _resource(change.address, change.verb, change.before, change.after, change.replace_paths)
    reason = _action_reason(change)
    if reason:
        found["action_reason"] = reason
    found["giqplan"] = {
        "stage": change.stage.title,
        "cause": change.cause.value,
        "why": change.why,
        "confidence": change.confidence.value,
        "depends_on": [str(address) for address in change.depends_on],
        "identity": change.identity,
        "changed": [plain(leaf) for leaf in change.leaves],
        "adjustments": [plain(adjustment) for adjustment in change.adjustments],
        "conflicts": [plain(conflict) for conflict in change.conflicts],
        "notes": list(change.notes),
        "intents": list(change.intents),
        "once": change.once,
        "left": change.left,
        "waits": change.waits,
        "owner": change.owner,
        "foreign": change.foreign,
        "adopts": change.adopts,
        **_sent(change),
    }
    return found


def resource_drift(drift: Drift) -> dict[str, Any]:
    """One entry of ``resource_drift``, as in Terraform's plan JSON; which leaves differ stands beside it."""
    found = _resource(drift.address, drift.verb, drift.before, drift.after, ())
    return {**found, "giqplan": {"changed": [plain(leaf) for leaf in drift.leaves]}}


def _sent(change: Change) -> dict[str, Any]:
    """What is sent, where it is not just ``after``: the server may hold some of it otherwise."""
    if change.desired is None:
        return {"sent": None}
    if change.desired == change.after:
        return {}
    return {"sent": known(change.desired), "sent_unknown": unknown(change.desired)}


def _resource(
    address: Address, verb: Verb, before: JsonObject | None, after: JsonObject | None, replaced: tuple[Path, ...]
) -> dict[str, Any]:
    change: dict[str, Any] = {
        "actions": ACTIONS[verb],
        "before": None if before is None else known(before),
        "after": None if after is None else known(after),
        "after_unknown": unknown(after) if has_unknown(after) else {},
        "before_sensitive": False if before is None else {},
        "after_sensitive": False if after is None else {},
    }
    if replaced:
        change["replace_paths"] = [list(path) for path in replaced]
    return {
        "address": str(address),
        "mode": "managed",
        "type": address.type,
        "name": address.name,
        "provider_name": f"giqplan.dev/{address.type.partition('_')[0]}",
        "change": change,
    }


def _action_reason(change: Change) -> str:
    """Terraform's word where it has one for the case; our own cause always stands beside it."""
    if change.verb is Verb.REPLACE:
        return "replace_because_cannot_update"
    if change.verb in (Verb.DELETE, Verb.FORGET) and change.cause is Cause.NOT_WANTED:
        return "delete_because_no_resource_config"
    return ""


def known(value: Any) -> Any:
    """``value`` without what is known after apply: such keys are left out, such items of a list are null."""
    if isinstance(value, Mapping):
        return {key: known(inner) for key, inner in value.items() if inner is not UNKNOWN}
    if isinstance(value, list | tuple):
        return [None if inner is UNKNOWN else known(inner) for inner in value]
    return value


def unknown(value: Any) -> Any:
    """The shape of ``value`` with true for what is known after apply; known leaves are left out of objects and false in lists."""
    if isinstance(value, Mapping):
        found = {key: unknown(inner) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner is not False}
    if isinstance(value, list | tuple):
        return [unknown(inner) for inner in value]
    return value is UNKNOWN


def _terraform_checks(checks: tuple[Check, ...]) -> list[dict[str, Any]]:
    """Checks of one name become instances of one check, as Terraform does with ``for_each``."""
    found = []
    by_name = sorted(checks, key=_check_name)
    for name, group in groupby(by_name, key=_check_name):
        members = list(group)
        displays = [f"check.{name}"] if len(members) == 1 else [f"check.{name}[{index}]" for index in range(len(members))]
        instances = [_instance(check, display) for check, display in zip(members, displays, strict=True)]
        status = min((instance["status"] for instance in instances), key=_WORST_FIRST.index)
        address = {"kind": "check", "name": name, "to_display": f"check.{name}"}
        found.append({"address": address, "status": status, "instances": instances})
    return found


def _check_name(check: Check) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in check.name.lower()).split())


def _instance(check: Check, display: str) -> dict[str, Any]:
    found: dict[str, Any] = {"address": {"to_display": display}, "status": _STATUS[check.status]}
    if check.status in (CheckStatus.WARN, CheckStatus.FAIL):
        found["problems"] = [{"message": check.summary}]
    return found


def plain(value: Any) -> Any:
    """A frozen value as JSON: dataclasses by their fields, enums by their value, money as text, addresses as they are written.

    Fields that are absent or not known yet are left out; ``<field>_unknown`` is true for the latter, and the marks (``unknown``) of a value
    that is known in part.
    """
    if isinstance(value, Address):
        return str(value)
    if isinstance(value, Stage):
        return value.title
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        named = [(field.name, getattr(value, field.name)) for field in fields(value)]
        partly = [name for name, inner in named if isinstance(inner, dict | list) and has_unknown(inner)]
        found = {name: plain(inner) for name, inner in named if inner is not UNKNOWN and inner is not ABSENT_LEAF}
        found |= {f"{name}_unknown": True for name, inner in named if inner is UNKNOWN}
        return found | {f"{name}_unknown": unknown(getattr(value, name)) for name in partly}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items() if inner is not UNKNOWN}
    if isinstance(value, list | tuple):
        return [None if inner is UNKNOWN else plain(inner) for inner in value]
    return value
