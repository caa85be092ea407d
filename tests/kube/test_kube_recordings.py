"""The pure model answers as a real API server did: objects, defaults, managedFields, conflicts and refusals."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import replay

#: Go's dump of whole objects in messages; the recordings hold a placeholder.
_DUMP = re.compile(r'Invalid value: (?:"\{(?:[^"\\]|\\.)*"|\w+\.\w+\{.*\}): ', re.DOTALL)
SCENARIOS = sorted(replay.RECORDINGS.glob("*.json"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_every_step_of_a_recording_is_answered_alike(path: Path) -> None:
    judged = 0
    for step in replay.steps(path):
        outcome = replay.play(step)
        where = f"{step.name}: {step.about}"
        assert outcome.status == step.status, (where, outcome)
        if step.status < 300:
            assert replay.judged(outcome.body, step.info) == replay.judged(step.answer, step.info), where
        elif step.status == 422:
            wanted = [(c["reason"], c["message"], c["field"]) for c in step.answer["details"].get("causes", ())]
            assert [(c.reason, _DUMP.sub("Invalid value: <object>: ", c.message), c.field) for c in outcome.causes] == wanted, where
        else:
            assert outcome.message == step.answer["message"], where
        judged += 1
    assert judged
