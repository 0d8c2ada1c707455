"""Days: deletes what is healthy, or without a trace, when its days in the policy are over; all else stays for the whole retention."""

from collections.abc import Iterator
from typing import Any, Final

from pipeline.detect.verdict import WHOLE
from pipeline.retain.policy import Days
from pipeline.store.buckets import bucket_pages
from pipeline.store.client import Store
from pipeline.store.trace_records import NOT_HELD

_PAGE: Final = 1000
_WITHOUT_TRACE: Final[dict[str, Any]] = {"bool": {"must_not": [{"exists": {"field": "traceId"}}]}}
# of a line or span, as its trace's verdict marks it; whether the trace is healthy, its record says
_LOOKS_HEALTHY: Final[dict[str, Any]] = {
    "bool": {
        "filter": [{"terms": {"trace.state": sorted(WHOLE)}}],
        "must_not": [{"term": {f"trace.{name}": True}} for name in ("fault", "error", "throttle", "hiddenFault")],
    }
}
_HEALTHY_RECORD: Final[dict[str, Any]] = {"bool": {"filter": [{"term": {"healthy": True}}, {"term": {"settled": True}}, NOT_HELD]}}


def expire_healthy(days: Days, store: Store) -> int:
    """Deletes what is older than its days; returns how many documents. Sees only refreshed documents.

    A transaction with a trace that is not healthy, not settled or held keeps what it has, in all of its traces.
    """
    deleted = 0
    for pattern, field, after, query in (
        (f"{store.prefix}-logs-*", "@timestamp", days.logs, _LOOKS_HEALTHY),
        (f"{store.prefix}-spans-*", "@timestamp", days.spans, _LOOKS_HEALTHY),
        (f"{store.prefix}-traces", "lastSeenAt", days.traces, _HEALTHY_RECORD),
    ):
        for trace_ids in _healthy_traces(pattern, field, after, query, store) if after else ():
            deleted += store.delete_older(pattern, field, days=after, query=[{"terms": {"traceId": trace_ids}}, query])
    if days.untraced:
        deleted += store.delete_older(f"{store.prefix}-logs-*", "@timestamp", days=days.untraced, query=[_WITHOUT_TRACE])
    return deleted


def _healthy_traces(pattern: str, field: str, after: int, query: dict[str, Any], store: Store) -> Iterator[list[str]]:
    """Pages of ids of traces with documents to delete, whose whole transactions are healthy."""
    old = {"bool": {"filter": [query, {"range": {field: {"lt": f"now-{after}d"}}}]}}
    for page in bucket_pages(store, old, {"trace": "traceId", "transaction": "transactionId"}, index=pattern, size=_PAGE):
        keys = [bucket["key"] for bucket in page]
        kept = _kept({key["transaction"] for key in keys}, store) if keys else set()
        if healthy := [key["trace"] for key in keys if key["transaction"] not in kept]:
            yield healthy


def _kept(transaction_ids: set[str], store: Store) -> set[str]:
    """Those of these transactions that have a trace which is not healthy, not settled or held."""
    query = {"bool": {"filter": [{"terms": {"transactionId": sorted(transaction_ids)}}], "must_not": [_HEALTHY_RECORD]}}
    return {hit.source["transactionId"] for hit in store.scan(query, index=f"{store.prefix}-traces", source=("transactionId",))}
