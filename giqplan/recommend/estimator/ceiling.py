"""The most that replicas of a model on an accelerator were ever said to serve (catalog/maxima.csv): no estimate serves more.

A maximum bounds the time of a request: so many in flight that leave at no higher rate take at least so long. It is stated for some
shapes; between them and beyond, what physics says of a full replica is corrected as it has to be at the stated ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from giqplan.catalog import Catalog
from giqplan.catalog.checkpoint import checkpoint_family
from giqplan.catalog.values import Maximum
from giqplan.model.estimate import Setup
from giqplan.recommend.estimator.lattice import INPUT_NODES, LOAD_NODES, OUTPUT_NODES, SHAPE, least
from giqplan.recommend.estimator.physics import Coefficients, places, predict
from giqplan.recommend.estimator.replicas import Facts, Floats, describe

ALLOWED = 1.0
"""Of a stated maximum. Between the stated shapes, interpolation may add up to a tenth."""

_NEAR = 0.1
"""Logarithm of lengths within which a stated shape says all of a node; farther off its weight falls with the distance's fourth power."""

_NARROWER = {"bf16": ("fp8", "fp4"), "fp8": ("fp4",)}
"""Precision -> those of fewer bits, whose maxima bound it where it has none: they read less and multiply no slower."""

_SAME_LENGTH = 1
"""Decimals of the lengths' binary logarithms: 1,000 and 1,024 tokens are one length."""


class Most(NamedTuple):
    """``rate``: output tokens per millisecond of each accelerator."""

    input_tokens: float
    output_tokens: float
    rate: float
    accelerators: int

    @property
    def shape(self) -> tuple[float, float]:
        return round(np.log2(self.input_tokens), _SAME_LENGTH), round(np.log2(self.output_tokens), _SAME_LENGTH)


@dataclass(frozen=True, slots=True)
class Maxima:
    """``rows``: model (its architecture), accelerator and precision -> what is stated of them."""

    rows: Mapping[tuple[str, str, str], Sequence[Most]]

    def of(self, kinds: Mapping[str, str], accelerators: int) -> tuple[Most, ...]:
        """What bounds such a replica, the most of each shape over splits and releases: of so many accelerators, where that is stated."""
        for precision in (kinds["precision"], *_NARROWER.get(kinds["precision"], ())):
            if rows := self.rows.get((kinds["model"], kinds["accelerator"], precision)):
                own = [row for row in rows if row.accelerators == accelerators] or rows
                return tuple({row.shape: row for row in sorted(own, key=lambda row: row.rate)}.values())
        return ()


def maxima(catalog: Catalog) -> Maxima:
    """All that the catalog states."""
    stated = [(one, setup) for one in catalog.maxima() for setup in _setups(catalog, one)]
    setups = sorted({setup for _, setup in stated})
    replicas, where, _ = describe(setups, catalog, catalog.model)
    index, found = dict(zip(setups, where, strict=True)), defaultdict(list)
    for one, setup in stated:
        if index[setup] >= 0:
            model, accelerator, precision = (replicas.kinds[kind][index[setup]] for kind in ("model", "accelerator", "precision"))
            rate = one.output_tokens_per_second / one.accelerator_count / 1000
            most = Most(float(one.input_tokens), float(one.output_tokens), rate, one.accelerator_count)
            found[model, accelerator, precision].append(most)
    return Maxima(found)


def _setups(catalog: Catalog, one: Maximum) -> Iterator[Setup]:
    """In the precision that is stated; and in the checkpoint's own, where that is of four bits, which this hardware multiplies as more:
    then the arithmetic's precision is stated, not that of the weights (gpt-oss is published in mxfp4 only)."""
    setup = Setup(one.model_id, "trtllm", "", one.accelerator, one.accelerator_count, one.precision)
    yield setup
    model, chip = catalog.model(one.model_id), catalog.accelerator(one.accelerator)
    if model and chip and not chip.fp4_tflops and checkpoint_family(model.checkpoint_dtype) == "fp4" != one.precision:
        yield Setup(one.model_id, "trtllm", "", one.accelerator, one.accelerator_count)


def least_request(rows: Sequence[Most], facts: Facts, by: Coefficients) -> Floats:
    """Logarithm of the least milliseconds that a request takes at every node (input x output x load). ``facts``: of one replica. It rises
    with all three, with load one to one."""
    inputs, outputs = (axis.ravel() for axis in np.meshgrid(INPUT_NODES, OUTPUT_NODES, indexing="ij"))
    stated = np.array(rows, dtype=np.float64)[:, :3].T
    apart_squared = np.log(inputs[:, None] / stated[0]) ** 2 + np.log(outputs[:, None] / stated[1]) ** 2
    near = (apart_squared + _NEAR**2) ** -2
    correction = near @ np.log(stated[2] / _full(facts, by, stated[0], stated[1])) / near.sum(axis=1)
    rate = np.exp(correction) * _full(facts, by, inputs, outputs)
    each = np.log(outputs / (ALLOWED * rate * facts.accelerators)).reshape(SHAPE[:2])
    found: Floats = np.maximum.accumulate(least(each, axis=1), axis=0)[..., None] + np.log(LOAD_NODES)
    return found


def _full(facts: Facts, by: Coefficients, input_tokens: Floats, output_tokens: Floats) -> Floats:
    """Output tokens per millisecond, by physics, of a replica all of whose places are taken."""
    running = places(facts, input_tokens, output_tokens)
    times = predict(facts, by, input_tokens, output_tokens, running)
    found: Floats = running * output_tokens / (times.ttft + times.itl * (output_tokens - 1))
    return found
