"""Ship: one subscription event, from bytes to searchable documents. Never calls X-Ray."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from pipeline import dead_letters
from pipeline.attribute import attribute
from pipeline.document import address
from pipeline.enrich import greet, greet_spans
from pipeline.errors import BadInputError, UnavailableError
from pipeline.extract import extract
from pipeline.index import Delivery, Items, index
from pipeline.index_spans import SpanDelivery, index_spans
from pipeline.opensearch import Store
from pipeline.otel import LOG_GROUP, read_span
from pipeline.records import TraceRecords, judge_for
from pipeline.segments import Segment
from pipeline.settings import Settings
from pipeline.unpack import BadRecord, Batch, Unpacked, unpack


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
    """What one event came to: its ledger, and the traces that `resolve` has to look at."""

    ledger: Ledger
    unsettled: tuple[str, ...] = ()


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
    unpacked = unpack(event, max_bytes=settings.max_decompressed_bytes)
    segments = _take_spans(unpacked, settings)
    items = prepare(unpacked, settings)
    delivery = index(items, store, remaining=remaining, max_chars=settings.max_line_chars)
    spans = index_spans(segments, store) if segments else SpanDelivery()
    if spans.behind:
        raise UnavailableError(f"the spans of {len(spans.behind)} traces were changed by others meanwhile")
    _bury(unpacked, delivery, spans, store)
    records = TraceRecords(store, judge_for(settings))
    unsettled = dict.fromkeys((*greet(items, store, records), *greet_spans(segments, spans.written, records)))
    return Shipment(_count(unpacked, len(items), delivery, spans), tuple(unsettled))


def prepare(unpacked: Unpacked, settings: Settings) -> Items:
    """The documents of all batches of log lines that are to be shipped."""
    items = Items()
    for batch in unpacked.batches:
        if batch.log_group != LOG_GROUP and not _filtered(batch, settings):
            items.parts += read(batch, settings).parts
    return items


def read(batch: Batch, settings: Settings) -> Items:
    """The documents of ``batch``: its lines read, attributed and addressed."""
    lines = [extract(event.message) for event in batch.events]
    attribute(lines)
    chars = settings.max_line_chars
    return Items(address(batch, lines, prefix=settings.prefix, region=settings.region, max_chars=chars))


def _take_spans(unpacked: Unpacked, settings: Settings) -> list[Segment]:
    """The spans in the batches of `aws/spans`; an event that is none becomes a bad one."""
    segments: list[Segment] = []
    for batch in unpacked.batches:
        if batch.log_group != LOG_GROUP or _filtered(batch, settings):
            continue
        events, batch.events = batch.events, []
        for event in events:
            try:
                segments.append(read_span(event.message))
            except BadInputError as error:
                unpacked.bad_events.append((batch, BadRecord(f"event {event.id}", str(error), event.message)))
    return segments


def _filtered(batch: Batch, settings: Settings) -> bool:
    # the shipper's own lines would make new lines, for ever
    return batch.log_group == settings.own_log_group or batch.log_group in settings.excluded_log_groups


def _bury(unpacked: Unpacked, delivery: Delivery, spans: SpanDelivery, store: Store) -> None:
    now = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    letters = [dead_letters.of_envelope(record, now) for record in unpacked.bad_envelopes]
    letters += [dead_letters.of_event(batch, record, now) for batch, record in unpacked.bad_events]
    letters += [dead_letters.of_document(refused) for refused in delivery.refused]
    letters += [dead_letters.of_span(segment, reason, now) for segment, reason in spans.refused]
    dead_letters.bury(letters, store)


def _count(unpacked: Unpacked, taken: int, delivery: Delivery, spans: SpanDelivery) -> Ledger:
    # the spans are no longer among their batches' events
    events = sum(len(batch.events) for batch in unpacked.batches)
    span_events = spans.indexed + spans.duplicate + len(spans.refused)
    return Ledger(
        received=events + span_events + len(unpacked.bad_events),
        indexed=delivery.indexed + spans.indexed,
        duplicate=delivery.duplicate + spans.duplicate,
        filtered=events - taken,
        dead_lettered=len(delivery.refused) + len(spans.refused) + len(unpacked.bad_events),
        control_messages=unpacked.control_messages,
        bad_envelopes=len(unpacked.bad_envelopes),
    )
