"""Ship spans: the events of the log group `aws/spans` become span documents. `ship` imports this where there are any."""

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
    """What became of the events: each was indexed, was there already, or is a dead letter.

    Attributes:
        unsettled: the traces that `resolve` has to look at.
    """

    indexed: int = 0
    duplicate: int = 0
    letters: Sequence[DeadLetter] = ()
    unsettled: tuple[str, ...] = ()


def ship_spans(batches: Iterable[LogBatch], store: Store, records: TraceRecords, redactor: Redactor, *, now: str) -> SpanShipment:
    """Indexes the spans in ``batches``, without what is secret in them; ``now`` is an ISO time, for what can't be indexed.

    Raises UnavailableError where something could still succeed later.
    """
    segments: list[Segment] = []
    letters: list[DeadLetter] = []
    for batch in batches:
        for event in batch.events:
            try:
                segments.append(read_span(event.message, redactor=redactor))
            except BadInputError as error:
                letters.append(of_event(batch, UnreadableRecord(f"event {event.id}", str(error), event.message), now, redactor))
    delivery = write_spans(segments, store)
    if delivery.behind:
        raise UnavailableError(f"the spans of {len(delivery.behind)} traces were changed by others meanwhile")
    letters += [_letter(segment, reason, now) for segment, reason in delivery.refused]
    return SpanShipment(delivery.indexed, delivery.duplicate, letters, _unsettled(segments, delivery.written, records))


def _unsettled(segments: Iterable[Segment], written: Collection[str], records: TraceRecords) -> tuple[str, ...]:
    """The ids of the traces of which a span was written, or is not in the record."""
    facts = facts_of_segments(segments)
    known = records.load(facts)
    return tuple(id_ for id_, state in facts.items() if id_ in written or not holds(known[id_].state, state))


def _letter(segment: Segment, reason: str, now: str) -> DeadLetter:
    """The dead letter of a span that OpenSearch refuses in any form."""
    document: dict[str, object] = {"@timestamp": now, "reason": reason, "document": msgspec.json.encode(segment).decode()}
    return DeadLetter(f"{segment.trace_id}-{segment.fact.id}", document)
