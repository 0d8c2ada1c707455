"""Ship spans: writes the events of the log group `aws/spans` as span documents. `ship` imports this only for such events."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from pipeline.errors import BadInputError, UnavailableError
from pipeline.logs.decode import LogBatch, UnreadableRecord
from pipeline.model.index_days import IndexDays
from pipeline.model.trace_state import holds
from pipeline.redact.redactor import Redactor
from pipeline.store.client import Store
from pipeline.store.dead_letters import DeadLetter, of_event, of_span
from pipeline.store.span_writer import writing_spans
from pipeline.store.together import write_alone
from pipeline.store.trace_records import TraceRecords
from pipeline.traces.otel_spans import read_span
from pipeline.traces.segment import Segment, facts_of_segments, of_account
from pipeline.traces.span_document import span_address

_LONGEST_ACCOUNT: Final = len("123456789012")


class SpanShipment(msgspec.Struct):
    """The result for the events: each was indexed, was stored already, or is a dead letter.

    Attributes:
        unsettled: the ids of the traces that `resolve` has to look at.
    """

    indexed: int = 0
    duplicate: int = 0
    letters: Sequence[DeadLetter] = ()
    unsettled: tuple[str, ...] = ()


def ship_spans(batches: Iterable[LogBatch], store: Store, records: TraceRecords, redactor: Redactor, *, now: str, days: IndexDays,
               account: str) -> SpanShipment:  # fmt: skip
    """Writes the spans in ``batches`` to OpenSearch, redacted.

    Args:
        batches: events of `aws/spans`.
        store: OpenSearch.
        records: the stored trace records.
        redactor: takes secrets out.
        now: the time of dead letters, ISO 8601.
        days: the times whose days have an index of their own.
        account: the id of the account whose spans no other account's replace; empty for none.

    Raises UnavailableError where a write may succeed later.
    """
    segments: list[Segment] = []
    letters: list[DeadLetter] = []
    for batch in batches:
        for event in batch.events:
            try:
                segments.append(_of_account(read_span(event.message, redactor=redactor), batch.source.account, account))
            except BadInputError as error:
                letters.append(of_event(batch, UnreadableRecord(f"event {event.id}", str(error), event.message), now, redactor))
    shipment = ship_segments(segments, store, records, now=now, days=days)
    return msgspec.structs.replace(shipment, letters=(*letters, *shipment.letters))


def ship_segments(segments: Sequence[Segment], store: Store, records: TraceRecords, *, now: str, days: IndexDays) -> SpanShipment:
    """Writes the spans of ``segments``, which are read and redacted already, like `ship_spans`."""
    spans = write_alone(writing_spans(segments, store, days), store)
    if spans.refused:
        raise UnavailableError(f"OpenSearch does not take spans of {len(spans.refused)} traces: {next(iter(spans.refused.values()))}")
    if spans.behind:
        raise UnavailableError(f"the spans of {len(spans.behind)} traces were changed by others meanwhile")
    letters: list[DeadLetter] = []
    for segment, reason in spans.rejected:
        address = span_address(segment.fact, segment.trace_id, store.prefix, days)
        letters.append(of_span(*address, content=msgspec.json.encode(segment).decode(), reason=reason, at=now))
    return SpanShipment(spans.indexed, spans.duplicate, letters, _unsettled(segments, spans.written, records))


def _of_account(segment: Segment, owner: str, account: str) -> Segment:
    """``segment``, whose fact says which account it comes from where that is another than ``account``."""
    if owner == account:
        return segment
    return of_account(segment, owner[:_LONGEST_ACCOUNT])


def _unsettled(segments: Iterable[Segment], written: Collection[str], records: TraceRecords) -> tuple[str, ...]:
    """The ids of the traces with a span that was written, or whose fact the record lacks."""
    facts = facts_of_segments(segments)
    known = records.load(facts)
    return tuple(id_ for id_, state in facts.items() if id_ in written or not holds(known[id_].state, state))
