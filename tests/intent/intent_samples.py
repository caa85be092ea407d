"""A small valid intent, and what is wrong with a changed one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from giqplan.errors import GiqplanError
from giqplan.intent import LoadedIntent, load_intent

SMALL = """\
apiVersion: giqplan.dev/v1alpha1
kind: Inference
metadata: {name: bot}
spec:
  model: {id: google/gemma-2-27b-it}
  target: {project: my-project}
"""

Load = Callable[..., LoadedIntent]
Faults = Callable[..., list[tuple[str, str, str]]]


@pytest.fixture
def load() -> Load:
    """Load text as the file i.yaml."""

    def loaded(text: str | bytes, environment: str | None = None) -> LoadedIntent:
        return load_intent(Path("i.yaml"), environment, text)

    return loaded


@pytest.fixture
def faults(load: Load) -> Faults:
    """(code, place, detail) of everything that is wrong with a text."""

    def found(text: str | bytes, environment: str | None = None) -> list[tuple[str, str, str]]:
        with pytest.raises(GiqplanError) as caught:
            load(text, environment)
        return [(error.code, str(error.place).removeprefix("i.yaml:"), error.detail) for error in caught.value.errors]

    return found
