"""What the API told, as the tables of the synced layer. Nothing is derived: what it does not say stays blank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from giqplan.catalog import Catalog
from giqplan.catalog import UseCase as KnownUseCase
from giqplan.catalog.curves import curve_key
from giqplan.catalog.difference import Cells
from giqplan.catalog.facts import words
from giqplan.catalog.layer import cell
from giqplan.catalog.schema import TABLES
from giqplan.catalog.values import Source
from giqplan.model.recommendation import Provenance, Statistic
from giqplan.sync.answers import Profile, Stats, UseCase
from giqplan.sync.fetch import Fetched

LONG_TTFT_MS, LONG_SHARE = 3000.0, 0.3
"""A point is dominated by waiting where TTFT is above 3 s and above 30 % of the request (catalog/README.md)."""
_UNDATED = "the API does not say when it was measured"
_V = re.compile(r"^v(?=\d)")


def tables(fetched: Fetched, shipped: Catalog, source: Source) -> dict[str, list[Cells]]:
    """``shipped``: the catalog without its synced layer: what it knows of models and use cases is not told again."""
    use_cases = {words(use_case.name): use_case for use_case in fetched.use_cases}
    found: dict[str, dict[str, list[Cells]]] = {}
    for profile in fetched.profiles:
        key, each = _curve(profile, model_id(shipped, profile.served.model), use_cases, source)
        if key in found:  # the same curve with more of its workload said
            each = _fuller(found[key], each)
        found[key] = each
    merged = {
        table: [row for each in found.values() for row in each[table]] for table in ("curves", "points", "giq_profiles", "giq_points")
    }
    unknown = {p.served.model: p for p in fetched.profiles if shipped.model(p.served.model) is None}
    return {
        **merged,
        "models": [_model(model, unknown[model], source) for model in sorted(unknown)],
        "use_cases": list(_use_cases(fetched.use_cases, shipped, source)),
        "sources": [{"id": source.id, "citation": source.citation, "licence": source.licence, "date": source.date}],
    }


def _fuller(one: dict[str, list[Cells]], other: dict[str, list[Cells]]) -> dict[str, list[Cells]]:
    return one if one["giq_profiles"][0]["use_case"] else other


def model_id(shipped: Catalog, name: str) -> str:
    """The id under which the catalog keeps a model that the API may call by an alias or an older name."""
    known = shipped.model(name)
    return known.model_id if known else name


def _curve(profile: Profile, model: str, use_cases: Mapping[str, UseCase], source: Source) -> tuple[str, dict[str, list[Cells]]]:
    named = use_cases.get(words(profile.use_case))
    inputs, outputs = profile.input_tokens, profile.output_tokens
    if inputs is None and outputs is None and named is not None:
        inputs, outputs = named.input_tokens, named.output_tokens
    cells = dict.fromkeys(TABLES["curves"].columns, "") | {
        "provenance": Provenance.GIQ.value,
        "model_id": model,
        "model_server": profile.served.server,
        "model_server_version": _V.sub("", profile.served.version),
        "accelerator": profile.accelerator,
        "accelerator_count": cell(profile.accelerator_count),
        "machine_type": profile.machine_type,
        "serving_stack": str(profile.stack or ""),
        "input_tokens": cell(inputs),
        "output_tokens": cell(outputs),
        "statistic": Statistic.UNSAID.value,
        "load_kind": "rate",
        "replicas": "1",
        "source": source.id,
        "note": _UNDATED + (f"; the API calls the model {profile.served.model}" if profile.served.model != model else ""),
    }
    told = sorted(profile.stats, key=lambda s: (s.qps, s.ntpot_ms))
    points = [_point(stats, outputs) for stats in told]
    key = curve_key(cells, points)
    facts = {column: cell(value) for column, value in profile.model_info.items()}
    return key, {
        "curves": [{**cells, "key": key}],
        "points": [{**point, "curve": key} for point in points],
        "giq_profiles": [{**facts, "curve": key, "use_case": profile.use_case, "tpu_topology": profile.tpu_topology}],
        "giq_points": [{**_more(stats), "curve": key, "point": str(index)} for index, stats in enumerate(told, 1)],
    }


def _point(stats: Stats, output_tokens: int | None) -> dict[str, str]:
    return dict.fromkeys(TABLES["points"].columns, "") | {
        "load": cell(stats.qps),
        "qps": cell(stats.qps),
        "output_tokens_per_second": cell(stats.output_tokens_per_second),
        "ttft_ms": cell(stats.ttft_ms),
        "itl_ms": cell(stats.itl_ms),
        "ntpot_ms": cell(stats.ntpot_ms),
        "queue_dominated": cell(_waits(stats, output_tokens)),
    }


def _waits(stats: Stats, output_tokens: int | None) -> bool:
    if stats.ttft_ms is None or stats.ttft_ms <= LONG_TTFT_MS:
        return False
    return output_tokens is None or stats.ttft_ms > LONG_SHARE * stats.ntpot_ms * output_tokens


def _more(stats: Stats) -> dict[str, str]:
    """What points.csv has no column for; costs of another ratio than the API's default are left out."""
    costs: dict[str, str] = {}
    for cost in stats.costs:
        how = cost.pricing_model.value.replace("-", "_")
        if cost.ratio == DEFAULT_RATIO:
            costs |= {
                f"usd_per_million_{tokens}_tokens_{how}": _usd(value) for tokens, value in (("output", cost.output), ("input", cost.input))
            }
    return {
        "qps": cell(stats.qps),
        "input_tokens_per_second": cell(stats.input_tokens_per_second),
        "total_tokens_per_second": cell(stats.total_tokens_per_second),
        **costs,
    }


DEFAULT_RATIO = 4.0
"""Of an output token's cost to an input token's: the API's default, which no question of ours changes."""


def _usd(value: Decimal | None) -> str:
    return "" if value is None else format(value.normalize(), "f")


def _model(model: str, profile: Profile, source: Source) -> dict[str, str]:
    """A model that no other layer knows, with what the API says; sizes in units that it does not define stay in giq_profiles.csv."""
    info = profile.model_info
    told = {
        "params_b": info.get("parameters_b"),
        "layers": info.get("hidden_layers"),
        "heads": info.get("attention_heads"),
        "kv_heads": info.get("kv_heads"),
        "head_dim": info.get("head_dimensions"),
        "max_context": info.get("max_context"),
    }
    cited = {"arch_source": source.id, "params_source": source.id}
    return {"model_id": model, "giq": "yes", "gated": "unknown", **{name: cell(value) for name, value in told.items()}, **cited}


def _use_cases(found: Iterable[UseCase], shipped: Catalog, source: Source) -> Iterable[Cells]:
    """Use cases that no other layer knows, or knows with other lengths."""
    for use_case in found:
        known = shipped.find_use_case(use_case.name)
        if known is None or (known.input_tokens, known.output_tokens) != (use_case.input_tokens, use_case.output_tokens):
            yield _use_case(use_case, known, source)


def _use_case(use_case: UseCase, known: KnownUseCase | None, source: Source) -> dict[str, str]:
    return {
        "use_case": known.name if known else use_case.name,
        "slug": known.slug if known else "-".join(use_case.name.lower().split()),
        "kind": "use-case",
        "api_token": known.api_token if known else "",
        "is_default": "yes" if known and known.is_default else "",
        "input_mean": str(use_case.input_tokens),
        "output_mean": str(use_case.output_tokens),
        "note": "lengths as the API gives them",
        "source": source.id,
    }
