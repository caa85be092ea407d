"""Questions over all curves of a catalog at once: which meet the targets, at which load, at what cost. No Python loop over curves;
only the rows that are handed out become values."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING

from giqplan.catalog.answers import Rung, rejection, row
from giqplan.catalog.columns import UNKNOWN_LENGTH, Columns
from giqplan.catalog.ladders import LATENCIES, RATES, highest_within
from giqplan.catalog.token_cost import MILLION, SECONDS_PER_HOUR
from giqplan.model.profiles import NearestMiss, Order, ProfileAnswers, ProfileQuery, ProfileRejection, ProfileRow, Reachable
from giqplan.model.recommendation import Reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

ANSWERS = -1
REASONS = (
    Reason.LENGTHS_UNKNOWN,
    Reason.LENGTHS_TOO_FAR,
    Reason.ALL_POINTS_SUSPECT,
    Reason.LATENCY_NOT_MEASURED,
    Reason.SLO_BELOW_RANGE,
    Reason.PRICE_UNKNOWN,
    Reason.TOO_EXPENSIVE_PER_TOKEN,
)
"""In the order in which curves are judged: the first that holds is a curve's reason."""

_NAMES = {
    "model_id": "models",
    "model_server": "servers",
    "model_server_version": "versions",
    "precision": "precisions",
    "parallelism": "parallelisms",
    "serving_stack": "stacks",
    "provenance": "provenances",
    "statistic": "statistics",
}
"""Column -> the field of the question that names what is wanted of it."""


def ask(table: Columns, query: ProfileQuery) -> ProfileAnswers:
    """The curves of ``table`` that answer ``query``, best first, and why the others do not."""
    return _Answering(table, query).answers()


