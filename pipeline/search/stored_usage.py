"""Stored usage: how much is stored of a period, by who wrote it: lines and their bytes, spans, traces and their look-ups; and the disk.

OpenSearch counts documents, but not the bytes of a line: those are measured on a random sample of lines, and so are the look-ups of traces,
which no field indexes. Where the sample is everything, the numbers are exact.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pipeline.errors import TracejoinError
from pipeline.model.index_days import log_indices, span_indices
from pipeline.search.time_expressions import time_range
from pipeline.store.buckets import buckets
from pipeline.store.client import Store

SAMPLED_LINES: Final = 200
"""The bytes of a writer's line are the mean of so many of its lines at most, drawn at random."""
SAMPLED_WRITERS: Final = 50
"""So many writers with the most lines have samples of their own; all others share one."""
SAMPLED_TRACES: Final = 2000
"""The look-ups of a trace are the mean of so many traces at most, drawn at random."""
_PAGE: Final = 1000
# a line as it was written, where its message is not the same
_ORIGINAL: Final = "log.record.original"
# a look-up that ended so got the trace from X-Ray, which bills it as retrieved; of others nothing came back
_RETRIEVED: Final = frozenset({"found", "limitExceeded"})
_BY_THE_TRACE: Final = frozenset({"", "BatchGetTraces"})
_WRITER: Final = {"service": "serviceName", "account": "aws.accountId", "region": "aws.region", "log_group": "aws.logGroup"}


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Writer:
    """Who writes log lines: a service in a log group of an account and region; a part is empty where it is unknown."""

    service: str = ""
    account: str = ""
    region: str = ""
    log_group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUsage:
    """The log lines of one writer within the period.

    Attributes:
        count: how many lines.
        bytes: the bytes of these lines as they were written, but for what redaction changed.
        sampled: how many lines were read for it; those of writers with few lines share a sample, and have 0.
    """

    count: int
    bytes: float
    sampled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceUsage:
    """The traces that began within the period.

    Attributes:
        recorded: by the service of the entry, how many traces X-Ray recorded, known by their segments.
        unrecorded: how many traces have no segment: not sampled, not found, or not looked up yet.
        retrieved: how many traces look-ups got from X-Ray, each time counted.
        exact: whether ``retrieved`` was counted on every trace.
        by_span: whether traces come through Transaction Search, which bills spans by their bytes and not traces by their number.
    """

    recorded: Mapping[str, int]
    unrecorded: int
    retrieved: float
    exact: bool
    by_span: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUsage:
    """What is stored of a period, and the disk of all that is stored.

    Attributes:
        since, until: the period; aware.
        first: the time of the oldest line in it; None where there is none.
        lines: the lines by writer.
        spans: the number of spans by service.
        disk: the bytes on disk, replicas included, by kind of index such as `logs`; None where OpenSearch does not tell.
    """

    since: datetime
    until: datetime
    first: datetime | None
    lines: Mapping[Writer, LineUsage]
    spans: Mapping[str, int]
    traces: TraceUsage
    disk: Mapping[str, int] | None


def stored_usage(store: Store, *, since: datetime, until: datetime) -> StoredUsage:
    """Reads what is stored of the time from ``since`` to ``until`` (aware). Raises BadInputError where nothing can lie between them."""
    period = {"range": {"@timestamp": time_range(since, until)}}
    logs, spans = log_indices(store.prefix), span_indices(store.prefix)
    counts = {Writer(**key): count for key, count in _counted(store, logs, period, _WRITER)}
    return StoredUsage(
        since=since,
        until=until,
        first=_first(store, logs, period),
        lines=_line_usage(store, logs, period, counts),
        spans={key["service"]: count for key, count in _counted(store, spans, period, {"service": "serviceName"})},
        traces=_trace_usage(store, period),
        disk=_disk(store),
    )


def _counted(store: Store, index: str, query: Mapping[str, Any], fields: Mapping[str, str]) -> Iterator[tuple[dict[str, str], int]]:
    """The number of documents by the values of ``fields``; an absent value is empty."""
    for bucket in buckets(store, query, fields, index=index, size=_PAGE, missing=True):
        yield {name: str(value or "") for name, value in bucket["key"].items()}, int(bucket["doc_count"])


