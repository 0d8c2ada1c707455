"""Transactions: every trace that served one piece of work, found from any id of it."""

from collections.abc import Sequence

import msgspec

from pipeline.ids import parse_trace_id
from pipeline.opensearch import Store

_MOST_TRACES = 1000


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs together.

    Attributes:
        trace_ids: the canonical id of every trace of the group.
        keys: every correlation and request id that belongs to it.
    """

    trace_ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def group_of(ids: Sequence[str], store: Store) -> Group:
    """The group that ``ids`` (trace, correlation or request ids, in any form) belong to; ids of which nothing is known stand alone."""
    traces = {trace_id for id_ in ids if (trace_id := parse_trace_id(id_))}
    keys = sorted({id_ for id_ in ids if parse_trace_id(id_) is None})
    if keys:
        query = {"bool": {"should": [{"terms": {"correlationId": keys}}, {"terms": {"requestId": keys}}], "minimum_should_match": 1}}
        body = {"query": query, "size": 0, "aggs": {"traces": {"terms": {"field": "traceId", "size": _MOST_TRACES}}}}
        buckets = store.search(body).get("aggregations", {}).get("traces", {}).get("buckets", ())
        traces |= {bucket["key"] for bucket in buckets}
    return Group(trace_ids=tuple(sorted(traces)), keys=tuple(keys))
