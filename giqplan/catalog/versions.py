"""Which of two model server versions is newer (in the manner of PEP 440, for what servers really call their versions)."""

from __future__ import annotations

import re

_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)")
_WORD = re.compile(r"([a-z]+)[._-]?(\d*)")
_PRE_RELEASES = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2, "c": -1, "rc": -1, "pre": -1, "preview": -1}
_END = (0, 0)


def version_key(version: str) -> tuple[tuple[int, int], ...]:
    """Sorts versions: 0.9.2 < 0.10.0rc1 < 0.10.0 = 0.10 < 0.10.0.post1 < 0.10.1; what names no number is below all.

    Words that PEP 440 does not know count like ``post``; a local part (+cu128) does not count.
    """
    text = version.lower().partition("+")[0]
    release = _RELEASE.match(text)
    numbers = [int(n) for n in release[1].split(".")] if release else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    words = _WORD.findall(text[release.end() :] if release else text)
    return (*((1, n) for n in numbers), *((_PRE_RELEASES.get(word, 0), int(n or 0)) for word, n in words), _END)


def newest(versions: set[str]) -> str:
    """The newest of ``versions``, pre-releases below the release they lead to; "" when none says its version."""
    return max((v for v in versions if v), key=lambda v: (version_key(v), v), default="")
