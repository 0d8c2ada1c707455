"""Tracing headers: finds the headers of X-Ray and W3C in text, in whatever way a language renders them.

X-Ray's header is ``Root=…;Parent=…;Sampled=…``, its fields in any order and case; W3C's is ``traceparent: 00-…-…-01``. A printed event
shows them as JSON, as JSON in JSON, or as Python, Node.js, Java, Go, Ruby or PHP print a map, and as attributes of a message
(``"traceparent": {"dataType": "String", "stringValue": "00-…"}``).

Sources: AWS X-Ray developer guide, "Tracing header"; W3C Trace Context, section 3.2.
"""

import re
from typing import Final, NamedTuple

from pipeline.model.trace_ids import TraceHeader, parse_header, parse_traceparent

TRACING_HEADERS: Final = (r"(?i)root(?:=|\\u003d)1-", "(?i)traceparent")
"""Hyperscan expressions: every text with a tracing header matches at least one of them."""

# Gson writes an equals sign as u003d with a backslash before it; JSON in JSON doubles the backslash
_EQUALS = r"(?:=|\\{1,4}u003d)"
_ROOT = re.compile(rf"root{_EQUALS}1-[0-9a-f]{{8}}-[0-9a-f]{{24}}(?![0-9a-z-])", re.IGNORECASE)
_FIELD = rf"[\w-]{{1,40}}{_EQUALS}[\w:|?.-]{{0,200}}"
_AFTER = re.compile(rf"(?:[ \t]{{0,2}};[ \t]{{0,2}}{_FIELD}){{1,8}}")
_BEFORE = re.compile(rf"(?:{_FIELD}[ \t]{{0,2}};[ \t]{{0,2}}){{1,8}}\Z")
_REACH_BEFORE = 240
_ESCAPED_EQUALS = re.compile(r"\\{1,4}u003d", re.IGNORECASE)
_NAME = re.compile("traceparent", re.IGNORECASE)
# white space before the value may be an escape, such as \t
_VALUE = re.compile(r"(?:(?<![\w.-])|(?<=\\[nrt]))[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?![\w.])")
# the name comes before the value, after it in {"Value": …, "Name": "traceparent"}
_NAME_BEFORE, _NAME_AFTER = 240, 60
# a header that is there twice is none (W3C Trace Context, test suite, "traceparent duplicated")
_TWICE = re.compile(r"[\s\"'\\,]{1,12}")


class FoundHeader(NamedTuple):
    """A tracing header in a text, and where its value starts and ends."""

    header: TraceHeader
    start: int
    end: int


def find_headers(text: str) -> list[FoundHeader]:
    """Returns every tracing header in ``text`` with its position: first those of X-Ray, then each ``traceparent``."""
    return [*find_xray_headers(text), *_find_w3c(text)]


def find_xray_headers(text: str) -> list[FoundHeader]:
    """Returns every X-Ray tracing header in ``text`` with its position."""
    found: list[FoundHeader] = []
    for match in _ROOT.finditer(text):
        start, end = match.span()
        if text[max(start - 2, 0) : start].rstrip(" \t").endswith(";"):
            window = max(start - _REACH_BEFORE, 0)
            if before := _BEFORE.search(text[window:start]):
                start = window + before.start()
        if after := _AFTER.match(text, end):
            end = after.end()
        if header := parse_header(_ESCAPED_EQUALS.sub("=", text[start:end])):
            found.append(FoundHeader(header, start, end))
    return found


def _find_w3c(text: str) -> list[FoundHeader]:
    names = [match.start() for match in _NAME.finditer(text)]
    found: list[FoundHeader] = []
    number = 0
    for match in _VALUE.finditer(text) if names else ():
        start, end = match.span()
        # the last name before the value
        while number + 1 < len(names) and names[number + 1] < start:
            number += 1
        near = (names[number], names[min(number + 1, len(names) - 1)])
        if not any(start - _NAME_BEFORE <= name <= end + _NAME_AFTER for name in near):
            continue
        # a later version may append fields; version 00 may not
        whole = match[0] + ("-" if text[end : end + 1] == "-" else "")
        if header := parse_traceparent(whole):
            found.append(FoundHeader(header, start, end))
    return [one for number, one in enumerate(found)
            if not any(_TWICE.fullmatch(text, *between) for between in _gaps(found, number))]  # fmt: skip


def _gaps(found: list[FoundHeader], number: int) -> list[tuple[int, int]]:
    """What is between a header and its neighbours, as start and end."""
    pairs = [(number - 1, number), (number, number + 1)]
    return [(found[left].end, found[right].start) for left, right in pairs if left >= 0 and right < len(found)]
