"""What the weights of a Hugging Face repository are stored in, by its config.json."""

from __future__ import annotations

from collections import Counter

from giqplan.model.config_fields import Fields

_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float8_e4m3fn": "fp8", "auto": ""}
_METHODS = {"fp8": "fp8", "fbgemm_fp8": "fp8", "mxfp4": "mxfp4"}
_ALGORITHMS = {"NVFP4": "nvfp4", "MXFP4": "mxfp4", "FP8": "fp8", "W4A": "int4", "INT4": "int4", "INT8": "int8"}
"""What in the name of one of ModelOpt's algorithms says which; the first that is there counts."""


def checkpoint_dtype(top: Fields, fields: Fields) -> str:
    """What the weights are stored in: by ``quantization_config``, else by ``torch_dtype``; "" = not said."""
    for holder in (top, fields):
        found = holder.get("quantization_config")
        if found is not None and not isinstance(found, dict):
            raise holder.wrong("quantization_config", "is no object")
        if found:
            return _quantized(Fields(holder.file, found, f"{holder.at}quantization_config."))
    for holder in (top, fields):
        for name in ("torch_dtype", "dtype"):
            if (stated := holder.get(name)) is None:
                continue
            found = _DTYPES.get(str(stated).removeprefix("torch."))
            if found is None:
                raise holder.wrong(name, f"is {str(stated)[:40]!r}, which is not understood")
            return found
    return ""


def _quantized(how: Fields) -> str:
    method = how.get("quant_method")
    if isinstance(method, str) and method in _METHODS:
        return _METHODS[method]
    if method in ("awq", "gptq", "auto-round"):
        return f"{'' if method == 'auto-round' else f'{method}-'}int{_bits(how, 'bits')}"
    if isinstance(method, str) and method.startswith("modelopt"):
        return _modelopt(how)
    if method == "compressed-tensors":
        return _compressed(how)
    if method == "bitsandbytes":
        return "int4" if how.flag("load_in_4bit", False) else "int8"
    raise how.wrong("quant_method", f"is {str(method)[:40]!r}, which is not understood")


def _modelopt(how: Fields) -> str:
    """Of several precisions that of the most layers."""
    named, layers = how.get("quant_algo"), how.get("quantized_layers")
    each = [layer.get("quant_algo") for layer in layers.values() if isinstance(layer, dict)] if isinstance(layers, dict) else []
    told = Counter(map(str, each)).most_common(1)[0][0] if named == "MIXED_PRECISION" and each else str(named)
    for mark, dtype in _ALGORITHMS.items():
        if mark in told:
            return dtype
    raise how.wrong("quant_algo", f"is {told[:40]!r}, which is not understood")


def _compressed(how: Fields) -> str:
    if "fp4" in str(how.get("format")):
        return "nvfp4"
    groups = how.get("config_groups")
    for group in groups.values() if isinstance(groups, dict) else ():
        weights = group.get("weights") if isinstance(group, dict) else None
        if isinstance(weights, dict):
            kind = "fp" if weights.get("type") == "float" else "int"
            return f"{kind}{_bits(Fields(how.file, weights, f'{how.at}config_groups.weights.'), 'num_bits')}"
    raise how.wrong("config_groups", "says nothing of weights")


def _bits(how: Fields, name: str) -> int:
    found = how.count(name, most=16)
    if found not in (4, 8):
        raise how.wrong(name, f"is {found}: 4 or 8 is understood")
    return found
