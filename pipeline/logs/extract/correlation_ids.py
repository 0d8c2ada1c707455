"""Correlation ids: finds the values that a text labels as correlation ids, in whatever way a language renders them.

Repeats are bounded, since a line's content is untrusted and must not cost more than its length.
"""

import re
from collections.abc import Iterator
from typing import Final

from pipeline.model.trace_ids import parse_correlation_id

_MOST: Final = 100
# every x-correlation-… header counts (Powertools and DAZN's tools pass them on)
_NAME = re.compile(r"(?:x[._-]correlation[._-][\w-]{1,40}|correlation([. _-]?)ids?)(?![a-z0-9_-])", re.IGNORECASE)
# JSON in JSON has backslashes before its quotes; Ruby and PHP write =>
_SEPARATOR = re.compile(r"[\\\"'\])]{0,4}\s{0,4}(=>|[=:])\s{0,4}(?:string\(\d{1,5}\)\s)?(?:Some\(|Optional\[)?")
_PAIR = re.compile(r"[\\\"']{1,4}\s{0,4},\s{0,4}(?:[\\\"']{0,4}(?:Value|value|stringValue)[\\\"']{0,4}\s{0,4}[:=]\s{0,4}|(?=[b\\\"']))")
_IN_ATTRIBUTE = re.compile(r"(?:[sS]tringValue|[vV]alue)[\\\"']{0,4}\s{0,4}[:=]\s{0,4}")
_QUOTED = re.compile(r"[bu]?\\{0,4}[\"']([^\"'\\\r\n]{1,128})(?=[\\\"'])")
_BARE = re.compile(r"([^\s\"'\\,;&{}\[\]()]{1,128})(?![^\s\"'\\,;&{}\[\]()])")
_MORE = re.compile(r"\s{0,8}[,\s]\s{0,8}")
_REACH: Final = 300
_NO_IDS = frozenset({"true", "false"})


def find_correlation_ids(text: str) -> tuple[str, ...]:
    """Returns the values that ``text`` labels as correlation ids, in order and without duplicates; at most 100."""
    found: dict[str, None] = {}
    for name in _NAME.finditer(text):
        for id_ in _values(text, name.end(), is_prose=name[1] == " "):
            if not id_.startswith(("Root=", "root=")) and id_.lower() not in _NO_IDS and (parsed := parse_correlation_id(id_)):
                found[parsed] = None
        if len(found) >= _MOST:
            break
    return tuple(found)[:_MOST]


def _values(text: str, end: int, *, is_prose: bool) -> Iterator[str]:
    """The values of a name that ends at ``end``; ``is_prose``: its words are apart, as in a sentence."""
    if separator := _SEPARATOR.match(text, end):
        start, sign = separator.end(), separator[1]
        if text[start : start + 1] == "{":
            # it is an attribute of a message, which holds the type beside the value
            close = text.find("}", start, start + _REACH)
            if attribute := _IN_ATTRIBUTE.search(text, start, close if close > 0 else start + _REACH):
                yield from _one(text, attribute.end())
        elif text[start : start + 1] == "[":
            yield from _list(text, start + 1)
        elif quoted := _QUOTED.match(text, start):
            if not is_prose or _has_digit(quoted[1]):
                yield quoted[1]
        elif bare := _BARE.match(text, start):
            # a word after a colon and a space is prose, such as "see below"
            is_word = (is_prose or (sign == ":" and text[bare.end() : bare.end() + 1] == " ")) and not _has_digit(bare[1])
            if not is_word:
                yield bare[1]
    elif pair := _PAIR.match(text, end):
        yield from (id_ for id_ in _one(text, pair.end()) if _has_digit(id_))


def _one(text: str, start: int) -> Iterator[str]:
    if match := _QUOTED.match(text, start) or _BARE.match(text, start):
        yield match[1]


def _list(text: str, start: int) -> Iterator[str]:
    for _ in range(_MOST):
        match = _QUOTED.match(text, start) or _BARE.match(text, start)
        if match is None:
            return
        yield match[1]
        end = match.end()
        while text[end : end + 1] in {'"', "'", "\\"}:
            end += 1
        more = _MORE.match(text, end)
        if more is None:
            return
        start = more.end()


def _has_digit(value: str) -> bool:
    return any(map(str.isdigit, value))
