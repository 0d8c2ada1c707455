"""Envelopes: events of Lambda, Kinesis and Data Firehose, with good and spoiled records, through `decode_event` to dead letters."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any, ClassVar, Final

import msgspec

from fuzz.json_mutators import JsonMutator
from fuzz.target import Input, Target, hold
from pipeline.logs.decode import DecodedEvent, decode_event
from pipeline.redact.redactor import DEFAULT
from pipeline.settings import Settings
from pipeline.ship import prepare
from pipeline.store.dead_letters import of_envelope, of_event
from pipeline.store.log_writer import bodies

_AT: Final = "2026-11-24T10:00:00.000Z"
_LARGEST: Final = 300_000
_SETTINGS: Final = Settings()
_GOOD: Final = {"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "a-good-neighbour", "logStream": "s",
                "logEvents": [{"id": "1", "timestamp": 1_795_600_000_000, "message": "a good message"}]}  # fmt: skip


def _gzipped(text: str) -> str:
    return _plain(_member(text))


def _member(text: str) -> bytes:
    return gzip.compress(_bytes(text), 1, mtime=0)


def _plain(data: str | bytes) -> str:
    return base64.b64encode(data if isinstance(data, bytes) else _bytes(data)).decode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


_PACKINGS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({
    "gzip": _gzipped,
    "zlib": lambda text: _plain(zlib.compress(_bytes(text), 1)),
    "base64": _plain,
    "as it is": str,
    "cut": lambda text: _plain(_member(text)[: -1 - len(text) % 40]),
    "members": lambda text: _plain(b"".join(_member(part) for part in (text[: len(text) // 2], text[len(text) // 2 :]))),
    "twice": lambda text: _gzipped(_gzipped(text)),
})  # fmt: skip
_SHAPES: Final[Mapping[str, Callable[[Sequence[str]], dict[str, Any]]]] = MappingProxyType({
    "awslogs": lambda data: {"awslogs": {"data": data[0]}},
    "kinesis": lambda data: {"Records": [{"kinesis": {"data": record, "sequenceNumber": "1"}, "eventID": "s:1"} for record in data]},
    "firehose": lambda data: {"invocationId": "i", "records": [{"recordId": record[:9], "data": record} for record in data]},
})  # fmt: skip


class Envelopes(Target):
    """Events of the three shapes, whose records are packed documents; at times the event itself is spoiled.

    Args:
        documents: real subscription documents.
        pieces: what mutations insert.
    """

    name: ClassVar[str] = "envelopes"

    def __init__(self, documents: Sequence[dict[str, Any]], pieces: Sequence[str]) -> None:
        documents = [document | {"logEvents": document["logEvents"][:4]} for document in documents]
        super().__init__([json.dumps(document) for document in documents], pieces)
        self._documents = JsonMutator(documents, self.mutator)

    def make(self, random: Random) -> Input:
        """One to three records, or a spoiled event."""
        records = [self._record(random) for _ in range(random.randrange(1, 4))]
        shape = random.choice(sorted(_SHAPES))
        given = {"shape": shape, "records": records}
        if random.randrange(8):
            return given
        return {"event": self._documents.mutated(random, random.choice((_event(given), self._documents.mutated(random))))}

    def of_text(self, text: str) -> Input:
        """An event with one record that holds ``text``."""
        return {"shape": "kinesis", "records": [{"packing": "gzip", "text": text}]}

    def check(self, given: Input) -> None:
        """Every record is accounted for, its good neighbours are read, and whatever is put aside can be stored."""
        if "event" in given:
            _check_end(decode_event(given["event"], max_bytes=_LARGEST))
            return
        records = given["records"]
        good = given["shape"] != "awslogs"
        decoded = decode_event(_event(given, *([json.dumps(_GOOD)] * good)), max_bytes=_LARGEST)
        found = len(decoded.batches) + len(decoded.bad_envelopes) + decoded.control_messages
        hold("no record is lost", found >= (len(records) if good else 1) + good)
        if good:
            neighbours = [event for batch in decoded.batches if batch.log_group == _GOOD["logGroup"] for event in batch.events]
            hold("a good neighbour is read", any(event.message == "a good message" for event in neighbours))
        _check_end(decoded)

    def _record(self, random: Random) -> dict[str, str]:
        if random.randrange(2):
            text = json.dumps(self._documents.mutated(random), ensure_ascii=bool(random.randrange(2)))
        else:
            text = self.mutator.mutated(random)
        if not random.randrange(6):
            text += random.choice(("", "\n", " ", "\ud800", "[", "{}")) + self.mutator.mutated(random)
        return {"packing": random.choice(("gzip", "gzip", "gzip", *_PACKINGS)), "text": text}


def _event(given: Mapping[str, Any], *more: str) -> dict[str, Any]:
    """The event of a recipe, with ``more`` documents behind its own."""
    data = [_PACKINGS[record["packing"]](record["text"]) for record in given["records"]]
    return _SHAPES[given["shape"]](data + [_gzipped(text) for text in more])


def _check_end(decoded: DecodedEvent) -> None:
    """Takes all that was decoded to where it is sent to OpenSearch."""
    letters = [of_envelope(record, _AT, DEFAULT) for record in decoded.bad_envelopes]
    letters += [of_event(batch, record, _AT, DEFAULT) for batch, record in decoded.bad_events]
    for letter in letters:
        msgspec.json.encode(letter.document)
    items = prepare(decoded, _SETTINGS)
    sent = [line for run, _ in bodies(items) for _, line in run]
    hold("every log event is sent once", len(sent) == sum(len(batch.events) for batch in decoded.batches if batch.log_group != "aws/spans"))
