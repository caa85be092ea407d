"""llm-d's Benchmark Report 0.1, 0.2 and 0.2.1: one file is one load level; every statistic names its unit.

Facts: the JSON Schemas that inference-perf 0.7.0 ships (0.2, 0.2.1) and llm-d-benchmark's schema_v0_1.py (0.1). In 0.1 what was measured
stands in ``scenario`` and ``metrics``, rates are plain numbers; later versions have ``scenario.stack``, ``scenario.load``, ``results``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePath

from giqplan.catalog.importers.distribution import checked, milliseconds
from giqplan.catalog.importers.document import Node, maybe_count, maybe_number
from giqplan.catalog.importers.values import MILLI, Claim, Latency, Measurement, unreadable
from giqplan.errors import Place

VERSIONS = ("0.1", "0.2", "0.2.1")
FORMAT = "llm-d Benchmark Report"
_TIME = {"s": MILLI, "ms": Decimal(1)}
_PER_TOKEN = {"s/token": MILLI, "ms/token": Decimal(1)}


def is_report(root: Node) -> bool:
    return root.has("version") and (root.has("results") or root.has("metrics") or root.has("scenario"))


def read(file: str, root: Node) -> tuple[Measurement, ...]:
    """The one measurement of a report. Raises CatalogError GIQ1217, GIQ1218 (another version), GIQ1221 (parts of a server)."""
    version = str(root.at("version").value)
    if version not in VERSIONS:
        remedy = f"This giqplan reads versions {', '.join(VERSIONS)}."
        raise unreadable("GIQ1218", f"version: Benchmark Report {version} is not known", remedy, file)
    body, other = ("metrics", "results") if version == "0.1" else ("results", "metrics")
    if root.has(other) and not root.has(body):
        detail = f"version: a report of version {version} has {body}, this one has {other}"
        raise unreadable("GIQ1218", detail, "Take the report from its tool again.", file)
    return (_old(file, root) if version == "0.1" else _new(file, root, version),)


def _new(file: str, root: Node, version: str) -> Measurement:
    found = root.at("results", "request_performance", "aggregate")
    rates = found.at("throughput")
    measured = _measured(file, version, found, root.get("run", "eid"))
    load, kind = _load(root)
    return replace(
        measured,
        load=load,
        load_kind=kind,
        qps=_rate(rates, "request_rate", "queries/s"),
        output_tokens_per_second=_rate(rates, "output_token_rate", "tokens/s"),
        measured_at=_date(root),
        said=_engines(root),
    )


def _old(file: str, root: Node) -> Measurement:
    found = root.at("metrics")
    rates = found.at("throughput")
    start = maybe_number(found, "time", "start")
    return replace(
        _measured(file, "0.1", found, root.get("metadata", "eid")),
        qps=maybe_number(rates, "requests_per_sec"),
        output_tokens_per_second=maybe_number(rates, "output_tokens_per_sec"),
        measured_at=datetime.fromtimestamp(float(start), UTC).date().isoformat() if start else "",
        said=_hosts(root),
    )


def _measured(file: str, version: str, found: Node, run: Node | None) -> Measurement:
    """What all versions have in common: latencies and request counts."""
    requests, latency = found.at("requests"), found.at("latency")
    total, failed, incomplete = requests.at("total").count(), maybe_count(requests, "failures"), maybe_count(requests, "incomplete")
    if (failed or 0) + (incomplete or 0) > total:
        requests.fail(f"{failed or 0} failures and {incomplete or 0} incomplete of {total} requests")
    return Measurement(
        format=f"{FORMAT} {version}",
        place=Place(file),
        where="",
        run=run.text() if run else str(PurePath(file).parent),
        load=None,
        load_kind="rate",
        qps=None,
        output_tokens_per_second=None,
        ntpot=_latency(latency.get("normalized_time_per_output_token"), _PER_TOKEN),
        ttft=_latency(latency.get("time_to_first_token"), _TIME),
        itl=_latency(latency.get("inter_token_latency"), _PER_TOKEN),
        tpot=_latency(latency.get("time_per_output_token"), _PER_TOKEN),
        input_tokens=_length(requests.get("input_length")),
        output_tokens=_length(requests.get("output_length")),
        succeeded=total - (failed or 0) - (incomplete or 0),
        failed=failed,
        incomplete=incomplete,
    )


def _latency(node: Node | None, units: Mapping[str, Decimal]) -> Latency:
    return Latency() if node is None else milliseconds(node, factor=units[_unit(node, units)])


def _unit(node: Node, known: Mapping[str, object]) -> str:
    unit = node.at("units")
    if unit.text() not in known:
        unit.fail(f"{unit.value!r} is not one of {', '.join(known)}")
    return unit.text()


def _rate(rates: Node, name: str, unit: str) -> Decimal | None:
    found = rates.get(name)
    if found is None:
        return None
    _unit(found, {unit: None})
    return checked(found)[0]


def _length(node: Node | None) -> Decimal | None:
    if node is None:
        return None
    _unit(node, {"count": None})
    return checked(node)[0]


def _load(root: Node) -> tuple[Decimal | None, str]:
    asked = root.get("scenario", "load", "standardized")
    if asked is not None and asked.has("rate_qps"):
        return asked.at("rate_qps").number(), "rate"
    if asked is not None and asked.has("concurrency"):
        return asked.at("concurrency").number(), "concurrency"
    return None, "rate"


def _date(root: Node) -> str:
    start = root.get("run", "time", "start")
    if start is None:
        return ""
    try:
        return datetime.fromisoformat(start.text()).astimezone(UTC).date().isoformat()
    except ValueError:
        return start.fail(f"{start.value!r} is no ISO 8601 time")


def _engines(root: Node) -> Mapping[str, Claim]:
    """What ``scenario.stack`` says of the inference engines."""
    stack = root.get("scenario", "stack")
    parts = [part.at("standardized") for part in stack.items()] if stack else []
    engines = [part for part in parts if part.at("kind").value == "inference_engine"]
    if not engines:
        return {}
    first = engines[0]
    for engine in engines:
        _whole(engine, engine.at("role").text())
        for key in ("tool", "tool_version", "model", "accelerator"):
            if engine.at(key).value != first.at(key).value:
                engine.at(key).fail("the engines of the stack differ: they are not one profile")
    replicas = sum(engine.at("replicas").count() for engine in engines)
    card = first.at("accelerator")
    said = {"model_id": _claim(first.at("model", "name")), "replicas": Claim(str(replicas), f"{first.path}.replicas")}
    said |= _tool(first.at("tool"), first.at("tool_version"))
    return said | _card(card, replicas)


def _hosts(root: Node) -> Mapping[str, Claim]:
    """What ``scenario`` of version 0.1 says: lists that go together, one member a server."""
    said = {"model_id": _claim(root.at("scenario", "model", "name"))}
    types = root.get("scenario", "host", "type")
    cards = root.get("scenario", "host", "accelerator")
    engines = root.get("scenario", "platform", "engine")
    if types:
        for one in types.items():
            _whole(one, one.text())
        said["replicas"] = Claim(str(len(list(types.items()))), types.path)
    for group in (cards, engines):
        members = list(group.items()) if group else []
        for member in members[1:]:
            if member.value != members[0].value:
                member.fail("the servers differ: they are not one profile")
        if group is cards and members:
            said |= _card(members[0], 1)
        elif members:
            said |= _tool(members[0].at("name"), members[0].get("version"))
    return said


def _whole(node: Node, role: str) -> None:
    if role != "replica":
        detail = f"{node.path}: {role} servers are parts of one that is split; a curve is of whole replicas"
        raise unreadable("GIQ1221", detail, "Import a report of servers that do both, prefill and decode.", node.file)


def _claim(node: Node) -> Claim:
    return Claim(node.text(), node.path)


def _tool(name: Node, version: Node | None) -> dict[str, Claim]:
    """The server and its version; an image in the place of either is kept as the image."""
    said = {}
    for column, node in (("model_server", name), ("model_server_version", version)):
        if node is not None:
            said["image" if "/" in node.text() else column] = _claim(node)
    return said


def _card(card: Node, replicas: int) -> dict[str, Claim]:
    count = card.at("count").count()
    said = {"accelerator": _claim(card.at("model"))}
    shape = card.get("parallelism")
    if shape is not None:
        sizes = {kind: maybe_count(shape, kind) or 1 for kind in ("tp", "dp", "pp")}
        product = sizes["tp"] * sizes["dp"] * sizes["pp"]
        if count == product * replicas:
            count = product
        text = f"tp{sizes['tp']}" + "".join(f"{kind}{sizes[kind]}" for kind in ("dp", "pp") if sizes[kind] > 1)
        said["parallelism"] = Claim(text, shape.path)
    said["accelerator_count"] = Claim(str(count), f"{card.path}.count")
    return said
