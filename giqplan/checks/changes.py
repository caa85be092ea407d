"""GIQ1504, GIQ1505, GIQ1507, GIQ1508: what a plan shows and apply must not do, and what was applied and does not run.

Apply replaces no object, takes no field from another manager and takes over no object of others: a Deployment of the same name would be
merged with ours, and destroy could no longer tell them apart. A namespace is the one thing that is shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from giqplan.checks.base import answer
from giqplan.kube.compare import path_text
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Change, Conflict, Taking, Verb
from giqplan.resources import is_adapters

REPLACE, HELD, TAKEN, UNSETTLED, OWNED = "GIQ1504", "GIQ1505", "GIQ1507", "GIQ1508", "GIQ1511"
_SHARED = "kubernetes_namespace"


def check(changes: Iterable[Change]) -> tuple[Check, ...]:
    """A failing check for each change that needs a replacement, and for each that meets other managers. None when all is well."""
    found = []
    for change in changes:
        if change.verb is Verb.REPLACE:
            evidence: dict[str, object] = {"resource": change.address, "fields": ", ".join(path_text(p) for p in change.replace_paths)}
            remedy = "choose another metadata.name, or delete that object yourself: giqplan never deletes what serves"
            found.append(answer(REPLACE, CheckStatus.FAIL, f"{change.address} cannot be changed in place", evidence, remedy))
        if change.blocked_by and not change.foreign:
            remedy = (
                "let the other manager give them up (kubectl get --show-managed-fields), set the intent to what they hold, or take them: "
                f"--force-conflicts '{change.address}'"
            )
            found.append(_held(change, change.blocked_by, CheckStatus.FAIL, "held by", remedy))
        forced = tuple(c for c in change.conflicts if c.taken is Taking.FORCED)
        if forced and not change.blocked_by:
            remedy = "tell whoever runs the other manager: it may put its values back"
            found.append(_held(change, forced, CheckStatus.WARN, "taken from", remedy))
        if change.foreign and change.address.type.startswith("kubernetes_") and change.address.type != _SHARED:
            remedy = (
                "choose another metadata.name or namespace, delete that object if nobody needs it, or take it over as it is: "
                f"giqplan import '{change.address}'"
            )
            found.append(answer(TAKEN, CheckStatus.FAIL, f"{change.address} belongs to others", {}, remedy))
        if (
            change.owner
            and change.address.type.startswith("kubernetes_")
            and change.address.type != _SHARED
            and not is_adapters(change.address)
        ):
            remedy = "give each environment a namespace or cluster of its own (spec.target in environments)"
            summary = f"{change.address} belongs to environment {change.owner}"
            found.append(answer(OWNED, CheckStatus.FAIL, summary, {}, remedy))
        if change.verb is Verb.NOOP and change.unsettled:
            evidence = {"resource": change.address, "reason": _steady(change.unsettled)}
            remedy = "see the reason; kubectl describe and the events of its Pods tell more"
            found.append(answer(UNSETTLED, CheckStatus.WARN, f"{change.address} is as applied, but not ready", evidence, remedy))
    return tuple(found)


def _steady(reason: str) -> str:
    """The reason without how far it has come, which changes from one look to the next."""
    return re.sub(r"\b\d+ of \d+ (?=replicas|pods)", "not all ", reason)


def _held(change: Change, conflicts: tuple[Conflict, ...], status: CheckStatus, how: str, remedy: str) -> Check:
    evidence: dict[str, object] = {"resource": change.address}
    evidence |= {c.path: f"{how} {c.manager}: {c.theirs!r}, wanted {c.ours!r}" for c in conflicts}
    count = len(conflicts)
    summary = f"{change.address}: {count} field{'s' if count > 1 else ''} {how} another manager"
    return answer(HELD, status, summary, evidence, remedy)
