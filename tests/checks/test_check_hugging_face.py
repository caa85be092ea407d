"""GIQ1520 and GIQ1521 without a world: whether the model is gated decides what a token that nobody can see yet means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from giqplan.catalog import open_catalog
from giqplan.checks import Subject, hugging_face
from giqplan.engine.choice import choose
from giqplan.engine.inputs import scope_of
from giqplan.intent import load_intent
from giqplan.model.check import CheckStatus
from giqplan.model.world import World

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
UNKNOWN, PASS = CheckStatus.UNKNOWN, CheckStatus.PASS


def subject(example: str, gated: bool | None) -> Subject:
    loaded, catalog = load_intent(EXAMPLES / example / "inference.yaml", None), open_catalog()
    found = choose(loaded, catalog)
    like = next(name for name in catalog.model_ids() if getattr(catalog.model(name), "gated", None) is gated)
    return Subject(loaded.intent, replace(found, model_id=like), World("gcp", scope_of(loaded.intent)), catalog)


@pytest.mark.parametrize(("gated", "token", "licence"), [(True, UNKNOWN, UNKNOWN), (None, UNKNOWN, UNKNOWN), (False, PASS, PASS)])
def test_only_an_open_model_needs_neither_token_nor_licence(gated: bool | None, token: CheckStatus, licence: CheckStatus) -> None:
    about = subject("hugging-face", gated)
    first, second = hugging_face.check(about)
    assert (first.code, first.status, second.code, second.status) == ("GIQ1520", token, "GIQ1521", licence)
    assert (f"https://huggingface.co/{about.recommendation.model_id}" in second.remedy) is (gated is not False)
    assert ("giqplan secret set hf-secret" in first.remedy) is (gated is not False)


def test_a_model_in_a_bucket_is_not_asked_about() -> None:
    assert hugging_face.check(subject("quickstart", False)) == ()
