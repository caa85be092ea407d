"""Load an intent: parse, merge an environment's overlay, check against the models, refuse what is not acted on yet."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from giqplan.errors import ErrorList, GiqplanError, IntentError, ManifestError, Place
from giqplan.intent.config_file import ModelConfig, read_config
from giqplan.intent.document import MAX_BYTES, Document, KeyPath, merge_patch, read_document
from giqplan.intent.faults import close_matches, faults, fields_at, unknown_key
from giqplan.intent.model import Intent
from giqplan.intent.refused import refusals
from giqplan.secret_values import looks_like
from giqplan.units import digest

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
        with path.open("rb") as file:
            return file.read(MAX_BYTES + len(BOM_UTF8) + 1)  # enough to know that it is too large, also of a file without end
    except FileNotFoundError:
        raise IntentError(
            "GIQ1010", f"there is no file {path}", "`giqplan init` writes one; or name another with -f", Place(str(path))
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise IntentError("GIQ1010", f"{path} cannot be read: {reason}", "check the path and its permissions", Place(str(path))) from None


def _resolve(document: Document, environment: str | None) -> LoadedIntent:
    _refuse_secrets(document)
    _check_head(document)
    values = _without_empty(document.value, ())
    found: list[GiqplanError] = [*document.errors, *_environment_faults(values, document)]
    if environment is not None:
        values["spec"] = _overlay(document, values, environment)
    place = _placer(document, environment)
    found += refusals(values, place)
    try:
        intent = Intent.model_validate(values)
    except ValidationError as error:
        found += (fault for fault in faults(error.errors(), place, document.texts) if fault.place not in document.misread)
        raise ErrorList(found) from None
    if found:
        raise ErrorList(found)
    config = read_config(intent, Path(document.file).parent, lambda dotted: place(tuple(dotted.split("."))))
    return LoadedIntent(intent, environment or DEFAULT_ENVIRONMENT, document.file, _digest(intent, config), config, document)


def _refuse_secrets(document: Document) -> None:
    """Before anything of the file is repeated in an error: raise GIQ1413 for each text that looks like the value of a secret."""
    remedy = "revoke that secret, since it stood in a file; `giqplan secret set` puts a new one into the cluster, and the intent names it"
    found = [
        ManifestError("GIQ1413", f"this looks like {what}: an intent refers to secrets and never holds one", remedy, document.place(path))
        for path, text in _texts(document.value, ())
        if (what := looks_like(text))
    ]
    if found:
        raise ErrorList(found)


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Every key and every text of a document, with its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), str(key)
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))
    elif isinstance(value, str):
        yield path, value


def _without_empty(value: Any, path: KeyPath) -> Any:
    """Empty keys (``slo:``) mean the default, as if they were not there. In overlays null deletes, so there it stays; in free mappings
    (labels, env) it is no value, which the model says."""
    if not isinstance(value, dict) or fields_at(path) is None:
        return value
    kept = {key: _without_empty(inner, (*path, key)) for key, inner in value.items() if inner is not None}
    if path == () and isinstance(kept.get("environments"), dict):
        kept["environments"] = {name: {} if patch is None else patch for name, patch in kept["environments"].items()}
    return kept


def _digest(intent: Intent, config: ModelConfig | None) -> str:
    """Of the meaning: defaults written out or left away give the same digest; the other environments do not count. What a config.json says
    belongs to the meaning."""
    told = {} if config is None else {"model": config.architecture.digest}
    return digest(intent.model_dump(mode="json", by_alias=True, exclude={"environments"}) | told)


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
        near = close_matches(environment, known)
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


def _environment_faults(values: Mapping[str, Any], document: Document) -> Iterable[GiqplanError]:
    """What is wrong with environments as such: reserved names, and deletions of keys that never were."""
    environments = values.get("environments")
    for name, patch in environments.items() if isinstance(environments, dict) else ():
        at: KeyPath = ("environments", name)
        if name in RESERVED_ENVIRONMENTS:
            yield IntentError("GIQ1015", f"the environment name {name!r} is reserved", "choose another name", document.place(at))
        yield from _deleted_unknown(patch, ("spec",), at, document)


def _deleted_unknown(patch: Any, path: KeyPath, at: KeyPath, document: Document) -> Iterable[GiqplanError]:
    fields = fields_at(path)
    if not isinstance(patch, dict) or fields is None:
        return
    for key, value in patch.items():
        if value is None and key not in fields:
            yield unknown_key((*path, key), document.place((*at, key)))
        yield from _deleted_unknown(value, (*path, key), (*at, key), document)
