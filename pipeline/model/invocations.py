"""Invocations: finds the invocation around a line by its position in the log stream, between START and end.

A line without any id belongs to the request whose START precedes it and whose end follows it. In Lambda's text format invocations
never interleave, so no later line can change that. In its JSON format they may (Lambda Managed Instances): there such an assignment
holds only while no other request is seen in that invocation.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pipeline.model.facts import InvocationMarks, origin_of
from pipeline.model.timestamps import millis_of

STARTS: Final = ("START", "platform.start")
ENDS: Final = ("END", "REPORT", "platform.runtimeDone", "platform.report")
# digits of milliseconds until the year 2286, and of CloudWatch's event ids
_TIME, _ID = 13, 56
# the longest time that an invocation can take (AWS Lambda developer guide, "Lambda quotas")
LONGEST_INVOCATION_MS: Final = 15 * 60 * 1000
LAST_MILLI: Final = 9_223_000_000_000
"""Shortly before date_nanos ends, in 2262."""


class LogStream(NamedTuple):
    """The names of a log stream and its log group, and their account; the account is empty if it is unknown."""

    log_group: str
    log_stream: str
    account: str = ""

    @property
    def origin(self) -> str:
        """The log group behind its account."""
        return origin_of(self.log_group, self.account)

    @property
    def address(self) -> str:
        """All three names as one text."""
        return f"{self.origin} {self.log_stream}"


class InvocationWindow(NamedTuple):
    """The positions of an invocation's START and end in its log stream."""

    start: str
    end: str


def stream_of(source: Mapping[str, Any]) -> LogStream:
    """The log stream of a log document; its names are empty where the document has none, as that of a span or of a line in a file."""
    aws = source.get("aws") or {}
    return LogStream(aws.get("logGroup") or "", aws.get("logStream") or "", aws.get("accountId") or "")


def position_of(source: Mapping[str, Any]) -> str:
    """The position of a log document in its stream, as sortable text: its time (milliseconds since the epoch), then CloudWatch's event id.

    An event id of another kind does not order the lines of one millisecond, so such lines share a position.
    """
    event_id = source.get("eventId", "")
    return f"{millis_of(source['@timestamp']):0{_TIME}d}.{event_id.zfill(_ID) if event_id.isascii() and event_id.isdecimal() else ''}"


def millis_at(position: str) -> int:
    """The time of a position, in milliseconds since the epoch, UTC."""
    return int(position[:_TIME])


def marks_of(event_name: str, log_stream: str, position: str) -> dict[str, InvocationMarks]:
    """The START or end that a platform line at ``position`` marks, by log stream; empty if it marks neither."""
    json = event_name.startswith("platform.")
    if event_name in STARTS:
        return {log_stream: InvocationMarks(starts=(position,), json=json)}
    return {log_stream: InvocationMarks(ends=(position,), json=json)} if event_name in ENDS else {}


def windows_of(marks: InvocationMarks) -> Iterator[InvocationWindow]:
    """Yields the complete invocations in ``marks``: each START with the first end after it, unless another START comes in between."""
    for number, start in enumerate(marks.starts):
        end = next((end for end in marks.ends if end > start), "")
        following = marks.starts[number + 1] if number + 1 < len(marks.starts) else ""
        if end and (not following or end < following):
            yield InvocationWindow(start, end)


def window_around(position: str, marks: InvocationMarks) -> InvocationWindow | None:
    """The invocation that certainly encloses ``position``; None if there is none, or if event ids do not order its millisecond."""
    return next((window for window in windows_of(marks) if _between(position, window)), None)


def _between(position: str, window: InvocationWindow) -> bool:
    if not all(with_id.partition(".")[2] for with_id in (position, *window)):
        return millis_at(window.start) < millis_at(position) < millis_at(window.end)
    return window.start < position < window.end
