"""The same questions in SQL: what DuckDB needs over the same fitted levels, all in its memory and with its own threads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from giqplan.catalog.columns import Columns
from giqplan.catalog.ladders import LATENCIES, RATES
from giqplan.model.profiles import ProfileQuery

SHOWN = """
with ends as (select *, case when ntpot_ms_next is null then 0 else least(1, {shares}) end as share
    from levels where {names} and {targets} and ({ends})),
shown as (select curve, hardware, input_tokens, {values} from ends),
costs as (select curve, s.* exclude (curve), o.usd_per_hour / 3600 / (qps * input_tokens / 4 + output_tokens_per_second) * 1e6 as usd
    from shown s left join offers o using (hardware))
select key, costs.* from (select * from costs where {limits} order by usd nulls last, curve limit 20) costs join curves using (curve)
order by usd nulls last, key
"""
"""A level is its curve's highest within the targets where they hold at it and not at the next: one scan, no grouping, no join of levels."""

RANGE = """
select min(ntpot_ms), max(ntpot_ms), min(ttft_ms), max(ttft_ms), min(itl_ms), max(itl_ms), min(output_tokens_per_second),
    max(output_tokens_per_second), arg_min(curve, ntpot_ms / {target}) from levels where {names}
"""


@dataclass
class Asked:
    """Milliseconds of each question, and the keys of its rows."""

    query_ms: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, list[str]] = field(default_factory=dict)


def asked(columns: Columns, queries: dict[str, ProfileQuery], runs: int) -> Asked:
    """Every question ``runs`` times, warm."""
    import duckdb

    session = duckdb.connect()
    _fill(session, columns, next(iter(queries.values())))
    found = Asked()
    for name, query in queries.items():
        statements = _statements(query)
        found.first[name] = [row[0] for row in session.execute(statements[0]).fetchall()]
        found.query_ms[name] = [_timed(session, statements) for _ in range(runs)]
    return found


def _timed(session: Any, statements: list[str]) -> float:
    start = time.perf_counter()
    for statement in statements:
        session.execute(statement).fetchall()
    return (time.perf_counter() - start) * 1000


def _fill(session: Any, columns: Columns, query: ProfileQuery) -> None:
    """Levels up to the saturation point, each beside the next one and with its curve's attributes; keys; prices."""
    rungs = columns.ladders
    counts = rungs.top + 1
    curve = np.repeat(np.arange(len(columns)), counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    rows, last = np.repeat(rungs.starts[:-1], counts) + place, place + 1 == counts[curve]
    levels: dict[str, Any] = {"curve": curve}
    levels |= {name: columns.curves[name][curve] for name in ("hardware", "input_tokens", "output_tokens")}
    for name in (*RATES, *LATENCIES):
        levels[name] = rungs.levels[name][rows]
        levels[f"{name}_next"] = np.ma.masked_array(rungs.levels[name][np.where(last, rows, rows + 1)], last)
    for name in ("model_id", "model_server"):
        levels[name] = np.array(columns.names[name], object)[columns.curves[name]][curve]
    levels["accelerator"] = np.array([h.accelerator for h in columns.hardware], object)[columns.curves["hardware"]][curve]
    prices = [(query.offers or {})[h].price for h in columns.hardware]
    offers = {
        "hardware": np.arange(len(prices), dtype=np.int32),
        "usd_per_hour": np.array([float(p.usd_per_hour) if p else np.nan for p in prices]),
    }
    keys = {"curve": np.arange(len(columns)), "key": columns.curves["key"].astype(str)}
    for name, table in (("levels", levels), ("curves", keys), ("offers", offers)):
        session.register("given", table)
        session.execute(f"create table {name} as select * from given")
        session.unregister("given")


def _statements(query: ProfileQuery) -> list[str]:
    """One statement, and a second one for the range and the nearest miss, which our answer holds, too."""
    names = [
        f"{column} in ({', '.join(repr(v) for v in wanted)})"
        for column, wanted in (("model_id", query.models), ("model_server", query.servers), ("accelerator", query.accelerators))
        if wanted
    ]
    if query.input_tokens and query.output_tokens:
        far = f"greatest(abs(ln({query.input_tokens} / input_tokens)), abs(ln({query.output_tokens} / output_tokens)))"
        names.append(f"{far} <= {query.max_distance!r}")
    targets = {f"{name}_ms": value for name, value in query.targets.items()}
    shares = [f"case when {n}_next > {t} then ({t} - {n}) / ({n}_next - {n}) else 1 end" for n, t in targets.items()]
    limit = query.max_usd_per_million_output_tokens
    where = " and ".join(names) or "true"
    shown = SHOWN.format(
        names=where,
        targets=" and ".join(f"{n} <= {t}" for n, t in targets.items()) or "true",
        ends=" or ".join(["ntpot_ms_next is null", *(f"{n}_next > {t}" for n, t in targets.items())]),
        shares=", ".join(shares) or "0",
        values=", ".join(f"case when share > 0 then {n} + ({n}_next - {n}) * share else {n} end as {n}" for n in (*RATES, *LATENCIES)),
        limits=f"usd <= {limit}" if limit is not None else "true",
    )
    return [shown, RANGE.format(names=where, target=query.ntpot_ms or 1)]
