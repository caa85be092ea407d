"""Operating point, sizing, cost, selection, explanation: from an intent and a catalog to one recommendation.

    recommend(intent, catalog, applied_curve_key=None) -> Recommendation

A pure function. ``question`` reads the intent once; ``candidate`` judges each curve (``workload``, ``catalog.levels``, ``operating``,
``catalog.placement``, ``sizing``, ``cost``); ``choose`` compares what is left.
"""

from giqplan.recommend.choose import recommend

__all__ = ["recommend"]
