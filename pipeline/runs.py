"""Runs: which request was open in a log stream at a line's place, across batches. Pure, but for one question to the index.

A line without any id belongs to the request whose START stands before it and whose end stands behind it. In Lambda's text format
invocations never interleave, so nothing that comes later can change that. In its JSON format they may (Lambda Managed Instances):
there a line has a home only while no other request is seen in that invocation.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pipeline.opensearch import Store
from pipeline.records import millis_of
from pipeline.state import Run

STARTS: Final = ("START", "platform.start")
_ENDS: Final = ("END", "REPORT", "platform.runtimeDone", "platform.report")
# digits of milliseconds until the year 2286, and of CloudWatch's event ids
_TIME, _ID = 13, 56
# no invocation takes longer (AWS Lambda developer guide, "Lambda quotas")
LONGEST_RUN_MS: Final = 15 * 60 * 1000
LAST_MILLI: Final = 9_223_000_000_000
"""Shortly before date_nanos ends, in 2262."""
_MOST_LINES = 1000


class Stream(NamedTuple):
    """A log stream in its group."""

    log_group: str
    log_stream: str


class Span(NamedTuple):
    """From a START to its end, in spots."""

    start: str
    end: str


def spot(at: int, event_id: str) -> str:
    """A line's place in its stream as text that sorts: its time (milliseconds since the epoch), then CloudWatch's event id.

    An id of another kind does not tell the order within a millisecond, so such lines have one place.
    """
    return f"{at:0{_TIME}d}.{event_id.zfill(_ID) if event_id.isascii() and event_id.isdecimal() else ''}"


def at_of(place: str) -> int:
    """The milliseconds since the epoch of a spot."""
    return int(place[:_TIME])


def run_of(event_name: str, log_stream: str, place: str) -> dict[str, Run]:
    """What a line of the platform says of its request's run, by log stream."""
    json = event_name.startswith("platform.")
    if event_name in STARTS:
        return {log_stream: Run(starts=(place,), json=json)}
    return {log_stream: Run(ends=(place,), json=json)} if event_name in _ENDS else {}


def spans_of(run: Run) -> Iterator[Span]:
    """The whole invocations in a run: each START with the first end behind it, where no other START comes before that."""
    for number, start in enumerate(run.starts):
        end = next((end for end in run.ends if end > start), "")
        following = run.starts[number + 1] if number + 1 < len(run.starts) else ""
        if end and (not following or end < following):
            yield Span(start, end)


def inside(place: str, run: Run) -> Span | None:
    """The invocation that a line stands in, surely so: neither at an end's very place, nor without an order in its millisecond."""
    return next((span for span in spans_of(run) if _between(place, span)), None)


def _between(place: str, span: Span) -> bool:
    if not all(spot.partition(".")[2] for spot in (place, *span)):
        return at_of(span.start) < at_of(place) < at_of(span.end)
    return span.start < place < span.end


def is_alone(span: Span, request_id: str, stream: Stream, store: Store, *, json: bool) -> bool:
    """Whether no other request is seen in an invocation: none speaks during it, and none is open around it.

    In a text stream only the platform speaks of requests, and invocations can't overlap. In a JSON stream one that began before and whose
    end is not seen yet says nothing: its end, when it comes, makes its own trace look again.
    """
    during = _others(store, stream, request_id, at_of(span.start), at_of(span.end), [] if json else [*STARTS, *_ENDS], newest=False)
    if any(span.start < place < span.end for _, _, place in during):
        return False
    return not json or not around(span, request_id, stream, store)


def around(span: Span, request_id: str, stream: Stream, store: Store) -> set[str]:
    """The other requests that began before an invocation and ended after it, without an end between."""
    began, ended = at_of(span.start), at_of(span.end)
    open_: set[str] = set()
    before = _others(store, stream, request_id, began - LONGEST_RUN_MS, began, [*STARTS, *_ENDS], newest=True)
    for id_, name, _ in sorted((entry for entry in before if entry[2] < span.start), key=lambda entry: entry[2]):
        (open_.add if name in STARTS else open_.discard)(id_)
    if not open_:
        return open_
    after = _others(store, stream, request_id, ended, ended + LONGEST_RUN_MS, _ENDS, newest=False)
    return open_ & {id_ for id_, _, place in after if place > span.end}


def overlapping(span: Span, request_id: str, stream: Stream, store: Store) -> set[str]:
    """The other requests of which something is seen during an invocation, or that are open around it."""
    during = _others(store, stream, request_id, at_of(span.start), at_of(span.end), [], newest=False)
    return {id_ for id_, _, place in during if span.start < place < span.end} | around(span, request_id, stream, store)


def _others(store: Store, stream: Stream, request_id: str, start: int, end: int, events: Sequence[str], *,
            newest: bool) -> list[tuple[str, str, str]]:  # fmt: skip
    """The lines of other requests in a stream between two times (epoch milliseconds): each's request, event and spot."""
    filters: list[dict[str, Any]] = [{"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
                                     {"exists": {"field": "requestId"}},
                                     {"range": {"@timestamp": {"gte": max(start, 0), "lte": end, "format": "epoch_millis"}}}]  # fmt: skip
    by_json = {"bool": {"should": [{"exists": {"field": "eventName"}}, {"exists": {"field": "attributes"}}]}}
    filters.append({"terms": {"eventName": list(events)}} if events else by_json)
    query = {"bool": {"filter": filters, "must_not": [{"term": {"requestId": request_id}}, {"term": {"idSource": "stream"}}]}}
    body = {"query": query, "size": _MOST_LINES, "_source": ["@timestamp", "eventId", "requestId", "eventName"],
            "sort": [{"@timestamp": "desc" if newest else "asc"}]}  # fmt: skip
    hits = [hit["_source"] for hit in store.search(body, index=f"{store.prefix}-logs-*")["hits"]["hits"]]
    return [(source["requestId"], source.get("eventName") or "", spot_of(source)) for source in hits]


def spot_of(source: Mapping[str, Any]) -> str:
    """The spot of a stored line."""
    return spot(millis_of(source["@timestamp"]), source.get("eventId", ""))
