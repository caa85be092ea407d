"""inference-perf's stage_N_lifecycle_metrics.json: one file is one load level. Latencies are seconds; p50 is spelled median.

Facts: inference-perf 0.7.0 and its older files (``prompt_len`` in place of ``prompt_tokens``). NTPOT of a request without output is 0.0;
TPOT is (last token - first token) / (tokens - 1); tokens are counted by the client unless ``use_server_output_tokens`` is set; rates are
over the whole benchmark, waiting for the last answer included. The schedule delay may be negative; nothing is taken from it.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import PurePath

from giqplan.catalog.importers.distribution import checked, seconds
from giqplan.catalog.importers.document import Node, maybe_count, maybe_number, no_report, parse_tree, text_of
from giqplan.catalog.importers.values import Claim, Latency, Measurement
from giqplan.errors import Place

CONFIG = "config.yaml"
"""Written beside the stage files; the only one that names the model."""

FORMAT = "inference-perf lifecycle metrics"
_LAGS = Decimal("0.1")


def is_lifecycle(root: Node) -> bool:
    return root.has("load_summary") and root.has("successes")


def read(file: str, root: Node, config: bytes | None = None) -> tuple[Measurement, ...]:
    """The one measurement of a stage file; ``config``: the run's config.yaml. Raises CatalogError GIQ1216 for a summary, GIQ1217."""
    load = root.at("load_summary")
    if not load.has("requested_rate") and not load.has("concurrency"):
        raise no_report(file, "this summary mixes all stages of a run: its numbers belong to no load. Import the stage_N files instead")
    concurrency = maybe_number(load, "concurrency")
    good, failures = root.at("successes"), root.at("failures")
    latency, rates = good.at("latency"), good.at("throughput")
    said, by_server = _config(config, file)
    ntpot = seconds(latency.get("normalized_time_per_output_token"))
    return (
        Measurement(
            format=FORMAT,
            place=Place(file),
            where="",
            run=str(PurePath(file).parent),
            load=load.at("requested_rate").number() if concurrency is None else concurrency,
            load_kind="rate" if concurrency is None else "concurrency",
            qps=rates.at("requests_per_sec").number(),
            output_tokens_per_second=rates.at("output_tokens_per_sec").number(),
            ntpot=ntpot,
            ttft=seconds(latency.get("time_to_first_token")),
            itl=seconds(latency.get("inter_token_latency")),
            tpot=seconds(latency.get("time_per_output_token")),
            input_tokens=_mean(good, "prompt_tokens", "prompt_len"),
            output_tokens=_mean(good, *(("output_tokens", "output_len") if by_server else ("output_len", "output_tokens"))),
            succeeded=good.at("count").count(),
            failed=failures.at("count").count(),
            said=said,
            warnings=(*_told(load, good), *_without_output(latency, ntpot)),
        ),
    )


def _mean(good: Node, *names: str) -> Decimal | None:
    found = next((node for name in names if (node := good.get(name)) is not None), None)
    return None if found is None else checked(found)[0]


def _config(data: bytes | None, file: str) -> tuple[dict[str, Claim], bool]:
    """What config.yaml beside the file says of the server, and whether output tokens are the server's own count."""
    if data is None:
        return {}, False
    beside = str(PurePath(file).with_name(CONFIG))
    root = Node(beside, parse_tree(beside, text_of(beside, data)))
    if not isinstance(root.value, dict):
        return {}, False
    said = {}
    for column, key in (("model_id", "model_name"), ("model_server", "type")):
        found = root.get("server", key)
        if found is not None and found.text() != "mock":
            said[column] = Claim(found.text(), f"{beside}, server.{key}")
    counted = root.get("report", "request_lifecycle", "use_server_output_tokens")
    return said, counted is not None and counted.value is True


def _told(load: Node, good: Node) -> tuple[str, ...]:
    """On how far the run can be trusted."""
    warnings = []
    asked, sent = maybe_number(load, "requested_rate"), maybe_number(load, "achieved_rate")
    if asked and sent and not load.has("concurrency") and sent < asked * (1 - _LAGS):
        warnings.append(f"the load generator sent {float(sent):.4g} of {float(asked):.4g} requests a second")
    mismatches = maybe_count(good, "token_count_mismatches")
    if mismatches:
        warnings.append(f"client and server counted different tokens in {mismatches} requests")
    return tuple(warnings)


def _without_output(latency: Node, ntpot: Latency) -> tuple[str, ...]:
    low = maybe_number(latency, "normalized_time_per_output_token", "min")
    if not ntpot or low is None or low > 0:
        return ()
    return ("requests without output count as NTPOT 0: mean and percentiles of NTPOT are too low",)
