"""GuideLLM's CSV report: three header lines (group, what, statistic), then one line a benchmark. Facts as in ``guidellm_json``.

The columns differ from run to run: what a benchmark of the run lacks has none, or blank cells.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import PurePath

from giqplan.catalog.importers.document import Node, parse_tree
from giqplan.catalog.importers.guidellm_json import FORMAT, NTPOT_NOTE, VERSION, model_of
from giqplan.catalog.importers.rows import Line, other_columns, records
from giqplan.catalog.importers.values import Latency, Measurement, broken, unreadable
from giqplan.errors import CatalogError, Place

_TYPE, _STRATEGY = "Benchmark/Type/", "Benchmark/Strategy/"
_NEEDED = (
    "Run Info/Backend/",
    _TYPE,
    _STRATEGY,
    "Request Counts/Successful/",
    "Request Counts/Incomplete/",
    "Request Counts/Errored/",
    "Time per Output Token/Successful ms/Mean",
    "Time per Output Token/Successful ms/Median",
    "Server Throughput/Successful Requests/Sec/Mean",
    "Token Throughput/Successful Output Tokens/Sec/Mean",
    "Token Metrics/Successful Input Tokens/Mean",
    "Token Metrics/Successful Output Tokens/Mean",
    "Runtime Info/Metadata/",
)


def is_guidellm(text: str) -> bool:
    return text.startswith("Run Info,")


def read(file: str, text: str) -> tuple[Measurement, ...]:
    """A measurement for each line. Raises CatalogError GIQ1217, GIQ1218 (another version), GIQ1219 (columns)."""
    found = list(records(file, text))
    if len(found) < 4:
        raise broken(file, f"{len(found)} lines: three header lines and one for each benchmark are wanted", len(found))
    heads = [cells for _, cells in found[:3]]
    if len({len(cells) for cells in heads}) > 1:
        raise broken(file, "the three header lines differ in length", 1)
    columns = ["/".join(parts) for parts in zip(*heads, strict=True)]
    missing = [column for column in _NEEDED if column not in columns]
    if missing:
        raise other_columns(file, columns, [*columns, *missing], 1)
    lines = []
    for number, cells in found[3:]:
        if len(cells) != len(columns):
            raise broken(file, f"the row has {len(cells)} cells, the header {len(columns)}: it is cut off", number)
        lines.append(Line(file, number, dict(zip(columns, cells, strict=True))))
    return tuple(_one(line, index) for index, line in enumerate(lines, 1))


def _one(line: Line, row: int) -> Measurement:
    _check_version(line)
    if line.text(_TYPE) != "generative_benchmark":
        line.fail(_TYPE, f"{line.text(_TYPE)!r} is no generative benchmark")
    backend = _tree(line, "Run Info/Backend/")
    streamed = not backend.has("stream") or backend.at("stream").value is True
    load, load_kind = _strategy(line)
    start = line.cells.get("Timings/Start Time/", "")
    return Measurement(
        format=FORMAT,
        place=Place(line.file, line.number),
        where=f"benchmark {row}",
        run=str(PurePath(line.file).parent),
        load=load,
        load_kind=load_kind,
        qps=line.number_in("Server Throughput/Successful Requests/Sec/Mean"),
        output_tokens_per_second=line.number_in("Token Throughput/Successful Output Tokens/Sec/Mean"),
        ntpot=_latency(line, "Time per Output Token"),
        ttft=_latency(line, "Time to First Token") if streamed else Latency(),
        itl=_latency(line, "Inter Token Latency") if streamed else Latency(),
        input_tokens=line.number_in("Token Metrics/Successful Input Tokens/Mean"),
        output_tokens=line.number_in("Token Metrics/Successful Output Tokens/Mean"),
        succeeded=line.count("Request Counts/Successful/"),
        failed=line.count("Request Counts/Errored/"),
        incomplete=line.count("Request Counts/Incomplete/"),
        measured_at=start[:10] if re.match(r"\d{4}-\d\d-\d\d\b", start) else "",
        said=model_of(backend),
        notes=(NTPOT_NOTE,),
    )


def _check_version(line: Line) -> None:
    version = _tree(line, "Runtime Info/Metadata/").get("version")
    if version is None or version.value != VERSION:
        detail = f"Runtime Info/Metadata/: version is {version.value if version else 'missing'}"
        remedy = f"This giqplan reads version {VERSION}: run the benchmark with a newer GuideLLM."
        raise unreadable("GIQ1218", detail, remedy, line.file, line.number)


def _tree(line: Line, column: str) -> Node:
    """The JSON of a cell."""
    text = line.must(column)
    if not text.startswith("{"):
        line.fail(column, "no JSON object")
    try:
        return Node(line.file, parse_tree(line.file, text), f"line {line.number}, {column}")
    except CatalogError as error:
        line.fail(column, error.detail)


def _strategy(line: Line) -> tuple[Decimal | None, str]:
    """``constant@5.00``, ``concurrent@4``, ``synchronous``, ``throughput``."""
    name, _, size = line.must(_STRATEGY).partition("@")
    if name == "synchronous":
        return Decimal(1), "concurrency"
    if size and re.fullmatch(r"\d+(\.\d+)?", size):
        return Decimal(size), "concurrency" if name == "concurrent" else "rate"
    return None, "concurrency" if name.startswith("throughput") else "rate"


def _latency(line: Line, group: str) -> Latency:
    """Zero = not measured: the CSV has a distribution of zeros where nothing was counted."""
    column = f"{group}/Successful ms"
    if not {f"{column}/Mean", f"{column}/Median"} <= line.cells.keys():
        return Latency()
    _in_order(line, f"{column}/Percentiles")
    mean, median = line.number_in(f"{column}/Mean"), line.number_in(f"{column}/Median")
    return Latency(p50=median or None, mean=mean or None)


def _in_order(line: Line, column: str) -> None:
    text = line.cells.get(column, "").strip()
    if not text:
        return
    try:
        values = [Decimal(part) for part in text.strip("[]").split(",")]
    except ArithmeticError:
        line.fail(column, f"{text[:40]!r} is no list of numbers")
    if not all(value.is_finite() for value in values) or values != sorted(values):
        line.fail(column, "out of order: percentiles fall")
