"""Taking over an object that ``kubectl apply`` made: its fields pass to another manager, so that what that manager no longer sends goes.

Source: client-go 0.33 util/csaupgrade/upgrade.go, which kubectl itself uses after ``apply --server-side``; and the manager
``before-first-apply``, to which a server gives all fields of an object of which it knows no manager (managedfields/internal).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from giqplan.kube import fieldset, managers
from giqplan.kube.compare import ABSENT, Difference, Path, differences, project
from giqplan.kube.schema import Schema
from giqplan.kube.ssa import BEFORE_FIRST_APPLY, LAST_APPLIED, server_side_apply
from giqplan.kube.values import Json, JsonObject

CLIENT_SIDE = "kubectl-client-side-apply"
_ANNOTATION: Path = ("metadata", "annotations", LAST_APPLIED)


def left_by_kubectl(live: JsonObject, manager: str) -> frozenset[str]:
    """The managers whose fields a first apply by ``manager`` takes over; none when it has applied the object before.

    What ``kubectl apply`` does to an object that ``manager`` has applied already is no heritage but a change by somebody else.
    """
    entries = _plain(live)
    if any(e["manager"] == manager and e["operation"] == managers.APPLY for e in entries):
        return frozenset()
    if not entries:
        return frozenset({BEFORE_FIRST_APPLY})
    return frozenset({CLIENT_SIDE, BEFORE_FIRST_APPLY} & {e["manager"] for e in entries if e["operation"] == managers.UPDATE})


def taken_over(live: JsonObject, wanted: JsonObject, manager: str, schema: Schema) -> list[Json]:
    """``metadata.managedFields`` of ``live`` with what ``kubectl apply`` left given to ``manager``.

    All that kubectl applied passes over: it was somebody's whole intent. Of what stood there before any apply, only what ``wanted``
    has: the rest are values of the server. Of kubectl's entries of several versions only one passes, as in csaupgrade.
    """
    applied = [e for e in _plain(live) if e["manager"] == CLIENT_SIDE and e["operation"] == managers.UPDATE]
    heir = next((e for e in applied if e["apiVersion"] == wanted["apiVersion"]), applied[0] if applied else None)
    mine: Mapping[str, Any] = heir["fieldsV1"] if heir is not None else {}
    version = heir["apiVersion"] if heir is not None else wanted["apiVersion"]
    asked = managers.stripped(fieldset.fields_of(project(managers.prepared(live), wanted, schema), schema))
    kept = []
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("manager") == BEFORE_FIRST_APPLY and entry.get("apiVersion") == version:
            mine = fieldset.union(mine, fieldset.intersection(entry["fieldsV1"], asked))
            entry = {**entry, "fieldsV1": fieldset.in_order(fieldset.difference(entry["fieldsV1"], asked))}
        if entry not in applied and entry["fieldsV1"]:
            kept.append(entry)
    if not kept and heir is None:
        mine = asked
    head: Json = {"manager": manager, "operation": managers.APPLY, "apiVersion": version, "fieldsType": "FieldsV1"}
    if heir is not None and "time" in heir:
        head["time"] = heir["time"]
    return [{**head, "fieldsV1": fieldset.in_order(mine)}, *kept]


def removed_by_takeover(live: JsonObject, wanted: JsonObject, manager: str, schema: Schema) -> tuple[Difference, ...]:
    """What goes from ``live`` when ``manager`` takes it over and applies ``wanted``: what kubectl had applied and ``wanted`` has not.

    kubectl's note of what it applied last goes too; that is not listed.
    """
    given = {**live, "metadata": {**live["metadata"], "managedFields": taken_over(live, wanted, manager, schema)}}
    after = server_side_apply(given, wanted, manager=manager, schema=schema, force=True, now="").object
    found = differences(managers.prepared(live), managers.prepared(after), schema)
    return tuple(d for d in found if d.after is ABSENT and d.path != _ANNOTATION)


def _plain(live: JsonObject) -> list[Json]:
    """The entries of the object itself, not of its subresources."""
    return [entry for entry in live["metadata"].get("managedFields") or () if not entry.get("subresource")]
