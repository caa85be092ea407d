"""GIQ1515: the machine is sold the way the intent wants to pay for it, and offered in every zone that it names (design rule 6).

A machine that cannot be bought, or of which that is not known, is never recommended: an error of the recommendation then names the hurdles.
"""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.model.check import Check, CheckStatus

CODE = "GIQ1515"


def check(subject: Subject) -> tuple[Check, ...]:
    """What the catalog says, from where and of which day; it knows no stock."""
    catalog, cost, target = subject.catalog, subject.recommendation.cost, subject.intent.spec.target
    name, how = cost.machine_type, cost.pricing_model.value
    zones = catalog.zones(name, cost.region)
    evidence: dict[str, object] = {
        f"sold {how}": catalog.consumption(name, how).source,
        f"offered in {cost.region}": ", ".join(zones) or "the region is known, its zones are not",
        "price": f"${cost.price.usd_per_hour}/h as of {cost.price.as_of} ({cost.price.source})",
        "catalog": subject.recommendation.catalog_date,
    }
    without = [zone for zone in target.zones if not catalog.offered(name, zone)]
    if without:
        summary = f"{name} is not offered in {', '.join(without)}: no Pod can run there"
        remedy = f"name zones of {', '.join(zones)} in spec.target.zones, or none"
        return (answer(CODE, CheckStatus.WARN, summary, evidence, remedy),)
    where = ", ".join(target.zones) or cost.region
    return (answer(CODE, CheckStatus.PASS, f"{name} is sold {how} in {where}", evidence),)
