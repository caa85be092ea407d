"""What precision a checkpoint holds, and which precisions a server can make of it. Both the choice and the manifests ask here."""

from __future__ import annotations

_FAMILIES = (
    ("fp4", ("fp4",)),
    ("fp8", ("fp8",)),
    ("int4", ("int4", "4bit", "awq")),
    ("int8", ("int8",)),
    ("bf16", ("16", "32")),
)
_NAMED = (("fp8", "fp8"), ("awq", "int4"), ("int4", "int4"), ("w4a16", "int4"))


def checkpoint_family(dtype: str) -> str:
    """``fp8``, ``fp4``, ``int4``, ``int8`` or ``bf16`` for a catalog's checkpoint dtype; "" = not known."""
    return next((family for family, marks in _FAMILIES if any(mark in dtype for mark in marks)), "")


def held_precision(model_id: str, checkpoint_dtype: str) -> str:
    """What the published weights hold: the catalog's word, else what the name says (gpt-oss is published in mxfp4 only, by its model
    card); "" = not known."""
    name = model_id.lower()
    if found := checkpoint_family(checkpoint_dtype):
        return found
    if "gpt-oss" in name or "fp4" in name:
        return "fp4"
    return next((family for mark, family in _NAMED if mark in name), "")


def served_as(wanted: str, held: str, *, streamed: bool) -> bool:
    """Whether vLLM serves a checkpoint that holds ``held`` in ``wanted`` ("" = as it is) without the user's word: as it is, or made fp8
    or bitsandbytes while a 16-bit checkpoint loads (vLLM's quantization documentation; bitsandbytes has its own load format)."""
    if not wanted or wanted == held:
        return True
    if wanted in ("bf16", "fp16"):
        return held in ("bf16", "")
    return held == "bf16" and (wanted == "fp8" or (wanted == "bitsandbytes" and not streamed))
