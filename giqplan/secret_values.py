"""What looks like the value of a secret, and so has no place in an intent, a command line or an error.

Forms: Hugging Face "User access tokens" (hf_), Google OAuth access tokens (ya29.) and API keys (AIza), OpenAI and look-alike keys (sk-),
PEM private keys (RFC 7468), GitHub tokens (ghp_, github_pat_). Short words that only begin so are left alone.
"""

from __future__ import annotations

import re

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
        text = form.sub("(secret)", text)
    return text


def named_like_one(variable: str) -> bool:
    """Whether an environment variable of this name holds a secret."""
    return bool(_NAMES.search(variable.upper()))
