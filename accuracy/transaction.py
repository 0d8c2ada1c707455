"""Transaction: makes up one transaction, with its clock, its ids, and the segment documents and log lines that it leaves."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.local.runtime_lines import Runtime
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray

ACCOUNT, REGION = "123456789012", "eu-west-1"
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One log event; ``at`` in milliseconds since the epoch, UTC."""

    id: str
    at: int
    message: str

    @classmethod
    def numbered(cls, rng: random.Random, at: int, number: int, message: str) -> "LogEvent":
        """Returns an event whose id has 56 digits and ascends by time and ``number``, as CloudWatch's do."""
        return cls(f"{at:014d}{rng.getrandbits(100):031d}{number:011d}", at, message)


@dataclass(slots=True)
class LogStream:
    """A log stream of CloudWatch Logs."""

    group: str
    name: str
    events: list[LogEvent] = field(default_factory=list)

    def batch(self) -> Document:
        """Returns the stream's events as a decoded subscription document (Amazon CloudWatch Logs user guide, "Subscription filters")."""
        events = [{"id": event.id, "timestamp": event.at, "message": event.message} for event in self.events]
        return {"messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": self.group, "logStream": self.name,
                "subscriptionFilters": ["tracejoin"], "logEvents": events}  # fmt: skip


class Transaction:
    """One piece of work, in one trace.

    Args:
        rng: decides everything that a scenario leaves open.
        began: milliseconds since the epoch, UTC.

    Attributes:
        sampled: whether X-Ray gets its segments.
        documents: segment documents as BatchGetTraces returns them, or spans as `aws/spans` records them, decoded.
        streams: its log streams, by log group.
        runtimes: how each function logs, by its name.
    """

    def __init__(self, rng: random.Random, began: int) -> None:
        self.rng = rng
        self.sampled = True
        self.trace_id = f"{began // 1000:08x}{rng.getrandbits(96):024x}"
        self.documents: list[Document] = []
        self.streams: dict[str, LogStream] = {}
        self.runtimes: dict[str, Runtime] = {}
        self._micros = began * 1000
        self._numbers = 0

    @property
    def xray_id(self) -> str:
        """The trace id in X-Ray's form."""
        return to_xray(self.trace_id)

    @property
    def of_spans(self) -> bool:
        """Whether its documents are spans of `aws/spans`, so that X-Ray is not asked."""
        return any("spanId" in document for document in self.documents)

    @property
    def now(self) -> float:
        """The time in seconds since the epoch, as segments have it."""
        return self._micros / 1_000_000

    @property
    def millis(self) -> int:
        """The time in milliseconds since the epoch, as log events have it."""
        return self._micros // 1000

    def iso(self) -> str:
        """The time as Lambda's runtimes write it: ISO 8601, UTC."""
        return iso_millis(self.millis)

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self._micros += round(seconds * 1_000_000)

    def span_id(self) -> str:
        """Returns a new segment id."""
        return f"{self.rng.getrandbits(64):016x}"

    def request_id(self) -> str:
        """Returns a new request id, a UUID as AWS makes them."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def segment(self, name: str, **fields: Any) -> Document:
        """Returns a segment that starts now, and gives it to X-Ray if the trace is sampled; `close` ends it."""
        document = {"id": self.span_id(), "name": name, "trace_id": self.xray_id, "start_time": self.now, **fields}
        if self.sampled:
            self.documents.append(document)
        return document

    def subsegment(self, name: str, **fields: Any) -> Document:
        """Returns a subsegment that starts now; the caller embeds it."""
        return {"id": self.span_id(), "name": name, "start_time": self.now, **fields}

    def close(self, document: Document, fields: Mapping[str, Any] | None = None) -> None:
        """Ends a segment now, and adds ``fields`` to it."""
        document |= {"end_time": self.now, **(fields or {})}

    def stream(self, group: str) -> LogStream:
        """Returns the one log stream that this transaction writes to in the log group."""
        if group not in self.streams:
            name = f"{self.rng.getrandbits(128):032x}"
            day = datetime.fromtimestamp(self.now, UTC)
            self.streams[group] = LogStream(group, f"{day:%Y/%m/%d}/[$LATEST]{name}" if group.startswith("/aws/lambda/") else name)
        return self.streams[group]

    def log(self, group: str, message: str) -> None:
        """Writes a line; a few milliseconds pass."""
        self._numbers += 1
        event = LogEvent.numbered(self.rng, self.millis, self._numbers, message)
        self.stream(group).events.append(event)
        self.wait(0.002 + self.rng.random() * 0.004)
