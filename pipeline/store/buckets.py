"""Buckets: reads which values documents have, and how many have each, however many there are."""

from collections.abc import Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from pipeline.store.client import Store

_SIZE: Final = 1000
Bucket = Mapping[str, Any]


def bucket_pages(
    store: Store, query: Mapping[str, Any], fields: Mapping[str, str] | Mapping[str, Mapping[str, Any]], *, index: str, size: int = _SIZE,
    missing: bool = False, measures: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[list[Bucket]]:  # fmt: skip
    """Yields the buckets of a composite aggregation, page after page; the last page may be empty.

    Args:
        store: OpenSearch; only what is refreshed counts.
        query: of the documents.
        fields: by the name that a bucket's `key` has for it, the field whose values are told apart, or a source such as a date histogram.
        index: the pattern to search.
        size: buckets a page.
        missing: whether documents that lack a field count, too, with None.
        measures: aggregations within each bucket.
    """
    lacking = {"missing_bucket": True} if missing else {}
    sources = [{name: {"terms": {"field": of, **lacking}} if isinstance(of, str) else of} for name, of in fields.items()]
    composite: dict[str, Any] = {"size": size, "sources": sources}
    body = {"size": 0, "query": query, "aggs": {"found": {"composite": composite, **({"aggs": measures} if measures else {})}}}
    while True:
        # without an index there are no aggregations
        found = (store.search(body, index=index).get("aggregations") or {}).get("found", {})
        yield list(found.get("buckets", ()))
        if not (after := found.get("after_key")):
            return
        composite["after"] = after


def buckets(store: Store, query: Mapping[str, Any], fields: Mapping[str, Any], **more: Any) -> Iterator[Bucket]:
    """Yields the buckets of `bucket_pages`, which has the same arguments, one by one."""
    return chain.from_iterable(bucket_pages(store, query, fields, **more))
