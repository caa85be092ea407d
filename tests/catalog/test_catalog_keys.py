"""A curve's key is its content."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog.curves import IDENTITY, MEASURED, curve_key

CURVE = {column: f"{column}-value" for column in IDENTITY}
POINTS = [{column: str(i) for column in MEASURED} for i in range(4)]


def test_the_shape_of_a_key() -> None:
    key = curve_key(CURVE, POINTS)
    assert key.startswith("c-") and len(key) == 14 and int(key[2:], 16) >= 0


@settings(max_examples=50)
@given(st.permutations(POINTS))
def test_the_order_of_points_does_not_matter(points: list[dict[str, str]]) -> None:
    assert curve_key(CURVE, points) == curve_key(CURVE, POINTS)


@settings(max_examples=50)
@given(st.sampled_from(IDENTITY), st.sampled_from(MEASURED))
def test_every_column_of_the_content_matters(column: str, measured: str) -> None:
    assert curve_key({**CURVE, column: "other"}, POINTS) != curve_key(CURVE, POINTS)
    assert curve_key(CURVE, [{**POINTS[0], measured: "other"}, *POINTS[1:]]) != curve_key(CURVE, POINTS)


def test_judgements_and_citations_do_not_matter() -> None:
    assert curve_key({**CURVE, "note": "new", "source": "s-1", "source_curve": "x"}, POINTS) == curve_key(CURVE, POINTS)
    assert curve_key(CURVE, [{**p, "suspect": "outlier"} for p in POINTS]) == curve_key(CURVE, POINTS)
