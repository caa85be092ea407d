"""Units: money, sizes, and JSON in one canonical form. Money is Decimal everywhere; floats never carry it."""

from __future__ import annotations

import hashlib
import json
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

GIB = 2**30
HOURS_PER_MONTH = 730
"""Google's price list divides monthly prices by 730 (../catalog/README.md)."""

_MICRO_USD = Decimal("0.000001")


def usd(value: Decimal) -> Decimal:
    """``value`` rounded to a micro-dollar, half to even: the one precision in which plans carry money."""
    return value.quantize(_MICRO_USD, rounding=ROUND_HALF_EVEN)


def usd_text(value: Decimal, digits: int = 2) -> str:
    """``value`` for people: ``$88.49``."""
    return f"${value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN):,}"


def counted(count: int, word: str) -> str:
    """``1 model``, ``2 models``: a number with its regular noun."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal bytes. Decimals become strings."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain, allow_nan=False)


def digest(value: Any) -> str:
    """``sha256:<hex>`` of the canonical JSON of ``value``."""
    return "sha256:" + hashlib.sha256(canonical_json(value).encode()).hexdigest()
