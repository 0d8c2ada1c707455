"""Where the value of a key stands in a line.

A line may show both in any form: JSON, JSON in JSON, Python's or Node's rendering, `key=value`, a header, a URL's query.
Each step goes forward only, so the cost is that of the line's length, whatever somebody has put into it.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

# a name (a line end that JSON writes as \n is no part of it) and its closing quote; what stands before the value (Gson writes = as
# \u003d, lists of pairs have another key there); what opens the value
_KEY = re.compile(
    r"""(?:(?<=\\)[nrt]|(?<![\w.-]))([\w.-]++)(\\*+["'])?(?(2)\s*+|[ \t]*+)"""
    r"""(?:=>|=(?!=)|:=|:(?!:|//)|\\++u003[dD]|,\s*+\\*+["'](?i:value)\\*+["']\s*+:)"""
    r"""(?(2)\s*+|[ \t]*+)(\\*+["']|[\[{])?""",
    re.ASCII,
)
_JSON = re.compile(r"\s*+[\[{]")
# a run of backslashes is looked at once, and as a whole
_QUOTE = re.compile(r"""(?<!\\)(\\*+)(["'])""")
_MARK = re.compile(r"""[\[\]{}]|(?<!\\)\\*+["']""")
_WORD = r"""[^\s"'\\,;&<>(){}\[\]]++"""
_BARE = re.compile(_WORD)
# a scheme and its token; cookies, one after the other
_BARE_AUTHORIZATION = re.compile(rf"{_WORD}(?:[ ]++{_WORD})?")
_BARE_COOKIES = re.compile(rf"{_WORD}(?:;[ ]?{_WORD})*+")
_NO_SECRETS = frozenset({"null", "true", "false", "none", "nil", "undefined"})


class Value(NamedTuple):
    """Where a value begins and ends, and the quotes that what replaces it needs."""

    start: int
    end: int
    quote: str


def find_values(text: str, secret: Callable[[str], bool]) -> Iterator[Value]:
    """The values in ``text`` whose keys are ``secret``, in order: text, a number, or an array or object as a whole; never an empty one."""
    is_json = _JSON.match(text) is not None
    position = 0
    while match := _KEY.search(text, position):
        position = match.end()
        if secret(match[1]) and (value := _value(text, match, is_json=is_json)):
            yield value
            position = value.end


def _value(text: str, match: re.Match[str], *, is_json: bool) -> Value | None:
    key, quote, opening, start = match[1], match[2] or "", match[3], match.end()
    # what stands in a string of a JSON line ends with that string
    inner = is_json and quote != '"'
    if opening is None:
        found = _bare(key).match(text, start)
        return Value(start, found.end(), quote) if found and found[0].lower() not in _NO_SECRETS else None
    if opening in "[{":
        return Value(start - 1, _end_of_structure(text, start - 1, inner=inner), quote)
    if (inner and _ends_json(opening)) or (not quote and text[start : start + 1] in {",", "}", "]"}):
        # it is no opening quote, but the closing one of what the key stands in
        return None
    end = _end_of_string(text, start, opening, inner=inner)
    return Value(start, end, "") if end > start else None


def _bare(key: str) -> re.Pattern[str]:
    key = key.lower()
    return _BARE_AUTHORIZATION if key.endswith("authorization") else _BARE_COOKIES if key.endswith("cookie") else _BARE


def _ends_json(quote: str) -> bool:
    """Whether this quote, with the backslashes before it, ends a string of JSON."""
    return quote[-1] == '"' and len(quote) % 2 == 1


def _end_of_string(text: str, start: int, opening: str, *, inner: bool) -> int:
    """Where the string ends that begins at ``start``, behind its ``opening`` quote; the end of ``text`` where it is cut off."""
    depth = len(opening) - 1
    for match in _QUOTE.finditer(text, start):
        run = len(match[1])
        if inner and _ends_json(match[0]):
            return match.end() - 1
        if match[2] == opening[-1]:
            if run < depth:
                return match.start()
            # JSON doubles the backslashes of what it holds: a quote of the string's own text has an odd number more, so many times
            if (run - depth) % (2 * (depth + 1)) == 0:
                return match.end() - len(opening)
    return len(text)


def _end_of_structure(text: str, start: int, *, inner: bool) -> int:
    """Where the array or object ends that begins at ``start``; the end of ``text`` where it is cut off."""
    depth, position = 0, start
    while match := _MARK.search(text, position):
        mark, position = match[0], match.end()
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
            if not depth:
                return position
        elif inner and _ends_json(mark):
            return position - 1
        else:
            position = _end_of_string(text, position, mark, inner=inner)
            position += len(mark) if text.startswith(mark, position) else 0
    return len(text)
