"""YAML: what is no document, and what YAML reads otherwise than people."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intent_samples import SMALL, Faults, Load

from giqplan.errors import GiqplanError
from giqplan.intent.document import merge_patch, read_document


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "GIQ1002", "1:1"),
        ("# only a comment\n", "GIQ1002", "1:1"),
        (b"a: 1\nb: \xff\xfe\n", "GIQ1004", "2"),
        ("a: 1\nb: \x00\n", "GIQ1004", "2"),
        ("a: 1\n---\nb: 2\n", "GIQ1005", "2:1"),
        ("a: [1, 2\nb: 3\n", "GIQ1001", "2:2"),
        ("a:\n\tb: 1\n", "GIQ1001", "2:1"),
        ("a" * (2**20 + 1), "GIQ1003", "i.yaml"),
        ("a: &x {b: 1}\nc: *x\n", "GIQ1007", "1:4"),
        ("a: &x [*x]\n", "GIQ1007", "1:4"),
        ("- 1\n", "GIQ1011", "1:1"),
        ("just text\n", "GIQ1011", "1:1"),
        ("[" * 80 + "]" * 80, "GIQ1006", "1:65"),
        ("[" * 100_000, "GIQ1006", "1:65"),
        ("- " * 100_000, "GIQ1006", "1:129"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(faults: Faults, text: str | bytes, code: str, place: str | None) -> None:
    [(found, at, _)] = faults(text)
    assert found == code
    assert place is None or at == place


def test_a_tab_is_named(load: Load) -> None:
    with pytest.raises(GiqplanError, match="GIQ1001") as caught:
        load("a:\n\tb: 1\n")
    assert "tabs" in caught.value.remedy


def test_a_byte_order_mark_is_no_fault(load: Load) -> None:
    assert load(b"\xef\xbb\xbf" + SMALL.encode()).intent.metadata.name == "bot"


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "Off", "010", "0x1F", "1_000", "1:30", ".inf", "2024-01-31", "!!binary aGk=", "!thing x"]
)
def test_values_that_yaml_reads_otherwise_are_pointed_out(faults: Faults, word: str) -> None:
    [(code, place, _)] = faults(SMALL + f"  serving: {{version: {word}}}\n")
    assert (code, place.partition(":")[0]) == ("GIQ1009", "7")


@pytest.mark.parametrize("word", ["no", "on", "y", "null"])
def test_as_keys_such_words_are_words(word: str) -> None:
    assert read_document(f"{{{word}: 1}}", "i.yaml").value == {word: 1}


def test_a_key_given_twice_names_the_first_line(faults: Faults) -> None:
    [(code, place, detail)] = faults(SMALL + "  slo: {}\n  slo: {}\n")
    assert (code, place) == ("GIQ1008", "8:3")
    assert "line 7" in detail


def test_merge_keys_are_refused(faults: Faults) -> None:
    assert ("GIQ1007", "7:9") in [(code, place) for code, place, _ in faults(SMALL + "  slo: {<<: {percentile: p50}}\n")]


@settings(max_examples=100)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_no_text_makes_anything_but_a_document_or_an_error(text: str) -> None:
    try:
        read_document(text, "i.yaml")
    except GiqplanError as error:
        assert error.place is not None


_json = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(_json, _json)
def test_merge_patch_keeps_rfc_7396(target: object, patch: object) -> None:
    merged = merge_patch(target, patch)
    if not isinstance(patch, dict):
        assert merged == patch
        return
    before = target if isinstance(target, dict) else {}
    assert set(merged) == {k for k in {*before, *patch} if k not in patch or patch[k] is not None}
    assert all(merged[k] == before[k] for k in merged if k not in patch)
    assert merge_patch(merged, patch) == merged
