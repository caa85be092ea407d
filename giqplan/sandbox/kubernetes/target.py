"""What a request is about: paths of the Kubernetes API, taken apart."""

from __future__ import annotations

from dataclasses import dataclass

from giqplan.sandbox.kubernetes.resources import Resource


@dataclass(frozen=True)
class Path:
    """``/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE`` taken apart; empty where it does not say."""

    group: str
    version: str
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    too_long: bool = False


@dataclass(frozen=True)
class Target:
    """One resource, and possibly one object or subresource of it."""

    resource: Resource
    namespace: str
    name: str
    subresource: str

    @property
    def access_name(self) -> str:
        """The resource as rules of access name it: ``deployments/scale``."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


def parse_path(path: str) -> Path | None:
    """A path below /api/VERSION or /apis/GROUP/VERSION; None for every other one."""
    parts = [p for p in path.split("/") if p]
    if parts[:1] == ["api"] and len(parts) >= 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    # .../namespaces/NS/PLURAL is something in a namespace; .../namespaces/NS and its status and finalize are the namespace itself.
    if rest[:1] == ["namespaces"] and len(rest) >= 3 and not (group == "" and len(rest) == 3 and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    padded = [*rest, "", "", ""]
    return Path(group, version, namespace, padded[0], padded[1], padded[2], too_long=len(rest) > 3)
