"""Load an intent: parse, merge an environment's overlay, check against the models, refuse what is not acted on yet."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_snake

from giqplan.errors import ErrorList, GiqplanError, IntentError, Place
from giqplan.intent.config_file import ModelConfig, read_config
from giqplan.intent.document import Document, KeyPath, merge_patch, read_document
from giqplan.intent.model import Intent
from giqplan.intent.refused import refusals
from giqplan.units import digest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

API_VERSION = "giqplan.dev/v1alpha1"
DEFAULT_ENVIRONMENT = "default"
RESERVED_ENVIRONMENTS = ("sandbox", DEFAULT_ENVIRONMENT)

#: One-of groups: choosing one branch in an overlay drops the others of the base.
_ONE_OF: Mapping[KeyPath, tuple[frozenset[str], ...]] = {
    ("storage",): (frozenset({"huggingFace"}), frozenset({"bucket"})),
    ("workload",): (frozenset({"useCase"}), frozenset({"inputTokens", "outputTokens"})),
}


@dataclass(frozen=True)
class LoadedIntent:
    """An intent with where it came from. ``digest`` is that of the merged intent: comments and the order of keys do not count."""

    intent: Intent
    environment: str
    file: str
    digest: str
    config: ModelConfig | None
    _document: Document

    def place(self, dotted: str) -> Place:
        """The place of a field (``spec.slo.ntpotMilliseconds``): in the overlay where it sets the field, else in the base."""
        path = tuple(dotted.split("."))
        return _placer(self._document, self.environment)(path)


def load_intent(path: Path, environment: str | None = None, text: str | bytes | None = None) -> LoadedIntent:
    """The intent in ``path`` (or ``text``, as if it stood there). Raises IntentError, RefusedError or an ErrorList of them."""
    document = read_document(_read(path) if text is None else text, str(path))
    return _resolve(document, environment)


def load_all(path: Path) -> tuple[LoadedIntent, ...]:
    """The base and every environment; raises all errors of all of them at once."""
    document = read_document(_read(path), str(path))
    names = document.value.get("environments") if isinstance(document.value, dict) else None
    found: list[LoadedIntent] = []
    errors: dict[tuple[str, Place | None, str], GiqplanError] = {}
    for name in (None, *(names if isinstance(names, dict) else ())):
        try:
            found.append(_resolve(document, name))
        except GiqplanError as error:
            for one in error.errors:
                errors.setdefault((one.code, one.place, one.detail), one)
    if errors:
        raise ErrorList(errors.values())
    return tuple(found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise IntentError(
            "GIQ1010", f"there is no file {path}", "`giqplan init` writes one; or name another with -f", Place(str(path))
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise IntentError("GIQ1010", f"{path} cannot be read: {reason}", "check the path and its permissions", Place(str(path))) from None


def _resolve(document: Document, environment: str | None) -> LoadedIntent:
    _check_head(document)
    values: dict[str, Any] = dict(document.value)
    if environment is not None:
        values["spec"] = _overlay(document, values, environment)
    name = environment or DEFAULT_ENVIRONMENT
    place = _placer(document, environment)
    try:
        intent = Intent.model_validate(values)
    except ValidationError as error:
        raise ErrorList(_explain(detail, place) for detail in error.errors()) from None
    errors = [*_environment_names(intent, document), *refusals(intent, lambda dotted: place(tuple(dotted.split("."))))]
    if errors:
        raise ErrorList(errors)
    config = read_config(intent, Path(document.file).parent, lambda dotted: place(tuple(dotted.split("."))))
    return LoadedIntent(intent, name, document.file, _digest(intent), config, document)


def _digest(intent: Intent) -> str:
    """Of the meaning: defaults written out or left away give the same digest; the other environments do not count."""
    return digest(intent.model_dump(mode="json", by_alias=True, exclude={"environments"}))


def _check_head(document: Document) -> None:
    value = document.value
    if not isinstance(value, dict):
        raise IntentError(
            "GIQ1011", "the file holds no mapping", "an intent starts with apiVersion, kind, metadata, spec", document.place(())
        )
    version, kind = value.get("apiVersion"), value.get("kind")
    if version != API_VERSION:
        found = "apiVersion is missing" if version is None else f"apiVersion is {version!r}"
        raise IntentError("GIQ1012", found, f"write apiVersion: {API_VERSION}", document.place(("apiVersion",)))
    if kind == "Cluster":
        raise IntentError(
            "GIQ1013",
            "kind Cluster is reserved and not acted on yet",
            "describe the cluster in spec.target.cluster",
            document.place(("kind",)),
        )
    if kind != "Inference":
        found = "kind is missing" if kind is None else f"kind is {kind!r}"
        raise IntentError("GIQ1012", found, "write kind: Inference", document.place(("kind",)))


def _overlay(document: Document, values: Mapping[str, Any], environment: str) -> Any:
    environments = values.get("environments")
    known = sorted(environments) if isinstance(environments, dict) else []
    if environment not in known:
        names = ", ".join(known) or "none"
        near = difflib.get_close_matches(environment, known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise IntentError("GIQ1014", f"there is no environment {environment!r}", f"{hint}known: {names}", document.place(("environments",)))
    assert isinstance(environments, dict)
    patch = environments[environment]
    base = values.get("spec")
    if not isinstance(patch, dict) or not isinstance(base, dict):
        return base if patch is None else merge_patch(base, patch)
    return merge_patch(_drop_other_branches(base, patch), patch)


def _drop_other_branches(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(base)
    for (section,), branches in ((path, b) for path, b in _ONE_OF.items() if len(path) == 1):
        chosen, there = patch.get(str(section)), kept.get(str(section))
        if not isinstance(chosen, dict) or not isinstance(there, dict):
            continue
        set_keys = {key for key, value in chosen.items() if value is not None}
        for branch in branches:
            if branch & set_keys:
                others = frozenset().union(*(b for b in branches if b is not branch))
                there = {key: value for key, value in there.items() if key not in others}
        kept[str(section)] = there
    return kept


def _placer(document: Document, environment: str | None) -> Callable[[KeyPath], Place]:
    """Path in the merged intent -> place: the overlay's line where the overlay speaks, else the base's."""

    def place(path: KeyPath) -> Place:
        overlaid = ("environments", environment, *path[1:]) if environment and path[:1] == ("spec",) else None
        if overlaid is not None:
            for length in range(len(overlaid), 2, -1):
                if overlaid[:length] in document.places and (length == len(overlaid) or path[: length - 1] not in document.places):
                    return document.places[overlaid[:length]]
        return document.place(path)

    return place


def _environment_names(intent: Intent, document: Document) -> Iterable[GiqplanError]:
    for name in intent.environments:
        if name in RESERVED_ENVIRONMENTS:
            yield IntentError(
                "GIQ1015", f"the environment name {name!r} is reserved", "choose another name", document.place(("environments", name))
            )


def _explain(error: ErrorDetails, place: Callable[[KeyPath], Place]) -> GiqplanError:
    """One pydantic error in our words, at its line."""
    path = tuple(part for part in error["loc"] if not (isinstance(part, str) and _is_branch(part)))
    where, shown = place(path), ".".join(str(part) for part in path)
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return _unknown_key(path, where)
    if kind == "missing":
        return IntentError("GIQ1017", f"{shown} is missing", f"add {path[-1]}", where)
    message = re.sub(r"^Value error, ", "", error["msg"])
    if kind in ("enum", "literal_error"):
        options = _options(path) or str(error.get("ctx", {}).get("expected", ""))
        near = difflib.get_close_matches(str(given), re.findall(r"[\w.-]+", options), 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return IntentError("GIQ1018", f"{shown}: {given!r} is not one of the known values", f"{hint}one of: {options}", where)
    return IntentError("GIQ1018", f"{shown}: {message[:1].lower()}{message[1:]} (found {_brief(given)})", _description(path), where)


def _is_branch(part: str) -> bool:
    """pydantic names the branches of unions in its paths (``constrained-float``, ``literal['auto']``, ``function-before[...]``)."""
    return bool(re.search(r"[\[\](]", part)) or part in ("float", "int", "constrained-float", "constrained-int")


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _unknown_key(path: KeyPath, where: Place) -> GiqplanError:
    known = [_alias(name, info) for name, info in _fields(path[:-1]).items()]
    near = difflib.get_close_matches(str(path[-1]), known, 1, 0.5) or _elsewhere(str(path[-1]))
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known))}"
    return IntentError("GIQ1016", f"unknown key {'.'.join(map(str, path))}", hint, where)


def _elsewhere(key: str) -> list[str]:
    """A key that stands in another section: say where."""

    def search(model: type[BaseModel], at: str) -> list[str]:
        found = []
        for name, info in model.model_fields.items():
            alias = _alias(name, info)
            inner = _model_of(info.annotation)
            if alias.lower() == key.lower():
                found.append(f"{at}.{alias}".lstrip("."))
            if inner is not None:
                found += search(inner, f"{at}.{alias}")
        return found

    return search(Intent, "")[:1]


def _alias(name: str, info: Any) -> str:
    return str(info.alias or name)


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_of, getattr(annotation, "__args__", ())) if m is not None), None)


def _fields(path: KeyPath) -> Mapping[str, Any]:
    model: type[BaseModel] | None = Intent
    for part in path:
        if model is None:
            return {}
        if isinstance(part, int):
            continue
        info = next((i for n, i in model.model_fields.items() if part in (_alias(n, i), n)), None)
        model = _model_of(info.annotation) if info is not None else None
    return model.model_fields if model is not None else {}


def _description(path: KeyPath) -> str:
    info = _fields(path[:-1]).get(to_snake(str(path[-1]))) if path else None
    return str(info.description) if info is not None and info.description else "see `giqplan schema`"


def _options(path: KeyPath) -> str:
    names = [part for part in path if not isinstance(part, int)]
    info = _fields(tuple(names[:-1])).get(to_snake(str(names[-1]))) if names else None
    kind = _enum_of(info.annotation) if info is not None else None
    return ", ".join(member.value for member in kind) if kind is not None else ""


def _enum_of(annotation: Any) -> Any:
    from enum import StrEnum

    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return annotation
    return next((e for e in map(_enum_of, getattr(annotation, "__args__", ())) if e is not None), None)
