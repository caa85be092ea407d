"""The Accept header: in which shape an answer is wanted, and answers in that shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from giqplan.sandbox.kubernetes.status import not_acceptable
from giqplan.sandbox.wire import HttpRequest

Json = dict[str, Any]


@dataclass(frozen=True)
class Accept:
    """``shape``: "" = the objects as they are, Table, PartialObjectMetadata. ``discovery``: version of aggregated discovery, "" = none."""

    shape: str = ""
    discovery: str = ""
    yaml: bool = False
    parameters: dict[str, str] = field(default_factory=dict)


def negotiate(request: HttpRequest) -> Accept:
    """The first alternative that can be served; 406 when there is none."""
    header = request.headers.get("accept", "") or "*/*"
    for alternative in header.split(","):
        media, *parameters = (p.strip() for p in alternative.split(";"))
        given = dict(p.partition("=")[::2] for p in parameters)
        wanted = given.get("as", "")
        if media == "application/yaml" and not wanted:
            return Accept(yaml=True)
        if media not in ("application/json", "*/*", "application/*"):
            continue
        if wanted == "APIGroupDiscoveryList":
            if given.get("v") in ("v2", "v2beta1"):
                return Accept(discovery=given["v"])
            continue
        if wanted in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
            if given.get("g") == "meta.k8s.io" and given.get("v") in ("v1", "v1beta1"):
                return Accept(shape=wanted.removesuffix("List"), parameters=given)
            continue
        if not wanted:
            return Accept()
    raise not_acceptable()


def metadata_only(obj: Json) -> Json:
    """The object as PartialObjectMetadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
