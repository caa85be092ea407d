"""A profile measured in a precision that the checkpoint cannot be served in is rejected, not chosen and refused later."""

from __future__ import annotations

import pytest

from giqplan.catalog.checkpoint import held_precision, served_as


@pytest.mark.parametrize(
    ("model", "dtype", "held"),
    [
        ("a/b", "bf16", "bf16"),
        ("a/b", "mxfp4", "fp4"),
        ("openai/gpt-oss-120b", "", "fp4"),
        ("a/b-FP8", "", "fp8"),
        ("a/b-AWQ", "", "int4"),
        ("a/b", "", ""),
    ],
)
def test_what_a_checkpoint_holds(model: str, dtype: str, held: str) -> None:
    assert held_precision(model, dtype) == held


@pytest.mark.parametrize(
    ("wanted", "held", "streamed", "served"),
    [
        ("", "fp8", True, True),
        ("fp8", "fp8", True, True),
        ("fp8", "bf16", True, True),
        ("fp4", "bf16", True, False),
        ("fp4", "fp8", True, False),
        ("bf16", "", True, True),
        ("bf16", "fp8", True, False),
        ("bitsandbytes", "bf16", False, True),
        ("bitsandbytes", "bf16", True, False),
    ],
)
def test_what_a_server_makes_of_it(wanted: str, held: str, streamed: bool, served: bool) -> None:
    assert served_as(wanted, held, streamed=streamed) is served
