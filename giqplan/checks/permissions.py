"""GIQ1513: the caller may do exactly what the planned changes need.

``plan`` needs to read only, so there a missing right is a warning: another caller may apply the plan. ``apply`` fails on it before its
first action (``checks.enforced``). Project, bucket and node service account are asked by testIamPermissions, in the first round of reads
and for everything that giqplan can ever need; what a cluster's own roles may give is asked there (SelfSubjectAccessReview), only for what
IAM does not give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from giqplan.checks.base import answer
from giqplan.model.address import Address
from giqplan.model.calls import Outcome, Read, Reading
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Change
from giqplan.model.world import World, account_rights_read, bucket_rights_read, project_rights_read
from giqplan.resources import REGISTRY
from giqplan.resources.cluster import ACT_AS, node_account
from giqplan.resources.kubernetes import KubernetesObject

CODE = "GIQ1513"

_ALL = frozenset(p for kind in REGISTRY.kinds.values() for rights in kind.permissions.values() for p in rights)
ON_BUCKETS = frozenset(p for p in _ALL if p.startswith("storage."))
ON_PROJECT = _ALL - ON_BUCKETS

#: Smallest predefined role that holds a permission: the first prefix that fits (facts/gke.md 5.1, IAM dataset of 2026-08-22).
_ROLES = (
    ("serviceusage.", "roles/serviceusage.serviceUsageAdmin"),
    ("resourcemanager.", "roles/resourcemanager.projectIamAdmin"),
    ("iam.serviceAccounts.", "roles/iam.serviceAccountUser"),
    ("storage.buckets.", "roles/storage.legacyBucketOwner"),
    ("container.clusters.", "roles/container.clusterAdmin"),
    ("container.operations.", "roles/container.clusterAdmin"),
    ("container.clusterRole", "roles/container.admin"),
    ("container.role", "roles/container.admin"),
    ("container.", "roles/container.developer"),
)
_GKE_ADMIN = "roles/container.admin"
"""Holds what the other roles of GKE hold."""


@dataclass(frozen=True, order=True)
class Need:
    """A permission, on what (``project``, a bucket's name, or a service account's), and a change that needs it."""

    permission: str
    on: str
    address: Address

    @property
    def kind(self) -> KubernetesObject | None:
        found = REGISTRY.of(self.address)
        return found if isinstance(found, KubernetesObject) else None


def first_reads(project: str, buckets: Iterable[str]) -> tuple[Read, ...]:
    """What can be asked before anything is known."""
    return (project_rights_read(project, ON_PROJECT), *(bucket_rights_read(bucket, ON_BUCKETS) for bucket in buckets))


def later_reads(world: World, changes: Iterable[Change]) -> tuple[Read, ...]:
    """What only the planned changes show to be in question: nothing for a caller to whom the project gives everything."""
    asked = (_second(need, world) for need in needs(world, changes) if _on_project(need, world) is False)
    return tuple(dict.fromkeys(read for read in asked if read is not None))


def needs(world: World, changes: Iterable[Change]) -> tuple[Need, ...]:
    """Every permission that carrying out the changes takes; what is left undone takes none. One change stands for all that share it."""
    found: dict[tuple[str, ...], Need] = {}
    for change in changes:
        if not change.acts or change.left:
            continue
        kind = REGISTRY.of(change.address)
        namespace = change.address.name.partition("/")[0] if isinstance(kind, KubernetesObject) and kind.info.namespaced else ""
        for permission in kind.permissions.get(change.verb, ()):
            on = change.address.name.partition("/")[0] if permission in ON_BUCKETS else "project"
            found.setdefault((permission, on, namespace), Need(permission, on, change.address))
    return tuple(sorted(found.values()))


def _held(reading: Reading, permission: str) -> bool | None:
    """None = nobody could ask."""
    return permission in reading.body.get("permissions", ()) if reading.ok else None


def _on_project(need: Need, world: World) -> bool | None:
    return None if need.on != "project" else _held(world.reading(project_rights_read(world.scope.project, ON_PROJECT)), need.permission)


def _second(need: Need, world: World) -> Read | None:
    """Where a right that the project does not give may be given all the same."""
    if need.permission == ACT_AS:
        number = world.project_number
        return account_rights_read(node_account(number), (ACT_AS,)) if isinstance(number, str) else None
    if need.kind is not None and world.cluster_answers:
        return need.kind.review(need.address, need.permission, world.scope.cluster)
    return None


def _may(need: Need, world: World) -> bool | None:
    """Whether the caller has the permission; None = it could not be seen."""
    if need.on != "project":
        return _held(world.reading(bucket_rights_read(need.on, ON_BUCKETS)), need.permission)
    held, second = _on_project(need, world), _second(need, world)
    if held is not False or second is None:
        return held
    reading = world.reading(second)
    if need.permission == ACT_AS:  # an account that is not there yet can give nothing of its own
        return False if reading.outcome is Outcome.ABSENT else _held(reading, need.permission)
    return bool(reading.body.get("status", {}).get("allowed")) if reading.ok else None


def check(world: World, changes: Iterable[Change]) -> tuple[Check, ...]:
    """Nothing where nothing changes."""
    wanted = needs(world, changes)
    if not wanted:
        return ()
    rights = {need: _may(need, world) for need in wanted}
    missing = tuple(need for need, held in rights.items() if held is False)
    unseen = tuple(need for need, held in rights.items() if held is None)
    if missing:
        evidence = _by_role(missing, world) | ({"not known": f"{_count(unseen)} more could not be asked"} if unseen else {})
        summary = f"the caller lacks {_count(missing)} of the {len(_distinct(wanted))} that apply takes"
        return (answer(CODE, CheckStatus.WARN, summary, evidence, _remedy(missing, world)),)
    if unseen:
        return (_unknown(unseen, world),)
    return (answer(CODE, CheckStatus.PASS, f"the caller may do all of it ({_count(wanted)})", {}),)


def _unknown(unseen: tuple[Need, ...], world: World) -> Check:
    if world.offline:
        return answer(CODE, CheckStatus.UNKNOWN, f"whether the caller holds {_count(unseen)} is not known", {"why": "offline"})
    reading = world.reading(project_rights_read(world.scope.project, ON_PROJECT))
    if not reading.ok:
        evidence: dict[str, object] = {"why": reading.message or reading.outcome.value}
        remedy = f"gcloud services enable cloudresourcemanager.googleapis.com --project {world.scope.project}, then plan again"
        return answer(CODE, CheckStatus.UNKNOWN, f"whether the caller holds {_count(unseen)} could not be asked", evidence, remedy)
    summary = f"the project does not give {_count(unseen)}; whether something in it does could not be asked"
    return answer(CODE, CheckStatus.UNKNOWN, summary, _by_role(unseen, world), _remedy(unseen, world))


def _distinct(found: tuple[Need, ...]) -> set[tuple[str, str]]:
    return {(need.permission, need.on) for need in found}


def _count(found: tuple[Need, ...]) -> str:
    number = len(_distinct(found))
    return f"{number} permission{'' if number == 1 else 's'}"


def role_of(permission: str) -> str:
    """The smallest predefined role that holds a permission."""
    return next(role for prefix, role in _ROLES if permission.startswith(prefix))


def _roles(found: Iterable[Need]) -> Mapping[tuple[str, str], list[str]]:
    """(role, on what) -> permissions. One administrator of GKE is less to grant than he and the two whose rights he has."""
    whole: dict[tuple[str, str], list[str]] = {}
    every = {role_of(need.permission) for need in found}
    for need in found:
        role = role_of(need.permission)
        if role.startswith("roles/container.") and _GKE_ADMIN in every:
            role = _GKE_ADMIN
        names = whole.setdefault((role, need.on), [])
        if need.permission not in names:
            names.append(need.permission)
    return dict(sorted(whole.items()))


def _by_role(found: tuple[Need, ...], world: World) -> dict[str, object]:
    wanted = _roles(found)
    several = {role for role, on in wanted if (role, "project") not in wanted}
    return {f"{role} on {_place(role, on, world)}" if role in several else role: ", ".join(names) for (role, on), names in wanted.items()}


def _place(role: str, on: str, world: World) -> str:
    if on != "project":
        return f"gs://{on}"
    if role == "roles/iam.serviceAccountUser":
        return "the nodes' service account"
    return f"project {world.scope.project}"


def _remedy(found: tuple[Need, ...], world: World) -> str:
    places: dict[str, list[str]] = {}
    for role, on in _roles(found):
        places.setdefault(_place(role, on, world), []).append(role)
    grants = "; ".join(f"{', '.join(roles)} on {place}" for place, roles in places.items())
    return f"grant the caller {grants}; or let somebody apply who holds them"
