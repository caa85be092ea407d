"""What looks like a secret in what is there now, and where it may stand."""

from __future__ import annotations

import pytest

from giqplan.engine.hidden import without_secrets
from giqplan.model.address import Address
from giqplan.model.plan import Change, Conflict, Leaf, Verb
from giqplan.model.resource import Stage
from giqplan.model.values import Path
from giqplan.secret_values import HIDDEN, hidden

TOKEN = "hf_" + "abcdefgh" * 3
DEPLOYMENT = Address("kubernetes_deployment", "inference/quickstart")
ENV: Path = ("spec", "template", "spec", "containers", "server", "env")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("docs", "docs"),
        (3, 3),
        (None, None),
        (f"--token={TOKEN}", f"--token={HIDDEN}"),
        ([{"args": [TOKEN]}], [{"args": [HIDDEN]}]),
        ({"name": "HF_TOKEN", "value": "any words"}, {"name": "HF_TOKEN", "value": HIDDEN}),
        ({"name": "TEAM", "value": "docs"}, {"name": "TEAM", "value": "docs"}),
        ({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},) * 2,
    ],
)
def test_only_what_looks_like_a_secret_is_hidden(value: object, shown: object) -> None:
    assert hidden(value) == shown


def test_a_change_shows_it_nowhere() -> None:
    leaves = (Leaf((*ENV, "HF_TOKEN", "value"), "any words", "others"), Leaf((*ENV, "TEAM", "value"), TOKEN, "docs"))
    conflicts = (Conflict(".spec", "kubectl", TOKEN, "docs"),)
    (change,) = without_secrets([Change(DEPLOYMENT, Verb.UPDATE, Stage.WORKLOAD, {"args": [TOKEN]}, {}, leaves, conflicts=conflicts)])
    assert [(leaf.before, leaf.after) for leaf in change.leaves] == [(HIDDEN, HIDDEN), (HIDDEN, "docs")]
    assert (change.before, change.conflicts[0].theirs) == ({"args": [HIDDEN]}, HIDDEN)
