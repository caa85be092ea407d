"""``model.configFile``: a Hugging Face config.json beside the intent. What is asked of the model must fit the context it states."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from giqplan.errors import IntentError, Place
from giqplan.intent.model import Intent

_FIELD = "spec.model.configFile"
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelConfig:
    """What a config.json says that an intent can be checked against."""

    file: str
    architecture: str
    max_context: int


def read_config(intent: Intent, folder: Path, place: Callable[[str], Place]) -> ModelConfig | None:
    """The file that the intent names, relative to the intent. Raises IntentError (GIQ1019) when it does not fit."""
    name = intent.spec.model.config_file
    if name is None:
        return None
    path = folder / name
    try:
        text = path.read_bytes()
        value = json.loads(text) if len(text) <= _MAX_BYTES else None
    except (OSError, ValueError) as error:
        raise IntentError("GIQ1019", f"{name}: {error}", "name a Hugging Face config.json, relative to the intent", place(_FIELD)) from None
    if not isinstance(value, dict) or not isinstance(value.get("max_position_embeddings"), int):
        detail = f"{name} states no max_position_embeddings"
        raise IntentError("GIQ1019", detail, "name the config.json of the model's repository", place(_FIELD))
    architectures = value.get("architectures")
    architecture = str(architectures[0]) if isinstance(architectures, list) and architectures else "architecture not stated"
    config = ModelConfig(name, architecture, value["max_position_embeddings"])
    workload, longest = intent.spec.workload, intent.spec.model.max_model_len
    asked = (workload.input_tokens or 0) + (workload.output_tokens or 0)
    for field, tokens in (("spec.model.maxModelLen", longest or 0), ("spec.workload.inputTokens", asked)):
        if tokens > config.max_context:
            detail = f"{tokens} tokens are asked for, {name} states a context of {config.max_context}"
            raise IntentError("GIQ1019", detail, "lower the lengths, or choose a model with a longer context", place(field))
    return config
