"""Replay views: what `tracejoin replay` prints of parked events and dead letters."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Any

import msgspec

from pipeline.cli.terminal_text import one_line
from pipeline.logs.decode import LogBatch, decode_event
from pipeline.model.clock_times import clock_time
from pipeline.model.timestamps import iso
from pipeline.redact.redactor import Redactor
from pipeline.replay.outcome import ReplayLedger
from pipeline.replay.parked_bucket import ParkedObject
from pipeline.replay.parked_record import ParkedRecord
from pipeline.replay.survey import ReasonCount
from pipeline.store.stored_letters import StoredLetter

_MOST_LINES = 20
_LATEST = 9_223_372_036_000


def count_lines(counts: Iterable[ReasonCount], zone: tzinfo | None = None) -> Iterator[str]:
    """The reasons with how many have each, and one of them to show; times in ``zone``. No table: an id has to stay in one piece."""
    for each in counts:
        kind = "dead letter" if each.source == "letter" else "parked event" if each.readable else "unreadable object"
        yield f"{each.count:>7,} {kind}{'s' if each.count > 1 else ''}  {one_line(each.reason) or 'for an unknown reason'}"
        times = dict.fromkeys(_time(at, zone) for at in (each.oldest, each.newest))
        yield f"        {' to '.join(times)}, such as {one_line(each.ids[0])}"


def _time(at: str, zone: tzinfo | None) -> str:
    """An ISO 8601 time as text in ``zone``; as it is where it is none."""
    return str(clock_time(at, zone, "seconds")) or one_line(at)


def parked_view(parked: ParkedObject, records: Sequence[ParkedRecord], redactor: Redactor, max_bytes: int) -> dict[str, Any]:
    """An object with its log events, without their secrets, as JSON values."""
    return {"source": "parked", "id": parked.key, "at": iso(parked.at), "bytes": parked.size,
            "records": [_record(record, redactor, max_bytes) for record in records]}  # fmt: skip


def _record(record: ParkedRecord, redactor: Redactor, max_bytes: int) -> dict[str, Any]:
    decoded = decode_event(record.event, max_bytes=max_bytes)
    batches = [_batch(batch, redactor) for batch in decoded.batches]
    unreadable = [bad.reason for bad in (*decoded.bad_envelopes, *(bad for _, bad in decoded.bad_events))]
    return {"reason": record.reason, "attempts": record.attempts, "batches": batches, "unreadable": unreadable}


def _batch(batch: LogBatch, redactor: Redactor) -> dict[str, Any]:
    events = [{"id": event.id, "timestamp": event.timestamp, "message": redactor.text(event.message)} for event in batch.events]
    return {"account": batch.source.account, "logGroup": batch.source.log_group, "logStream": batch.log_stream, "events": events}


def parked_lines(view: dict[str, Any], zone: tzinfo | None = None) -> Iterator[str]:
    """The lines for people: of each batch the first log events; times in ``zone``."""
    yield f"{view['id']}  parked {_time(view['at'], zone)}  {view['bytes']:,} bytes"
    for record in view["records"]:
        tried = f"  tried {record['attempts']} times" if record["attempts"] else ""
        yield f"  reason  {one_line(record['reason']) or 'unknown'}{tried}"
        for batch in record["batches"]:
            yield f"  {batch['logGroup']}  {batch['logStream']}  in account {batch['account']}  {len(batch['events'])} log events"
            for event in batch["events"][:_MOST_LINES]:
                at = clock_time(min(max(event["timestamp"], 0), _LATEST), zone, "seconds")
                yield f"    {at}  {event['message'].strip()}"
            if (more := len(batch["events"]) - _MOST_LINES) > 0:
                yield f"    and {more} more; --json shows all"
        yield from (f"  unreadable  {reason}" for reason in record["unreadable"])


def letter_view(letter: StoredLetter) -> dict[str, Any]:
    """A dead letter as JSON values."""
    return {"source": "letter", **msgspec.to_builtins(letter)}


def letter_lines(letter: StoredLetter, zone: tzinfo | None = None) -> Iterator[str]:
    """The lines for people; times in ``zone``."""
    yield f"{letter.id}  dead letter of {_time(letter.at, zone)}"
    yield f"  reason  {one_line(letter.reason)}"
    if letter.log_group:
        yield f"  {letter.log_group}  {letter.log_stream}  in account {letter.account}"
    if letter.index:
        yield f"  refused by {letter.index}"
    yield f"  {letter.content}"


def ledger_line(ledger: ReplayLedger) -> str:
    """The numbers of a run on one line."""
    names = ("found", "replayed", "kept", "unreadable", "gone")
    own = "  ".join(f"{name} [bold]{getattr(ledger, name):,}[/]" for name in names)
    events = "  ".join(f"{name} [bold]{count:,}[/]" for name, count in msgspec.to_builtins(ledger.events).items())
    return f"{own}\nlog events: {events}" if not ledger.dry_run else f"{own}\nnothing was sent or deleted: replayed are those to be tried"
