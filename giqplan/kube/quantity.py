"""Quantities (``500m``, ``128Gi``, ``1e3``) as Go's ``resource.Quantity`` reads and writes them.

Source: k8s.io/apimachinery/pkg/api/resource (quantity.go, suffix.go): three notations, the one a value was written in is kept; the
canonical text has the largest suffix that leaves a whole number, and nothing finer than nano is kept (rounded up, away from zero).
"""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal
from functools import lru_cache

_BINARY = {"": 0, "Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_TEXT = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?")
_NANO = Decimal("0.000000001")


class QuantityError(ValueError):
    """The text is no quantity."""


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[Decimal, str]:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise QuantityError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    sign, digits, binary, suffix, exponent = match.groups()
    value = Decimal(digits)
    notation = "decimal"
    if binary:
        value, notation = value * 2 ** _BINARY[binary], "binary"
    elif suffix:
        value = value.scaleb(_DECIMAL[suffix])
    elif exponent is not None:
        value, notation = value.scaleb(int(exponent)), "exponent"
    if value % _NANO:
        value = value.quantize(_NANO, rounding=ROUND_UP)
    return (-value if sign == "-" else value), notation


def parse(text: str | int | float) -> Decimal:
    """The exact value (``parse("1Ki") == 1024``). ``QuantityError`` when it is no quantity. JSON numbers are quantities too."""
    return _read(str(text))[0]


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    value, notation = _read(text)
    if value == 0:
        return "0"
    # A binary notation falls back to decimal below 1 Ki or with a fraction (quantity.go, CanonicalizeBytes).
    if notation == "binary" and (-1024 < value < 1024 or value != value.to_integral_value()):
        notation = "decimal"
    if notation == "binary":
        whole = int(value)
        name, bits = max(((n, b) for n, b in _BINARY.items() if whole % (1 << b) == 0), key=lambda s: s[1])
        return f"{whole >> bits if whole > 0 else -((-whole) >> bits)}{name}"
    # The largest power of 1000 that divides the value.
    name, power = max(((n, p) for n, p in _DECIMAL.items() if value.scaleb(-p) == value.scaleb(-p).to_integral_value()), key=lambda s: s[1])
    number = int(value.scaleb(-power))
    return f"{number}e{power}" if notation == "exponent" and power else f"{number}{name if notation != 'exponent' else ''}"


def canonical(text: str | int | float) -> str:
    """The text a server stores: ``canonical("1000m") == "1"``, ``canonical("1024Mi") == "1Gi"``. ``QuantityError`` as in ``parse``."""
    return _canonical(str(text))


def same(a: str | int | float, b: str | int | float) -> bool:
    """Whether both are quantities of the same value; False when one is no quantity (unless the texts agree)."""
    if a == b:
        return True
    try:
        return parse(a) == parse(b)
    except QuantityError:
        return False
