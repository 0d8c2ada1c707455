"""Ship spans: writes the events of the log group `aws/spans` as span documents. `ship` imports this only for such events."""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from pipeline.errors import BadInputError, UnavailableError
from pipeline.logs.decode import LogBatch, UnreadableRecord
from pipeline.model.trace_state import holds
from pipeline.redact.redactor import Redactor
from pipeline.store.client import Store
from pipeline.store.dead_letters import DeadLetter, of_event
from pipeline.store.span_writer import write_spans
from pipeline.store.trace_records import TraceRecords
from pipeline.traces.otel_spans import read_span
from pipeline.traces.segment import Segment, facts_of_segments


class SpanShipment(msgspec.Struct):
    """The result for the events: each was indexed, was stored already, or is a dead letter.

    Attributes:
        unsettled: the ids of the traces that `resolve` has to look at.
    """

    indexed: int = 0
    duplicate: int = 0
    letters: Sequence[DeadLetter] = ()
    unsettled: tuple[str, ...] = ()


def ship_spans(batches: Iterable[LogBatch], store: Store, records: TraceRecords, redactor: Redactor, *, now: str) -> SpanShipment:
    """Writes the spans in ``batches`` to OpenSearch, redacted; ``now`` (ISO 8601) is the time of dead letters.

    Raises UnavailableError where a write may succeed later.
    """
    segments: list[Segment] = []
    letters: list[DeadLetter] = []
    for batch in batches:
        for event in batch.events:
            try:
                segments.append(read_span(event.message, redactor=redactor))
            except BadInputError as error:
                letters.append(of_event(batch, UnreadableRecord(f"event {event.id}", str(error), event.message), now, redactor))
    spans = write_spans(segments, store)
    if spans.behind:
        raise UnavailableError(f"the spans of {len(spans.behind)} traces were changed by others meanwhile")
    letters += [_letter(segment, reason, now) for segment, reason in spans.rejected]
    return SpanShipment(spans.indexed, spans.duplicate, letters, _unsettled(segments, spans.written, records))


def _unsettled(segments: Iterable[Segment], written: Collection[str], records: TraceRecords) -> tuple[str, ...]:
    """The ids of the traces with a span that was written, or whose fact the record lacks."""
    facts = facts_of_segments(segments)
    known = records.load(facts)
    return tuple(id_ for id_, state in facts.items() if id_ in written or not holds(known[id_].state, state))


def _letter(segment: Segment, reason: str, now: str) -> DeadLetter:
    """The dead letter of a span that OpenSearch rejects in any form."""
    document: dict[str, object] = {"@timestamp": now, "reason": reason, "document": msgspec.json.encode(segment).decode()}
    return DeadLetter(f"{segment.trace_id}-{segment.fact.id}", document)
