"""Runs: which request was open in a log stream at a line's place, across batches. Pure, but for one question to the index.

A line without any id belongs to the request whose START stands before it and whose end stands behind it. In Lambda's text format
invocations never interleave, so nothing that comes later can change that. In its JSON format they may (Lambda Managed Instances):
there a line has a home only while no other request is seen in that run.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipeline.opensearch import Store
from pipeline.records import millis_of
from pipeline.state import Run

STARTS: Final = ("START", "platform.start")
_ENDS: Final = ("END", "REPORT", "platform.runtimeDone", "platform.report")
_MARKERS: Final = (*STARTS, *_ENDS)
# digits of milliseconds until the year 2286, and of CloudWatch's event ids
_TIME, _ID = 13, 56
# no invocation takes longer (AWS Lambda developer guide, "Lambda quotas")
LONGEST_RUN_MS: Final = 15 * 60 * 1000
_MOST_MARKERS = 1000
_SPOT: Final = ["@timestamp", "eventId"]


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
        return {log_stream: Run(start=place, json=json)}
    return {log_stream: Run(end=place, json=json)} if event_name in _ENDS else {}


def is_whole(run: Run) -> bool:
    """Whether both ends of a run are known."""
    return bool(run.start and run.end) and run.start < run.end


def inside(place: str, run: Run) -> bool:
    """Whether a line stands in a run, and surely so: at neither end's very place."""
    return is_whole(run) and run.start < place < run.end and place.partition(".")[2] != ""


def is_alone(run: Run, request_id: str, log_stream: str, store: Store) -> bool:
    """Whether no other request is seen in a run of a JSON stream: none speaks during it, none began before and ended after it."""
    began, ended = at_of(run.start), at_of(run.end)
    here = {"term": {"aws.logStream": log_stream}}
    others = [here, {"exists": {"field": "requestId"}}, {"range": {"@timestamp": _between(began, ended)}}]
    query = {"bool": {"filter": others, "must_not": [{"term": {"requestId": request_id}}, {"term": {"idSource": "stream"}}]}}
    index = f"{store.prefix}-logs-*"
    if any(run.start < place < run.end for place in _spots(store.search({"query": query, "size": _MOST_MARKERS, "_source": _SPOT}, index=index))):
        return False
    before = [here, {"terms": {"eventName": list(_MARKERS)}}, {"range": {"@timestamp": _between(began - LONGEST_RUN_MS, began)}}]
    body = {"query": {"bool": {"filter": before}}, "size": _MOST_MARKERS, "_source": [*_SPOT, "requestId", "eventName"],
            "sort": [{"@timestamp": "desc"}]}  # fmt: skip
    return not _open(store.search(body, index=index)["hits"]["hits"], run.start, request_id)


def _spots(answer: Mapping[str, Any]) -> Iterable[str]:
    return (spot_of(hit["_source"]) for hit in answer["hits"]["hits"])


def spot_of(source: Mapping[str, Any]) -> str:
    """The spot of a stored line."""
    return spot(millis_of(source["@timestamp"]), source.get("eventId", ""))


def _open(hits: Iterable[Mapping[str, Any]], place: str, request_id: str) -> set[str]:
    """The other requests that these markers leave open at a place."""
    markers = sorted((spot_of(hit["_source"]), hit["_source"]["eventName"], hit["_source"].get("requestId", "")) for hit in hits)
    found: set[str] = set()
    for at, name, id_ in markers:
        if at >= place or id_ == request_id:
            continue
        if name in STARTS:
            found.add(id_)
        else:
            found.discard(id_)
    return found


def _between(start: int, end: int) -> dict[str, Any]:
    return {"gte": max(start, 0), "lte": end, "format": "epoch_millis"}
