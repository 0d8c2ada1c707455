"""Runs: which request was open in a log stream at a line's place, across batches. Pure, but for one question to the index.

A line without any id belongs to the request whose START stands before it and whose end stands behind it. In Lambda's text format
invocations never interleave, so nothing that comes later can change that. In its JSON format they may (Lambda Managed Instances):
there a line has a home only while no other request is seen in that invocation.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pipeline.model.facts import InvocationMarks
from pipeline.model.timestamps import millis_of

STARTS: Final = ("START", "platform.start")
ENDS: Final = ("END", "REPORT", "platform.runtimeDone", "platform.report")
# digits of milliseconds until the year 2286, and of CloudWatch's event ids
_TIME, _ID = 13, 56
# no invocation takes longer (AWS Lambda developer guide, "Lambda quotas")
LONGEST_INVOCATION_MS: Final = 15 * 60 * 1000
LAST_MILLI: Final = 9_223_000_000_000
"""Shortly before date_nanos ends, in 2262."""


class LogStream(NamedTuple):
    """A log stream in its group."""

    log_group: str
    log_stream: str


class InvocationWindow(NamedTuple):
    """From a START to its end, in spots."""

    start: str
    end: str


def position(at: int, event_id: str) -> str:
    """A line's place in its stream as text that sorts: its time (milliseconds since the epoch), then CloudWatch's event id.

    An id of another kind does not tell the order within a millisecond, so such lines have one place.
    """
    return f"{at:0{_TIME}d}.{event_id.zfill(_ID) if event_id.isascii() and event_id.isdecimal() else ''}"


def millis_at(place: str) -> int:
    """The milliseconds since the epoch of a spot."""
    return int(place[:_TIME])


def marks_of(event_name: str, log_stream: str, place: str) -> dict[str, InvocationMarks]:
    """What a line of the platform says of its request's run, by log stream."""
    json = event_name.startswith("platform.")
    if event_name in STARTS:
        return {log_stream: InvocationMarks(starts=(place,), json=json)}
    return {log_stream: InvocationMarks(ends=(place,), json=json)} if event_name in ENDS else {}


def windows_of(run: InvocationMarks) -> Iterator[InvocationWindow]:
    """The whole invocations in a run: each START with the first end behind it, where no other START comes before that."""
    for number, start in enumerate(run.starts):
        end = next((end for end in run.ends if end > start), "")
        following = run.starts[number + 1] if number + 1 < len(run.starts) else ""
        if end and (not following or end < following):
            yield InvocationWindow(start, end)


def window_around(place: str, run: InvocationMarks) -> InvocationWindow | None:
    """The invocation that a line stands in, surely so: neither at an end's very place, nor without an order in its millisecond."""
    return next((span for span in windows_of(run) if _between(place, span)), None)


def _between(place: str, span: InvocationWindow) -> bool:
    if not all(spot.partition(".")[2] for spot in (place, *span)):
        return millis_at(span.start) < millis_at(place) < millis_at(span.end)
    return span.start < place < span.end


def position_of(source: Mapping[str, Any]) -> str:
    """The spot of a stored line."""
    return position(millis_of(source["@timestamp"]), source.get("eventId", ""))
