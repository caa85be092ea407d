"""Physics and transfer together: ITL and TTFT of any replica at any point, before they are made monotone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from giqplan.catalog import Catalog
from giqplan.recommend.estimator import kernel as kernels
from giqplan.recommend.estimator.ceiling import Maxima, maxima
from giqplan.recommend.estimator.parameters import Parameters
from giqplan.recommend.estimator.physics import COMPONENTS, Coefficients, Times, places, predict
from giqplan.recommend.estimator.replicas import SERVERS, Facts, Floats, Ints
from giqplan.recommend.estimator.training import Measured
from giqplan.recommend.estimator.transfer import NO_TRUST, Questions, Transfer, questions, weigh

METRICS = ("itl", "ttft")


def coefficients(parameters: Mapping[str, Mapping[str, float]], servers: tuple[str, ...]) -> dict[str, Floats]:
    """Of each replica, by the server that it runs."""
    return {name: np.array([parameters[SERVERS[server]][name] for server in servers]) for name in COMPONENTS}


def take(by: Mapping[str, Floats], index: Ints) -> dict[str, Floats]:
    return {name: values[index] for name, values in by.items()}


@dataclass(frozen=True, slots=True)
class Fitted:
    """The estimator with what it knows."""

    parameters: Parameters
    catalog: Catalog
    measured: Measured
    transfers: Mapping[str, Transfer]
    maxima: Maxima

    def scatter(self, metric: str, at: str) -> Floats:
        """Logarithm of each point's error where just that was left out; of one that calibration did not see, the usual one."""
        held = self.parameters.scatter.get(metric, {}).get(at, {})
        usual = float(np.median([one for errors in held.values() for one in errors])) if held else 1.0
        found, place = [], -1
        for row, number in enumerate(self.measured.curve):
            place = place + 1 if row and number == self.measured.curve[row - 1] else 0
            errors = held.get(self.measured.curves[number].key, ())
            found.append(errors[place] if place < len(errors) else usual)
        return np.log(found)


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
    """Points (input, output, requests that have a place) in a kernel's terms."""
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


def in_doubt(measured: Measured, facts: Facts) -> dict[str, NDArray[np.bool_]]:
    """Points that teach nothing of a metric: the TTFT of more requests than have a place is their wait."""
    waiting = measured.load > places(facts, measured.input_tokens, measured.output_tokens)
    return {"itl": np.zeros_like(waiting), "ttft": waiting}


def running(measured: Measured, facts: Facts) -> Floats:
    """Requests of each point that have a place."""
    return np.minimum(measured.load, places(facts, measured.input_tokens, measured.output_tokens))


def fit(parameters: Parameters, catalog: Catalog, measured: Measured) -> Fitted:
    """Weights come from calibration where it saw just these points, else from here. A point that it did not see counts as any."""
    facts, by, times = physics_of(parameters, measured)
    found, points = residuals(measured, times), (measured.input_tokens, measured.output_tokens, running(measured, facts))
    doubted, transfers = in_doubt(measured, facts), {}
    keys = [measured.curves[number].key for number in measured.curve]
    for metric in METRICS:
        known = asked(parameters, metric, facts, by, times, points, measured.which, measured.replicas.kinds)
        held = parameters.trust.get(metric, {})
        trust = np.array([held.get(key, {}).get(f"{load:g}", 1.0) for key, load in zip(keys, measured.load, strict=True)])
        trust = np.where(doubted[metric], NO_TRUST, trust)
        held_weights = parameters.weights.get(metric) if parameters.measured == measured.digest else None
        weights = weigh(parameters.kernels[metric], known, found[metric], trust) if held_weights is None else np.array(held_weights)
        transfers[metric] = Transfer(parameters.kernels[metric], known, trust, weights)
    return Fitted(parameters, catalog, measured, transfers, maxima(catalog))
