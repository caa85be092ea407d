"""Faults: requests that go wrong because somebody ordered it."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from giqplan.cli import sandbox as command
from giqplan.errors import SandboxError, UsageError
from giqplan.sandbox import control
from giqplan.sandbox.faults import Fault, ordered

PROJECT = "/v3/projects/test-project"
BUCKETS = "/storage/v1/b"


@pytest.fixture
def faulty(sandbox: Any) -> Iterator[Any]:
    yield sandbox
    control.clear_faults(sandbox.folder)


def statuses(sandbox: Any, path: str) -> list[int]:
    return [entry.status for entry in control.log(sandbox.folder) if entry.path == path]


def names(sandbox: Any) -> set[str]:
    return {bucket.name for bucket in sandbox.storage().list_buckets()}


def test_a_status_is_answered_as_often_as_it_was_ordered_and_in_the_words_of_the_service(faulty: Any) -> None:
    control.add_fault(faulty.folder, Fault(service="cloudresourcemanager", path=PROJECT, status=503, times=2))
    session = faulty.session()
    answers = [session.get(faulty.url(PROJECT)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].json()["error"]["status"] == "UNAVAILABLE"
    assert control.faults(faulty.folder) == []


@pytest.mark.parametrize(("after", "there", "logged"), [(False, False, 0), (True, True, 200)])
def test_a_cut_connection_is_cut_before_or_after_the_request_was_carried_out(faulty: Any, after: bool, there: bool, logged: int) -> None:
    import requests

    control.clear_log(faulty.folder)
    control.add_fault(faulty.folder, Fault(method="POST", path=BUCKETS, cut=True, after=after, times=1))
    name = f"cut-{after}".lower()
    session = faulty.session()
    with pytest.raises(requests.ConnectionError):
        session.post(faulty.url(BUCKETS), params={"project": "test-project"}, json={"name": name})
    assert (name in names(faulty)) is there
    assert statuses(faulty, BUCKETS)[0] == logged


def test_a_status_can_hide_that_the_request_was_carried_out(faulty: Any) -> None:
    control.add_fault(faulty.folder, Fault(method="POST", path=BUCKETS, status=500, after=True, times=1))
    answer = faulty.session().post(faulty.url(BUCKETS), params={"project": "test-project"}, json={"name": "hidden-bucket"})
    assert answer.status_code == 500
    assert "hidden-bucket" in names(faulty)


def test_an_answer_may_be_anything_and_a_status_may_say_when_to_come_back(faulty: Any) -> None:
    control.add_fault(faulty.folder, Fault(path=PROJECT, answer='{"name": NaN', times=1))
    control.add_fault(faulty.folder, Fault(path=PROJECT, status=429, retry_after_s=7, times=1))
    session = faulty.session()
    first, second = (session.get(faulty.url(PROJECT)) for _ in range(2))
    assert (first.status_code, first.text) == (200, '{"name": NaN')
    assert (second.status_code, second.headers["Retry-After"]) == (429, "7")
    assert str(Fault(answer="{}", status=429, retry_after_s=7)) == (
        "* * *: answer 429 with a body of its own, Retry-After 7, before it is carried out"
    )


def test_a_delay_comes_before_the_true_answer(faulty: Any) -> None:
    control.add_fault(faulty.folder, Fault(path=PROJECT, delay_ms=300, times=1))
    session, start = faulty.session(), time.monotonic()
    assert session.get(faulty.url(PROJECT)).status_code == 200
    assert time.monotonic() - start >= 0.3


def test_a_path_is_held_against_the_glob_with_its_query_too(faulty: Any) -> None:
    control.add_fault(faulty.folder, Fault(path="*alt=media", status=404))
    session = faulty.session()
    assert session.get(faulty.url(PROJECT)).status_code == 200
    assert session.get(faulty.url(PROJECT), params={"alt": "media"}).status_code == 404


def test_a_login_can_be_revoked(faulty: Any) -> None:
    from google.auth.exceptions import RefreshError

    control.add_fault(faulty.folder, Fault(service="oauth2", status=400))
    with pytest.raises(RefreshError, match="invalid_grant"):
        faulty.session().get(faulty.url(PROJECT))


def test_kubernetes_says_it_as_a_status() -> None:
    answer = ordered("kubernetes", 503)
    assert (answer.status, answer.body["kind"], answer.body["reason"]) == (503, "Status", "ServiceUnavailable")


def test_faults_outlive_a_restart(faulty: Any) -> None:
    fault = Fault(path="/nowhere", status=404)
    control.add_fault(faulty.folder, fault)
    control.stop(faulty.folder)
    faulty.start()
    assert control.faults(faulty.folder) == [fault]


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"status": 503, "cut": True},
        {"status": 299},
        {"delay_ms": 5, "after": True},
        {"cut": True, "times": -1},
        {"delay_ms": 1e9},
        {"retry_after_s": 5, "cut": True},
        {"answer": "{}", "cut": True},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(flags: dict[str, Any]) -> None:
    with pytest.raises(SandboxError) as caught:
        Fault(**flags)
    assert caught.value.code == "GIQ2007"


def test_the_command_orders_lists_and_clears(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "world.yaml").write_text("project: {id: test-project}\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    command.configure(parser)

    def run(*words: str) -> str:
        command.run(parser.parse_args([*words, "-f", str(tmp_path / "inference.yaml")]))
        return capsys.readouterr().out

    run("start")
    with contextlib.ExitStack() as stack:
        stack.callback(run, "stop")
        assert run("fault", "list") == ""
        added = run("fault", "add", "--service", "kubernetes", "--method", "PATCH", "--cut", "--after", "--times", "3")
        assert added == "kubernetes PATCH *: no answer, after it is carried out, 3 more times\n"
        more = run("fault", "add", "--status", "503", "--delay-ms", "20")
        assert more.splitlines()[1] == "* * *: answer 503, before it is carried out, 20 ms late"
        assert run("fault", "list") == more
        with pytest.raises(UsageError, match="fault list takes no status"):
            run("fault", "list", "--status", "503")
        assert run("fault", "clear") == ""
        (tmp_path / "page.json").write_text("{}", encoding="utf-8")
        told = run("fault", "add", "--service", "gkerecommender", "--answer", str(tmp_path / "page.json"))
        assert told == "gkerecommender * *: answer 200 with a body of its own, before it is carried out\n"
        with pytest.raises(UsageError, match="cannot be read"):
            run("fault", "add", "--answer", str(tmp_path / "none.json"))
