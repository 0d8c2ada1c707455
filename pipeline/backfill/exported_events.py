"""Exported events: reads the objects that CloudWatch Logs exports to S3: gzipped text, each event behind its time.

Source: Amazon CloudWatch Logs user guide, "Exporting log data to Amazon S3", and API reference, "CreateExportTask": events within an
object need not be sorted by time. A line that begins with no time belongs to the event before it; one within an event that does looks like
an event.

An object holds no event ids, so each event gets one here. It has the form of CloudWatch's own: a decimal number, whose bits from the 144th
on are the time in milliseconds. Below stand the object's number and the event's place in it, so that ids order events like their lines; and
a hash of the object's folder, which tells this export from others.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

Event = dict[str, Any]

# together 144
_NUMBER_BITS, _PLACE_BITS, _MARK_BITS, _FAMILY_BITS = 20, 40, 20, 64
# says that the id was made here; one of CloudWatch's has it by chance once in a million
_MARK: Final = 0x7ACE1
_LONGEST_ID: Final = 60
_TIMED: Final = re.compile(r"(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)|(\d{13}))(?: |$)", re.ASCII)
# an event has 1 MB at most (API reference, "PutLogEvents"); what is longer in one piece is no export
_LONGEST: Final = 8 * 1024 * 1024
_MOST_EVENTS: Final = 20_000
_MOST_CHARS: Final = 16 * 1024 * 1024


def exported_events(lines: Iterable[str], key: str) -> Iterator[Event]:
    """Yields the events in the lines of one exported object, as a subscription document has them.

    Args:
        lines: the object's text, by line.
        key: the key of the object, which ends with its number among those of its log stream.
    """
    folder, _, name = key.rpartition("/")
    family = int.from_bytes(blake2b(folder.encode("utf-8", "replace"), digest_size=_FAMILY_BITS // 8).digest())
    number = int(name.partition(".")[0]) % 2**_NUMBER_BITS
    for place, (at, message) in enumerate(_events(lines)):
        id_ = (((at << _NUMBER_BITS | number) << _PLACE_BITS | place) << _MARK_BITS | _MARK) << _FAMILY_BITS | family
        yield {"id": str(id_), "timestamp": at, "message": message}


def family_of(event_id: str) -> int | None:
    """What the ids of all events of one exported log stream have in common; None for an id that was not made here."""
    if not (event_id.isascii() and event_id.isdecimal() and len(event_id) <= _LONGEST_ID):
        return None
    mark, family = divmod(int(event_id), 2**_FAMILY_BITS)
    return family if mark % 2**_MARK_BITS == _MARK else None


def chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Splits ``events`` into lists that fit into memory, each sorted by time; equal events give equal lists.

    Neighbours of one moment stay together, but for very many.
    """
    chunk: list[Event] = []
    size = 0
    for event in events:
        full = len(chunk) >= _MOST_EVENTS or size >= _MOST_CHARS
        if full and (event["timestamp"] != chunk[-1]["timestamp"] or len(chunk) >= 2 * _MOST_EVENTS or size >= 2 * _MOST_CHARS):
            yield _sorted(chunk)
            chunk, size = [], 0
        chunk.append(event)
        size += len(event["message"])
    if chunk:
        yield _sorted(chunk)


def _sorted(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event["timestamp"])


def _events(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The time and message of each event; lines before the first time are no event."""
    at: int | None = None
    parts: list[str] = []
    size = 0
    for line in lines:
        begins = _TIMED.match(line)
        moment = _millis(begins) if begins else None
        if begins and moment is not None:
            if at is not None:
                yield at, _message(parts)
            at, parts, size = moment, [line[begins.end() :]], 0
        elif size < _LONGEST:
            parts.append(line)
            size += len(line)
    if at is not None:
        yield at, _message(parts)


def _message(parts: list[str]) -> str:
    # the line break that ends the event in the file is not its own
    return "".join(parts).removesuffix("\n")


def _millis(match: re.Match[str]) -> int | None:
    if match[2]:
        return int(match[2])
    try:
        return round(datetime.fromisoformat(match[1]).timestamp() * 1000)
    except ValueError:
        # such as the 31st of February: a line that only looks like the beginning of an event
        return None
