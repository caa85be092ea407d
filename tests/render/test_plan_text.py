"""The rules of the text plan, one by one; how a page looks as a whole is in the golden files."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from render_samples import DEPLOYMENT, PLANS, changed, first, unchanged

from giqplan.model.plan import Cause, Change, Verb
from giqplan.model.resource import Stage
from giqplan.render.page import Page, printable
from giqplan.render.text import plan_text, summary_line
from giqplan.render.values import block, inline, scalar

ESCAPE = re.compile(r"\033\[[0-9;]*m")


@pytest.mark.parametrize("name", PLANS)
def test_colour_is_on_symbols_only_and_only_when_asked_for(name: str) -> None:
    plain, colored = plan_text(PLANS[name]()), plan_text(PLANS[name](), color=True)
    assert "\033" not in plain
    assert ESCAPE.sub("", colored) == plain
    assert set(re.findall(r"\033\[3\dm(.*?)\033\[0m", colored)) <= {"+", "~", "-", "-/+", ".", "!"}


def test_the_legend_has_the_symbols_in_use_and_no_others() -> None:
    assert "Symbols: + create\n" in plan_text(first())
    assert "Symbols: ~ update in place, -/+ delete, then create again, - delete, ." in plan_text(changed())
    assert "Symbols" not in plan_text(unchanged())


def test_only_changed_leaves_are_shown_and_the_rest_is_counted() -> None:
    text = plan_text(changed())
    at = text.index("~ spec.template.spec.containers[inference-server].image:")
    assert text[at:].split()[2:7] == ["-", "vllm/vllm-openai:v0.11.0", "+", "vllm/vllm-openai:v0.12.0", "-"]
    assert "(9 unchanged values hidden)" in text
    assert "--port=8000" not in text
    assert "--port=8000" in plan_text(changed(), full=True)


def test_failed_checks_come_first_with_evidence_and_remedy() -> None:
    lines = plan_text(changed()).splitlines()
    at = lines.index("Checks")
    assert lines[at + 1].strip().startswith("fail    GIQ1501")
    assert [line.strip() for line in lines[at + 2 : at + 5]] == ["needed: 32", "limit: 24", "remedy: ask for a limit of 32 in us-central1"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("first", "Plan: 6 to add, 0 to change, 0 to destroy. $8.00/h initial (min $4.00, max $32.00)."),
        (
            "changed",
            (
                "Plan: 1 to add, 1 to change, 2 to destroy, 1 to forget. $8.00/h initial (min $4.00, max $32.00). "
                "Blocked by GIQ1501: apply refuses this plan."
            ),
        ),
        ("unchanged", "No changes. The world is as the intent wants it. $8.00/h initial (min $4.00, max $32.00)."),
        ("destroyed", "Plan: 0 to add, 0 to change, 1 to destroy."),
        ("nothing-left", "No changes. Nothing that giqplan made is left to delete."),
    ],
)
def test_one_summary_line_ends_the_page(name: str, line: str) -> None:
    plan = PLANS[name]()
    assert summary_line(plan) == line
    assert plan_text(plan, width=60).splitlines()[-1] == line


def test_stages_stand_in_the_order_of_execution() -> None:
    text = plan_text(first())
    assert text.index("\nCluster\n") < text.index("\nAccess\n") < text.index("\nWorkload\n")


def test_a_note_of_many_changes_is_said_once() -> None:
    assert plan_text(first()).count("there is no cluster yet") == 1


def test_what_servers_say_cannot_steer_a_terminal() -> None:
    evil = Change(
        DEPLOYMENT, Verb.CREATE, Stage.WORKLOAD, after={"a": "x\033[2Jy", "b\r": "\u202e"}, cause=Cause.NOT_THERE, why="\033]0;t\007"
    )
    text = plan_text(replace(first(), changes=(evil,), notes=("n\033[31m",)))
    assert all(line.isprintable() for line in text.splitlines())


def test_values_are_never_broken_and_prose_is() -> None:
    long = "word " * 40
    page = Page(color=False, width=60)
    page.prose(2, long, label="why  ")
    page.line(2, long)
    *prose, value = page.text().splitlines()
    assert all(len(line) <= 60 for line in prose)
    assert value == "  " + long.rstrip()


def test_printable_text_stays_as_it_is() -> None:
    assert printable("a – ü 漢") == "a – ü 漢"
    assert printable("a\nb\x9bc") == "a\\nb\\x9bc"


_text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
_leaf = (
    st.none()
    | st.booleans()
    | st.integers(-999, 999)
    | _text
    | st.sampled_from(["no", "1e3", "010", "1:30", "~", "a: b", "- x", "#", "0x1", ".5", "=", "<<", "2024-01-01"])
)
_json: st.SearchStrategy[Any] = st.recursive(
    _leaf, lambda x: st.lists(x, max_size=3) | st.dictionaries(_text, x, max_size=3), max_leaves=10
)


@settings(max_examples=100)
@given(st.dictionaries(_text, _json, min_size=1, max_size=4), st.integers(20, 100))
def test_a_shown_value_read_as_yaml_is_the_value(value: dict[str, Any], width: int) -> None:
    assert yaml.safe_load("\n".join(block(value, width))) == value
    assert yaml.safe_load(inline(value)) == value


@given(_leaf)
def test_a_shown_scalar_read_as_yaml_is_the_scalar(value: Any) -> None:
    assert yaml.safe_load(scalar(value)) == value
