"""Ship: one subscription event, from bytes to searchable documents. Never calls X-Ray."""

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
    """Where every log event went: received = indexed + duplicate + filtered + dead-lettered."""

    received: int = 0
    indexed: int = 0
    duplicate: int = 0
    filtered: int = 0
    dead_lettered: int = 0
    control_messages: int = 0
    bad_envelopes: int = 0

    def add(self, other: "Ledger") -> None:
        """Takes the counts of ``other`` in."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Shipment(msgspec.Struct, frozen=True):
    """What one event came to: its ledger, and what `resolve` and the metrics have to know.

    Attributes:
        unsettled: the traces that `resolve` has to look at.
        stale: how many lines named another trace than the platform does, by service.
    """

    ledger: Ledger
    unsettled: tuple[str, ...] = ()
    stale: dict[str, int] = {}


def ship(event: object, *, store: Store, settings: Settings, remaining: Callable[[], float]) -> Shipment:
    """Ships one event of CloudWatch Logs, Kinesis or Data Firehose.

    Args:
        event: as Lambda hands it over, decoded from JSON.
        store: where the documents go.
        settings: bounds, names.
        remaining: seconds left for the whole of it.

    Raises UnavailableError where something could still succeed later: the caller must let the event come again, which is
    safe, since every document's id follows from the event.
    """
    unpacked = decode_event(event, max_bytes=settings.max_decompressed_bytes)
    records = TraceRecords(store, evaluator_for(settings))
    items = prepare(unpacked, settings)
    delivery = write_logs(items, store, remaining=remaining, max_chars=settings.max_line_chars)
    now = iso_millis(int(time.time() * 1000))
    span_batches = [batch for batch in unpacked.batches if batch.log_group == SPANS_LOG_GROUP and not _filtered(batch, settings)]
    ledger = _count(unpacked, items, delivery, spans=sum(len(batch.events) for batch in span_batches))
    redactor = redactor_for(settings)
    letters = _letters(unpacked, delivery, now, redactor)
    unsettled: tuple[str, ...] = ()
    if span_batches:
        # imported here: where no spans come this way, a cold start should not wait for what reads them
        from pipeline.ship_spans import ship_spans  # noqa: PLC0415

        spans = ship_spans(span_batches, store, records, redactor, now=now)
        ledger.add(Ledger(indexed=spans.indexed, duplicate=spans.duplicate, dead_lettered=len(spans.letters)))
        letters += spans.letters
        unsettled = spans.unsettled
    dead_letters.write_dead_letters(letters, store)
    greeting = catch_up(items, store, records)
    return Shipment(ledger, tuple(dict.fromkeys((*greeting.unsettled, *unsettled))), dict(greeting.stale))


def prepare(unpacked: DecodedEvent, settings: Settings) -> BulkItems:
    """The documents of all batches of log lines that are to be shipped."""
    items = BulkItems()
    for batch in unpacked.batches:
        if batch.log_group != SPANS_LOG_GROUP and not _filtered(batch, settings):
            items.parts += read(batch, settings).parts
    return items


def read(batch: LogBatch, settings: Settings) -> BulkItems:
    """The documents of ``batch``: its lines redacted, read, attributed and addressed."""
    messages = [event.message for event in batch.events]
    texts, lines = read_lines(messages, settings.correlation_paths, redactor_for(settings))
    correlate_batch(lines, of_lambda=is_of_lambda(batch.log_group, batch.log_stream))
    chars = settings.max_line_chars
    return BulkItems(address_documents(batch, texts, lines, prefix=settings.prefix, region=settings.region, max_chars=chars))


def _filtered(batch: LogBatch, settings: Settings) -> bool:
    # the shipper's own lines would make new lines, for ever, and so would what OpenSearch logs of them
    name = batch.log_group
    return name == settings.own_log_group or name in settings.excluded_log_groups or name.startswith(OPENSEARCH_LOG_GROUPS)


def _letters(unpacked: DecodedEvent, delivery: WriteResult, now: str, redactor: Redactor) -> list[DeadLetter]:
    letters = [dead_letters.of_envelope(record, now, redactor) for record in unpacked.bad_envelopes]
    letters += [dead_letters.of_event(batch, record, now, redactor) for batch, record in unpacked.bad_events]
    return letters + [dead_letters.of_document(refused) for refused in delivery.refused]


def _count(unpacked: DecodedEvent, items: BulkItems, delivery: WriteResult, *, spans: int) -> Ledger:
    """The ledger of everything but what became of the ``spans``."""
    events = sum(len(batch.events) for batch in unpacked.batches)
    return Ledger(
        received=events + len(unpacked.bad_events),
        indexed=delivery.indexed,
        duplicate=delivery.duplicate,
        filtered=events - len(items) - spans,
        dead_lettered=len(delivery.refused) + len(unpacked.bad_events),
        control_messages=unpacked.control_messages,
        bad_envelopes=len(unpacked.bad_envelopes),
    )
