"""Tokens: got with a refresh token, checked on every call, gone after an hour."""

from __future__ import annotations

from typing import Any

import pytest
from google.auth.exceptions import RefreshError

PROJECT = "/v3/projects/test-project"


def plain(sandbox: Any) -> Any:
    """A session that adds no credentials."""
    import requests

    session = requests.Session()
    sandbox._trust(session)
    return session


def test_without_a_token_nothing_is_told(sandbox: Any) -> None:
    answer = plain(sandbox).get(sandbox.url(PROJECT))
    assert answer.status_code == 401 and "WWW-Authenticate" in answer.headers
    error = answer.json()["error"]
    assert (error["status"], error["details"][0]["reason"]) == ("UNAUTHENTICATED", "CREDENTIALS_MISSING")


def test_a_token_that_nobody_gave_is_refused(sandbox: Any) -> None:
    answer = plain(sandbox).get(sandbox.url(PROJECT), headers={"Authorization": "Bearer ya29.made-up"})
    assert answer.status_code == 401


def test_an_expired_token_is_refused_and_a_client_gets_a_new_one(sandbox: Any) -> None:
    session = sandbox.session()
    assert session.get(sandbox.url(PROJECT)).status_code == 200
    old = session.credentials.token
    sandbox.advance(3601)
    answer = plain(sandbox).get(sandbox.url(PROJECT), headers={"Authorization": f"Bearer {old}"})
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_EXPIRED"
    assert session.get(sandbox.url(PROJECT)).status_code == 200, "google-auth refreshes after a 401"
    assert session.credentials.token != old


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"refresh_token": "1//gone"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_token_request_is_refused_as_rfc_6749_says(sandbox: Any, change: dict[str, str], error: str) -> None:
    good = {k: v for k, v in sandbox.connection().credentials.items() if k in ("client_id", "client_secret", "refresh_token")}
    form = good | {"grant_type": "refresh_token"} | change
    answer = plain(sandbox).post(sandbox.url("/token"), data=form)
    assert answer.status_code in (400, 401) and answer.json()["error"] == error


def test_a_revoked_refresh_token_ends_in_a_refresh_error(sandbox: Any) -> None:
    session = sandbox.session()
    session.credentials._refresh_token = "1//gone"
    with pytest.raises(RefreshError, match="expired or revoked"):
        session.get(sandbox.url(PROJECT))
