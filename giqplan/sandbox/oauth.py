"""OAuth: refresh tokens of the callers of world.yaml, access tokens that expire, and who a request comes from.

Source of the answers' shapes: RFC 6749 section 5; the 401 bodies' reasons: google.rpc / ``google/api/error_reason.proto``.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google.errors import ApiError
from giqplan.sandbox.wire import Caller, HttpRequest, HttpResponse

LIFETIME_S = 3600
CLIENT_ID = "giqplan-sandbox.apps.example.com"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_BAD = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication "
    "credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_MISSING = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class OAuth:
    """An access token lives one hour as its holder's clock counts it: 3600 seconds times the clock's speed of sandbox time.

    A shorter life would be true to the sandbox clock, but google-auth refreshes 225 s before the end (``REFRESH_THRESHOLD``), so
    that a token of a real minute would be refreshed before every request.
    """

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        with documents.store.transaction():
            kept = documents.get("oauth", "client")
            if kept is None:
                kept = {"secret": secrets.token_urlsafe(24), "admin": secrets.token_urlsafe(32)}
                documents.put("oauth", "client", kept)
        self.client_secret: str = kept["secret"]
        self.admin_token: str = kept["admin"]

    def add_caller(self, name: str, member: str) -> None:
        """A caller may from now on get access tokens."""
        refresh = f"1//{secrets.token_urlsafe(32)}"
        self._documents.put("caller", name, {"member": member, "refresh": refresh})
        self._documents.put("refresh", refresh, {"caller": name})

    def refresh_tokens(self) -> Mapping[str, str]:
        """The refresh token of every caller, by name."""
        return {name: str(body["refresh"]) for name, body in self._documents.under("caller")}

    def token_endpoint(self, request: HttpRequest) -> HttpResponse:
        """POST /token with ``grant_type=refresh_token``."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if request.headers.get("content-type", "").startswith("application/json"):
            form = json.loads(request.body)
        if form.get("grant_type") != "refresh_token":
            return _refused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        if form.get("client_id") != CLIENT_ID:
            return _refused("invalid_client", "The OAuth client was not found.", 401)
        if not hmac.compare_digest(form.get("client_secret", "").encode(), self.client_secret.encode()):
            return _refused("invalid_client", "Unauthorized", 401)
        known = self._documents.get("refresh", form.get("refresh_token", ""))
        if known is None:
            return _refused("invalid_grant", "Token has been expired or revoked.")
        token = f"ya29.{secrets.token_urlsafe(48)}"
        lifetime_s = LIFETIME_S * (self._clock.speed or 1)
        self._forget_old()
        self._documents.put("token", token, {"caller": known["caller"], "expires": self._clock.now() + lifetime_s})
        answer = {"access_token": token, "expires_in": LIFETIME_S - 1, "scope": _SCOPE, "token_type": "Bearer"}
        return HttpResponse(200, answer)

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who holds the bearer token; ApiError 401 otherwise. The administrator's token is a Kubernetes matter only."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not token:
            raise ApiError(401, _MISSING, legacy="required", reason="CREDENTIALS_MISSING")
        if scheme.lower() != "bearer":
            raise ApiError(401, _BAD, reason="ACCESS_TOKEN_TYPE_UNSUPPORTED")
        known = self._documents.get("token", token.strip())
        if known is None:
            raise ApiError(401, _BAD, reason="ACCESS_TOKEN_TYPE_UNSUPPORTED")
        if known["expires"] <= self._clock.now():
            raise ApiError(401, _BAD, reason="ACCESS_TOKEN_EXPIRED")
        person = self._documents.get("caller", known["caller"])
        assert person is not None
        return Caller(known["caller"], person["member"])

    def is_admin(self, headers: Mapping[str, str]) -> bool:
        """Whether the request carries the static token of ``sandbox kubeconfig``."""
        token = headers.get("authorization", "").partition(" ")[2].strip()
        return hmac.compare_digest(token.encode(), self.admin_token.encode())

    def _forget_old(self) -> None:
        """Tokens an hour past their end are no longer told apart from unknown ones."""
        limit = self._clock.now() - LIFETIME_S * (self._clock.speed or 1)
        for token, body in list(self._documents.under("token")):
            if body["expires"] <= limit:
                self._documents.delete("token", token)


def _refused(error: str, description: str, code: int = 400) -> HttpResponse:
    return HttpResponse(code, {"error": error, "error_description": description})
