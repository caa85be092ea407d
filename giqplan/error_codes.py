"""The one-line summary of every error and check code. docs/errors.md is generated from this table; each code has a test.

A section a room: add a code to its own section, next free number, and never reuse one.
"""

from __future__ import annotations

_USAGE = {
    "GIQ0101": "wrong command line",
}

_INTENT: dict[str, str] = {}

_REFUSED: dict[str, str] = {}

_CATALOG: dict[str, str] = {}

_RECOMMEND: dict[str, str] = {}

_MANIFESTS: dict[str, str] = {}

_CHECKS = {
    "GIQ1501": "accelerator quota",
    "GIQ1502": "SLO in reach",
    "GIQ1503": "cluster",
}

_PLAN = {
    "GIQ1601": "resources depend on each other in a circle",
    "GIQ1602": "destroy needs a world",
    "GIQ1603": "an offline plan cannot be applied",
    "GIQ1604": "another field manager holds a field of ours",
}

_APPLY = {
    "GIQ1701": "the server holds something else than was sent",
    "GIQ1702": "something that was applied has failed",
    "GIQ1703": "something that was applied has not settled in time",
    "GIQ1704": "stopped before it had settled",
    "GIQ1705": "a value that apply needs is not known",
}

_STATE: dict[str, str] = {}

_CLOUD: dict[str, str] = {}

_SANDBOX: dict[str, str] = {
    "GIQ2001": "the sandbox cannot be used",
    "GIQ2002": "the sandbox does not start",
    "GIQ2003": "world.yaml cannot be read",
    "GIQ2004": "world.yaml is wrong",
    "GIQ2005": "unknown sandbox caller",
    "GIQ2006": "no such cluster runs in the sandbox",
}

CODES: dict[str, str] = {
    **_USAGE,
    **_INTENT,
    **_REFUSED,
    **_CATALOG,
    **_RECOMMEND,
    **_MANIFESTS,
    **_CHECKS,
    **_PLAN,
    **_APPLY,
    **_STATE,
    **_CLOUD,
    **_SANDBOX,
}
