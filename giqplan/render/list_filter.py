"""``--filter`` of list commands: the part of gcloud's filter language that compares keys with values.

    expression = and-list | or-list | term
    and-list   = term [AND] term ...              terms side by side are joined by AND
    or-list    = term OR term ...                 AND and OR side by side need parentheses
    term       = [NOT | -] ( "(" expression ")" | KEY OPERATOR VALUE )
    OPERATOR   = = != < <= > >= : ~ !~
    VALUE      = word | "quoted" | (word word ...), any of them, after = : and !=

``=`` compares whole values, numbers as numbers, text in any letter case; ``:`` finds text inside (``*`` stands for anything, and
``KEY:*`` says that there is a value); ``~`` is a regular expression found anywhere. < and > compare numbers, else text (dates).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from giqplan.errors import UsageError
from giqplan.model.values import JsonObject
from giqplan.render.records import as_number, known_key, values_at

Holds = Callable[[JsonObject], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<operator>!=|<=|>=|!~|[=<>:~])|(?P<quoted>"[^"]*"|'[^']*')|(?P<word>[^\s()=<>:~!"']+))"""
)


def parse(text: str, keys: Sequence[str]) -> Holds:
    """What ``text`` says of a record that has ``keys``. Raises UsageError: GIQ0109 where the expression is not understood, GIQ0110 for a
    key that no record has."""
    return _Parser(text, keys).whole()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _not_understood(text, at, "a word, an operator or a parenthesis is expected")
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        at = found.end()


def _not_understood(text: str, at: int, what: str) -> UsageError:
    remedy = "KEY OPERATOR VALUE, joined by AND, OR, NOT and parentheses; operators: = != < <= > >= : ~ !~ (docs/gcloud.md)"
    return UsageError("GIQ0109", f"--filter: {what}\n{text}\n{' ' * at}^", remedy)


class _Parser:
    def __init__(self, text: str, keys: Sequence[str]) -> None:
        self._text, self._keys = text, keys
        self._tokens = list(_tokens(text))
        self._at = 0

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _Token("end", "", len(self._text))

    def _next(self) -> _Token:
        found = self._peek()
        self._at += 1
        return found

    def _is(self, *words: str) -> bool:
        here = self._peek()
        return here.kind == "word" and here.text in words

    def _error(self, what: str) -> UsageError:
        return _not_understood(self._text, self._peek().at, what)

    def whole(self) -> Holds:
        found = self._expression()
        if self._peek().kind != "end":
            raise self._error("the expression should end here")
        return found

    def _expression(self) -> Holds:
        terms, joined = [self._term()], ""
        while self._peek().kind not in ("end", "close"):
            how = "OR" if self._is("OR") else "AND"
            if joined not in ("", how):
                raise self._error("AND and OR side by side: which comes first? Set parentheses")
            joined = how
            if self._is("AND", "OR"):
                self._next()
            terms.append(self._term())
        if joined == "OR":
            return lambda record: any(term(record) for term in terms)
        return lambda record: all(term(record) for term in terms)

    def _term(self) -> Holds:
        if self._is("NOT"):
            self._next()
            return _negated(self._term())
        here = self._peek()
        if here.kind == "open":
            self._next()
            inner = self._expression()
            self._close()
            return inner
        if here.kind != "word" or here.text in ("AND", "OR"):
            raise self._error("a key is expected")
        self._next()
        if here.text.startswith("-") and len(here.text) > 1:
            return _negated(self._comparison(here.text[1:]))
        return self._comparison(here.text)

    def _comparison(self, word: str) -> Holds:
        operator = self._next()
        if operator.kind != "operator":
            self._at -= 1
            raise self._error(f"an operator is expected after {word}")
        key = known_key(word, self._keys, "--filter")
        return _compare(key, operator.text, self._values(operator.text), self._error)

    def _values(self, operator: str) -> tuple[str, ...]:
        if self._peek().kind != "open":
            return (self._value(),)
        if operator not in ("=", ":", "!="):
            raise self._error(f"{operator} takes one value")
        self._next()
        found = [self._value()]
        while self._peek().kind != "close":
            if self._is("OR"):
                self._next()
            found.append(self._value())
        self._close()
        return tuple(found)

    def _value(self) -> str:
        here = self._peek()
        if here.kind not in ("word", "quoted"):
            raise self._error("a value is expected; put it in quotes where it holds anything but letters, digits and . / - _ * +")
        self._next()
        return here.text[1:-1] if here.kind == "quoted" else here.text

    def _close(self) -> None:
        if self._next().kind != "close":
            self._at -= 1
            raise self._error("a closing parenthesis is missing")


def _negated(term: Holds) -> Holds:
    return lambda record: not term(record)


def _compare(key: str, operator: str, values: Sequence[str], error: Callable[[str], UsageError]) -> Holds:
    if operator in ("!=", "!~"):
        return _negated(_compare(key, operator[1:], values, error))
    tests = [_test(operator, value, error) for value in values]
    return lambda record: any(test(found) for found in values_at(record, key) for test in tests)


def _test(operator: str, wanted: str, error: Callable[[str], UsageError]) -> Callable[[Any], bool]:
    if operator == "~":
        try:
            pattern = re.compile(wanted)
        except re.error as wrong:
            raise error(f"{wanted!r} is no regular expression: {wrong}") from None
        return lambda found: pattern.search(_text(found)) is not None
    if operator == ":":
        parts = re.compile(".*".join(map(re.escape, wanted.split("*"))), re.IGNORECASE)
        return lambda found: parts.search(_text(found)) is not None
    number = as_number(wanted)
    if operator == "=":
        return lambda found: _text(found).lower() == wanted.lower() or (number is not None and as_number(found) == number)
    return lambda found: _ordered(operator, found, wanted)


def _ordered(operator: str, found: Any, wanted: str) -> bool:
    """Numbers where both are numbers, else text: dates and times stand in order as text."""
    left, right = as_number(found), as_number(wanted)
    if left is None or right is None:
        below, equal = _text(found) < wanted, _text(found) == wanted
    else:
        below, equal = left < right, left == right
    return {"<": below, "<=": below or equal, ">": not below and not equal, ">=": not below}[operator]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
