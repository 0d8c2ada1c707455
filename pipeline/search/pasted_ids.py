"""Pasted ids: finds the id that a person means by what they pasted: in quotes, in a line of a log, in the address of a console. Pure.

The consoles of AWS hide ids in the part of an address behind ``#``: X-Ray's ``#/traces/1-…`` and ``#xray:traces/1-…``, and the lists of
CloudWatch Logs, ``#logsV2:…``, which encode twice and write ``$`` for ``%``.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote

from pipeline.model.durable import EXECUTION_ARN
from pipeline.model.event_ids import parse_event_id
from pipeline.model.trace_ids import UUID, parse_trace_id

_AROUND: Final = " \t\r\n\"'`<>()[]{},;:"
_LONGEST: Final = 65_536
_MOST_ENCODED: Final = 4
_UUID: Final = re.compile(UUID, re.IGNORECASE | re.ASCII)
_EDGE: Final = r"(?<![0-9A-Za-z{edge}]){what}(?![0-9A-Za-z{edge}])"
# the last part of a log stream's name has 32 digits, too, behind the version in brackets
_TRACES: Final = re.compile("|".join(_EDGE.format(edge=edge, what=what) for edge, what in (
    ("-", r"1-[0-9A-Fa-f]{8}-[0-9A-Fa-f]{24}"), ("-", r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"), (r"\]\[-", r"[0-9A-Fa-f]{32}"),
)))  # fmt: skip
_EXECUTIONS: Final = re.compile(EXECUTION_ARN, re.ASCII)
_REQUESTS: Final = re.compile(_EDGE.format(edge="-", what=UUID), re.IGNORECASE | re.ASCII)
_EVENTS: Final = re.compile(r"(?<!\d)\d{56}(?!\d)", re.ASCII)
_ENCODED: Final = re.compile(r"\$(?=[0-9A-Fa-f]{2})")
_LOG_LINE: Final = re.compile(
    r"\s*(?:[{\[]|(?:START|END|REPORT) RequestId: |INIT_\w+ |RequestId: |\d{4}-\d\d-\d\d[T ]\d\d:|\d\d:\d\d:\d\d\b|\d{13}\s)"
)


def meant_by(text: str) -> tuple[str, ...]:
    """Returns the ids that a pasted text may stand for, as documents name them; the text as it is is one of them.

    Trace ids are canonical, UUIDs in lower case. Of a text that holds ids among other things, the first one of the best kind counts:
    a trace id, else the ARN of a durable execution, else a request's UUID, else the id of a log event.
    """
    bare = text.strip(_AROUND)
    whole = parse_trace_id(text) or _read_whole(bare)
    inside = "" if whole or not _may_hold_ids(bare) else next(_inside(_decoded(bare[:_LONGEST])), "")
    return tuple(dict.fromkeys(id_ for id_ in (whole, inside, text, bare) if id_))


def name_of(text: str) -> str:
    """Returns what to call what a pasted text means: the text without quotes and the like around it, or the id inside a longer text."""
    bare = text.strip(_AROUND)
    if _read_whole(bare) or not _may_hold_ids(bare):
        return bare
    return next(_inside(_decoded(bare[:_LONGEST])), bare)


def is_id(text: str) -> bool:
    """Whether a text is a trace id, the ARN of a durable execution or a UUID, whatever stands around it."""
    return bool(_read_whole(text.strip(_AROUND)))


def is_log_line(text: str) -> bool:
    """Whether a text reads like a line of a log that names an id, and not like a question."""
    return _LOG_LINE.match(text) is not None and next(_inside(text[:_LONGEST]), "") != ""


def _read_whole(bare: str) -> str:
    """The trace id, the ARN of a durable execution or the UUID that a text is; empty if it is none of them."""
    return parse_trace_id(bare) or (bare.lower() if _UUID.fullmatch(bare) else bare if _EXECUTIONS.fullmatch(bare) else "")


def _may_hold_ids(text: str) -> bool:
    return any(mark in text for mark in (" ", "\t", "/", "=", '"', "\\", "{", "$2"))


def _decoded(text: str) -> str:
    for _ in range(_MOST_ENCODED):
        before, text = text, unquote(_ENCODED.sub("%", text))
        if before == text:
            break
    return text


def _inside(text: str) -> Iterator[str]:
    kinds: tuple[tuple[re.Pattern[str], Callable[[str], str | None]], ...] = (
        (_TRACES, parse_trace_id), (_EXECUTIONS, str), (_REQUESTS, str.lower), (_EVENTS, parse_event_id)
    )  # fmt: skip
    for expression, read in kinds:
        yield from (id_ for match in expression.finditer(text) if (id_ := read(match[0])))
