"""Export: finds every document of a transaction: its traces, then its lines and spans in time order."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from pipeline.join.transactions import transaction_of
from pipeline.search.explain_trace import stored_traces
from pipeline.search.query import SearchQuery, ids_of
from pipeline.search.search import document, find
from pipeline.store.client import Store


def exported_documents(id_: str, store: Store) -> Iterator[dict[str, Any]]:
    """Yields the documents of the transaction that ``id_`` belongs to, as stored, each with `_index` and `_id`; none for an unknown id.

    Args:
        id_: a trace, correlation or request id.
        store: OpenSearch. Memory does not grow with the number of lines and spans.
    """
    query = SearchQuery(ids=(id_,), whole=True, limit=0)
    traces = transaction_of(ids_of(query), store).trace_ids
    index = f"{store.prefix}-traces"
    known = ({"_index": index, "_id": trace_id} | dict(source) for trace_id, source in stored_traces(traces, store).items())
    return chain(known, map(document, find(query, store).hits))
