"""Pipeline health: what OpenSearch itself tells of the pipeline: what was stored, what waits, what look-ups answered, what was refused."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pipeline.errors import TracejoinError
from pipeline.model.index_days import log_indices, span_indices
from pipeline.model.timestamps import iso_millis
from pipeline.search.read_records import pending_lines
from pipeline.store.client import Store
from pipeline.store.stored_letters import StoredLetter, read_letter

PATIENCE: Final = 15 * 60
"""Seconds after the last look-up of a trace, after which it should have its final state."""
LONGEST_REASON: Final = 200
"""So many characters of the reason of a dead letter are told."""
_DAYS: Final = 7
_SAMPLE: Final = 500
_MOST_SHOWN: Final = 20
_MOST_REASONS: Final = 10
_LONGEST_DOCUMENT: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStored:
    """What is stored of one day (UTC, ISO 8601) of events: lines, those of them that have a trace, spans, and refused events."""

    day: str
    lines: int
    joined: int
    spans: int
    dead_letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What has no final state yet.

    Attributes:
        oldest: the time of the oldest (ISO 8601); empty where there is none.
        overdue: how many should have one by now.
        example: the trace id of the oldest.
    """

    count: int
    oldest: str
    overdue: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUps:
    """The look-ups of the traces that were seen last.

    Attributes:
        traces: how many traces these are.
        looked_up: how many of them were looked up.
        made: all their look-ups.
        outcomes: look-ups by source and outcome, the most frequent first.
        last: the time of the newest look-up (ISO 8601); empty where there is none.
    """

    traces: int
    looked_up: int
    made: int
    outcomes: tuple[tuple[str, str, int], ...]
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """The events that could not be shipped.

    Attributes:
        reasons: the reasons of the newest ones, the most frequent first: text, count, time of the newest (ISO 8601).
        newest: the newest ones; of each event the beginning alone.
        read: how many of the newest the reasons were counted in.
    """

    count: int
    reasons: tuple[tuple[str, int, str], ...]
    newest: tuple[StoredLetter, ...]
    read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineHealth:
    """How the pipeline does.

    Attributes:
        cluster: OpenSearch's own status: green, yellow or red; empty where it tells none.
        days: what is stored, by day of the events, the newest first, and only days with something.
        methods: lines by how they got their trace: inline, request, stream, none.
        states: traces by state.
        left_out: the indices that no search can see now.
    """

    cluster: str
    days: tuple[DayStored, ...]
    methods: Mapping[str, int]
    states: Mapping[str, int]
    lines: Backlog
    traces: Backlog
    look_ups: LookUps
    dead_letters: DeadLetters
    left_out: tuple[str, ...]


def pipeline_health(store: Store, *, delays: Sequence[int], now: float) -> PipelineHealth:
    """Asks OpenSearch how the pipeline does.

    Args:
        store: OpenSearch.
        delays: seconds between the look-ups of a trace.
        now: seconds since the epoch.
    """
    begun = store.left_out.now()
    due = int((now - sum(delays) - PATIENCE) * 1000)
    since = int((now - _DAYS * 86400) * 1000)
    logs, spans, traces = log_indices(store.prefix), span_indices(store.prefix), f"{store.prefix}-traces"
    lines_by_day, methods = _by_day(store, logs, since, {"joined": {"filter": {"exists": {"field": "traceId"}}}}, "idSource")
    spans_by_day, _ = _by_day(store, spans, since)
    letters_by_day, _ = _by_day(store, f"{store.prefix}-dead-letters", since)
    unsettled = [{"term": {"settled": False}}]
    waiting = [pending_lines(store), {"exists": {"field": "traceId"}}]
    return PipelineHealth(
        cluster=_cluster(store),
        days=tuple(_days(lines_by_day, spans_by_day, letters_by_day)),
        methods=methods,
        states=_states(store, traces),
        lines=_backlog(store, store.lines_and_spans, waiting, "@timestamp", due),
        traces=_backlog(store, traces, unsettled, "lastSeenAt", due),
        look_ups=_look_ups(store, traces),
        dead_letters=_dead_letters(store),
        left_out=tuple(sorted(store.left_out.since(begun))),
    )


def _cluster(store: Store) -> str:
    try:
        return str(store.request("GET", "/_cluster/health").get("status", ""))
    except TracejoinError:
        # OpenSearch Serverless has no such API, and a role may not be allowed to ask
        return ""


_Buckets = Mapping[str, Mapping[str, Any]]


