"""GuideLLM's JSON or YAML report, version 2: one file is a run, each member of ``benchmarks`` a load level.

Facts: GuideLLM 0.8.1. ``request_latency`` is seconds, names with _ms are milliseconds. ``time_per_output_token_ms`` is (last token - start)
/ output tokens: NTPOT but for what follows the last token. Percentiles p001 and p999 are 0.1 % and 99.9 %. Without streaming the time of
the first token is no measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePath

from giqplan.catalog.importers.distribution import GUIDELLM, checked, milliseconds
from giqplan.catalog.importers.document import Node, maybe_number
from giqplan.catalog.importers.values import Claim, Latency, Measurement, unreadable
from giqplan.errors import Place

VERSION = 2
FORMAT = f"GuideLLM report {VERSION}"
NTPOT_NOTE = "NTPOT is GuideLLM's time per output token"


def is_guidellm(root: Node) -> bool:
    return root.has("benchmarks")


def read(file: str, root: Node) -> tuple[Measurement, ...]:
    """A measurement for each benchmark. Raises CatalogError GIQ1217, GIQ1218 (another version)."""
    version = root.get("metadata", "version")
    if version is None or version.value != VERSION:
        found = f"metadata.version is {version.value}" if version else "metadata.version is missing, as in GuideLLM before 0.5"
        raise unreadable("GIQ1218", found, f"This giqplan reads version {VERSION}: run the benchmark with a newer GuideLLM.", file)
    return tuple(_one(file, benchmark) for benchmark in root.at("benchmarks").items())


def _one(file: str, benchmark: Node) -> Measurement:
    kind = benchmark.at("type_")
    if kind.value != "generative_benchmark":
        kind.fail(f"{kind.value!r} is no generative benchmark")
    metrics, backend = benchmark.at("metrics"), benchmark.at("config", "backend")
    load, load_kind = strategy(benchmark.at("config", "strategy"))
    counts = benchmark.at("scheduler_metrics", "requests_made")
    streamed = not backend.has("stream") or backend.at("stream").value is True
    start = maybe_number(benchmark, "start_time")
    return Measurement(
        format=FORMAT,
        place=Place(file),
        where=benchmark.path,
        run=str(PurePath(file).parent),
        load=load,
        load_kind=load_kind,
        qps=_mean(metrics, "requests_per_second"),
        output_tokens_per_second=_mean(metrics, "output_tokens_per_second"),
        ntpot=_latency(metrics, "time_per_output_token_ms"),
        ttft=_latency(metrics, "time_to_first_token_ms") if streamed else Latency(),
        itl=_latency(metrics, "inter_token_latency_ms") if streamed else Latency(),
        input_tokens=_mean(metrics, "prompt_token_count"),
        output_tokens=_mean(metrics, "output_token_count"),
        succeeded=counts.at("successful").count(),
        failed=counts.at("errored").count(),
        incomplete=counts.at("incomplete").count(),
        measured_at=datetime.fromtimestamp(float(start), UTC).date().isoformat() if start else "",
        said=model_of(backend),
        notes=(NTPOT_NOTE,),
        warnings=_warnings(benchmark),
    )


def model_of(backend: Node) -> Mapping[str, Claim]:
    model = backend.get("model")
    return {} if model is None else {"model_id": Claim(model.text(), model.path)}


def strategy(found: Node) -> tuple[Decimal | None, str]:
    """(load, its kind): streams kept busy, or requests sent a second; what sends as fast as it can has no load."""
    kind = found.at("type_").text()
    if kind == "synchronous":
        return Decimal(1), "concurrency"
    if kind == "concurrent":
        return found.at("streams").number(), "concurrency"
    if found.has("rate"):
        return found.at("rate").number(), "rate"
    return None, "concurrency" if kind == "throughput" else "rate"


def _successful(metrics: Node, name: str) -> Node | None:
    """The distribution over successful requests; None = nothing was counted. Percentiles are brought beside the mean."""
    found = metrics.get(name, "successful")
    if found is None or found.at("count").count() == 0:
        return None
    percentiles = found.at("percentiles")
    if not isinstance(percentiles.value, dict):
        percentiles.fail("an object is wanted")
    return Node(found.file, {**found.value, **percentiles.value}, found.path)


def _latency(metrics: Node, name: str) -> Latency:
    return milliseconds(_successful(metrics, name), GUIDELLM)


def _mean(metrics: Node, name: str) -> Decimal | None:
    found = _successful(metrics, name)
    return None if found is None else checked(found, GUIDELLM)[0]


def _warnings(benchmark: Node) -> tuple[str, ...]:
    told = benchmark.get("warnings")
    members = told.items() if told else ()
    return tuple(f"GuideLLM: {one.at('message').text()}" for one in members if one.has("message"))
