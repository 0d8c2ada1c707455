"""Search: finds logs and spans in one list, by any id. Ids and words are compared as data, never put into a query string."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from pipeline.join.transactions import Transaction, transaction_of
from pipeline.search.query import Clause, SearchQuery, ids_of, opensearch_query
from pipeline.search.read_records import as_recorded
from pipeline.search.words import with_known_ids
from pipeline.store.client import Store
from pipeline.store.pages import pages

MOST_DOCUMENTS = 10_000
"""OpenSearch returns no more documents in one answer (`index.max_result_window`)."""
_PAGE = 1000
_KEYS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The result of a search.

    Attributes:
        total: how many documents match; with a limit, ``hits`` may hold fewer.
        hits: as OpenSearch writes them, in time order, fetched page by page while they are read.
    """

    total: int
    hits: Iterator[dict[str, Any]]


def find(query: SearchQuery, store: Store, *, highlight: tuple[str, str] | None = None) -> SearchResult:
    """Finds the lines and spans that match. Memory does not grow with the number of hits.

    Args:
        query: what to look for; above its limit the newest hits are returned.
        store: OpenSearch.
        highlight: the marks before and after each matched word, in the hit's `highlight`; None for no such field.

    Raises BadInputError where an id, an annotation or the times are invalid.
    """
    clause = clause_for(query, store)
    body = {"query": clause} | (highlighted(*highlight) if highlight else {})
    index = store.lines_and_spans
    if 0 < query.limit <= _PAGE:
        answer = store.search(body | {"size": query.limit, "sort": newest_first(), "track_total_hits": True}, index=index)
        return SearchResult(total=answer["hits"]["total"]["value"], hits=iter(as_recorded(answer["hits"]["hits"][::-1], store)))
    total = count(clause, store)
    before = _key_before_newest(query.limit, clause, store) if 0 < query.limit < total else None
    body |= {"sort": oldest_first()} | ({"search_after": before} if before else {})
    return SearchResult(total=total, hits=chain.from_iterable(as_recorded(page, store) for page in pages(store, body, index=index)))


def _key_before_newest(limit: int, clause: Clause, store: Store) -> list[Any] | None:
    """The sort values of the newest hit that is not among the newest ``limit``: read newest first, without the documents."""
    read = pages(store, {"query": clause, "sort": newest_first(), "_source": False}, index=store.lines_and_spans, size=_KEYS)
    keys = (hit["sort"] for hit in chain.from_iterable(read))
    return next(islice(keys, limit, None), None)


def search(query: SearchQuery, store: Store) -> list[dict[str, Any]]:
    """Returns the matching documents as stored, each with `_index` and `_id`, in time order; above the limit the newest."""
    return [document(hit) for hit in find(query, store).hits]


def clause_for(query: SearchQuery, store: Store) -> Clause:
    """Returns the OpenSearch query for ``query``, with what its ids and words stand for now. Raises what `find` raises."""
    query = with_known_ids(query, store)
    return opensearch_query(query, transaction_for(query, store))


def transaction_for(query: SearchQuery, store: Store) -> Transaction | None:
    """Returns the transaction that the query's ids stand for; None without ids, or where the query is not for the `whole`."""
    ids = ids_of(query)
    return transaction_of(ids, store) if ids and query.whole else None


def count(clause: Clause, store: Store) -> int:
    """Returns how many lines and spans match an OpenSearch query."""
    answer = store.search({"query": clause, "size": 0, "track_total_hits": True}, index=store.lines_and_spans)
    return int(answer["hits"]["total"]["value"])


def highlighted(before: str, after: str) -> dict[str, Any]:
    """Returns the part of a search body that marks matches, in the first million characters of a text."""
    fields = {name: {"number_of_fragments": 0} for name in ("body", "name")}
    return {"highlight": {"pre_tags": [before], "post_tags": [after], "max_analyzer_offset": 999_999, "fields": fields}}


def transaction(id_: str, store: Store) -> list[dict[str, Any]]:
    """Returns every line and span of the transaction that ``id_`` (a trace, correlation or request id) belongs to, in time order."""
    return list(islice(map(document, find(SearchQuery(ids=(id_,), whole=True, limit=0), store).hits), MOST_DOCUMENTS))


def transaction_query(trace_ids: Sequence[str]) -> dict[str, Any]:
    """Returns the OpenSearch query for every line and span of these traces."""
    return {"bool": {"filter": [{"terms": {"doc.kind": ["log", "span"]}}, {"terms": {"traceId": list(trace_ids)}}]}}


def documents(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the documents of a search answer as stored, each with `_index` and `_id`."""
    return [document(hit) for hit in answer["hits"]["hits"]]


def document(hit: dict[str, Any]) -> dict[str, Any]:
    """Returns the document of one hit as stored, with `_index` and `_id`."""
    stored: dict[str, Any] = hit["_source"]
    return {"_index": hit["_index"], "_id": hit["_id"]} | stored


def newest_first() -> list[dict[str, Any]]:
    """Returns the sort of lists: latest time first, then by id, so that it is the same each time."""
    return _order("desc")


def oldest_first() -> list[dict[str, Any]]:
    """Returns the sort of a transaction: earliest time first, then by id."""
    return _order("asc")


def _order(order: str) -> list[dict[str, Any]]:
    # without `missing` OpenSearch 3.8 never answers a descending search that meets documents without a time
    return [{"@timestamp": {"order": order, "unmapped_type": "date_nanos", "missing": 0}}, {"_id": order}]
