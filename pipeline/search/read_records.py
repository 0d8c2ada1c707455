"""Read records: asks traces' records for what their lines leave to them, so that a line reads as if the verdict stood in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import msgspec

from pipeline.errors import BadInputError
from pipeline.join.enrich import LineEnrichment
from pipeline.model.index_days import log_indices
from pipeline.model.json_values import as_text
from pipeline.model.line_states import IN_RECORD, PENDING
from pipeline.model.trace_state import TraceState
from pipeline.search.query import Clause, SearchQuery, annotated, any_of, joined, told
from pipeline.search.recorded_traces import COMPLETE, LEAVES_TO_RECORD, RecordedTraces
from pipeline.store.client import Store
from pipeline.store.own_documents import in_own_form, is_own
from pipeline.store.probe import any_matches
from pipeline.store.results import Hit

_MOST: Final = 100_000
_SHOWN: Final = ("state", "trace", "transactionId")
# only a settled record is deleted, and only what is complete leaves its lines to it until then
# a caller who was told of an error makes a trace notable (`is_notable`), and its lines say so themselves
_NO_ERROR: Final[Clause] = {"bool": {"must_not": [{"term": {"trace.clientSaw": "error"}}]}}
_GONE: Final = {"state": COMPLETE, "stateReason": "The trace was complete and healthy; its record is past its retention.", "version": 0}

Raw = dict[str, Any]


def with_records(query: SearchQuery, store: Store) -> SearchQuery:
    """Returns ``query`` with what the records say of what it asks for, where there are lines that leave it to them.

    Raises BadInputError where more traces have an annotation, a status or a correlation id than a query can name.
    """
    left_out = [excluded for _, excluded in query.excluded]
    asked = [query, *left_out]
    states = any(each.state for each in asked)
    annotations = dict.fromkeys(text for each in asked for text in each.annotations)
    statuses = dict.fromkeys(text for each in asked for text in each.edge_status)
    # a word that is asked for and that anything names is among the ids by now
    words = (word for each in left_out for word in each.words)
    ids = dict.fromkeys(map(as_text, (*(id_ for each in asked for id_ in _correlation_ids(each)), *words)))
    if not (states or annotations or statuses or ids) or not any_matches([(log_indices(store.prefix), LEAVES_TO_RECORD)], store)[0]:
        return query
    recorded = RecordedTraces(
        unfinished=unfinished_traces(store) if states else {},
        annotated={text: _traces(store, annotated(text), f"the annotation {text}") for text in annotations},
        told={text: _traces(store, joined([told(text), _NO_ERROR]), f"the edge status {text}") for text in statuses},
        correlated={id_: _traces(store, {"term": {"correlationId": id_}}, f"the correlation id {id_}") for id_ in ids},
    )
    excluded = tuple((name, replace(each, recorded=recorded)) for name, each in query.excluded)
    return replace(query, recorded=recorded, excluded=excluded)


def unfinished_traces(store: Store) -> dict[str, list[str]]:
    """Returns the ids of the traces that are not settled, by state; of very many the oldest."""
    found: dict[str, list[str]] = {}
    unsettled = store.scan({"term": {"settled": False}}, index=f"{store.prefix}-traces", source=("trace.state",))
    for hit in islice(unsettled, _MOST):
        found.setdefault(_status(hit.source).get("state", "pending"), []).append(hit.id)
    return found


def pending_lines(store: Store) -> Clause:
    """Returns the OpenSearch query for the lines and spans that no verdict has reached yet."""
    recorded = RecordedTraces(unfinished=unfinished_traces(store))
    return any_of([{"term": {"trace.state": "pending"}}, *recorded.in_states(["pending"])])


def as_recorded(hits: Sequence[Raw], store: Store) -> list[Raw]:
    """Returns hits, as OpenSearch writes them, with what each line has from its trace's record, where it leaves that to the record."""
    hits = [hit | {"_source": in_own_form(hit.get("_index", ""), hit["_source"])} for hit in hits]
    left = dict.fromkeys(hit["_source"]["traceId"] for hit in hits if _leaves(hit["_source"]))
    stored = store.get_many([(f"{store.prefix}-traces", id_) for id_ in left], source=_SHOWN) if left else []
    enrichments = {id_: _enrichment(hit) for id_, hit in zip(left, stored, strict=True)}
    return [hit | {"_source": msgspec.to_builtins(enrichments[hit["_source"]["traceId"]].enriched(hit["_source"]))}
            if _leaves(hit["_source"]) else hit for hit in hits]  # fmt: skip


def _leaves(source: Mapping[str, Any]) -> bool:
    return _status(source).get("state") == IN_RECORD and is_own(source)


def _status(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `trace` object of a document; empty where another program wrote none."""
    return source.get("trace") or {}


class _Unenriched:
    """What lines have from a trace of which no facts are known: its status."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        self._status = status

    def enriched(self, source: Mapping[str, Any]) -> dict[str, Any]:
        return {**source, "trace": self._status}


def _enrichment(record: Hit | None) -> LineEnrichment | _Unenriched:
    if record is None:
        return _Unenriched(_GONE)
    status = _status(record.source)
    if not status.get("version"):
        return _Unenriched(PENDING)
    return LineEnrichment(msgspec.convert(record.source["state"], TraceState), status, record.source["transactionId"])


def _correlation_ids(query: SearchQuery) -> Iterable[str]:
    """The ids of a query that may be correlation ids; one for whole transactions needs none."""
    given = query.correlation_id if isinstance(query.correlation_id, tuple) else (query.correlation_id,)
    return () if query.whole else filter(None, (*query.ids, *given))


def _traces(store: Store, clause: Clause, what: str) -> list[str]:
    """The ids of the traces whose records match. Raises BadInputError where there are too many."""
    found = [hit.id for hit in islice(store.scan(clause, index=f"{store.prefix}-traces", source=False), _MOST + 1)]
    if len(found) > _MOST:
        raise BadInputError(f"more than {_MOST:,} traces have {what}: give a word or an id that fewer of them have")
    return found
