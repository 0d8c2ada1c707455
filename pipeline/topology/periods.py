"""Periods: the pieces of time that maps are made of, and which of them have spans that changed since their map was stored.

To find that out costs two searches, which return numbers alone.

Each stored connection names the revision of its period's spans that it was made of: how many there are, the sum of the versions of their
verdicts, and the number of their transactions. A map that is older than its spans shows by that, whoever wrote it, and whatever crashed.
"""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.model.index_days import span_indices
from pipeline.model.timestamps import iso_millis
from pipeline.store.client import Store

PERIOD: Final = 300_000
"""The length of a period in milliseconds: Dashboards opens a map with the last 15 minutes."""
RECENT: Final = 3_600_000 + PERIOD
"""So long, in milliseconds, every few minutes' upkeep looks back."""

_NANOS: Final = 1_000_000
_AHEAD: Final = 2 * 3_600_000
_OVER_TIME: Final = {"fixed_interval": f"{PERIOD}ms", "min_doc_count": 1}


def period_of(nanos: int) -> int:
    """Returns when the period of a time begins, in milliseconds since the epoch; ``nanos`` is in nanoseconds."""
    return nanos // _NANOS // PERIOD * PERIOD


def since(now: float, length: int) -> dict[str, str]:
    """Returns the body of a `range` over the last ``length`` milliseconds, whole periods of them; ``now`` is in seconds since the epoch."""
    at = int(now * 1000)
    return {"gte": iso_millis((at - length) // PERIOD * PERIOD), "lt": iso_millis(at + _AHEAD)}


def recent_spans(store: Store, now: float) -> tuple[str, dict[str, Any]]:
    """Returns the search, an index pattern and a query, that has a hit where the maps of recent time may have to be brought up to date."""
    return span_indices(store.prefix), {"range": {"@timestamp": since(now, RECENT)}}


def revisions_of_spans(store: Store, between: Mapping[str, Any]) -> dict[int, str]:
    """Returns the revision of the spans that began ``between`` two times (the body of a `range`), by period."""
    counts = {"versions": {"sum": {"field": "trace.version"}}, "transactions": {"cardinality": {"field": "transactionId"}}}
    periods = _by_period(store, span_indices(store.prefix), "@timestamp", between, counts)
    return {
        period: f"{found['doc_count']}.{round(found['versions']['value'] or 0)}.{found['transactions']['value']}"
        for period, found in periods.items()
    }


def number_in(revision: str) -> int:
    """Returns how many spans a period has, by their revision."""
    return int(revision.partition(".")[0])


def revisions_of_maps(store: Store, index: str, between: Mapping[str, Any]) -> dict[int, set[str]]:
    """Returns the revisions that the stored connections of each period were made of, two at most; one, if the map is whole."""
    periods = _by_period(store, index, "timestamp", between, {"revisions": {"terms": {"field": "revision", "size": 2}}})
    return {period: {bucket["key"] for bucket in found["revisions"]["buckets"]} for period, found in periods.items()}


def _by_period(store: Store, index: str, field: str, between: Mapping[str, Any], counts: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    body = {
        "size": 0,
        "query": {"range": {field: dict(between)}},
        "aggs": {"periods": {"date_histogram": {"field": field, **_OVER_TIME}, "aggs": dict(counts)}},
    }
    # without an index there are no aggregations
    buckets = (store.search(body, index=index).get("aggregations") or {}).get("periods", {}).get("buckets", ())
    return {int(bucket["key"]): bucket for bucket in buckets}
