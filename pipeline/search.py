"""Search: logs and spans in one list, by any id. Ids are compared as data, never put into a query string."""

from dataclasses import dataclass
from typing import Any

from pipeline.errors import BadInputError
from pipeline.ids import parse_trace_id
from pipeline.opensearch import Store
from pipeline.plain import is_annotation_key

_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to look for; everything that is given must hold.

    Attributes:
        trace_id: X-Ray's or W3C's, or a tracing header.
        annotations: X-Ray's annotations, each as ``key=value``.
        since: a time in OpenSearch's date math, such as ``now-1h`` or ``2026-11-24T10:00:00Z``.
        limit: how many documents at most.
    """

    trace_id: str = ""
    correlation_id: str = ""
    request_id: str = ""
    text: str = ""
    service: str = ""
    annotations: tuple[str, ...] = ()
    hidden_faults: bool = False
    since: str = ""
    limit: int = 100


def query_of(question: Question) -> dict[str, Any]:
    """The OpenSearch query. Raises BadInputError where the trace id or an annotation is none."""
    filters: list[dict[str, Any]] = [{"terms": {"doc.kind": ["log", "span"]}}]
    if question.trace_id:
        trace_id = parse_trace_id(question.trace_id)
        if trace_id is None:
            raise BadInputError(f"{question.trace_id!r} is no trace id: expected 1-8hex-24hex or 32 hex digits")
        filters.append({"term": {"traceId": trace_id}})
    for field, value in (("correlationId", question.correlation_id), ("requestId", question.request_id),
                         ("serviceName", question.service)):  # fmt: skip
        if value:
            filters.append({"term": {field: value}})
    filters += [_annotated(text) for text in question.annotations]
    if question.hidden_faults:
        filters.append({"term": {"trace.hiddenFault": True}})
    if question.since:
        filters.append({"range": {"@timestamp": {"gte": question.since}}})
    query: dict[str, Any] = {"bool": {"filter": filters}}
    if question.text:
        query["bool"]["must"] = [{"multi_match": {"query": question.text, "fields": ["body", "name"], "operator": "and"}}]
    return query


def _annotated(text: str) -> dict[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not is_annotation_key(key):
        raise BadInputError(f"{text!r} is no annotation: expected key=value, such as path=/orders")
    return {"term": {f"annotations.{key}": value}}


def search(question: Question, store: Store) -> list[dict[str, Any]]:
    """The documents as stored, each with `_index` and `_id`, in time order: the newest where there are too many."""
    body = {"query": query_of(question), "size": min(question.limit, _MOST), "sort": newest_first()}
    return documents(store.search(body))[::-1]


def transaction(id_: str, store: Store) -> list[dict[str, Any]]:
    """Every line and span of the traces that ``id_`` (a trace, correlation or request id) belongs to, in time order."""
    trace_ids = traces_of(id_, store)
    body = {"query": transaction_query(trace_ids), "size": _MOST, "sort": oldest_first()}
    return documents(store.search(body)) if trace_ids else []


def transaction_query(trace_ids: list[str]) -> dict[str, Any]:
    """The OpenSearch query for every line and span of these traces."""
    return {"bool": {"filter": [{"terms": {"doc.kind": ["log", "span"]}}, {"terms": {"traceId": trace_ids}}]}}


def traces_of(id_: str, store: Store) -> list[str]:
    """The ids of the traces that ``id_`` names or occurs in."""
    if trace_id := parse_trace_id(id_):
        return [trace_id]
    query = {"bool": {"should": [{"term": {"correlationId": id_}}, {"term": {"requestId": id_}}], "minimum_should_match": 1}}
    body = {"query": query, "size": 0, "aggs": {"traces": {"terms": {"field": "traceId", "size": 100}}}}
    buckets = store.search(body).get("aggregations", {}).get("traces", {}).get("buckets", ())
    return sorted(bucket["key"] for bucket in buckets)


def hidden_faults(store: Store, *, since: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """The trace documents with a hidden fault, newest first."""
    filters: list[dict[str, Any]] = [{"term": {"trace.hiddenFault": True}}]
    if since:
        filters.append({"range": {"@timestamp": {"gte": since}}})
    body = {"query": {"bool": {"filter": filters}}, "size": min(limit, _MOST), "sort": newest_first(),
            "_source": {"excludes": ["state"]}}  # fmt: skip
    return documents(store.search(body, index=f"{store.prefix}-traces"))


def documents(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents of a search answer as stored, with their addresses."""
    return [{"_index": hit["_index"], "_id": hit["_id"]} | hit["_source"] for hit in answer["hits"]["hits"]]


def newest_first() -> list[dict[str, Any]]:
    """The order of lists: by time, and by id where times are equal, so that it is the same each time."""
    return [{"@timestamp": {"order": "desc", "unmapped_type": "date_nanos"}}, {"_id": "desc"}]


def oldest_first() -> list[dict[str, Any]]:
    """The order of a transaction."""
    return [{"@timestamp": {"order": "asc", "unmapped_type": "date_nanos"}}, {"_id": "asc"}]
