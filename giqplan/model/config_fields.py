"""Fields of a Hugging Face config.json, each checked as it is read: a model is not sized by a field that cannot be true."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from giqplan.errors import Place, RecommendError

MAX_BYTES = 1 << 20
_REMEDY = "name the config.json of the model's repository, unchanged"


def parse_config(content: bytes) -> Mapping[str, Any]:
    """The object that the file holds. Raises ValueError, in words. Infinity and NaN are let through, as published files hold them (the
    time_step_limit of Mamba layers); a field that is read refuses them."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES:,} bytes")
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of the file with its place in it (``text_config.``). ``defaults``: what a class of transformers takes where the file is
    silent. Reading a field that is missing or absurd raises RecommendError (GIQ1304) that names it."""

    file: str
    values: Mapping[str, Any]
    at: str = ""
    defaults: Mapping[str, Any] | None = None

    def get(self, name: str) -> Any:
        """As it stands there; null = not there."""
        found = self.values.get(name)
        return (self.defaults or {}).get(name) if found is None else found

    def inner(self, name: str, defaults: Mapping[str, Any] | None = None) -> Fields:
        """The object in field ``name``, this one where there is none."""
        found = self.values.get(name)
        return (
            Fields(self.file, found, f"{name}.", defaults) if isinstance(found, dict) else Fields(self.file, self.values, self.at, defaults)
        )

    def wrong(self, name: str, why: str) -> RecommendError:
        return RecommendError("GIQ1304", f"{self.at}{name} {why}", _REMEDY, Place(self.file))

    def optional(self, *names: str, most: int, least: int = 1) -> int | None:
        """A whole number, under the first of the names that the file has; None = it has none of them."""
        for name in names:
            found = self.get(name)
            if found is None:
                continue
            if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
                raise self.wrong(name, f"is {_shown(found)}: a whole number from {least} to {most:,} is wanted")
            return found
        return None

    def count(self, *names: str, most: int, least: int = 1) -> int:
        """Like ``optional``, but it has to be there."""
        found = self.optional(*names, most=most, least=least)
        if found is None:
            raise self.wrong(names[0], "is missing")
        return found

    def flag(self, name: str, default: bool) -> bool:
        found = self.get(name)
        if found is not None and not isinstance(found, bool):
            raise self.wrong(name, f"is {_shown(found)}: true or false is wanted")
        return default if found is None else found

    def words(self, name: str) -> Sequence[Any]:
        """A list; () where there is none."""
        found = self.get(name)
        if found is not None and not isinstance(found, list):
            raise self.wrong(name, f"is {_shown(found)}: a list is wanted")
        return found or ()


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
