"""Accelerators that are one another with more of everything: no replica may be slower on the larger one.

Measurements of two chips come from other versions, settings and days, so what they say of a third case may contradict this. Then the better
known of the two is believed for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from giqplan.catalog import Accelerator, Catalog
from giqplan.model.estimate import Setup
from giqplan.recommend.estimator.replicas import Replicas, describe

_SAME_COMPUTE = 1.2
"""Chips of one kind: the arithmetic of H100 and H200 is the same, that of B200 and GB200 within this factor."""


@dataclass(frozen=True, slots=True)
class Kin:
    """``replicas``: those asked for first, then the same on kindred accelerators. ``pairs``: indices of a replica and of the same one on a
    chip with more of everything."""

    replicas: Replicas
    asked: int
    pairs: tuple[tuple[int, int], ...]


def kin(replicas: Replicas, catalog: Catalog) -> Kin:
    """The kin of every replica, as far as it fits there."""
    larger = {one.name: [other.name for other in catalog.accelerators() if _more(other, one)] for one in catalog.accelerators()}
    asked = list(replicas.setups)
    others = [one for setup in asked for one in _kindred(setup, larger)]
    wanted = list(dict.fromkeys([*asked, *others]))
    found, where, _ = describe(wanted, catalog, catalog.model)
    index = {setup: int(where[i]) for i, setup in enumerate(wanted) if where[i] >= 0}
    pairs = ((one, other) for one in sorted(index) for other in _on(one, larger[one.accelerator]) if other in index)
    return Kin(found, len(asked), tuple((index[one], index[other]) for one, other in pairs))


def _kindred(setup: Setup, larger: dict[str, list[str]]) -> Iterator[Setup]:
    yield from _on(setup, larger[setup.accelerator])
    yield from _on(setup, [name for name, others in larger.items() if setup.accelerator in others])


def _on(setup: Setup, accelerators: Sequence[str]) -> Iterator[Setup]:
    return (replace(setup, accelerator=name) for name in accelerators)


def _more(one: Accelerator, other: Accelerator) -> bool:
    """Whether ``one`` is ``other`` with more: at least as good in everything, better in something, and of the same kind of arithmetic."""
    pairs = [
        (one.memory_gib, other.memory_gib),
        (one.memory_bandwidth_gb_s, other.memory_bandwidth_gb_s),
        (one.bf16_tflops, other.bf16_tflops),
        (one.interconnect_gb_s, other.interconnect_gb_s),
    ]
    known = [(a, b) for a, b in pairs if a and b]
    if one.kind != other.kind or len(known) < len(pairs) or (one.fp8_tflops is None and other.fp8_tflops is not None):
        return False
    compute = (one.bf16_tflops or 0) / (other.bf16_tflops or 1)
    return compute <= _SAME_COMPUTE and all(a >= b for a, b in known) and any(a > b for a, b in known)
