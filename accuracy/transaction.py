"""A transaction as it is being made up: its clock, its ids, the segment documents and the log lines that it leaves."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from accuracy.runtimes import Runtime
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray

ACCOUNT, REGION = "123456789012", "eu-west-1"
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One log event; ``at`` in milliseconds since the epoch, UTC. CloudWatch's event ids have 56 digits and ascend."""

    id: str
    at: int
    message: str


@dataclass(slots=True)
class LogStream:
    """A log stream of CloudWatch Logs."""

    group: str
    name: str
    events: list[LogEvent] = field(default_factory=list)

    def batch(self) -> Document:
        """Its events as a decoded subscription document (Amazon CloudWatch Logs user guide, "Subscription filters")."""
        events = [{"id": event.id, "timestamp": event.at, "message": event.message} for event in self.events]
        return {"messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": self.group, "logStream": self.name,
                "subscriptionFilters": ["tracejoin"], "logEvents": events}  # fmt: skip


class Transaction:
    """One piece of work, in one trace.

    Args:
        rng: decides everything that is left open.
        began: milliseconds since the epoch, UTC.

    Attributes:
        sampled: whether X-Ray gets its segments.
        documents: segment documents as BatchGetTraces returns them, decoded.
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
        """The trace's id as X-Ray writes it."""
        return to_xray(self.trace_id)

    @property
    def now(self) -> float:
        """Seconds since the epoch, as segments have it."""
        return self._micros / 1_000_000

    @property
    def millis(self) -> int:
        """Milliseconds since the epoch, as log events have it."""
        return self._micros // 1000

    @property
    def iso(self) -> str:
        """Now, as Lambda's runtimes write it."""
        return iso_millis(self.millis)

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self._micros += round(seconds * 1_000_000)

    def span_id(self) -> str:
        """A new id of a segment."""
        return f"{self.rng.getrandbits(64):016x}"

    def request_id(self) -> str:
        """A new request id, a UUID as AWS makes them."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def segment(self, name: str, **fields: Any) -> Document:
        """A segment that starts now and is X-Ray's, if the trace is sampled; `close` ends it."""
        document = {"id": self.span_id(), "name": name, "trace_id": self.xray_id, "start_time": self.now, **fields}
        if self.sampled:
            self.documents.append(document)
        return document

    def subsegment(self, name: str, **fields: Any) -> Document:
        """A subsegment that starts now, for whoever embeds it."""
        return {"id": self.span_id(), "name": name, "start_time": self.now, **fields}

    def close(self, document: Document, fields: Mapping[str, Any] | None = None) -> None:
        """Ends a segment now."""
        document |= {"end_time": self.now, **(fields or {})}

    def stream(self, group: str) -> LogStream:
        """The one log stream that this transaction writes to in ``group``."""
        if group not in self.streams:
            name = f"{self.rng.getrandbits(128):032x}"
            day = datetime.fromtimestamp(self.now, UTC)
            self.streams[group] = LogStream(group, f"{day:%Y/%m/%d}/[$LATEST]{name}" if group.startswith("/aws/lambda/") else name)
        return self.streams[group]

    def log(self, group: str, message: str) -> None:
        """Writes a line; a few milliseconds pass."""
        self._numbers += 1
        event_id = f"{self.millis:014d}{self.rng.getrandbits(100):031d}{self._numbers:011d}"
        self.stream(group).events.append(LogEvent(event_id, self.millis, message))
        self.wait(0.002 + self.rng.random() * 0.004)
