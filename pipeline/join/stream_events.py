"""Stream events: which other requests begin, end or are open during an invocation, by Lambda's own lines of its log stream."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.join.invocation_queries import Invocation, in_stream, reach_of_overlap
from pipeline.model.index_days import log_indices
from pipeline.model.invocations import ENDS, STARTS, LogStream, millis_at, position_of
from pipeline.store.client import Store
from pipeline.store.own_documents import has_own_form

_MOST_OF_A_STREAM = 5000
_MOST_LINES = 1000
_FIELDS = ["@timestamp", "eventId", "requestId", "eventName"]


class _RequestLine(NamedTuple):
    """A line of Lambda's own that names a request: its position in the log stream, its event name, and the request's id."""

    position: str
    event_name: str
    request_id: str


class StreamEvents:
    """Lambda's own lines in the log streams of some invocations, read once a stream; where there are very many, for each invocation.

    Args:
        invocations: those that will be asked for.
        store: OpenSearch; finds refreshed lines only.
    """

    def __init__(self, invocations: Iterable[Invocation], store: Store) -> None:
        self._store = store
        self._reach: dict[LogStream, tuple[int, int]] = {}
        self._lines: dict[LogStream, list[_RequestLine] | None] = {}
        for invocation in invocations:
            start, end = reach_of_overlap(invocation.window)
            first, last = self._reach.get(invocation.stream, (start, end))
            self._reach[invocation.stream] = min(first, start), max(last, end)

    def is_alone(self, invocation: Invocation) -> bool:
        """Whether no other request is seen in an invocation: no START or end of one during it, and none open around it.

        What other lines call a request id may be another service's. An earlier request of a JSON stream whose end is not known yet does
        not count: its end, when it comes, makes its own trace look again.
        """
        return not self._during(invocation) and not (invocation.json and self._open_around(invocation))

    def overlapping(self, invocation: Invocation) -> set[str]:
        """Returns the ids of the other requests that start or end during an invocation, or are open around it."""
        return self._during(invocation) | self._open_around(invocation)

    def _during(self, invocation: Invocation) -> set[str]:
        window = invocation.window
        during = self._of_others(invocation, millis_at(window.start), millis_at(window.end), (*STARTS, *ENDS), newest=False)
        return {line.request_id for line in during if window.start < line.position < window.end}

    def _open_around(self, invocation: Invocation) -> set[str]:
        """The ids of the other requests that began before an invocation and ended after it, without an end between."""
        window, open_ = invocation.window, set[str]()
        earliest, latest = reach_of_overlap(window)
        before = self._of_others(invocation, earliest, millis_at(window.start), (*STARTS, *ENDS), newest=True)
        for line in sorted(line for line in before if line.position < window.start):
            (open_.add if line.event_name in STARTS else open_.discard)(line.request_id)
        if not open_:
            return open_
        after = self._of_others(invocation, millis_at(window.end), latest, ENDS, newest=False)
        return open_ & {line.request_id for line in after if line.position > window.end}

    def _of_others(self, invocation: Invocation, start: int, end: int, events: Sequence[str], *, newest: bool) -> list[_RequestLine]:
        """Lambda's own lines of other requests in an invocation's stream between two times (epoch milliseconds), of these ``events``."""
        stream = invocation.stream
        if stream in self._reach and stream not in self._lines:
            found = self._search(stream, *self._reach[stream], newest=False, most=_MOST_OF_A_STREAM)
            self._lines[stream] = sorted(found) if len(found) < _MOST_OF_A_STREAM else None
        lines = self._lines.get(stream)
        if lines is None:
            lines = self._search(stream, start, end, newest=newest, most=_MOST_LINES, without=invocation.request_id, events=events)
        else:
            # positions begin with the time in thirteen digits
            lines = lines[bisect_left(lines, (f"{max(start, 0):013d}",)) : bisect_right(lines, (f"{end:013d}~",))]
        return [line for line in lines if line.request_id != invocation.request_id and line.event_name in events]

    def _search(self, stream: LogStream, start: int, end: int, *, newest: bool, most: int, without: str = "",
                events: Sequence[str] = (*STARTS, *ENDS)) -> list[_RequestLine]:  # fmt: skip
        filters = [*in_stream(stream, start, end), {"exists": {"field": "requestId"}}, {"terms": {"eventName": list(events)}}]
        query = {"bool": {"filter": filters, "must_not": [{"term": {"requestId": without}}]}}
        body = {"query": query, "size": most, "_source": _FIELDS, "sort": [{"@timestamp": "desc" if newest else "asc"}]}
        hits = [hit["_source"] for hit in self._store.search(body, index=log_indices(self._store.prefix))["hits"]["hits"]]
        return [_RequestLine(position_of(source), source.get("eventName", ""), source["requestId"]) for source in hits
                if has_own_form(source) and source.get("@timestamp")]  # fmt: skip