def _first(store: Store, index: str, period: Mapping[str, Any]) -> datetime | None:
    body = {"size": 0, "query": period, "aggs": {"first": {"min": {"field": "@timestamp"}}}}
    at = (store.search(body, index=index).get("aggregations") or {}).get("first", {}).get("value")
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC)


def _line_usage(store: Store, index: str, period: Mapping[str, Any], counts: Mapping[Writer, int]) -> dict[Writer, LineUsage]:
    most = sorted(counts, key=lambda writer: (-counts[writer], writer))
    own, rest = most[:SAMPLED_WRITERS], most[SAMPLED_WRITERS:]
    found = {writer: _usage(counts[writer], _lengths(store, index, [period, *_of(writer)], SAMPLED_LINES)) for writer in own}
    if rest:
        others = {"bool": {"filter": [period], "must_not": [{"bool": {"filter": _of(writer)}} for writer in own]}}
        lengths = _lengths(store, index, [others], SAMPLED_LINES * 10)
        found |= {writer: _usage(counts[writer], lengths, sampled=0) for writer in rest}
    return found


def _usage(count: int, lengths: Sequence[int], sampled: int | None = None) -> LineUsage:
    # what was deleted between the two searches leaves no length
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    return LineUsage(count=count, bytes=mean * count, sampled=len(lengths) if sampled is None else sampled)


def _of(writer: Writer) -> list[dict[str, Any]]:
    values = {field: getattr(writer, name) for name, field in _WRITER.items()}
    return [{"term": {field: value}} if value else {"bool": {"must_not": {"exists": {"field": field}}}} for field, value in values.items()]


def _lengths(store: Store, index: str, filters: Sequence[Mapping[str, Any]], size: int) -> list[int]:
    """The bytes of lines drawn at random."""
    hits = _sample(store, index, filters, size, {"_source": False, "fields": [_ORIGINAL, "body"]})
    lines = [hit.get("fields", {}) for hit in hits]
    return [len(str((line.get(_ORIGINAL) or line.get("body") or [""])[0]).encode("utf-8", "replace")) for line in lines]


def _sample(store: Store, index: str, filters: Sequence[Mapping[str, Any]], size: int, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    scored = {"query": {"bool": {"filter": list(filters)}}, "random_score": {}, "boost_mode": "replace"}
    hits: list[dict[str, Any]] = store.search({"query": {"function_score": scored}, "size": size, **wanted}, index=index)["hits"]["hits"]
    return hits


def _trace_usage(store: Store, period: Mapping[str, Any]) -> TraceUsage:
    index = f"{store.prefix}-traces"
    # only a segment gives a trace its service
    counts = {key["service"]: count for key, count in _counted(store, index, period, {"service": "serviceName"})}
    total, unrecorded = sum(counts.values()), counts.pop("", 0)
    sample = [list(_look_ups(hit["_source"])) for hit in _sample(store, index, [period], SAMPLED_TRACES, {"_source": ["state.lookups"]})]
    got = [look_up for each in sample for look_up in each if look_up.get("outcome") in _RETRIEVED]
    return TraceUsage(
        recorded=counts,
        unrecorded=unrecorded,
        retrieved=len(got) * total / len(sample) if sample else 0.0,
        exact=len(sample) >= total,
        by_span=_is_by_span(look_up for each in sample for look_up in each),
    )


def _look_ups(trace: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = (trace.get("state") or {}).get("lookups") or {}
    return found.values()


def _is_by_span(look_ups: Iterable[Mapping[str, Any]]) -> bool:
    sources = Counter(str(look_up.get("source", "")) in _BY_THE_TRACE for look_up in look_ups)
    return sources[False] > sources[True]


def _disk(store: Store) -> dict[str, int] | None:
    try:
        indices = store.request("GET", f"/{store.prefix}-*/_stats/store").get("indices") or {}
        kinds: Counter[str] = Counter()
        for name, about in indices.items():
            kinds[name.removeprefix(f"{store.prefix}-").partition("-2")[0].removesuffix("-outside")] += _bytes(about)
    except TracejoinError:
        # OpenSearch Serverless has no such API, and a role may not be allowed to ask
        return None
    return dict(kinds)


def _bytes(about: Mapping[str, Any]) -> int:
    return int(about["total"]["store"]["size_in_bytes"])
