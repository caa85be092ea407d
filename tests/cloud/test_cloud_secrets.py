"""Writing a Secret, one request after the other: who comes in between, what a server may repeat, and what is kept of what was read."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from giqplan.cloud.secrets import HELD, set_secret, without_values
from giqplan.errors import CloudError, GiqplanError, UsageError
from giqplan.model.calls import ClusterRef, SecretChange, SecretValue, SetSecret

VALUE = "hf_canary"
WRITE = SetSecret(ClusterRef("p", "l", "c"), "models", "hf-secret", "token", SecretValue(VALUE))
Answer = dict[str, Any] | CloudError


def secret(**data: str) -> dict[str, Any]:
    metadata = {"name": "hf-secret", "resourceVersion": "7", "annotations": {"last-applied": VALUE}}
    return {"kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def server(*answers: Answer) -> tuple[Callable[..., Any], list[str]]:
    """A cluster that gives these answers in turn, and the requests that it got."""
    got: list[str] = []

    def call(method: str, path: str, body: Any, content_type: str) -> Any:
        answer = answers[len(got)]
        got.append(method)
        if isinstance(answer, CloudError):
            raise answer
        return answer

    return call, got


def refused(status: int, words: str = "no") -> CloudError:
    return CloudError("GIQ1905", words, status=status)


def test_who_makes_it_in_between_is_looked_at_again() -> None:
    call, got = server(refused(404), refused(409), secret(other="eA=="), refused(409), secret(other="eQ=="), {})
    assert set_secret(call, WRITE) is SecretChange.UPDATED
    assert got == ["GET", "POST", "GET", "PATCH", "GET", "PATCH"]


def test_who_never_stops_writing_ends_it() -> None:
    call, _ = server(*(answer for _ in range(9) for answer in (refused(404), refused(409))))
    with pytest.raises(CloudError, match="GIQ1907"):
        set_secret(call, WRITE)


@pytest.mark.parametrize("form", [VALUE, base64.b64encode(VALUE.encode()).decode()])
def test_words_of_a_server_that_repeat_the_value_are_not_shown(form: str) -> None:
    call, _ = server(refused(404), refused(422, f"admission webhook: I do not like {form}"))
    with pytest.raises(CloudError) as caught:
        set_secret(call, WRITE)
    assert form not in f"{caught.value!r} {caught.value.detail} {caught.value.remedy}"
    assert caught.value.__cause__ is None


def test_a_namespace_that_is_not_there_is_a_place_that_is_not_there() -> None:
    call, _ = server(refused(404), refused(404))
    with pytest.raises(UsageError, match="GIQ0107"):
        set_secret(call, WRITE)


def test_an_answer_that_was_lost_is_told_as_such() -> None:
    call, _ = server(refused(404), CloudError("GIQ1903", "the connection failed", reason="answer-lost"))
    with pytest.raises(GiqplanError, match="GIQ1903"):
        set_secret(call, WRITE)


def test_the_request_and_its_value_tell_nothing_in_text() -> None:
    assert VALUE not in f"{WRITE} {WRITE!r} {WRITE.value}"


def test_of_a_secret_only_names_are_kept() -> None:
    read = without_values(secret(token="aGZfY2FuYXJ5", empty=""))
    assert read["data"] == {"token": HELD, "empty": ""}
    assert VALUE not in str(read)
    listed = without_values({"kind": "SecretList", "items": [secret(token="aGZfY2FuYXJ5")]})
    assert "aGZfY2FuYXJ5" not in str(listed)
    assert without_values({"kind": "ConfigMap", "data": {"a": "b"}}) == {"kind": "ConfigMap", "data": {"a": "b"}}
    assert without_values("text") == "text"