def _by_day(
    store: Store, index: str, since: int, parts: Mapping[str, Any] | None = None, field: str = ""
) -> tuple[_Buckets, Mapping[str, int]]:
    """The numbers of documents by day, with those of ``parts``, and by the values of ``field``."""
    by_day = {"date_histogram": {"field": "@timestamp", "calendar_interval": "day", "min_doc_count": 1}, "aggs": dict(parts or {})}
    aggregations = {"days": by_day} | ({"values": {"terms": {"field": field}}} if field else {})
    period = {"range": {"@timestamp": {"gte": since, "format": "epoch_millis"}}}
    found = store.search({"size": 0, "query": period, "aggs": aggregations}, index=index).get("aggregations") or {}
    days = {iso_millis(int(bucket["key"]))[:10]: bucket for bucket in found.get("days", {}).get("buckets", ())}
    return days, _counts(found.get("values"))


def _counts(aggregation: Mapping[str, Any] | None) -> dict[str, int]:
    return {str(bucket["key"]): int(bucket["doc_count"]) for bucket in (aggregation or {}).get("buckets", ())}


def _days(lines: _Buckets, spans: _Buckets, letters: _Buckets) -> Iterable[DayStored]:
    for day in sorted({*lines, *spans, *letters}, reverse=True):
        of_lines = lines.get(day, {})
        yield DayStored(
            day=day,
            lines=of_lines.get("doc_count", 0),
            joined=of_lines.get("joined", {}).get("doc_count", 0),
            spans=spans.get(day, {}).get("doc_count", 0),
            dead_letters=letters.get(day, {}).get("doc_count", 0),
        )


def _states(store: Store, index: str) -> dict[str, int]:
    body = {"size": 0, "aggs": {"states": {"terms": {"field": "trace.state", "size": _MOST_SHOWN}}}}
    return _counts((store.search(body, index=index).get("aggregations") or {}).get("states"))


def _backlog(store: Store, index: str, filters: list[dict[str, Any]], field: str, due: int) -> Backlog:
    old = {"range": {field: {"lt": due, "format": "epoch_millis"}}}
    first = [{field: {"order": "asc", "unmapped_type": "date_nanos"}}]
    body = {"query": {"bool": {"filter": filters}}, "size": 1, "sort": first, "track_total_hits": True, "_source": [field, "traceId"],
            "aggs": {"overdue": {"filter": old}}}  # fmt: skip
    found = store.search(body, index=index)
    hits = found["hits"]
    oldest = hits["hits"][0]["_source"] if hits["hits"] else {}
    return Backlog(
        count=int(hits["total"]["value"]),
        oldest=str(oldest.get(field, "")),
        overdue=int((found.get("aggregations") or {}).get("overdue", {}).get("doc_count", 0)),
        example=str(oldest.get("traceId", "")),
    )


def _look_ups(store: Store, index: str) -> LookUps:
    newest = [{"lastSeenAt": {"order": "desc", "unmapped_type": "date_nanos"}}]
    hits = store.search({"size": _SAMPLE, "sort": newest, "_source": ["state.lookups"]}, index=index)["hits"]["hits"]
    each = [list((hit["_source"].get("state") or {}).get("lookups", {}).values()) for hit in hits]
    made = [look_up for look_ups in each for look_up in look_ups]
    counted = Counter((str(one.get("source", "")), str(one.get("outcome", ""))) for one in made)
    last = max((int(one.get("at", 0)) for one in made), default=0)
    return LookUps(
        traces=len(each),
        looked_up=sum(bool(look_ups) for look_ups in each),
        made=len(made),
        outcomes=tuple((source, outcome, count) for (source, outcome), count in counted.most_common()),
        last=iso_millis(last) if last else "",
    )


def _dead_letters(store: Store) -> DeadLetters:
    newest = [{"@timestamp": {"order": "desc", "unmapped_type": "date_nanos", "missing": 0}}]
    index = f"{store.prefix}-dead-letters"
    body = {"size": _SAMPLE, "sort": newest, "track_total_hits": True, "_source": ["@timestamp", "reason"]}
    hits = store.search(body, index=index)["hits"]
    reasons = [(str(hit["_source"].get("reason", ""))[:LONGEST_REASON], str(hit["_source"].get("@timestamp", ""))) for hit in hits["hits"]]
    # newest first, so that a reason's first time is its newest
    times = dict(reversed(reasons))
    counted = Counter(reason for reason, _ in reasons)
    # an event may be a MiB large, so only those that are shown are read
    shown = store.search({"size": _MOST_SHOWN, "sort": newest}, index=index)["hits"]["hits"] if reasons else []
    return DeadLetters(
        count=int(hits["total"]["value"]),
        reasons=tuple((reason, count, times[reason]) for reason, count in counted.most_common(_MOST_REASONS)),
        newest=tuple(_shortened(read_letter(hit["_id"], hit["_source"])) for hit in shown),
        read=len(reasons),
    )


def _shortened(letter: StoredLetter) -> StoredLetter:
    return msgspec.structs.replace(letter, content=letter.content[:_LONGEST_DOCUMENT])