class _Answering:
    """One question. Curves are narrowed step by step: ``considered`` by name, ``passed`` by lengths and by what is known of them,
    ``within`` by targets, ``chosen`` by cost. All but ``within`` and ``chosen`` are places in ``table``; these two are places in
    ``passed``, along which ``held``, ``share`` and every value at the load shown run."""

    def __init__(self, table: Columns, query: ProfileQuery) -> None:
        import numpy as np

        self.table = table
        self.query = query
        self.targets = query.targets
        self.considered = _considered(table, query)
        self.distance = self._distance()
        self.early = self._early()
        self.passed = self.considered[self.early == ANSWERS]
        self.held, self.share = highest_within(table.ladders, self.passed, self.targets)
        self.within = np.flatnonzero(self.held)
        self.late = self._late()
        self.chosen: Ints = self.within[self.late == ANSWERS]

    def answers(self) -> ProfileAnswers:
        import numpy as np

        counts = np.bincount(self.early[self.early != ANSWERS], minlength=len(REASONS))
        counts += np.bincount(self.late[self.late != ANSWERS], minlength=len(REASONS))
        counts[REASONS.index(Reason.SLO_BELOW_RANGE)] = len(self.passed) - len(self.within)
        return ProfileAnswers(
            rows=self._rows(self._first(self.query.limit)),
            total=len(self.chosen),
            considered=len(self.considered),
            rejected={r: count for r, count in zip(REASONS, counts.tolist(), strict=True) if count},
            rejections=self._rejections() if self.query.rejections != 0 else (),
            reachable=self._reachable(),
            nearest_miss=self._nearest_miss() if self.passed.size and not self.within.size else None,
            nearest_lengths=self._nearest_lengths() if not self.passed.size else None,
        )

    def _distance(self) -> Floats | None:
        """Of the curves considered (design rule 6): max(|ln(in/in')|, |ln(out/out')|), infinite where lengths are unknown."""
        import numpy as np

        if self.query.input_tokens is None or self.query.output_tokens is None:
            return None
        have, out = (self.table.curves[f"{way}_tokens"][self.considered] for way in ("input", "output"))
        with np.errstate(divide="ignore"):
            found: Floats = np.maximum(abs(np.log(self.query.input_tokens / have)), abs(np.log(self.query.output_tokens / out)))
        return found

    def _early(self) -> NDArray[np.int8]:
        """Of the curves considered the reason that no target's value and no price changes, or ANSWERS."""
        import numpy as np

        table, curves = self.table, self.considered
        reason = np.full(len(curves), ANSWERS, np.int8)
        unknown = table.curves["output_tokens"][curves] == UNKNOWN_LENGTH
        if self.distance is not None:
            unknown |= table.curves["input_tokens"][curves] == UNKNOWN_LENGTH
        _mark(reason, unknown, Reason.LENGTHS_UNKNOWN)
        if self.distance is not None:
            _mark(reason, self.distance > self.query.max_distance, Reason.LENGTHS_TOO_FAR)
        _mark(reason, table.curves["loads"][curves] == 0, Reason.ALL_POINTS_SUSPECT)
        measured = table.ladders.top[curves] >= 0
        for name in self.targets:
            measured &= table.ladders.complete[f"{name}_ms"][curves]
        _mark(reason, ~measured, Reason.LATENCY_NOT_MEASURED)
        return reason

    def _late(self) -> NDArray[np.int8]:
        """Of the curves within the targets the reason that lies in their cost, or ANSWERS."""
        import numpy as np

        reason = np.full(len(self.within), ANSWERS, np.int8)
        limits = [float(limit) for limit in (self.query.max_usd_per_million_output_tokens,) if limit is not None]
        if self.query.max_usd_per_million_input_tokens is not None:
            limits.append(float(self.query.max_usd_per_million_input_tokens * self.query.output_input_cost_ratio))
        if limits:
            _mark(reason, np.isnan(self.cost), Reason.PRICE_UNKNOWN)
            _mark(reason, self.cost > min(limits), Reason.TOO_EXPENSIVE_PER_TOKEN)
        return reason

    def value(self, name: str, at: Ints) -> Floats:
        """A column of the fitted levels at the load shown, for places in ``passed``: the lowest load where none holds the targets."""
        import numpy as np

        column, curves, share = self.table.ladders.levels[name], self.passed[at], self.share[at]
        low = self.table.ladders.starts[curves] + np.maximum(self.held[at] - 1, 0)
        found: Floats = column[low]
        between = np.flatnonzero(share)
        found[between] += (column[low[between] + 1] - found[between]) * share[between]
        return found

    @cached_property
    def cost(self) -> Floats:
        """Of the curves within the targets US dollars per million output tokens; NaN = no price, or unknown lengths."""
        import numpy as np

        hourly = np.full(len(self.table.hardware), np.nan)
        for i, hardware in enumerate(self.table.hardware):
            offer = (self.query.offers or {}).get(hardware)
            if offer is not None and offer.price is not None:
                hourly[i] = float(offer.price.usd_per_hour) / offer.replicas_per_machine
        curves = self.passed[self.within]
        given = self.table.curves["input_tokens"][curves].astype(float)
        given[given == UNKNOWN_LENGTH] = np.nan
        weighed = self.value("qps", self.within) * given / float(self.query.output_input_cost_ratio)
        tokens = weighed + self.value("output_tokens_per_second", self.within)
        found: Floats = hourly[self.table.curves["hardware"][curves]] / SECONDS_PER_HOUR / tokens * MILLION
        return found

    def _first(self, limit: int | None) -> Ints:
        """The first ``limit`` of ``chosen`` in the order asked for; curves stand in order of key, which decides between equals."""
        import numpy as np

        values = self._order()
        if values is None:
            return self.chosen[:limit]
        values = np.where(np.isnan(values), np.inf, values)
        near = np.arange(len(values))
        if limit is not None and 0 < limit < len(values):
            near = np.flatnonzero(values <= np.partition(values, limit - 1)[limit - 1])
        found: Ints = self.chosen[near[np.argsort(values[near], kind="stable")]]
        return found[:limit]

    def _order(self) -> Floats | None:
        """What ``chosen`` is ordered by, least first; None = by key."""
        order = self.query.order
        if order is Order.COST:
            return self.cost[self.late == ANSWERS] if self.query.offers else None
        if order is Order.DISTANCE and self.distance is not None:
            passed: Floats = self.distance[self.early == ANSWERS]
            return passed[self.chosen]
        if order is Order.THROUGHPUT:
            return -self.value("output_tokens_per_second", self.chosen)
        if order in (Order.NTPOT, Order.TTFT, Order.ITL):
            return self.value(f"{order.value}_ms", self.chosen)
        return None

    def _rungs(self, at: Ints) -> list[Rung]:
        """Where these places of ``passed`` are shown."""
        names = (*RATES, *LATENCIES)
        values = zip(*(self.value(name, at).tolist() for name in names), strict=True)
        far = [None] * len(at) if self.distance is None else self.distance[self.early == ANSWERS][at].tolist()
        shown = zip(self.held[at].tolist(), (self.share[at] > 0).tolist(), values, far, strict=True)
        return [Rung(held, between, dict(zip(names, numbers, strict=True)), away) for held, between, numbers, away in shown]

    def _rows(self, at: Ints) -> tuple[ProfileRow, ...]:
        curves = self.passed[at].tolist()
        return tuple(row(self.table, self.query, curve, rung) for curve, rung in zip(curves, self._rungs(at), strict=True))

    def _rejections(self) -> tuple[ProfileRejection, ...]:
        import numpy as np

        every = self.early.copy()
        passed = np.full(len(self.passed), REASONS.index(Reason.SLO_BELOW_RANGE), np.int8)
        passed[self.within] = self.late
        places = np.cumsum(every == ANSWERS) - 1
        every[every == ANSWERS] = passed
        lost = np.flatnonzero(every != ANSWERS)[: self.query.rejections]
        late = lost[self.early[lost] == ANSWERS]
        rungs = dict(zip(late.tolist(), self._rungs(places[late]), strict=True))
        return tuple(rejection(self.table, self.query, int(self.considered[i]), REASONS[every[i]], rungs.get(i)) for i in lost.tolist())

    def _reachable(self) -> tuple[Reachable, ...]:
        """Of ``passed``: latencies at all their loads, throughput up to the saturation point."""
        import numpy as np

        rungs = self.table.ladders
        first, last = rungs.starts[self.passed], rungs.starts[self.passed + 1] - 1
        found = []
        for name in (*LATENCIES, "output_tokens_per_second") if self.passed.size else ():
            column = rungs.levels[name]
            least = np.fmin.reduce(column[first])
            largest = np.fmax.reduce(column[last if name in LATENCIES else first + rungs.top[self.passed]])
            if not (np.isnan(least) or np.isnan(largest)):
                found.append(Reachable(name.removesuffix("_ms"), float(least), float(largest)))
        return tuple(found)

    def _nearest_miss(self) -> NearestMiss:
        """The curve whose worst target is missed by the least factor, each at its lowest load; only where none is within the targets."""
        import numpy as np

        every = np.arange(len(self.passed))
        factors = np.stack([self.value(f"{name}_ms", every) / target for name, target in self.targets.items()])
        at = int(factors.max(axis=0).argmin())
        metric = list(self.targets)[int(factors[:, at].argmax())]
        best = float(self.value(f"{metric}_ms", every[at : at + 1])[0])
        return NearestMiss(self._rows(every[at : at + 1])[0], metric, self.targets[metric], best)

    def _nearest_lengths(self) -> tuple[int, int] | None:
        import numpy as np

        if self.distance is None or not (self.early == REASONS.index(Reason.LENGTHS_TOO_FAR)).any():
            return None
        curve = int(self.considered[np.argmin(self.distance)])
        return int(self.table.curves["input_tokens"][curve]), int(self.table.curves["output_tokens"][curve])


def _mark(reason: NDArray[np.int8], where: Flags, why: Reason) -> None:
    reason[where & (reason == ANSWERS)] = REASONS.index(why)


def _considered(table: Columns, query: ProfileQuery) -> Ints:
    """The places of the curves that have what is asked for by name."""
    import numpy as np

    keep = np.ones(len(table), bool)
    for column, field in _NAMES.items():
        wanted: Collection[str] = getattr(query, field)
        if wanted:
            keep &= np.array([name in wanted for name in table.names[column]], bool)[table.curves[column]]
    if query.accelerators or query.accelerator_counts or query.machine_types:
        offers = query.offers or {}
        keep &= np.array(
            [
                (not query.accelerators or h.accelerator in query.accelerators)
                and (not query.accelerator_counts or h.accelerator_count in query.accelerator_counts)
                and (
                    not query.machine_types
                    or h.machine_type in query.machine_types
                    or (h in offers and offers[h].machine_type in query.machine_types)
                )
                for h in table.hardware
            ],
            bool,
        )[table.curves["hardware"]]
    if query.latest_version:
        keep &= table.curves["newest"]
    return np.flatnonzero(keep)
