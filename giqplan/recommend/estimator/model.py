"""Physics and transfer together: ITL and TTFT of any replica at any point, before they are made monotone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from giqplan.recommend.estimator import kernel as kernels
from giqplan.recommend.estimator.parameters import Parameters
from giqplan.recommend.estimator.physics import COMPONENTS, Coefficients, Times, predict
from giqplan.recommend.estimator.replicas import SERVERS, Facts, Floats, Ints
from giqplan.recommend.estimator.training import Measured
from giqplan.recommend.estimator.transfer import Questions, Transfer, learn, questions

METRICS = ("itl", "ttft")


def coefficients(parameters: Mapping[str, Mapping[str, float]], servers: tuple[str, ...]) -> dict[str, Floats]:
    """Of each replica, by the server that it runs."""
    return {name: np.array([parameters[SERVERS[server]][name] for server in servers]) for name in COMPONENTS}


def take(by: Mapping[str, Floats], index: Ints) -> dict[str, Floats]:
    return {name: values[index] for name, values in by.items()}


@dataclass(frozen=True, slots=True)
class Fitted:
    """The estimator after it has learned from ``measured``."""

    parameters: Parameters
    measured: Measured
    transfers: Mapping[str, Transfer]
    trust: Mapping[str, Floats]


def asked(
    parameters: Parameters,
    metric: str,
    facts: Facts,
    by: Coefficients,
    times: Times,
    points: tuple[Floats, Floats, Floats],
    which: Ints,
    kinds: Mapping[str, tuple[str, ...]],
) -> Questions:
    kernel = parameters.kernels[metric]
    return questions(kernel, kernels.features(metric, facts, by, times, *points), which, kinds)


def physics_of(parameters: Parameters, measured: Measured) -> tuple[Facts, dict[str, Floats], Times]:
    """Facts, coefficients and prediction of every measured point."""
    facts = measured.replicas.facts.take(measured.which)
    by = take(coefficients(parameters.coefficients, measured.replicas.kinds["server"]), measured.which)
    return facts, by, predict(facts, by, measured.input_tokens, measured.output_tokens, measured.load)


def residuals(measured: Measured, times: Times) -> dict[str, Floats]:
    """Natural logarithm of measured over predicted."""
    return {"itl": np.log(measured.itl_ms / times.itl), "ttft": np.log(measured.ttft_ms / times.ttft)}


def fit(parameters: Parameters, measured: Measured) -> Fitted:
    facts, by, times = physics_of(parameters, measured)
    found, points = residuals(measured, times), (measured.input_tokens, measured.output_tokens, measured.load)
    transfers, trust = {}, {}
    for metric in METRICS:
        known = asked(parameters, metric, facts, by, times, points, measured.which, measured.replicas.kinds)
        transfers[metric], trust[metric] = learn(parameters.kernels[metric], known, found[metric])
    return Fitted(parameters, measured, transfers, trust)
