"""What state holds: for each resource what was sent and what the server held once that had settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from giqplan.errors import Place, StateError
from giqplan.model.address import Address
from giqplan.model.values import JsonObject

FORMAT_VERSION = 2
"""1 held one intent: its name and choices stood at the top."""
_FIRST_FILE = "inference.yaml"
"""Where the one intent of a state of format 1 stood, unless somebody said otherwise."""

_REMEDY = "put the file back from state.json.backup or from your own backup; giqplan never starts anew over a state it cannot read"


@dataclass(frozen=True)
class ResourceState:
    """``created``: giqplan made it, so destroy may delete it. ``observed``: the projection of the live value on the paths we own, once
    the apply had settled; None while that is not known. ``intents``: the names of those that want it, sorted."""

    address: Address
    applied: JsonObject = field(hash=False)
    observed: JsonObject | None = field(hash=False)
    identity: str
    created: bool
    depends_on: tuple[Address, ...] = ()
    intents: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "address": str(self.address),
            "applied": self.applied,
            "observed": self.observed,
            "identity": self.identity,
            "created": self.created,
            "depends_on": [str(a) for a in self.depends_on],
            "intents": list(self.intents),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ResourceState:
        """Raises KeyError, TypeError or ValueError when ``value`` is none."""
        applied, observed, created = value["applied"], value["observed"], value["created"]
        if not isinstance(applied, dict) or not isinstance(observed, dict | None) or not isinstance(created, bool):
            raise TypeError("applied, observed or created has the wrong type")
        if not isinstance(value["identity"], str):
            raise TypeError("an identity is no text")
        return cls(
            Address.parse(value["address"]),
            applied,
            observed,
            value["identity"],
            created,
            tuple(Address.parse(a) for a in value["depends_on"]),
            tuple(str(name) for name in value.get("intents", ())),  # records of format 1 name none
        )


@dataclass(frozen=True)
class IntentRecord:
    """An intent that was applied. ``file``: its path below the folder that holds ``.giqplan``; ``choices``: the applied profile and
    rollout with a digest of the part of the intent that decided."""

    file: str
    choices: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class State:
    """One (world, environment) of a folder: all intents of the folder that have been applied, by name, and what they made."""

    lineage: str
    serial: int
    world: str
    environment: str
    project: str
    cluster: str
    cluster_uid: str
    intents: Mapping[str, IntentRecord] = field(hash=False)
    resources: Mapping[Address, ResourceState] = field(hash=False)

    @property
    def names(self) -> frozenset[str]:
        """Every intent that was applied, or of which there is something."""
        return frozenset(self.intents).union(*(entry.intents for entry in self.resources.values()))

    def must_match(self, world: str, environment: str, project: str, intents: Mapping[str, str], place: Place) -> None:
        """Raise StateError (GIQ1807) when this is the state of something else: nothing may be written then.

        ``intents``: the files of this run by the name of their intent. A file whose intent had another name is another intent now, and
        what the earlier one made would be forgotten.
        """
        said = (("world", self.world, world), ("environment", self.environment, environment), ("project", self.project, project))
        renamed = (
            ("intent", name, other)
            for name, record in self.intents.items()
            for other, file in intents.items()
            if file == record.file and name not in intents and other not in self.intents
        )
        for what, ours, theirs in (*said, *renamed):
            if ours != theirs:
                detail = f"it is of {what} {ours!r}, this run is about {theirs!r}"
                remedy = f"name the {what} it belongs to, or destroy what it holds first; each {what} keeps a state of its own"
                raise StateError("GIQ1807", detail, remedy, place)

    def to_json(self) -> dict[str, Any]:
        return {
            "format_version": FORMAT_VERSION,
            "lineage": self.lineage,
            "serial": self.serial,
            "world": self.world,
            "environment": self.environment,
            "project": self.project,
            "cluster": self.cluster,
            "cluster_uid": self.cluster_uid,
            "intents": {name: {"file": r.file, "choices": dict(r.choices)} for name, r in sorted(self.intents.items())},
            "resources": [self.resources[a].to_json() for a in sorted(self.resources)],
        }

    @classmethod
    def from_json(cls, value: Any, place: Place) -> State:
        """Raises StateError: GIQ1802 when it is no state, GIQ1803 when a later giqplan wrote it."""
        version = value.get("format_version") if isinstance(value, dict) else None
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise StateError(
                "GIQ1803", f"format {version}; this giqplan reads up to {FORMAT_VERSION}", "use the giqplan that wrote it", place
            )
        try:
            value = _of_this_format(value)
            version = value["format_version"]
            resources = [ResourceState.from_json(r) for r in value["resources"]]
            names = ("lineage", "world", "environment", "project", "cluster", "cluster_uid")
            if version != FORMAT_VERSION or not all(isinstance(value[name], str) for name in names) or type(value["serial"]) is not int:
                raise ValueError("a field has the wrong type")
            if len({r.address for r in resources}) != len(resources):
                raise ValueError("it holds a resource twice")
            return cls(
                **{name: value[name] for name in names},
                serial=value["serial"],
                intents={name: IntentRecord(str(r["file"]), dict(r["choices"])) for name, r in value["intents"].items()},
                resources={r.address: r for r in resources},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StateError("GIQ1802", f"not a state: {type(error).__name__} {error}", _REMEDY, place) from None


def _of_this_format(value: Any) -> Any:
    """``value`` as this giqplan writes it: what an earlier one wrote is carried over."""
    if value["format_version"] != 1:
        return value
    name = value["intent_name"]
    resources = [{**resource, "intents": [name]} for resource in value["resources"]]
    intents = {name: {"file": _FIRST_FILE, "choices": value["choices"]}}
    return {**value, "format_version": FORMAT_VERSION, "intents": intents, "resources": resources}


def broken(detail: str, place: Place | None = None) -> StateError:
    """The error of a state that does not hold what a state holds."""
    return StateError("GIQ1802", detail, _REMEDY, place)
