"""Regions and zones: names only, no table (us-central1-a lies in us-central1, us-central1-ai1a too)."""

from __future__ import annotations

import re

_ZONE = re.compile(r"(?P<region>[a-z]+(?:-[a-z]+)+\d+)-(?:ai\d)?[a-z]")


def region_of(location: str) -> str:
    """The region of a zone; a region is its own."""
    zone = _ZONE.fullmatch(location)
    return zone["region"] if zone else location


def is_zone(location: str) -> bool:
    return _ZONE.fullmatch(location) is not None


def nearness(region: str, other: str) -> tuple[int, str]:
    """Sorts regions by how near they are to ``region`` by name: the same one, the same area (us-central), continent, then the rest."""
    if region == other:
        return (0, other)
    if region.rstrip("0123456789") == other.rstrip("0123456789"):
        return (1, other)
    return (2 if region.partition("-")[0] == other.partition("-")[0] else 3, other)
