"""Profiles, curves and their interpolation, prices, machines, models; queries. ``open_catalog()`` is the door."""

from giqplan.catalog.store import Catalog, open_catalog
from giqplan.catalog.values import Accelerator, Answer, Consumption, Curve, Machine, Model, Point, Source, UseCase

__all__ = [
    "Accelerator",
    "Answer",
    "Catalog",
    "Consumption",
    "Curve",
    "Machine",
    "Model",
    "Point",
    "Source",
    "UseCase",
    "open_catalog",
]
