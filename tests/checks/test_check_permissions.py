"""GIQ1513: a caller who may not carry the plan out learns which roles he lacks; granted, the check passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from check_world import PROJECT, found, status, world_with_caller
from engine_house import House, writes

from giqplan.checks.permissions import ON_PROJECT
from giqplan.errors import Exit
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Verb
from giqplan.model.world import MOST_PERMISSIONS
from giqplan.resources import REGISTRY

READER = ("roles/container.viewer", "roles/container.clusterViewer", "roles/compute.viewer", "roles/cloudquotas.viewer", "roles/browser")
READER += ("roles/serviceusage.serviceUsageViewer",)
BUCKET = ("roles/storage.objectViewer", "roles/iam.securityReviewer")
ALL_BUT_ACT_AS = ("roles/container.admin", "roles/resourcemanager.projectIamAdmin", "roles/serviceusage.serviceUsageAdmin")


def roles_missing(check: Check) -> set[str]:
    return {name for name, _ in check.evidence if name.startswith("roles/")}


def grant(house: House, member: str, roles: Iterable[str]) -> None:
    """As the owner does with gcloud."""
    policy = house.google("POST", f"/v3/projects/{PROJECT}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
    policy["bindings"] += [{"role": role, "members": [member]} for role in roles]
    house.google("POST", f"/v3/projects/{PROJECT}:setIamPolicy", {"policy": policy})


def test_a_reader_is_warned_and_may_plan_all_the_same(house: Callable[..., House]) -> None:
    one = house()
    (warned,) = found(one, "GIQ1513", "planner")
    assert warned.status is CheckStatus.WARN
    assert one.cli("plan", caller="planner")[0] == Exit.DONE


def test_apply_fails_before_it_writes_and_works_once_the_roles_are_granted(house: Callable[..., House]) -> None:
    world = world_with_caller("deployer", *READER, bucket=(*BUCKET, "roles/storage.legacyBucketOwner"))
    world["apis"] += ["iam.googleapis.com", "compute.googleapis.com"]
    one = house(world=world)
    out: list[str] = []
    log = one.requests(lambda: out.append(str(one.cli("apply", "--auto-approve", caller="deployer"))))
    assert out[0].startswith(f"({int(Exit.BLOCKED)},") and "fail    GIQ1513" in out[0] and writes(log) == []
    (lacking,) = found(one, "GIQ1513", "deployer")
    wanted = roles_missing(lacking)
    assert wanted == {*ALL_BUT_ACT_AS, "roles/iam.serviceAccountUser"}
    grant(one, "user:deployer@example.com", wanted)
    assert status(one, "GIQ1513", "deployer") == [CheckStatus.PASS]
    assert one.cli("apply", "--auto-approve", caller="deployer")[0] == Exit.DONE


def test_one_callers_plan_is_anothers_to_apply(applied: House) -> None:
    applied.set("autoscaling.maxReplicas", 4)
    (planner,), (owner,) = found(applied, "GIQ1513", "planner"), found(applied, "GIQ1513")
    assert (planner.status, owner.status) == (CheckStatus.WARN, CheckStatus.PASS)
    assert dict(planner.evidence)["roles/container.developer"] == "container.horizontalPodAutoscalers.update"


def test_a_plan_without_changes_takes_no_permission_and_asks_nothing_more(applied: House) -> None:
    asked: list[Any] = []
    log = applied.requests(lambda: asked.append(found(applied, "GIQ1513", "planner")))
    assert asked == [[]]
    assert not [entry for entry in log if "accessreviews" in entry.path]


def test_destroy_asks_for_its_own(applied: House) -> None:
    code, out, _ = applied.cli("destroy", "--auto-approve", caller="planner")
    assert (code, "fail    GIQ1513" in out, "container.deployments.delete" in out) == (Exit.BLOCKED, True, True)
    assert applied.plan().plan.acting == ()


def test_acting_as_the_nodes_account_may_be_granted_on_that_account(house: Callable[..., House]) -> None:
    world = world_with_caller("deployer", *READER, *ALL_BUT_ACT_AS, bucket=(*BUCKET, "roles/storage.legacyBucketOwner"))
    world["apis"] += ["iam.googleapis.com", "compute.googleapis.com"]
    one = house(world=world)
    (lacking,) = found(one, "GIQ1513", "deployer")
    assert (lacking.status, roles_missing(lacking)) == (CheckStatus.WARN, {"roles/iam.serviceAccountUser"})
    assert "on the nodes' service account" in lacking.remedy
    account = f"/v1/projects/-/serviceAccounts/{world['project']['number']}-compute@developer.gserviceaccount.com"
    member = {"role": "roles/iam.serviceAccountUser", "members": ["user:deployer@example.com"]}
    one.google("POST", f"{account}:setIamPolicy", {"policy": {"bindings": [member]}})
    assert status(one, "GIQ1513", "deployer") == [CheckStatus.PASS]
    assert one.apply("deployer").exit is Exit.DONE


def test_what_cannot_be_asked_is_unknown(house: Callable[..., House]) -> None:
    world = world_with_caller("deployer", *READER, bucket=(*BUCKET, "roles/storage.legacyBucketOwner"))
    world["apis"].remove("cloudresourcemanager.googleapis.com")
    (unseen,) = found(house(world=world), "GIQ1513", "deployer")
    assert unseen.status is CheckStatus.UNKNOWN
    assert unseen.remedy.startswith("gcloud services enable cloudresourcemanager.googleapis.com")


def test_every_kind_says_what_each_of_its_verbs_takes_in_one_question() -> None:
    assert len(ON_PROJECT) <= MOST_PERMISSIONS
    for kind in REGISTRY.kinds.values():
        if kind.provider == "kubernetes":
            assert {Verb.CREATE, Verb.UPDATE, Verb.DELETE} <= set(kind.permissions)
        else:
            assert Verb.CREATE in kind.permissions


def binding(role: str, namespace: str = "") -> dict[str, Any]:
    """The deployer is given a role of Kubernetes, in the whole cluster or in one namespace."""
    meta = {"name": f"deployer-{role}"} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "deployer@example.com"}],
    }


def bind(house: House, role: str, namespace: str = "") -> None:
    place = f"namespaces/{namespace}/rolebindings" if namespace else "clusterrolebindings"
    house.kubernetes("POST", f"/apis/rbac.authorization.k8s.io/v1/{place}", binding(role, namespace))


def test_what_a_role_of_the_cluster_gives_is_not_missed_in_iam(house: Callable[..., House]) -> None:
    one = house(world=world_with_caller("deployer", *READER, bucket=BUCKET))
    assert one.apply().exit is Exit.DONE
    one.set("autoscaling.maxReplicas", 4)
    (lacking,) = found(one, "GIQ1513", "deployer")
    assert (lacking.status, roles_missing(lacking)) == (CheckStatus.WARN, {"roles/container.developer"})
    bind(one, "cluster-admin", "inference")
    assert status(one, "GIQ1513", "deployer") == [CheckStatus.PASS]
    assert one.cli("apply", "--auto-approve", caller="deployer")[0] == Exit.DONE


def test_a_role_of_one_namespace_gives_nothing_in_another(house: Callable[..., House]) -> None:
    one = house(world=world_with_caller("deployer", *READER, bucket=BUCKET))
    assert one.apply().exit is Exit.DONE
    bind(one, "cluster-admin", "inference")
    (lacking,) = [check for check in one.plan_destroy("deployer").plan.checks if check.code == "GIQ1513"]
    missing = dict(lacking.evidence)["roles/container.admin"]
    assert "container.deployments.delete" in missing and "container.clusterRoles.delete" in missing
    bind(one, "cluster-admin")
    (allowed,) = [check for check in one.plan_destroy("deployer").plan.checks if check.code == "GIQ1513"]
    assert "container." not in "".join(value for _, value in allowed.evidence)


def test_asking_adds_one_round_and_only_where_iam_does_not_give_all(house: Callable[..., House]) -> None:
    one = house(world=world_with_caller("deployer", *READER, bucket=BUCKET))
    assert one.apply().exit is Exit.DONE
    one.set("autoscaling.maxReplicas", 4)

    def asked(caller: str) -> list[str]:
        return [e.path for e in one.requests(lambda: one.plan(caller)) if e.path.endswith("accessreviews")]

    assert (len(asked("deployer")), len(asked("owner"))) == (1, 0)
