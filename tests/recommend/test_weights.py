"""Size of the weights by precision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from giqplan.catalog import open_catalog
from giqplan.recommend.weights import weights_gib


@pytest.mark.parametrize(
    ("precision", "estimate"),
    [
        ("bf16", "weights_gib_bf16"),
        ("fp8", "weights_gib_fp8"),
        ("int8", "weights_gib_fp8"),
        ("gptq-int8", "weights_gib_fp8"),
        ("awq-int8", "weights_gib_fp8"),
        ("nvfp4", "weights_gib_4bit"),
        ("awq", "weights_gib_4bit"),
        ("gptq-int4", "weights_gib_4bit"),
        ("gptq-int4-int8mix", "weights_gib_4bit"),
    ],
)
def test_the_precision_names_the_bytes_of_a_parameter(precision: str, estimate: str) -> None:
    model = open_catalog().model("Qwen/Qwen3-32B")
    assert model is not None
    assert weights_gib(model, precision) == getattr(model, estimate)
    assert weights_gib(replace(model, checkpoint_dtype=precision), "") == getattr(model, estimate)
