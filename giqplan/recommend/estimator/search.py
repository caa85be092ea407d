"""Which replicas of a model are worth a question: counts of accelerators, tensor-parallel size and precision of a plain deployment.

A plain deployment is what giqplan writes: ``vllm serve --tensor-parallel-size N`` over all N accelerators of a replica. Of a mixture of
experts it splits every expert N ways (vLLM spreads whole experts only with ``--enable-expert-parallel``). Nothing here is computed but
memory; speed is the estimator's, cost the choice's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from giqplan.catalog import Accelerator, Catalog, Model
from giqplan.catalog.checkpoint import checkpoint_family, held_precision, served_as
from giqplan.catalog.inventory import entries
from giqplan.catalog.versions import newest
from giqplan.model.estimate import Setup
from giqplan.recommend.estimator.memory import Fit, NoFit, fit, tensor_parallel_sizes


@dataclass(frozen=True, slots=True)
class Option:
    """A replica that could be deployed, and whether it fits in memory."""

    setup: Setup
    memory: Fit | NoFit


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the model: ``precision`` "" = the checkpoint's own; ``tokens``: the longest request that the server is started
    for, whose cache must fit (vLLM does not start otherwise); ``count`` None = any."""

    model_server: str
    model_server_version: str
    precision: str = ""
    tokens: int = 1
    count: int | None = None


def replica_counts(catalog: Catalog, accelerator: str) -> tuple[int, ...]:
    """How many accelerators a replica may take: what a machine carries, and the powers of two below, of which it holds several."""
    carried = {int(m.accelerator_count) for m in catalog.machines_for(accelerator) if m.accelerator_count == int(m.accelerator_count)}
    powers = {2**power for power in range(max(carried, default=0).bit_length())}
    return tuple(sorted(carried | {count for count in powers if count <= max(carried, default=0)}))


def options(model: Model, catalog: Catalog, accelerator: Accelerator, wanted: Wanted) -> tuple[Option, ...]:
    """Every count of ``accelerator`` over which the model's heads can be split, smallest first. A count that is asked for is always
    answered, if only by why it is not possible."""
    if wanted.count is not None:
        counts: Iterable[int] = (wanted.count,)
    else:
        possible = replica_counts(catalog, accelerator.name)
        counts = (count for count in possible if count in tensor_parallel_sizes(model, count))
    return tuple(_option(model, accelerator, count, wanted) for count in counts)


def _option(model: Model, accelerator: Accelerator, count: int, wanted: Wanted) -> Option:
    setup = Setup(
        model_id=model.model_id,
        model_server=wanted.model_server,
        model_server_version=wanted.model_server_version,
        accelerator=accelerator.name,
        accelerator_count=count,
        precision=wanted.precision,
        parallelism=f"tp{count}",
    )
    memory = fit(model, accelerator, count, wanted.precision, setup.parallelism, wanted.model_server, wanted.tokens)
    return Option(setup, memory)


@lru_cache(maxsize=64)
def newest_version(catalog: Catalog, server: str, model: Model | None = None, accelerator: str = "") -> str:
    """The newest version of ``server`` measured of the model on ``accelerator``, else of any model on any; "" = none is known."""
    own = entries(catalog, model.model_id, server) if model is not None else ()
    of_model = newest({entry.version for entry in own if entry.accelerator == accelerator})
    return of_model or newest({entry.version for entry in entries(catalog, server=server)})


def precision_of(model: Model, quantization: str, *, streamed: bool) -> str | None:
    """The precision that a plain deployment serves: "" = the checkpoint's own; with the user's ``--quantization`` what that makes of it;
    None = nothing that has a model of its speed.

    Quantising a 16-bit checkpoint while it loads changes the model's answers: it is never proposed, only followed when it is asked for.
    """
    if not quantization:
        return ""
    held, asked = held_precision(model.model_id, model.checkpoint_dtype), _family(quantization)
    if asked == held:
        return ""
    return asked if asked == "fp8" and served_as(asked, held, streamed=streamed) else None


def _family(quantization: str) -> str:
    return "int4" if quantization.startswith(("gptq", "awq")) else checkpoint_family(quantization)
