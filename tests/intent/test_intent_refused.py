"""What is understood but not acted on yet is refused with its own code, at its line, and only when it says more than its default."""

from __future__ import annotations

import pytest
from intent_samples import SMALL, Faults, Load

from giqplan.intent.refused import REFUSALS

SAYING = {
    "GIQ1101": "  serving: {server: tgi}",
    "GIQ1102": "  serving: {stack: llm-d}",
    "GIQ1103": "  storage: {bucket: {uri: gs://abc/d, transfer: true}}",
    "GIQ1104": "  storage: {bucket: {uri: gs://abc/d, xlaCacheUri: gs://abc/x}}",
    "GIQ1105": "  accelerator: {reservation: r}",
    "GIQ1106": "  accelerator: {fallback: [x]}",
    "GIQ1107": "  cost: {pricingModel: flex-start}",
    "GIQ1108": "  cost: {pricingModel: reservation}",
    "GIQ1109": "    cluster: {mode: standard}",
    "GIQ1110": "    cluster: {network: n}",
    "GIQ1111": "    cluster: {subnetwork: n}",
    "GIQ1112": "    cluster: {privateNodes: true}",
    "GIQ1113": "  observability: {dashboard: true}",
    "GIQ1114": "  lifecycle: {preventDestroy: true}",
    "GIQ1115": "  lifecycle: {ignore: [a]}",
    "GIQ1116": "  lifecycle: {moved: [a]}",
    "GIQ1117": "  patches: [a]",
    "GIQ1118": "policies: [{name: a, expression: b}]",
    "GIQ1119": "  state: {backend: gs://b/p}",
    "GIQ1120": "  accelerator: {types: [ct5lp-hightpu-4t]}",
}

NOT_SAYING = """\
    cluster: {mode: autopilot, network: null, subnetwork: null, privateNodes: false}
  serving: {server: any, stack: none}
  storage: {bucket: {uri: gs://abc/d, transfer: false, xlaCacheUri: null}}
  accelerator: {reservation: null, fallback: [], types: [any]}
  cost: {pricingModel: on-demand}
  observability: {dashboard: false}
  lifecycle: {preventDestroy: false, ignore: [], moved: []}
  patches: []
  state: {backend: local}
policies: []
"""

OPEN_TARGET = SMALL.replace("target: {project: my-project}", "target:\n    project: my-project")


def test_every_refusal_is_shown_here() -> None:
    assert set(SAYING) == {refusal.code for refusal in REFUSALS}


@pytest.mark.parametrize("code", SAYING)
def test_saying_it_is_refused(faults: Faults, code: str) -> None:
    [(found, place, _)] = faults(OPEN_TARGET + SAYING[code] + "\n")
    assert (found, place.partition(":")[0]) == (code, "8")


def test_defaults_written_out_are_not(load: Load) -> None:
    assert load(OPEN_TARGET + NOT_SAYING).intent.metadata.name == "bot"


@pytest.mark.parametrize("server", ["any", "vllm"])
def test_any_server_is_one_that_works(load: Load, server: str) -> None:
    assert load(SMALL + f"  serving: {{server: {server}}}\n").intent.spec.serving.server == server
