"""What a real API server answered, the sandbox answers: status, body, managedFields (see recordings/README.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from giqplan.sandbox.wire import Caller

RECORDINGS = Path(__file__).with_name("recordings")
NAMES = sorted(p.stem for p in RECORDINGS.glob("*.json"))
CALLERS = {
    "admin": Caller("admin", "", groups=("system:masters", "system:authenticated")),
    "nobody": Caller("nobody", "", groups=("system:authenticated",)),
    "anonymous": None,
    "invalid": None,
}
VOLATILE = [
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"<(uid|rv|generated)\d+>"), r"<\1>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"\b10\.\d+\.\d+\.\d+\b"), "<ip>"),
    (re.compile(r'Invalid value: (?:"\{(?:[^"\\]|\\.)*"|\w+\.\w+\{.*\}): ', re.S), "Invalid value: <object>: "),
    (re.compile(r"(ResourceVersion in record \()\d+"), r"\1<rv>"),
    (re.compile(r"\brun-[a-z0-9]{5}\b"), "run-<generated>"),
]


#: Stands in for the ComputeClass definition of GKE, of which the recordings need only that it is served.
COMPUTE_CLASS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "computeclasses.cloud.google.com"},
    "spec": {
        "group": "cloud.google.com",
        "scope": "Cluster",
        "names": {"kind": "ComputeClass", "plural": "computeclasses"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def plain(value: Any) -> Any:
    """The value with everything volatile masked, and lists whose order does not count sorted."""
    if isinstance(value, str):
        for pattern, mask in VOLATILE:
            value = pattern.sub(mask, value)
        return value
    if isinstance(value, list):
        return [plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    found = {k: plain(v) for k, v in value.items() if k != "selfLink"}
    for key, mask in (("resourceVersion", "<rv>"), ("nodePort", "<nodePort>"), ("healthCheckNodePort", "<nodePort>")):
        if key in found and isinstance(found[key], str | int) and found[key]:
            found[key] = mask
    for key in ("managedFields", "causes"):
        if isinstance(found.get(key), list):
            found[key] = sorted(found[key], key=lambda e: json.dumps(e, sort_keys=True))
    return found


def dig(value: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def filled(value: Any, answers: list[Any]) -> Any:
    """The request with values of earlier answers in it."""
    if isinstance(value, dict):
        return {k: filled(v, answers) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, answers) for v in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\$\{step(\d+)\.([^}]+)\}", lambda m: str(dig(answers[int(m[1]) - 1], m[2])), value)


@pytest.mark.parametrize("name", NAMES)
def test_the_sandbox_answers_as_the_recorded_server(name: str, cluster: Callable[..., Any]) -> None:
    world = cluster()
    world.ask("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "oracle-ns"}})
    world.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", COMPUTE_CLASS)
    answers: list[Any] = []
    for number, step in enumerate(json.loads((RECORDINGS / f"{name}.json").read_text())["steps"], 1):
        request = filled(step["request"], answers)
        body = request.get("body")
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        who = request.get("as", "admin")
        headers = {"user-agent": "oracle/1.0", **{k.lower(): v for k, v in (request.get("headers") or {}).items()}}
        if who == "invalid":
            headers["authorization"] = "Bearer no-such-token"
        query = {k: str(v) for k, v in (request.get("query") or {}).items()}
        media = request.get("content_type") or "application/json"
        response = world.ask(request["method"], request["path"], data, media, CALLERS[who], headers=headers, **query)
        text = response.encoded().decode()
        answer = json.loads(text) if text[:1] == "{" else text.strip()
        answers.append(answer)
        where = f"step {number} ({step['about']})"
        assert response.status == step["response"]["status"], f"{where}: {text[:300]}"
        if not request.get("select"):
            assert plain(answer) == plain(step["response"]["body"]), where
