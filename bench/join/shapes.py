"""Shapes: makes up traces of one large kind: many lines, many segments, many invocations in one log stream, one late REPORT."""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.join.workload import FUNCTION, subscription_event
from pipeline.local.lambda_lines import Invocation, JsonFormat, end, report, start
from pipeline.local.runtime_lines import LineContext, Powertools
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray

LINES_AN_EVENT: Final = 1000
_SEGMENTS_A_DOCUMENT: Final = 50
_CORE_SEGMENTS: Final = 2
_LOGGER: Final = Powertools(json_platform=False)
_JSON: Final = JsonFormat()


@dataclass(frozen=True, slots=True)
class LargeTrace:
    """A trace of one invocation.

    Attributes:
        invocation: as Lambda's lines show it.
        began: seconds since the epoch, UTC.
        lines: how many lines of the function it has, beside START, END and REPORT.
        errors: how many of them are errors.
    """

    invocation: Invocation
    began: float
    lines: int
    errors: int = 0

    def opening(self) -> list[str]:
        """START and the lines of the function."""
        return [start(self.invocation.request_id), *(self._line(number) for number in range(self.lines))]

    def closing(self) -> list[str]:
        """END and REPORT."""
        return [end(self.invocation.request_id), report(self.invocation)]

    def _line(self, number: int) -> str:
        at = LineContext(iso=iso_millis(int(self.began * 1000) + number), request_id=self.invocation.request_id,
                         trace_id=to_xray(self.invocation.trace_id or ""), function=FUNCTION)  # fmt: skip
        return _LOGGER.line(at, "ERROR" if number < self.errors else "INFO", f"order {number} accepted for customer {number % 97}")

    def segments(self, count: int = 2) -> list[dict[str, Any]]:
        """So many segments: Lambda's service, the function, and calls in documents of fifty."""
        times = {"start_time": self.began, "end_time": self.began + 0.2}
        common = {"trace_id": to_xray(self.invocation.trace_id or ""), "name": FUNCTION} | times
        function_id = f"{int(self.invocation.segment_id, 16) ^ 1:016x}"
        service = {"id": self.invocation.segment_id, "origin": "AWS::Lambda", "http": {"response": {"status": 200}},
                   "aws": {"request_id": self.invocation.request_id}}  # fmt: skip
        documents: list[dict[str, Any]] = [
            common | service,
            common | {"id": function_id, "origin": "AWS::Lambda::Function", "parent_id": self.invocation.segment_id},
        ]
        rng = random.Random(self.invocation.segment_id)
        for first in range(_CORE_SEGMENTS, count, _SEGMENTS_A_DOCUMENT):
            calls: list[dict[str, Any]] = [{"id": f"{rng.getrandbits(64):016x}", "name": "DynamoDB", "namespace": "aws", **times}
                     for _ in range(first, min(first + _SEGMENTS_A_DOCUMENT, count))]  # fmt: skip
            documents.append(common | calls[0] | {"type": "subsegment", "parent_id": function_id, "subsegments": calls[1:]})
        return documents


def large_trace(rng: random.Random, began: float, lines: int, errors: int = 0) -> LargeTrace:
    """Makes a trace up."""
    invocation = Invocation(request_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)), segment_id=f"{rng.getrandbits(64):016x}",
                            trace_id=f"{int(began):08x}{rng.getrandbits(96):024x}")  # fmt: skip
    return LargeTrace(invocation, began, lines, errors)


def events_of(stream: str, began: float, messages: Sequence[str], first: int = 0) -> Iterator[dict[str, Any]]:
    """Yields events of Lambda with these messages of a log stream, of which the ``first`` earlier ones came before."""
    for start_ in range(0, len(messages), LINES_AN_EVENT):
        part = dict(enumerate(messages[start_ : start_ + LINES_AN_EVENT], first + start_))
        yield subscription_event(stream, began + (first + start_) * 4 / 1000, part)


def new_stream(rng: random.Random) -> str:
    """Returns the name of a log stream that there was not yet."""
    return f"2026/11/24/[$LATEST]{rng.getrandbits(128):032x}"


def bare_lines(traces: Sequence[LargeTrace]) -> list[str]:
    """The lines of these invocations in Lambda's JSON format, one invocation after the other, each with one line that names no request."""

    def lines(trace: LargeTrace) -> Iterator[str]:
        def now() -> str:
            return iso_millis(int(trace.began * 1000))

        yield from (text for _, text in _JSON.open(trace.invocation, now))
        yield f"connection pool: {trace.invocation.segment_id} waits"
        yield from (text for _, text in _JSON.close(trace.invocation, now))

    return [line for trace in traces for line in lines(trace)]
