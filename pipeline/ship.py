"""Ship: turns one subscription event into searchable documents. Never calls X-Ray."""

import time
from collections import Counter
from collections.abc import Callable

import msgspec

from pipeline.configure import evaluator_for, redactor_for
from pipeline.join.catch_up import catch_up
from pipeline.logs.correlate import correlate_batch
from pipeline.logs.decode import DecodedEvent, LogBatch, decode_event
from pipeline.logs.document_address import address_documents
from pipeline.logs.extract.read_lines import read_lines
from pipeline.logs.printed import demote_printed
from pipeline.model.index_days import ALL_DAYS, IndexDays, index_days
from pipeline.model.log_groups import OPENSEARCH_LOG_GROUPS, SPANS_LOG_GROUP, writer_of
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
        stale: the number of lines with a stale trace id, by the service that their log group is named after.
        foreign: the number of filtered log events of accounts that are not allowed, by account.
    """

    ledger: Ledger
    unsettled: tuple[str, ...] = ()
    stale: dict[str, int] = {}
    foreign: dict[str, int] = {}


def ship(event: object, *, store: Store, settings: Settings, remaining: Callable[[], float],
         clock: Callable[[], float] = time.time) -> Shipment:  # fmt: skip
    """Ships one event of CloudWatch Logs, Kinesis or Data Firehose.

    Args:
        event: the Lambda event, decoded from JSON.
        store: OpenSearch.
        settings: bounds, names, accounts, redaction.
        remaining: returns the seconds left for all of it.
        clock: returns seconds since the epoch.

    Raises UnavailableError where a write may succeed later, and MisconfiguredError where `setup` did not run yet or the login is refused:
    the event must be delivered again, which is safe, since every document's id follows from the event.
    """
    received = decode_event(event, max_bytes=settings.max_decompressed_bytes)
    decoded = _wanted(received, settings)
    if decoded.batches or decoded.bad_events or decoded.bad_envelopes:
        store.require_templates()
    now = int(clock() * 1000)
    days = index_days(now, settings.retention_days)
    items = prepare(decoded, settings, days)
    if items.aged:
        # imported here: events that old come only again, or from a file
        from pipeline.store.stored_addresses import keep_stored_addresses  # noqa: PLC0415

        items = keep_stored_addresses(items, store)
    records = TraceRecords(store, evaluator_for(settings))
    written = write_logs(items, store, remaining=remaining, max_chars=settings.max_line_chars)
    ledger = _count(received, decoded, written)
    redactor = redactor_for(settings)
    letters = _letters(decoded, written, iso_millis(now), redactor)
    unsettled: tuple[str, ...] = ()
    if span_batches := [batch for batch in decoded.batches if batch.log_group == SPANS_LOG_GROUP]:
        # imported here: a cold start without spans should not pay for their readers
        from pipeline.ship_spans import ship_spans  # noqa: PLC0415

        spans = ship_spans(span_batches, store, records, redactor, now=iso_millis(now), days=days, account=settings.own_account)
        ledger.add(Ledger(indexed=spans.indexed, duplicate=spans.duplicate, dead_lettered=len(spans.letters)))
        letters += spans.letters
        unsettled = spans.unsettled
    dead_letters.write_dead_letters(letters, store)
    caught_up = catch_up(items, store, records)
    unsettled = tuple(dict.fromkeys((*caught_up.unsettled, *unsettled)))
    return Shipment(ledger, unsettled, dict(caught_up.stale), dict(_foreign_events(received, settings)))


def prepare(decoded: DecodedEvent, settings: Settings, days: IndexDays = ALL_DAYS) -> BulkItems:
    """Returns the log documents of a decoded event, without those of `aws/spans`; ``days`` are those with an index of their own."""
    items = BulkItems()
    for batch in decoded.batches:
        if batch.log_group != SPANS_LOG_GROUP:
            part = read(batch, settings, days)
            items.starts.append(len(items))
            items.parts += part.parts
            items.aged |= part.aged
    return items


def read(batch: LogBatch, settings: Settings, days: IndexDays = ALL_DAYS) -> BulkItems:
    """Returns the documents of one batch: its lines redacted, read, correlated and addressed."""
    messages = [event.message for event in batch.events]
    texts, lines = read_lines(messages, settings.correlation_paths, redactor_for(settings))
    writer = writer_of(batch.log_group, batch.log_stream, settings.api_gateway_log_groups)
    demote_printed(lines, writer)
    correlate_batch(lines, of_lambda=writer == "lambda")
    parts, aged = address_documents(batch, texts, lines, prefix=settings.prefix, region=settings.region,
                                    max_chars=settings.max_line_chars, days=days)  # fmt: skip
    return BulkItems(parts, aged)


def _wanted(received: DecodedEvent, settings: Settings) -> DecodedEvent:
    """What is shipped of an event: all but the filtered log groups and the accounts that are not allowed."""
    return DecodedEvent(
        batches=[batch for batch in received.batches if not _filtered(batch, settings)],
        control_messages=received.control_messages,
        bad_envelopes=received.bad_envelopes,
        bad_events=[(batch, record) for batch, record in received.bad_events if not _filtered(batch, settings)],
    )


def _filtered(batch: LogBatch, settings: Settings) -> bool:
    # the shipper's own log lines, and OpenSearch's lines about them, would cause new lines without end
    name = batch.log_group
    is_ours = name == settings.own_log_group or name in settings.excluded_log_groups or name.startswith(OPENSEARCH_LOG_GROUPS)
    return is_ours or _is_foreign(batch, settings)


def _is_foreign(batch: LogBatch, settings: Settings) -> bool:
    return bool(settings.allowed_accounts) and batch.owner not in settings.allowed_accounts


def _foreign_events(received: DecodedEvent, settings: Settings) -> Counter[str]:
    """The number of log events, by account, of accounts that are not allowed."""
    events: Counter[str] = Counter()
    for batch, number in (*((batch, len(batch.events)) for batch in received.batches), *((batch, 1) for batch, _ in received.bad_events)):
        if _is_foreign(batch, settings):
            events[batch.owner] += number
    return events


def _letters(decoded: DecodedEvent, written: WriteResult, now: str, redactor: Redactor) -> list[DeadLetter]:
    letters = [dead_letters.of_envelope(record, now, redactor) for record in decoded.bad_envelopes]
    letters += [dead_letters.of_event(batch, record, now, redactor) for batch, record in decoded.bad_events]
    return letters + [dead_letters.of_document(rejected) for rejected in written.rejected]


def _count(received: DecodedEvent, decoded: DecodedEvent, written: WriteResult) -> Ledger:
    """The ledger of what was ``received`` and, of that, ``decoded`` to be shipped; without the results of spans."""
    events = _events_in(received)
    return Ledger(
        received=events,
        indexed=written.indexed,
        duplicate=written.duplicate,
        filtered=events - _events_in(decoded),
        dead_lettered=len(written.rejected) + len(decoded.bad_events),
        control_messages=received.control_messages,
        bad_envelopes=len(received.bad_envelopes),
    )


def _events_in(decoded: DecodedEvent) -> int:
    return sum(len(batch.events) for batch in decoded.batches) + len(decoded.bad_events)
