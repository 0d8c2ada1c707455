"""Stale ids: finds services whose lines claim a wrong trace id, mostly since they keep the segment of an earlier invocation."""

from datetime import datetime
from typing import Any

import msgspec

from pipeline.model.index_days import log_indices
from pipeline.search.time_expressions import time_range
from pipeline.store.client import Store

_MOST_SERVICES = 1000


class StaleIds(msgspec.Struct, frozen=True, rename="camel"):
    """The stale ids that one service logs.

    Attributes:
        service_name: the function.
        lines: how many of its lines claim another trace than the platform names.
        claimed: how many different traces they claim.
        example: one of these lines: `claimed` and `traceId` (canonical), `body`, and the document's `_index` and `_id`.
    """

    service_name: str
    lines: int
    claimed: int
    example: dict[str, Any]


def stale_ids(store: Store, *, since: datetime | None = None, until: datetime | None = None, service: str = "") -> list[StaleIds]:
    """Returns the services that logged stale ids between ``since`` and ``until`` (both aware), those with the most lines first.

    With ``service`` only that one.
    """
    filters: list[dict[str, Any]] = [{"exists": {"field": "staleTraceId"}}]
    if between := time_range(since, until):
        filters.append({"range": {"@timestamp": between}})
    if service:
        filters.append({"term": {"serviceName": service}})
    example = {"top_hits": {"size": 1, "_source": ["staleTraceId", "traceId", "body"]}}
    within = {"claimed": {"cardinality": {"field": "staleTraceId"}}, "example": example}
    body = {"query": {"bool": {"filter": filters}}, "size": 0,
            "aggs": {"services": {"terms": {"field": "serviceName", "size": _MOST_SERVICES}, "aggs": within}}}  # fmt: skip
    answer = store.search(body, index=log_indices(store.prefix))
    return [_read(bucket) for bucket in answer.get("aggregations", {}).get("services", {}).get("buckets", ())]


def _read(bucket: dict[str, Any]) -> StaleIds:
    hit = bucket["example"]["hits"]["hits"][0]
    source = hit["_source"]
    example = {"claimed": source["staleTraceId"], "traceId": source.get("traceId"), "body": source.get("body", ""),
               "_index": hit["_index"], "_id": hit["_id"]}  # fmt: skip
    return StaleIds(bucket["key"], bucket["doc_count"], bucket["claimed"]["value"], example)
