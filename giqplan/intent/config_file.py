"""``model.configFile``: a Hugging Face config.json beside the intent. What is asked of the model must fit the context it states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from giqplan.errors import IntentError, Place
from giqplan.intent.model import Intent
from giqplan.model.architecture import Architecture, architecture_of
from giqplan.model.config_fields import MAX_BYTES, parse_config

_FIELD = "spec.model.configFile"


@dataclass(frozen=True)
class ModelConfig:
    """What a config.json says of the model. ``file``: as the intent names it."""

    file: str
    architecture: Architecture


def read_config(intent: Intent, folder: Path, place: Callable[[str], Place]) -> ModelConfig | None:
    """The file that the intent names, relative to the intent. Raises IntentError (GIQ1019) when it is no config.json or its context is too
    short, RecommendError (GIQ1303, GIQ1304) when its model is not understood."""
    name = intent.spec.model.config_file
    if name is None:
        return None
    try:
        with (folder / name).open("rb") as file:
            fields = parse_config(file.read(MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise IntentError(
            "GIQ1019", f"{name}: {reason}", "name a Hugging Face config.json, relative to the intent", place(_FIELD)
        ) from None
    found = architecture_of(fields, str(folder / name))
    workload, longest = intent.spec.workload, intent.spec.model.max_model_len
    asked = (workload.input_tokens or 0) + (workload.output_tokens or 0)
    for field, tokens in (("spec.model.maxModelLen", longest or 0), ("spec.workload.inputTokens", asked)):
        if tokens > found.max_context:
            detail = f"{tokens} tokens are asked for, {name} states a context of {found.max_context}"
            raise IntentError("GIQ1019", detail, "lower the lengths, or choose a model with a longer context", place(field))
    return ModelConfig(name, found)
