"""What is said beside a list of profiles: how it is priced, what is left out, and why a list would be empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from giqplan.catalog.offers import A3_REGION, DEFAULT_REGION
from giqplan.errors import NoProfileError
from giqplan.model.profiles import NearestMiss, Offer, ProfileAnswers, ProfileQuery, ProfileRow, Reachable
from giqplan.model.recommendation import Reason
from giqplan.render.profile_records import Priced

_WORDS = {
    Reason.LENGTHS_UNKNOWN: "token lengths unknown",
    Reason.LENGTHS_TOO_FAR: "measured at other token lengths",
    Reason.ALL_POINTS_SUSPECT: "no trustworthy point",
    Reason.LATENCY_NOT_MEASURED: "a latency or rate was not measured",
    Reason.SLO_BELOW_RANGE: "above a target at every load",
    Reason.PRICE_UNKNOWN: "no price",
    Reason.TOO_EXPENSIVE_PER_TOKEN: "too expensive",
}


def price_note(priced: Priced) -> str:
    """The pricing model, the region and the ratio that costs hold for."""
    where = priced.region or f"{DEFAULT_REGION} (A3: {A3_REGION}), gcloud's regions"
    return f"costs: {priced.pricing_model.value} in {where}; an output token counts as {priced.ratio} input tokens"


def notes(answers: ProfileAnswers, query: ProfileQuery, shared: tuple[str, ...]) -> Iterator[str]:
    """What a reader of the rows must know."""
    yield from shared_note(shared)
    if query.latest_version:
        yield "the newest version measured of each model, server, accelerator and stack; --model-server-version all lists every one"
    yield from _left_out(answers.rejected)
    yield from _unpriced(answers)
    if any(row.distance is not None and row.distance > 0 for row in answers.rows):
        yield f"token lengths up to {_factor(answers):.2f} times those asked for, or as much below; rates and costs hold for those measured"


def shared_note(shared: tuple[str, ...]) -> Iterator[str]:
    """Whose curves count besides those of the model itself."""
    if shared:
        yield f"of the same architecture, their profiles count too: {', '.join(shared)}"


def _left_out(rejected: Mapping[Reason, int]) -> Iterator[str]:
    if rejected:
        yield f"not listed: {_counts(rejected)}"


def _counts(rejected: Mapping[Reason, int]) -> str:
    return ", ".join(f"{count} ({_WORDS.get(reason, reason.value)})" for reason, count in rejected.items())


def _unpriced(answers: ProfileAnswers) -> Iterator[str]:
    whys = Counter(row.offer.why for row in answers.rows if row.offer is not None and row.offer.price is None)
    for why, count in sorted(whys.items()):
        yield f"no price of {count}: {why}"


def _factor(answers: ProfileAnswers) -> float:
    from math import exp

    return exp(max(row.distance or 0.0 for row in answers.rows))


def no_profile(answers: ProfileAnswers, query: ProfileQuery, cheapest: ProfileRow | None) -> NoProfileError:
    """Why nothing is listed: counts by reason, the nearest miss, what can be reached. ``cheapest``: without the limits of cost."""
    detail = [f"{answers.considered} profiles have what is named, and yet: {_counts(answers.rejected)}"]
    remedy: list[str] = []
    if not answers.considered:
        newest = " in the newest version measured" if query.latest_version else ""
        detail = [f"no profile has all that is named together{newest}"]
        remedy.append(f"leave a name out{', or ask for --model-server-version all' if newest else ''}")
    if answers.nearest_miss is not None:
        detail += [_miss(answers.nearest_miss), f"reachable: {'; '.join(map(_range, _ranges(answers, query)))}"]
        remedy.append("ask for what can be reached")
    if answers.nearest_lengths is not None:
        given, out = answers.nearest_lengths
        detail.append(f"asked for {query.input_tokens}/{query.output_tokens} tokens, the nearest lengths measured are {given}/{out}")
        remedy.append("--nearest lists lengths within a factor of two; other lengths would have to be measured")
    if cheapest is not None:
        what = f"${cheapest.usd_per_million_output_tokens} per million output tokens, ${cheapest.usd_per_million_input_tokens} input"
        detail.append(f"the cheapest costs {what}: {_name(cheapest)}")
        remedy.append("allow that cost, or ask for another --pricing-model or --region")
    elif Reason.PRICE_UNKNOWN in answers.rejected:
        detail += sorted({rejection.detail for rejection in answers.rejections if rejection.reason is Reason.PRICE_UNKNOWN})
        remedy.append("ask for a --region or --pricing-model with a price")
    return NoProfileError("GIQ1237", "\n".join(detail), "; ".join(remedy) or "ask for less")


def _ranges(answers: ProfileAnswers, query: ProfileQuery) -> list[Reachable]:
    return [found for found in answers.reachable if found.metric in query.targets]


def _range(found: Reachable) -> str:
    return f"{found.metric.upper()} {found.least:.4g} to {found.largest:.4g} ms"


def _miss(miss: NearestMiss) -> str:
    asked = f"wanted {miss.target_ms:g}: {miss.factor:.2f} times"
    return f"nearest miss: {miss.metric.upper()} {miss.best_ms:.4g} ms at its lowest load, {asked}: {_name(miss.row)}"


def _name(row: ProfileRow) -> str:
    profile, offer = row.profile, row.offer or Offer("", None)
    version = f" {profile.model_server_version}" if profile.model_server_version else ""
    machine = offer.machine_type or profile.machine_type
    on = f"{profile.accelerator_count} x {profile.accelerator}{f' ({machine})' if machine else ''}"
    return f"{profile.model_id} on {on}, {profile.model_server}{version}, {row.input_tokens}/{row.output_tokens} tokens, {row.curve_key}"
