"""One replica from first principles (docs/estimator.md has the equations). Times are milliseconds.

A decode step reads the weights that its tokens need and the cache of all running requests, multiplies, and reduces over the links;
meanwhile new prompts take their share of every step. What is fitted is a coefficient for each component, by model server: how much longer
than at the data sheet's rate it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from giqplan.recommend.estimator.replicas import Facts, Floats, Ints

COMPONENTS = {
    "step": 0.5,
    "layer": 0.03,
    "dense_read": 1 / 0.75,
    "expert_read": 1 / 0.7,
    "cache_read": 1.1,
    "dense_math": 1 / 0.55,
    "expert_math": 1 / 0.3,
    "reduce_round": 0.008,
    "reduce_bytes": 1 / 0.4,
    "prefill_math": 1 / 0.7,
    "attention_math": 1 / 0.4,
    "first_base": 20.0,
    "first_own": 1.0,
    "first_steps": 3.0,
    "first_burst": 0.05,
    "first_crowd": 3.0,
}
"""Coefficient -> its value before any measurement: milliseconds (``step``, ``layer``, ``reduce_round``, ``first_base``), a number of steps
(``first_steps``), else a factor on the time at the data sheet's rate."""

_GROWN = 0.6
"""Share of the output that a request has in the cache when it counts for how many fit: between the mean of a half and its end."""

Coefficients = Mapping[str, Floats | float]
Index = Ints | slice
ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Times:
    """``itl``, ``ttft``: the prediction; the rest are its parts. ``crowd``: share of the time that prompts take."""

    itl: Floats
    ttft: Floats
    weights_ms: Floats
    cache_ms: Floats
    math_ms: Floats
    reduce_ms: Floats
    overhead_ms: Floats
    prefill_ms: Floats
    own_ms: Floats
    burst_ms: Floats
    crowd: Floats


def cache_bytes(facts: Facts, tokens: Floats, at: Index = ALL) -> Floats:
    """KV cache of one request on each of its accelerators; ``at``: the replica of each request, else they broadcast."""
    within = np.minimum(tokens, facts.cache_window[at])
    return tokens * facts.cache_bytes[at] + within * facts.cache_windowed_bytes[at] + facts.cache_state_bytes[at]


def places(facts: Facts, input_tokens: Floats, output_tokens: Floats, at: Index = ALL) -> Floats:
    """Requests of this shape that run at once."""
    held = facts.copies[at] * facts.free_bytes[at] / cache_bytes(facts, input_tokens + _GROWN * output_tokens, at)
    return np.maximum(np.minimum(held, facts.batch[at]), 1.0)


def _chosen(facts: Facts, tokens: Floats) -> Floats:
    """Share of the experts that so many tokens choose, if each chooses at random."""
    share = facts.experts_per_token / np.maximum(facts.experts, 1)
    return 1 - (1 - share) ** np.maximum(tokens, 1)


def _either(a: Floats, b: Floats) -> Floats:
    """Two things at once: the longer one, and a little more where they are alike."""
    return np.cbrt(a**3 + b**3)


def predict(facts: Facts, by: Coefficients, input_tokens: Floats, output_tokens: Floats, concurrency: Floats) -> Times:
    """ITL and TTFT of requests that have a place, in a closed loop of ``concurrency`` in flight in the whole replica. Those without one
    wait (``loops``) and change nothing for the others. All arguments broadcast."""
    running = np.minimum(concurrency, places(facts, input_tokens, output_tokens))
    each = np.maximum(running / facts.copies, 1)
    weights = (by["dense_read"] * facts.dense_bytes + by["expert_read"] * facts.expert_bytes * _chosen(facts, running)) / facts.bandwidth
    maths = (by["dense_math"] * each * facts.dense_flops + by["expert_math"] * running * facts.expert_flops) / facts.flops
    cache = by["cache_read"] * each * cache_bytes(facts, input_tokens + output_tokens / 2) / facts.bandwidth
    reduce = by["reduce_round"] * facts.reduce_rounds + by["reduce_bytes"] * each * facts.reduce_bytes / facts.link
    overhead = by["step"] + by["layer"] * facts.layers
    prefill = _prefill(facts, by, input_tokens)
    own = _either(prefill, _prompt_read(facts, by, input_tokens))
    shared = running / output_tokens * prefill / facts.copies
    itl = overhead + _either(weights, maths) + cache + reduce + shared
    crowd = shared / itl
    burst = by["first_burst"] * running * prefill / facts.copies
    crowded = by["first_crowd"] * own * running / output_tokens
    ttft = by["first_base"] + by["first_own"] * own + by["first_steps"] * itl + burst + crowded
    return Times(itl, ttft, weights, cache, maths, reduce, overhead + 0 * itl, prefill, own, burst, crowd)


def _prefill(facts: Facts, by: Coefficients, input_tokens: Floats) -> Floats:
    """Arithmetic and reduction of one prompt: linear in its length, and attention's square."""
    experts = by["expert_math"] / by["dense_math"]
    linear = by["prefill_math"] * input_tokens * (facts.dense_flops + experts * facts.expert_flops * facts.copies)
    square = by["attention_math"] * facts.attention_flops * input_tokens**2
    return (linear + square) / facts.flops + by["reduce_bytes"] * input_tokens * facts.reduce_bytes / facts.link


def _prompt_read(facts: Facts, by: Coefficients, input_tokens: Floats) -> Floats:
    """A short prompt takes no less than reading the weights once."""
    read = facts.dense_bytes + facts.expert_bytes * _chosen(facts, input_tokens)
    return by["dense_read"] * read / facts.bandwidth


def fastest(facts: Facts, input_tokens: Floats, output_tokens: Floats, concurrency: Floats, at: Index = ALL) -> tuple[Floats, Floats]:
    """ITL and TTFT that no server can beat: weights and cache read at the data sheet's bandwidth, every FLOP at its rate, nothing else.
    ``at``: the replica of each request, else they broadcast."""
    copies, bandwidth, flops = facts.copies[at], facts.bandwidth[at], facts.flops[at]
    running = np.minimum(concurrency, places(facts, input_tokens, output_tokens, at))
    each = np.maximum(running / copies, 1)
    chosen = (facts.experts_per_token / np.maximum(facts.experts, 1))[at]  # all tokens of a step may choose the same experts
    read = (facts.dense_bytes[at] + facts.expert_bytes[at] * chosen) / bandwidth
    cache = each * cache_bytes(facts, input_tokens + output_tokens / 2, at) / bandwidth
    maths = (each * facts.dense_flops[at] + running * facts.expert_flops[at]) / flops
    prompt = input_tokens * (facts.dense_flops[at] + facts.expert_flops[at] * copies) / flops
    itl = np.maximum(read + cache, maths + running / output_tokens * prompt / copies)
    return itl, np.maximum(prompt, read)
