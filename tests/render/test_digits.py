"""Many numbers as text: four digits, readable, and never far from the number."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from giqplan.render.digits import four_digits


def test_numbers_are_written_as_a_person_writes_them() -> None:
    written = {
        0.0001234: "0.0001234",
        0.5: "0.5",
        1.0: "1",
        12.3456: "12.35",
        99.996: "100",
        1234.4: "1234",
        12345.0: "12340",
        654321.0: "654300",
        0.0: "0",
        -2.5: "-2.5",
        1.5e-9: "1.5e-09",
        3e15: "3e+15",
        float("inf"): "inf",
    }
    assert four_digits(np.array(list(written))) == list(written.values())


def test_what_is_no_number_is_empty() -> None:
    assert four_digits(np.array([np.nan, 1.0, np.nan])) == ["", "1", ""]
    assert four_digits(np.array([])) == []


@given(arrays(np.float64, st.integers(0, 40), elements=st.floats(1e-12, 1e15)))
def test_no_number_is_off_by_more_than_its_last_digit_and_order_is_kept(values: np.ndarray) -> None:
    read = np.array([float(text) for text in four_digits(np.sort(values))])
    assert np.all(np.abs(read / np.sort(values) - 1) < 5.01e-4)
    assert np.all(np.diff(read) >= 0)
