"""Sessions: credentials, trust, headers, retries. Every request of giqplan goes through one of these.

Plan reads go over plain JSON: importing the container, storage and kubernetes client libraries costs 0.7 s, most of what a plan may take
(docs/adr/0002-reads-over-rest.md). Writes go through those libraries, which build their own sessions from the credentials here.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from giqplan import __version__
from giqplan.cloud.answers import no_answer
from giqplan.errors import CloudError
from giqplan.model.connection import Connection

if TYPE_CHECKING:
    from requests import Response, Session

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
CONNECT_S, READ_S = 10.0, 60.0
"""Google's client libraries wait 60 s for an answer."""
PARALLEL = 16
_RETRIED = frozenset({429, 500, 502, 503, 504})
"""Answers that may be different next time; the list of google.api_core.retry's transient errors."""
_FIRST_PAUSE_S = 0.2


@dataclass(frozen=True)
class Patience:
    """How often a request that may succeed next time is sent, and the longest pause between two attempts, asked for or not."""

    attempts: int = 5
    longest_pause_s: float = 5.0


PATIENCE = Patience()


class Sessions:
    """Credentials of one run, and the sessions that carry them. Safe to use from several threads."""

    def __init__(self, connection: Connection, quota_project: str | None, run_id: str) -> None:
        self._connection, self._quota_project, self._run_id = connection, quota_project, run_id
        self._credentials: Any = None
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    @property
    def trust(self) -> str | bool:
        """What signs the Google endpoints: a PEM file, or the system's trust."""
        return self._connection.ca_file or True

    def credentials(self) -> Any:
        """The caller's credentials, refreshed once. CloudError GIQ1901 when there are none, GIQ1902 when they are refused."""
        with self._lock:
            if self._credentials is None:
                found = self._find()
                self._refresh(found)
                self._credentials = found
            return self._credentials

    def refresh_if_needed(self, credentials: Any, stale: bool = False) -> None:
        """A fresh token when the present one is about to expire, or is known to be ``stale``."""
        if stale or not credentials.valid:
            self._refresh(credentials)

    def _find(self) -> Any:
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError
        from google.oauth2.credentials import Credentials

        told = self._connection.credentials
        if told is not None:
            return Credentials(  # type: ignore[no-untyped-call]
                token=None,
                refresh_token=told["refresh_token"],
                client_id=told["client_id"],
                client_secret=told["client_secret"],
                token_uri=told["token_uri"],
                quota_project_id=self._quota_project,
            )
        try:
            found, _ = google.auth.default(scopes=[SCOPE], quota_project_id=self._quota_project)
        except DefaultCredentialsError as error:
            raise CloudError("GIQ1901", _first(error).partition(". To ")[0], _other_credentials()) from None
        return found

    def _refresh(self, credentials: Any) -> None:
        from google.auth.exceptions import RefreshError, TransportError
        from google.auth.transport.requests import Request

        try:
            credentials.refresh(Request(self._plain()))
        except RefreshError as error:
            if error.retryable:
                raise CloudError("GIQ1908", f"the token service: {_first(error)}", "try again in a while") from None
            raise CloudError("GIQ1902", _first(error), "log in again: `gcloud auth application-default login`") from None
        except TransportError as error:
            raise no_answer("the token service", error) from None

    def _plain(self) -> Session:
        import requests

        session = requests.Session()
        session.verify = self.trust
        session.trust_env = self._connection.ca_file is None
        session.headers.update(self.headers())
        return session

    def google(self) -> Session:
        """The session of all Google endpoints."""
        return self._session("", self.trust)

    def kubernetes(self, ca_file: str) -> Session:
        """The session of a cluster whose certificate ``ca_file`` signs."""
        return self._session(ca_file, ca_file)

    def _session(self, name: str, verify: str | bool) -> Session:
        credentials = self.credentials()
        with self._lock:
            if name not in self._sessions:
                self._sessions[name] = self.authorized(credentials, verify)
            return self._sessions[name]

    def authorized(self, credentials: Any, verify: str | bool) -> Any:
        """A session that adds the caller's token and our headers to every request."""
        from google.auth.transport.requests import AuthorizedSession, Request
        from requests.adapters import HTTPAdapter

        session: Any = AuthorizedSession(credentials, auth_request=Request(self._plain()))  # type: ignore[no-untyped-call]
        session.verify, session.trust_env = verify, self._connection.ca_file is None and verify is True
        session.headers.update(self.headers())
        session.mount("https://", HTTPAdapter(pool_maxsize=PARALLEL))
        return session

    def headers(self) -> Mapping[str, str]:
        """What every request says of itself."""
        return {"User-Agent": f"giqplan/{__version__}", "x-giqplan-run": self._run_id}


def send(session: Any, method: str, url: str, *, service: str, retry: bool, patience: Patience = PATIENCE, **more: Any) -> Response:
    """One request. Retries what may succeed next time when ``retry``; raises CloudError for what is no answer at all.

    A request that is not repeatable and got no answer may have been carried out: reason ``answer-lost``.
    """
    import requests
    from google.auth.exceptions import GoogleAuthError, TransportError

    pause, asked_s = _FIRST_PAUSE_S, 0.0
    for attempt in range(1, patience.attempts + 1):
        last = attempt == patience.attempts or not retry
        try:
            answer: Response = session.request(method, url, timeout=(CONNECT_S, READ_S), **more)
        except (requests.ConnectionError, requests.Timeout, TransportError) as error:
            if last or "CERTIFICATE" in str(error).upper():  # what is not trusted now is not trusted in a second
                raise no_answer(service, error, lost=not retry) from None
        except GoogleAuthError as error:
            raise CloudError("GIQ1902", _first(error), "log in again: `gcloud auth application-default login`", status=401) from None
        except requests.RequestException as error:
            raise no_answer(service, error, lost=not retry) from None
        else:
            if last or answer.status_code not in _RETRIED:
                return answer
            asked_s = min(_retry_after(answer), patience.longest_pause_s)
        # Jitter keeps several runs that were turned away together from coming back together; it decides nothing else.
        time.sleep(max(asked_s, pause * random.uniform(0.5, 1.0)))  # noqa: S311
        pause = min(pause * 2, patience.longest_pause_s)
    raise AssertionError("the last attempt returns or raises")


def _retry_after(answer: Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


_LOG_IN = "run `gcloud auth application-default login`, or use --sandbox"


def _other_credentials() -> str:
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return f"mend the file that GOOGLE_APPLICATION_CREDENTIALS names; or unset the variable and {_LOG_IN}"
    return _LOG_IN


def _first(error: Exception) -> str:
    """The message without the server's whole answer, which may repeat what was sent."""
    return str(error.args[0] if error.args else error)
