"""Search: logs and spans in one list, by any id. Ids and words are compared as data, never put into a query string."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from pipeline.join.transactions import Transaction, transaction_of
from pipeline.search.query import SearchQuery, ids_of, query_of
from pipeline.store.client import Store

_MOST = 10_000
_PAGE = 1000
_KEYS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search came to.

    Attributes:
        total: how many documents there are; where only the newest were asked for, there may be more than come.
        hits: as OpenSearch writes them, in time order, fetched page by page while they are read.
    """

    total: int
    hits: Iterator[dict[str, Any]]


def find(question: SearchQuery, store: Store, *, highlight: tuple[str, str] | None = None) -> SearchResult:
    """Looks for what ``question`` asks. Memory does not grow with the number of hits.

    Args:
        question: what to look for; of too many hits the newest come, and with a limit of 0 all of them.
        store: OpenSearch.
        highlight: marks to put before and after each word that the text matched, in the hit's own `highlight`.

    Raises BadInputError where an id, an annotation or the times can't be meant.
    """
    query = query_of(question, transaction_for(question, store))
    body = {"query": query} | (highlighted(*highlight) if highlight else {})
    index = lines_and_spans(store)
    if 0 < question.limit <= _PAGE:
        answer = store.search(body | {"size": question.limit, "sort": newest_first(), "track_total_hits": True}, index=index)
        return SearchResult(total=answer["hits"]["total"]["value"], hits=iter(answer["hits"]["hits"][::-1]))
    total = count(query, store)
    before = _key_before_newest(question.limit, query, store) if 0 < question.limit < total else None
    body |= {"sort": oldest_first()} | ({"search_after": before} if before else {})
    return SearchResult(total=total, hits=chain.from_iterable(store.pages(body, index=index)))


def _key_before_newest(limit: int, query: dict[str, Any], store: Store) -> list[Any] | None:
    """The sort values of the newest hit that is not among the newest ``limit``: read newest first, without the documents."""
    pages = store.pages({"query": query, "sort": newest_first(), "_source": False}, index=lines_and_spans(store), size=_KEYS)
    keys = (hit["sort"] for hit in chain.from_iterable(pages))
    return next(islice(keys, limit, None), None)


def search(question: SearchQuery, store: Store) -> list[dict[str, Any]]:
    """The documents as stored, each with `_index` and `_id`, in time order: the newest where there are too many."""
    return [document(hit) for hit in find(question, store).hits]


def transaction_for(question: SearchQuery, store: Store) -> Transaction | None:
    """The group that the question's ids stand for; None where it asks for none, or for these ids alone."""
    ids = ids_of(question)
    return transaction_of(ids, store) if ids and question.whole else None


def count(query: dict[str, Any], store: Store) -> int:
    """How many lines and spans match."""
    answer = store.search({"query": query, "size": 0, "track_total_hits": True}, index=lines_and_spans(store))
    return int(answer["hits"]["total"]["value"])


def lines_and_spans(store: Store) -> str:
    """The pattern of the indices that are searched."""
    return f"{store.prefix}-logs-*,{store.prefix}-spans-*"


def highlighted(before: str, after: str) -> dict[str, Any]:
    """The part of a search that marks matches; what lies beyond the first million characters stays unmarked."""
    fields = {name: {"number_of_fragments": 0} for name in ("body", "name")}
    return {"highlight": {"pre_tags": [before], "post_tags": [after], "max_analyzer_offset": 999_999, "fields": fields}}


def transaction(id_: str, store: Store) -> list[dict[str, Any]]:
    """Every line and span of the transaction that ``id_`` (a trace, correlation or request id) belongs to, in time order."""
    return list(islice(map(document, find(SearchQuery(ids=(id_,), whole=True, limit=0), store).hits), _MOST))


def transaction_query(trace_ids: Sequence[str]) -> dict[str, Any]:
    """The OpenSearch query for every line and span of these traces."""
    return {"bool": {"filter": [{"terms": {"doc.kind": ["log", "span"]}}, {"terms": {"traceId": list(trace_ids)}}]}}


def documents(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents of a search answer as stored, with their addresses."""
    return [document(hit) for hit in answer["hits"]["hits"]]


def document(hit: dict[str, Any]) -> dict[str, Any]:
    """The document of one hit as stored, with its address."""
    stored: dict[str, Any] = hit["_source"]
    return {"_index": hit["_index"], "_id": hit["_id"]} | stored


def newest_first() -> list[dict[str, Any]]:
    """The order of lists: by time, and by id where times are equal, so that it is the same each time."""
    return _order("desc")


def oldest_first() -> list[dict[str, Any]]:
    """The order of a transaction."""
    return _order("asc")


def _order(order: str) -> list[dict[str, Any]]:
    # without `missing` OpenSearch 3.8 never answers a descending search that meets documents without a time
    return [{"@timestamp": {"order": order, "unmapped_type": "date_nanos", "missing": 0}}, {"_id": order}]
