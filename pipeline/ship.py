"""Ship: turns one subscription event into searchable documents. Never calls X-Ray."""

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace

import msgspec

from pipeline.configure import evaluator_for, redactor_for
from pipeline.join.catch_up import catch_up, requests_to_note
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
from pipeline.store.held_lines import HeldLines, batch_digest
from pipeline.store.join_keys import JoinKeys
from pipeline.store.log_writer import BulkItems, WriteResult, write_logs
from pipeline.store.trace_document import Opening
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
        lines: the lines that were written, if they are few enough to travel with the ids of their traces.
    """

    ledger: Ledger
    unsettled: tuple[str, ...] = ()
    lines: HeldLines | None = None
    stale: dict[str, int] = {}
    foreign: dict[str, int] = {}


def ship(event: object, *, store: Store, settings: Settings, remaining: Callable[[], float],
         clock: Callable[[], float] = time.time, before: Callable[[], None] = lambda: None) -> Shipment:  # fmt: skip
    """Ships one event of CloudWatch Logs, Kinesis or Data Firehose.

    Args:
        event: the Lambda event, decoded from JSON.
        store: OpenSearch.
        settings: bounds, names, accounts, redaction.
        remaining: returns the seconds left for all of it.
        clock: returns seconds since the epoch.
        before: called before the first request to OpenSearch, if there is something to ship at all.

    Raises what ``before`` raises, UnavailableError where a write may succeed later, and MisconfiguredError where `setup` did not run yet or
    the login is refused: the event must be delivered again, which is safe, since every document's id follows from the event.
    """
    received = decode_event(event, max_bytes=settings.max_decompressed_bytes)
    decoded = _wanted(received, settings)
    if decoded.batches or decoded.bad_events or decoded.bad_envelopes:
        before()
        store.require_templates()
    now = int(clock() * 1000)
    days = index_days(now, settings.retention_days)
    # where writes show late, nothing can rest on them
    is_realtime = not store.capabilities.visible_after
    if not is_realtime:
        settings = replace(settings, enrich_lines="all")
    items = prepare(decoded, settings, days)
    if items.aged:
        # imported here: events that old come only again, or from a file
        from pipeline.store.stored_addresses import keep_stored_addresses  # noqa: PLC0415

        items = keep_stored_addresses(items, store)
    records = TraceRecords(store, evaluator_for(settings))
    noted = requests_to_note(items) if is_realtime else ()
    begun = _begun(items) if settings.enrich_lines == "notable" else {}
    marks = [*records.opening(begun), *JoinKeys(store).marks(noted)]
    written = write_logs(items, store, remaining=remaining, max_chars=settings.max_line_chars, marks=marks,
                         hold=is_realtime and bool(settings.queue_url))  # fmt: skip
    opened = records.opened(begun, written.marked)
    ledger = _count(received, decoded, written)
    redactor = redactor_for(settings)
    letters = _letters(decoded, written, iso_millis(now), redactor)
    unsettled: tuple[str, ...] = ()
    if span_batches := [batch for batch in decoded.batches if _holds_spans(batch)]:
        # imported here: a cold start without spans should not pay for their readers
        from pipeline.ship_spans import ship_spans  # noqa: PLC0415

        spans = ship_spans(span_batches, store, records, redactor, now=iso_millis(now), days=days, account=settings.own_account)
        ledger.add(Ledger(indexed=spans.indexed, duplicate=spans.duplicate, dead_lettered=len(spans.letters)))
        letters += spans.letters
        unsettled = spans.unsettled
    dead_letters.write_dead_letters(letters, store)
    caught_up = catch_up(items, store, records, noted, opened)
    unsettled = tuple(dict.fromkeys((*caught_up.unsettled, *unsettled)))
    # a hint of spans brings no spans along
    lines = None if span_batches else _unmoved(written.held, items, caught_up.moved)
    return Shipment(ledger, unsettled, lines, dict(caught_up.stale), dict(_foreign_events(received, settings)))


def _begun(items: BulkItems) -> dict[str, Opening]:
    """What is to be known of the lines, by trace, that are answered for by its record."""
    times: dict[str, str] = {}
    ids: dict[str, list[str]] = {}
    for action, line in items:
        if line.trace_id and not line.stale_trace_id:
            times[line.trace_id] = line.timestamp
            ids.setdefault(line.trace_id, []).append(action.create.id)
    return {id_: Opening(at, batch_digest(ids[id_])) for id_, at in times.items()}


def _unmoved(held: HeldLines | None, items: BulkItems, moved: Collection[tuple[str, str]]) -> HeldLines | None:
    """The lines as they are stored; without a version those that were assigned elsewhere since."""
    if held is None:
        return None
    versions = held.versions if not moved else tuple(
        None if (action.create.index, action.create.id) in moved else version
        for (action, _), version in zip(items, held.versions, strict=True)
    )  # fmt: skip
    return HeldLines(held.body, versions, tuple(items.starts))


def prepare(decoded: DecodedEvent, settings: Settings, days: IndexDays = ALL_DAYS) -> BulkItems:
    """Returns the log documents of a decoded event, without those of `aws/spans`; ``days`` are those with an index of their own."""
    items = BulkItems()
    for batch in decoded.batches:
        if not _holds_spans(batch):
            part = read(batch, settings, days)
            items.starts.append(len(items))
            items.parts += part.parts
            items.aged |= part.aged
    return items


def read(batch: LogBatch, settings: Settings, days: IndexDays = ALL_DAYS) -> BulkItems:
    """Returns the documents of one batch: its lines redacted, read, correlated and addressed."""
    messages = [event.message for event in batch.events]
    texts, lines = read_lines(messages, settings.correlation_paths, redactor_for(settings))
    writer = writer_of(batch.source.log_group, batch.log_stream, settings.api_gateway_log_groups)
    demote_printed(lines, writer)
    if writer == "appsync":
        # imported here: few log groups are AppSync's, and a cold start should not wait for it
        from pipeline.logs.extract.appsync import read_appsync_lines  # noqa: PLC0415

        read_appsync_lines(lines, texts)
    correlate_batch(lines, of_lambda=writer == "lambda")
    parts, aged = address_documents(batch, texts, lines, prefix=settings.prefix, region=settings.region,
                                    max_chars=settings.max_line_chars, days=days,
                                    in_record=settings.enrich_lines == "notable")  # fmt: skip
    return BulkItems(parts, aged)


def _wanted(received: DecodedEvent, settings: Settings) -> DecodedEvent:
    """What is shipped of an event: all but the filtered log groups and the accounts that are not allowed."""
    return DecodedEvent(
        batches=[batch for batch in received.batches if not _filtered(batch, settings)],
        control_messages=received.control_messages,
        bad_envelopes=received.bad_envelopes,
        bad_events=[(batch, record) for batch, record in received.bad_events if not _filtered(batch, settings)],
    )


def _holds_spans(batch: LogBatch) -> bool:
    return batch.source.log_group == SPANS_LOG_GROUP


def _filtered(batch: LogBatch, settings: Settings) -> bool:
    # the shipper's own log lines, and OpenSearch's lines about them, would cause new lines without end
    is_ours = any(name == settings.own_log_group or name in settings.excluded_log_groups or name.startswith(OPENSEARCH_LOG_GROUPS)
                  for name in {batch.log_group, batch.source.log_group})  # fmt: skip
    return is_ours or bool(_foreign_account(batch, settings))


def _foreign_account(batch: LogBatch, settings: Settings) -> tuple[str, ...]:
    """The account that is not allowed, alone: that which delivered the events, else that which they came from; empty if both are."""
    if not settings.allowed_accounts:
        return ()
    # whoever may deliver must not speak for an account that is allowed, nor deliver for one that is not
    return tuple(account for account in (batch.owner, batch.source.account) if account not in settings.allowed_accounts)[:1]


def _foreign_events(received: DecodedEvent, settings: Settings) -> Counter[str]:
    """The number of log events, by account, of accounts that are not allowed."""
    events: Counter[str] = Counter()
    for batch, number in (*((batch, len(batch.events)) for batch in received.batches), *((batch, 1) for batch, _ in received.bad_events)):
        for account in _foreign_account(batch, settings):
            events[account] += number
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
