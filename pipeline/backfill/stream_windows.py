"""Stream windows: brings pages of log events, in which all log streams of a log group mix, into windows with a document for each stream.

What belongs to an invocation by its position alone is best found in one document, so the end of a Lambda function's stream is held back
until its invocation has ended. That spares work, and nothing depends on it: `join` finds invocations across documents, too.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pipeline.backfill.portion import Document, Window
from pipeline.model.log_groups import is_of_lambda

Page = Sequence[Mapping[str, Any]]
_Event = dict[str, Any]

_MOST_EVENTS: Final = 5000
_MOST_BYTES: Final = 8 * 1024 * 1024
# the longest that a function may run (AWS Lambda developer guide, "Quotas")
_LONGEST_RUN_MS: Final = 900_000
_LAST_OF_INVOCATION: Final = re.compile(r'REPORT RequestId: |\{.*"type":\s*"platform\.report"', re.DOTALL)


def stream_windows(
    pages: Iterator[Page], *, owner: str, log_group: str, since: int, until: int, whole: bool, busy_since: int = 0, most: int = _MOST_EVENTS
) -> Iterator[Window]:
    """Yields windows of the events in ``pages``; the position of each is the time from which to read again, in milliseconds.

    Args:
        pages: events of FilterLogEvents, in the order of their times.
        owner: the account of the log group.
        log_group: its name.
        since: where the pages begin, milliseconds since the epoch.
        until: where they end.
        whole: whether the pages hold every event, so that the end of an invocation is sure to come.
        busy_since: when the log group's events probably begin, if that is later; the windows' shares count from there.
        most: the number of events from which on a window is full.
    """
    held = _Held(owner, log_group, whole=whole)
    newest = since
    for page in pages:
        for event in page:
            newest = max(newest, held.add(event))
        if held.events >= most or held.size >= _MOST_BYTES:
            documents = held.release(newest, most)
            position = min(newest, held.oldest)
            yield Window(documents=documents, position=position, share=_share(position, max(since, busy_since), until))
    yield Window(documents=held.release_all(), position=until, share=1.0)


def _share(position: int, since: int, until: int) -> float:
    return min(max((position - since) / max(until - since, 1), 0.0), 1.0)


class _Held:
    """The events that are not in a window yet, by log stream."""

    def __init__(self, owner: str, log_group: str, *, whole: bool) -> None:
        self._owner = owner
        self._log_group = log_group
        self._whole = whole
        self._streams: dict[str, list[_Event]] = {}
        self.size = 0

    @property
    def events(self) -> int:
        return sum(map(len, self._streams.values()))

    @property
    def oldest(self) -> int:
        """The time of the oldest event that is held; beyond every time where none is."""
        return min((event["timestamp"] for events in self._streams.values() for event in events), default=2**63)

    def add(self, event: Mapping[str, Any]) -> int:
        """Takes an event of FilterLogEvents; returns its time."""
        at, message = int(event.get("timestamp", 0)), event.get("message", "")
        events = self._streams.setdefault(event.get("logStreamName", ""), [])
        events.append({"id": event.get("eventId", ""), "timestamp": at, "message": message})
        self.size += len(message)
        return at

    def release(self, now: int, most: int) -> list[Document]:
        """The documents of all that need not wait; of what waits there is never more than half a window."""
        for events in self._streams.values():
            events.sort(key=_time_of)
        for ready in (self._ended, _past):
            ends = {name: ready(name, events, now) for name, events in self._streams.items()}
            rest = {name: events[ends[name] :] for name, events in self._streams.items() if events[ends[name] :]}
            size = sum(len(event["message"]) for events in rest.values() for event in events)
            if sum(map(len, rest.values())) <= most // 2 and size <= _MOST_BYTES // 2:
                released = {name: events[: ends[name]] for name, events in self._streams.items() if ends[name]}
                self._streams, self.size = rest, size
                return self._documents(released)
        return self.release_all()

    def release_all(self) -> list[Document]:
        for events in self._streams.values():
            events.sort(key=_time_of)
        streams, self._streams, self.size = self._streams, {}, 0
        return self._documents(streams)

    def _ended(self, log_stream: str, events: Sequence[_Event], now: int) -> int:
        """How many of a stream's events need not wait: those until the moment in which its last invocation has ended."""
        past = _past(log_stream, events, now)
        if not self._whole or not is_of_lambda(self._log_group, log_stream) or events[-1]["timestamp"] < now - _LONGEST_RUN_MS:
            return past
        ends = (event["timestamp"] for event in reversed(events[:past]) if _LAST_OF_INVOCATION.match(event["message"]))
        last = next(ends, None)
        return 0 if last is None else bisect_right(events, last, key=_time_of)

    def _documents(self, streams: Mapping[str, list[_Event]]) -> list[Document]:
        return [
            {"messageType": "DATA_MESSAGE", "owner": self._owner, "logGroup": self._log_group, "logStream": name, "logEvents": events}
            for name, events in streams.items()
        ]


def _past(_: str, events: Sequence[_Event], now: int) -> int:
    """How many of these events are older than ``now``: the next page may have more of this moment.

    Equal lines of one moment are to stay in one window (`stored_ids`).
    """
    return bisect_left(events, now, key=_time_of)


def _time_of(event: _Event) -> int:
    at: int = event["timestamp"]
    return at
