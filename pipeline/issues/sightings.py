"""Sightings: what the stored traces say of issues: how many of them, when, and which."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from pipeline.detect.verdict import IssueSighting
from pipeline.issues.observation import Example, Sightings
from pipeline.model.index_days import span_indices
from pipeline.model.timestamps import day_of_millis, millis_of
from pipeline.model.trace_state import last_seen
from pipeline.store.client import Store
from pipeline.store.trace_document import TraceRecord

MOST_ISSUES: Final = 10_000
"""How many issues one survey looks at, those with the most traces."""
_PAGE: Final = 200
_FIELDS: Final = ("issues", "traceId", "lastSeenAt", "@timestamp", "settled")
Query = Mapping[str, Any]
HIDDEN: Final[Query] = {"term": {"trace.hiddenFault": True}}
"""Traces with a hidden fault."""


def settled_or(trace_ids: Iterable[str]) -> Query:
    """The traces whose verdict nothing is expected to change, and those of these ids."""
    return {"bool": {"should": [{"term": {"settled": True}}, {"terms": {"traceId": list(trace_ids)}}], "minimum_should_match": 1}}


def count_sightings(store: Store, issue_ids: Sequence[str] | None = None, *, which: Sequence[Query] = ()) -> dict[str, Sightings]:
    """Counts the traces with hidden faults by issue.

    Args:
        store: OpenSearch; only what is refreshed is counted.
        issue_ids: of these issues; None for all.
        which: further conditions on the traces, such as `settled_or`.

    Returns what they say, by issue id; nothing of an issue that no trace shows.
    """
    found: dict[str, Sightings] = {}
    pages: list[Sequence[str] | None] = [None] if issue_ids is None else [*_pages(issue_ids)]
    for page in pages:
        found |= read_counts(store.search(count_search(page, which=which), index=f"{store.prefix}-traces"))
    return found


def count_search(issue_ids: Sequence[str] | None = None, *, which: Sequence[Query] = ()) -> dict[str, Any]:
    """Returns the body of the search that counts traces with hidden faults by issue; the arguments are those of `count_sightings`."""
    terms: dict[str, Any] = {"field": "issues.id", "size": MOST_ISSUES if issue_ids is None else len(issue_ids)}
    filters = [HIDDEN, *which]
    if issue_ids is not None:
        terms["include"] = list(issue_ids)
        filters.append({"terms": {"issues.id": list(issue_ids)}})
    aggregation = {
        "terms": terms,
        "aggs": {
            "days": {"date_histogram": {"field": "lastSeenAt", "fixed_interval": "1d", "min_doc_count": 1}},
            "first": {"min": {"field": "lastSeenAt"}},
            "last": {"max": {"field": "lastSeenAt"}},
        },
    }
    return {"size": 0, "query": {"bool": {"filter": filters}}, "aggs": {"issues": aggregation}}


def read_counts(answer: Mapping[str, Any]) -> dict[str, Sightings]:
    """Reads the answer to a `count_search`, by issue id."""
    return {
        bucket["key"]: Sightings(
            days={day_of_millis(int(day["key"])): int(day["doc_count"]) for day in bucket["days"]["buckets"]},
            first_at=int(bucket["first"]["value"] or 0),
            last_at=int(bucket["last"]["value"] or 0),
        )
        for bucket in answer.get("aggregations", {}).get("issues", {}).get("buckets", ())
    }


def one_example_each(store: Store, issue_ids: Sequence[str], *, oldest: bool = False) -> dict[str, Example]:
    """Returns the newest trace of each issue, or the ``oldest``, by issue id; none of an issue that no trace shows."""
    found: dict[str, Example] = {}
    hits = {"size": 1, "sort": [_by_time(oldest=oldest)], "_source": list(_FIELDS)}
    for page in _pages(issue_ids):
        terms = {"field": "issues.id", "size": len(page), "include": list(page)}
        body = {
            "size": 0,
            "query": {"bool": {"filter": [HIDDEN, {"terms": {"issues.id": list(page)}}]}},
            "aggs": {"issues": {"terms": terms, "aggs": {"one": {"top_hits": hits}}}},
        }
        answer = store.search(body, index=f"{store.prefix}-traces")
        for bucket in answer.get("aggregations", {}).get("issues", {}).get("buckets", ()):
            shown = (example for hit in bucket["one"]["hits"]["hits"] for example in read_examples(hit["_source"]))
            found |= {example.sighting.id: example for example in shown if example.sighting.id == bucket["key"]}
    return found


def examples_of(store: Store, issue_id: str, *, most: int) -> list[Example]:
    """Returns the newest traces that show an issue, ``most`` of them."""
    query = {"bool": {"filter": [HIDDEN, {"term": {"issues.id": issue_id}}]}}
    body = {"size": most, "query": query, "sort": [_by_time(oldest=False)], "_source": list(_FIELDS)}
    hits = store.search(body, index=f"{store.prefix}-traces")["hits"]["hits"]
    return [example for hit in hits for example in read_examples(hit["_source"]) if example.sighting.id == issue_id]


def read_examples(trace: Mapping[str, Any]) -> Iterator[Example]:
    """Yields what a stored trace document shows; nothing of one that an older version stored."""
    at = trace.get("lastSeenAt") or trace.get("@timestamp")
    for issue in trace.get("issues") or ():
        yield Example(trace_id=trace["traceId"], at=millis_of(at) if at else 0, sighting=msgspec.convert(issue, IssueSighting),
                      settled=bool(trace.get("settled")))  # fmt: skip


def examples_of_record(record: TraceRecord) -> list[Example]:
    """Returns what a trace shows by its record, as `read_examples` reads it once it is stored."""
    at = last_seen(record.state)
    return [Example(trace_id=record.trace_id, at=at, sighting=sighting, settled=record.settled) for sighting in record.verdict.issues]


def arn_of_function(store: Store, example: Example) -> str:
    """Returns the ARN of the Lambda function that failed in a trace, as its span says; empty where none says so.

    Source: AWS X-Ray developer guide, "X-Ray segment documents" (`resource_arn`, and `function_arn` in `aws`).
    """
    named = [{"term": {"traceId": example.trace_id}}, {"term": {"serviceName": example.sighting.fingerprint.service}}]
    body = {"size": 20, "query": {"bool": {"filter": named}}, "_source": ["attributes"]}
    for hit in store.search(body, index=span_indices(store.prefix))["hits"]["hits"]:
        attributes = hit["_source"].get("attributes") or {}
        arn = (attributes.get("aws") or {}).get("function_arn") or (attributes.get("xray") or {}).get("resource_arn")
        if isinstance(arn, str) and ":function:" in arn:
            return arn
    return ""


def _by_time(*, oldest: bool) -> Mapping[str, Any]:
    # without `missing` OpenSearch 3.8 never answers a descending search that meets documents without a time
    return {"lastSeenAt": {"order": "asc" if oldest else "desc", "unmapped_type": "date_nanos", "missing": "_last" if oldest else 0}}


def _pages(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE))
