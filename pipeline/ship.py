"""Ship: turns one subscription event into searchable documents. Never calls X-Ray."""

import time
from collections.abc import Callable

import msgspec

from pipeline.configure import evaluator_for, redactor_for
from pipeline.join.catch_up import catch_up
from pipeline.logs.correlate import correlate_batch
from pipeline.logs.decode import DecodedEvent, LogBatch, decode_event
from pipeline.logs.document_address import address_documents
from pipeline.logs.extract.read_lines import read_lines
from pipeline.model.log_groups import OPENSEARCH_LOG_GROUPS, SPANS_LOG_GROUP, is_of_lambda
from pipeline.model.timestamps import iso_millis
from pipeline.redact.redactor import Redactor
from pipeline.settings import Settings
from pipeline.store import dead_letters
from pipeline.store.client import Store
from pipeline.store.dead_letters import DeadLetter
from pipeline.store.log_writer import BulkItems, WriteResult, write_logs
from pipeline.store.trace_records import TraceRecords


class Ledger(msgspec.Struct, rename="camel"):
    """Counts what became of every log event: received = indexed + duplicate + filtered + dead-lettered."""

    received: int = 0
    indexed: int = 0
    duplicate: int = 0
    filtered: int = 0
    dead_lettered: int = 0
    control_messages: int = 0
    bad_envelopes: int = 0

    def add(self, other: "Ledger") -> None:
        """Adds the counts of ``other``."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Shipment(msgspec.Struct, frozen=True):
    """The result of shipping one event: its ledger, and what `resolve` and the metrics need.

    Attributes:
        unsettled: the ids of the traces that `resolve` has to look at.
        stale: the number of lines with a stale trace id, by service.
    """

    ledger: Ledger
    unsettled: tuple[str, ...] = ()
    stale: dict[str, int] = {}


def ship(event: object, *, store: Store, settings: Settings, remaining: Callable[[], float]) -> Shipment:
    """Ships one event of CloudWatch Logs, Kinesis or Data Firehose.

    Args:
        event: the Lambda event, decoded from JSON.
        store: OpenSearch.
        settings: bounds, names, redaction.
        remaining: returns the seconds left for all of it.

    Raises UnavailableError where a write may succeed later: the event must be delivered again, which is safe, since every
    document's id follows from the event.
    """
    decoded = decode_event(event, max_bytes=settings.max_decompressed_bytes)
    records = TraceRecords(store, evaluator_for(settings))
    items = prepare(decoded, settings)
    written = write_logs(items, store, remaining=remaining, max_chars=settings.max_line_chars)
    now = iso_millis(int(time.time() * 1000))
    span_batches = [batch for batch in decoded.batches if batch.log_group == SPANS_LOG_GROUP and not _filtered(batch, settings)]
    ledger = _count(decoded, items, written, spans=sum(len(batch.events) for batch in span_batches))
    redactor = redactor_for(settings)
    letters = _letters(decoded, written, now, redactor)
    unsettled: tuple[str, ...] = ()
    if span_batches:
        # imported here: a cold start without spans should not pay for their readers
        from pipeline.ship_spans import ship_spans  # noqa: PLC0415

        spans = ship_spans(span_batches, store, records, redactor, now=now)
        ledger.add(Ledger(indexed=spans.indexed, duplicate=spans.duplicate, dead_lettered=len(spans.letters)))
        letters += spans.letters
        unsettled = spans.unsettled
    dead_letters.write_dead_letters(letters, store)
    caught_up = catch_up(items, store, records)
    return Shipment(ledger, tuple(dict.fromkeys((*caught_up.unsettled, *unsettled))), dict(caught_up.stale))


def prepare(decoded: DecodedEvent, settings: Settings) -> BulkItems:
    """Returns the log documents of a decoded event, without filtered log groups and `aws/spans`."""
    items = BulkItems()
    for batch in decoded.batches:
        if batch.log_group != SPANS_LOG_GROUP and not _filtered(batch, settings):
            items.parts += read(batch, settings).parts
    return items


def read(batch: LogBatch, settings: Settings) -> BulkItems:
    """Returns the documents of one batch: its lines redacted, read, correlated and addressed."""
    messages = [event.message for event in batch.events]
    texts, lines = read_lines(messages, settings.correlation_paths, redactor_for(settings))
    correlate_batch(lines, of_lambda=is_of_lambda(batch.log_group, batch.log_stream))
    chars = settings.max_line_chars
    return BulkItems(address_documents(batch, texts, lines, prefix=settings.prefix, region=settings.region, max_chars=chars))


def _filtered(batch: LogBatch, settings: Settings) -> bool:
    # the shipper's own log lines, and OpenSearch's lines about them, would cause new lines without end
    name = batch.log_group
    return name == settings.own_log_group or name in settings.excluded_log_groups or name.startswith(OPENSEARCH_LOG_GROUPS)


def _letters(decoded: DecodedEvent, written: WriteResult, now: str, redactor: Redactor) -> list[DeadLetter]:
    letters = [dead_letters.of_envelope(record, now, redactor) for record in decoded.bad_envelopes]
    letters += [dead_letters.of_event(batch, record, now, redactor) for batch, record in decoded.bad_events]
    return letters + [dead_letters.of_document(rejected) for rejected in written.rejected]


def _count(decoded: DecodedEvent, items: BulkItems, written: WriteResult, *, spans: int) -> Ledger:
    """The ledger without the results of the ``spans``."""
    events = sum(len(batch.events) for batch in decoded.batches)
    return Ledger(
        received=events + len(decoded.bad_events),
        indexed=written.indexed,
        duplicate=written.duplicate,
        filtered=events - len(items) - spans,
        dead_lettered=len(written.rejected) + len(decoded.bad_events),
        control_messages=decoded.control_messages,
        bad_envelopes=len(decoded.bad_envelopes),
    )
