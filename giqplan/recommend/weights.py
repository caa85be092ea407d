"""How much the weights of a model weigh in a precision."""

from __future__ import annotations

import re

from giqplan.catalog import Model

_FOUR_BITS = ("fp4", "nvfp4", "mxfp4", "int4", "awq", "gptq", "w4")
_EIGHT_BITS = ("fp8", "int8", "w8")
_EIGHT_OF_FOUR = re.compile("(awq|gptq)-int8")
"""Both methods are of four bits where they say no other."""


def weights_gib(model: Model | None, precision: str) -> float | None:
    """GiB of ``model``'s weights in ``precision`` ("" = the checkpoint's own), from the catalog's estimates by bits per parameter.

    The size of the repository's files counts only where no estimate exists: some repositories hold the weights twice.
    """
    if model is None:
        return None
    kind = (precision or model.checkpoint_dtype).lower()
    if kind.startswith(_FOUR_BITS) and not _EIGHT_OF_FOUR.match(kind):
        estimate = model.weights_gib_4bit
    elif kind.startswith((*_FOUR_BITS, *_EIGHT_BITS)):
        estimate = model.weights_gib_fp8
    else:
        estimate = model.weights_gib_bf16
    return estimate if estimate is not None else model.weights_gib_files
