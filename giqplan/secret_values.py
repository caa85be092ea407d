"""What looks like the value of a secret, and so has no place in an intent, a command line or an error.

Forms: Hugging Face "User access tokens" (hf_), Google OAuth access tokens (ya29.) and API keys (AIza), OpenAI and look-alike keys (sk-),
PEM private keys (RFC 7468), GitHub tokens (ghp_, github_pat_). Short words that only begin so are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(secret)"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a Hugging Face token", re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{16,}")),
    ("a Google access token", re.compile(r"ya29\.[A-Za-z0-9_-]{16,}")),
    ("a Google API key", re.compile(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{30,}")),
    ("an API key", re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{16,}")),
    ("a GitHub token", re.compile(r"(?<![A-Za-z0-9])(ghp_|github_pat_)[A-Za-z0-9_]{16,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")),
)


#: Variables whose names say that they hold a secret, whatever its form.
_NAMES = re.compile(
    r"(^|_)(API_KEY|API_TOKEN|ACCESS_KEY|ACCESS_TOKEN|AUTH_TOKEN|HUB_TOKEN|HF_TOKEN|SECRET|SECRET_KEY|PRIVATE_KEY|PASSWORD|PASSWD)$"
)


def looks_like(text: str) -> str:
    """What secret ``text`` seems to hold (``a Hugging Face token``); "" = none."""
    return next((what for what, form in _FORMS if form.search(text)), "")


def blotted(text: str) -> str:
    """``text`` with ``(secret)`` for whatever in it looks like one."""
    for _, form in _FORMS:
        text = form.sub(HIDDEN, text)
    return text


def hidden(value: Any) -> Any:
    """A JSON value with ``(secret)`` for what looks like one in it, and for the value of a variable that is named like one."""
    if isinstance(value, str):
        return blotted(value)
    if isinstance(value, list):
        return [hidden(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: hidden(inner) for key, inner in value.items()}
    secret = isinstance(value.get("value"), str) and named_like_one(str(value.get("name", "")))
    return found | {"value": HIDDEN} if secret else found


def named_like_one(variable: str) -> bool:
    """Whether an environment variable of this name holds a secret."""
    return bool(_NAMES.search(variable.upper()))
