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
with asked as (select * from curves where {names}),
held as (
    select l.curve, count(*) as n from levels l join asked using (curve) where {targets} group by l.curve
),
ends as (
    select a.*, {lows}, {highs}, b.curve is not null as more
    from held h join asked using (curve)
    join levels a on a.curve = h.curve and a.place = h.n - 1
    left join levels b on b.curve = h.curve and b.place = h.n
),
shares as (select *, case when more then least(1, {shares}) else 0 end as share from ends),
shown as (select curve, {values} from shares),
costs as (
    select c.key, s.*, o.usd_per_hour / 3600 / (s.qps * c.input_tokens / 4 + s.output_tokens_per_second) * 1e6 as usd
    from shown s join curves c using (curve) left join offers o on o.hardware = c.hardware
)
select * from costs where {limits} order by usd nulls last, key limit 20
"""
RANGE = """
select min(l.ntpot_ms) filter (l.place = 0), max(l.ntpot_ms), min(l.ttft_ms), max(l.ttft_ms), min(l.itl_ms), max(l.itl_ms),
    min(l.output_tokens_per_second), max(l.output_tokens_per_second),
    arg_min(l.curve, l.ntpot_ms / {target}) from levels l join curves using (curve) where {names}
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
    """Levels up to the saturation point, curves with their names, and prices, as tables of the database."""
    rungs = columns.ladders
    counts = rungs.top + 1
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.repeat(rungs.starts[:-1], counts) + place
    levels = {"curve": np.repeat(np.arange(len(columns)), counts), "place": place}
    levels |= {name: rungs.levels[name][rows] for name in (*RATES, *LATENCIES)}
    curves: dict[str, Any] = {"curve": np.arange(len(columns)), "key": columns.curves["key"].astype(str)}
    for name in ("model_id", "model_server"):
        curves[name] = np.array(columns.names[name], object)[columns.curves[name]]
    curves["accelerator"] = np.array([h.accelerator for h in columns.hardware], object)[columns.curves["hardware"]]
    curves |= {name: columns.curves[name] for name in ("hardware", "input_tokens", "output_tokens")}
    prices = [(query.offers or {})[h].price for h in columns.hardware]
    offers = {"hardware": np.arange(len(prices)), "usd_per_hour": np.array([float(p.usd_per_hour) if p else np.nan for p in prices])}
    for name, table in (("levels", levels), ("curves", curves), ("offers", offers)):
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
    columns = (*RATES, *LATENCIES)
    targets = {f"{name}_ms": value for name, value in query.targets.items()}
    shares = [f"case when {n}_b > {t} then ({t} - {n}_a) / ({n}_b - {n}_a) else 1 end" for n, t in targets.items()]
    limit = query.max_usd_per_million_output_tokens
    where = " and ".join(names) or "true"
    shown = SHOWN.format(
        names=where,
        targets=" and ".join(f"l.{n} <= {t}" for n, t in targets.items()) or "true",
        lows=", ".join(f"a.{n} as {n}_a" for n in columns),
        highs=", ".join(f"b.{n} as {n}_b" for n in columns),
        shares=", ".join(shares) or "0",
        values=", ".join(f"case when share > 0 then {n}_a + ({n}_b - {n}_a) * share else {n}_a end as {n}" for n in columns),
        limits=f"usd <= {limit}" if limit is not None else "true",
    )
    return [shown, RANGE.format(names=where, target=query.ntpot_ms or 1)]
