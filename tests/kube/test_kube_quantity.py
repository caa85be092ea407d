"""Quantities read and write as Go's resource.Quantity."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.kube.quantity import QuantityError, canonical, parse, same


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1000m", "1"), ("1024Mi", "1Gi"), ("1.5", "1500m"), ("0.5Gi", "512Mi"), ("1e9", "1e9"), ("1073741824", "1073741824"),
        ("1000", "1k"), ("0", "0"), ("0Gi", "0"), ("1.0", "1"), ("1048576Ki", "1Gi"), ("512", "512"), ("0.5Ki", "512"),
        ("-1000m", "-1"), ("1n", "1n"), ("0.0000000001", "1n"), ("12e6", "12e6"), ("90Gi", "90Gi"), ("1536Mi", "1536Mi"),
    ],
)  # fmt: skip
def test_canonical_text(written: str, stored: str) -> None:
    assert canonical(written) == stored
    assert same(written, stored)


def test_json_numbers_are_quantities() -> None:
    assert (canonical(1), parse(2.5)) == ("1", Decimal("2.5"))


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1gi", "Gi", "1.2.3", "1e"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        parse(text)
    assert not same(text, "1")


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "e3", "u"]))
def test_the_canonical_text_means_the_same_and_is_stable(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    assert parse(canonical(text)) == parse(text)
    assert canonical(canonical(text)) == canonical(text)
