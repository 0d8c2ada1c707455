"""Whole transactions: loads everything that is stored of some transactions, so that it is judged and deleted as a whole or not at all."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from pipeline.join.transactions import transactions_of
from pipeline.model.trace_state import last_seen
from pipeline.store.client import Store
from pipeline.store.results import Hit
from pipeline.store.sampled_out import Gone, digest_of
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords

MOST_DOCUMENTS: Final = 2000
"""A transaction with more lines and spans is kept: its record could not hold which of them went."""

_encoder = msgspec.json.Encoder()


class WholeTransaction(msgspec.Struct, kw_only=True):
    """A transaction, and what is stored of it.

    Attributes:
        id: of the transaction.
        records: those of its traces, by trace id.
        documents: its lines and spans; at most one more than `MOST_DOCUMENTS`.
    """

    id: str
    records: dict[str, TraceRecord]
    documents: list[Hit] = []

    @property
    def quiet_since_ms(self) -> int:
        """Since when nothing is new (epoch milliseconds, UTC): its newest line or segment, or when a trace settled last.

        The second is later where old events come, as from a backfill.
        """
        return max((max(last_seen(record.state), record.settled_at) for record in self.records.values()), default=0)

    def documents_of(self, trace_id: str) -> list[Hit]:
        """Returns the stored lines and spans of one of its traces."""
        return [hit for hit in self.documents if hit.source["traceId"] == trace_id]


def is_line(hit: Hit) -> bool:
    """Whether a document is a log line; else it is a span."""
    return bool(hit.source["doc"]["kind"] == "log")


def gone(hit: Hit) -> Gone:
    """Returns what the ledger keeps of a document that is deleted."""
    return Gone(digest=digest_of(hit.id), is_line=is_line(hit), size=size_of(hit))


def size_of(hit: Hit) -> int:
    """The length of a document as JSON, in bytes."""
    return len(_encoder.encode(hit.source))


def transactions_around(trace_ids: Collection[str], store: Store, records: TraceRecords) -> list[WholeTransaction]:
    """Returns the present transactions of these traces without lines and spans, each once; uses gets alone, so no refresh is needed."""
    loaded = records.load(trace_ids)
    found = transactions_of(trace_ids, store, {id_: record.state for id_, record in loaded.items()})
    members = {transaction.id_for(id_): (id_,) if transaction.too_large else transaction.trace_ids for id_, transaction in found.items()}
    loaded |= records.load(id_ for ids in members.values() for id_ in ids if id_ not in loaded)
    # of a trace without a record nothing is known any more
    return [WholeTransaction(id=id_, records={each: loaded[each] for each in ids if loaded[each].version}) for id_, ids in members.items()]


def load_documents(transactions: Iterable[WholeTransaction], store: Store) -> None:
    """Reads the lines and spans of ``transactions`` into them; sees only refreshed documents."""
    by_trace: Mapping[str, WholeTransaction] = {id_: transaction for transaction in transactions for id_ in transaction.records}
    if not by_trace:
        return
    query = {"terms": {"traceId": sorted(by_trace)}}
    wanted: list[Hit] = []
    numbers: Counter[str] = Counter()
    # pages of whole documents are small, and from the second one on need every id of the index in memory
    for hit in store.scan(query, index=store.lines_and_spans, source=("traceId",)):
        id_ = by_trace[hit.source["traceId"]].id
        numbers[id_] += 1
        if numbers[id_] <= MOST_DOCUMENTS + 1:
            wanted.append(hit)
    for hit in store.fetch(wanted):
        by_trace[hit.source["traceId"]].documents.append(hit)
