"""GIQ1520, GIQ1521: the token with which the model is fetched from Hugging Face, and whether the model is gated.

A missing token blocks nothing: apply makes everything else, among it the namespace that a Secret needs, and waits before the workload.
"""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.model.calls import Outcome
from giqplan.model.check import Check, CheckStatus
from giqplan.resources.preconditions import foresee, token_of

TOKEN, GATED = "GIQ1520", "GIQ1521"


def check(subject: Subject) -> tuple[Check, ...]:
    """Nothing for a model in a bucket."""
    return () if subject.intent.spec.storage.hugging_face is None else (_token(subject), _gated(subject))


def _token(subject: Subject) -> Check:
    token = token_of(subject.intent, subject.world.scope.cluster)
    assert token is not None
    evidence: dict[str, object] = {"secret": token.what.removeprefix("Secret "), "key": token.path[-1]}
    finding = foresee(token, subject.world)
    if finding.met:
        return answer(TOKEN, CheckStatus.PASS, f"{token.what} holds a token", evidence)
    evidence["found"] = finding.why
    if subject.gated is False:
        return answer(TOKEN, CheckStatus.PASS, "none is needed: the model is open to everybody", evidence)
    if finding.met is False:
        summary = f"{finding.why}: apply does everything else and waits before the workload"
        return answer(TOKEN, CheckStatus.WARN, summary, evidence, token.remedy)
    if subject.world.reading(token.read).outcome is Outcome.DENIED:
        remedy = "grant container.secrets.get to see whether it is there; only the names of its keys are looked at"
        return answer(TOKEN, CheckStatus.UNKNOWN, f"whether {token.what} holds a token could not be seen", evidence, remedy)
    summary = f"whether {token.what} holds a token is not known: {finding.why}"
    return answer(TOKEN, CheckStatus.UNKNOWN, summary, evidence, f"apply first, which makes the namespace; then {token.remedy}")


def _gated(subject: Subject) -> Check:
    """Who is behind a token, and what licences that account has accepted, only Hugging Face knows."""
    model = subject.recommendation.model_id
    page = f"https://huggingface.co/{model}"
    if subject.gated is False:
        return answer(GATED, CheckStatus.PASS, f"{model} is not gated", {"model page": page})
    evidence: dict[str, object] = {"licence": page, "account": "that of the token; Hugging Face alone knows what it has accepted"}
    remedy = f"accept the licence at {page} with the account whose token is in the Secret"
    if subject.gated is None:
        return answer(GATED, CheckStatus.UNKNOWN, f"whether {model} is gated is not known: it is fetched with the token", evidence, remedy)
    return answer(GATED, CheckStatus.UNKNOWN, f"{model} is gated: whether its licence is accepted cannot be seen here", evidence, remedy)
