"""The filter language and the order of list commands."""

from __future__ import annotations

import pytest

from giqplan.errors import GiqplanError
from giqplan.render.list_filter import parse
from giqplan.render.records import keys_of, sorted_by, values_at

RECORDS = [
    {
        "name": "a3-highgpu-8g",
        "info": {"model": "openai/gpt-oss-120b", "count": 8},
        "stats": [{"ms": 12.5}],
        "spot": True,
        "at": "2026-03-27",
    },
    {
        "name": "g2-standard-4",
        "info": {"model": "Qwen/Qwen3-32B", "count": 1},
        "stats": [{"ms": 100}, {"ms": 7}],
        "spot": False,
        "at": None,
    },
    {"name": "a2-highgpu-1g", "info": {"model": "Qwen/Qwen3-8B", "count": "1.50"}, "stats": [], "spot": None, "at": "2025-01-01"},
]
KEYS = keys_of(RECORDS)


def left(text: str) -> str:
    holds = parse(text, KEYS)
    return "".join(str(i) for i, record in enumerate(RECORDS) if holds(record))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name=a3-highgpu-8g", "0"),
        ("name=A3-HIGHGPU-8G", "0"),
        ("name!=a3-highgpu-8g", "12"),
        ("name:highgpu", "02"),
        ("name:a*-1g", "2"),
        ("at:*", "02"),
        ("name~^a", "02"),
        ("name!~^a", "1"),
        ("info.model=Qwen/Qwen3-32B", "1"),
        ("model:qwen", "12"),
        ('info.model="Qwen/Qwen3-32B"', "1"),
        ("info.count<2", "12"),
        ("info.count=1.5", "2"),
        ("info.count>=8", "0"),
        ("stats.ms<=12.5", "01"),
        ("stats[0].ms<=12.5", "0"),
        ("at>2026", "0"),
        ("spot=true", "0"),
        ("name=(a2-highgpu-1g OR g2-standard-4)", "12"),
        ("name=(a2-highgpu-1g g2-standard-4)", "12"),
        ("name!=(a2-highgpu-1g g2-standard-4)", "0"),
        ("name:highgpu AND info.count>2", "0"),
        ("name:highgpu info.count>2", "0"),
        ("info.count>2 OR spot=false", "01"),
        ("NOT name:highgpu", "1"),
        ("-name:highgpu", "1"),
        ("(name:g2 OR name:a2) AND info.count=1", "1"),
        ("NOT (name:g2 OR name:a2)", "0"),
    ],
)
def test_an_expression_keeps_what_it_holds_for(text: str, found: str) -> None:
    assert left(text) == found


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name", "an operator is expected after name"),
        ("name=", "a value is expected"),
        ("name=a OR", "a key is expected"),
        ("(name=a", "a closing parenthesis is missing"),
        ("name=a)", "should end here"),
        ("name=a AND name=b OR name=c", "Set parentheses"),
        ("name~[", "no regular expression"),
        ("name<(a b)", "takes one value"),
        ('name="a', "is expected"),
        ("", "a key is expected"),
    ],
)
def test_what_is_not_understood_is_an_error_that_marks_the_place(text: str, what: str) -> None:
    with pytest.raises(GiqplanError, match="GIQ0109") as error:
        parse(text, KEYS)
    assert what in error.value.detail
    assert error.value.detail.endswith("^")


def test_a_key_that_nothing_has_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(GiqplanError, match="GIQ0110") as error:
        parse("info.modle=x", KEYS)
    assert "model" in error.value.remedy


def test_the_last_part_of_a_key_is_enough_where_it_is_the_only_one() -> None:
    records = [{"a": {"x": 1}, "b": {"x": 2, "y": 3}}]
    assert parse("y=3", keys_of(records))(records[0])
    with pytest.raises(GiqplanError, match="several keys") as error:
        parse("x=1", keys_of(records))
    assert error.value.remedy == "did you mean a.x or b.x?"


def test_order_is_by_number_then_text_and_what_is_not_there_comes_last() -> None:
    def names(order: str) -> list[str]:
        return [str(record["name"])[:2] for record in sorted_by(RECORDS, order, KEYS)]

    assert names("info.count") == ["g2", "a2", "a3"]
    assert names("~info.count") == ["a3", "a2", "g2"]
    assert names("at") == ["a2", "a3", "g2"]
    assert names("~at") == ["a3", "a2", "g2"]
    assert names("~spot,name") == ["a3", "g2", "a2"]
    with pytest.raises(GiqplanError, match="GIQ0110"):
        names("nmae")


def test_values_of_lists_are_reached_with_and_without_an_index() -> None:
    assert values_at(RECORDS[1], "stats.ms") == (100, 7)
    assert values_at(RECORDS[1], "stats[1].ms") == (7,)
    assert values_at(RECORDS[1], "stats[2].ms") == ()
    assert values_at(RECORDS[1], "info") == ()
