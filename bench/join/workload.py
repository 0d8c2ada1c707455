"""Workload: makes up invocations of ten lines and ten spans each, as a Lambda function with Powertools writes them and X-Ray shows them."""

import base64
import gzip
import json
import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.local.lambda_lines import Invocation, end, report, start
from pipeline.local.runtime_lines import LineContext, Powertools
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray

LINES: Final = 10
"""Lines of an invocation."""
SPANS: Final = 10
"""Spans of its trace."""
FUNCTION: Final = "orders-create"
_STREAMS: Final = 20
_APART_MS: Final = 50
_FAULTY: Final = 0.01
_CALLS: Final = ("GetItem", "Query", "PutItem", "UpdateItem", "TransactWriteItems", "DeleteItem")
_LOGGER: Final = Powertools(json_platform=False)


@dataclass(frozen=True, slots=True)
class Traced:
    """A finished invocation.

    Attributes:
        number: tells it apart; all of it follows from it.
        began: seconds since the epoch, UTC.
        trace_id: its trace, canonical.
        request_id: its request.
        spans: the ids of the spans of its trace.
        fails: whether one of its lines is an error; None for one of a hundred lines of all invocations.
    """

    number: int
    began: float
    trace_id: str
    request_id: str
    spans: tuple[str, ...]
    fails: bool | None = None

    def messages(self) -> list[str]:
        """Its lines: START, seven of Powertools (one of a hundred lines is an error), END and REPORT; 429 bytes on average."""
        rng = random.Random(self.number)
        correlation_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        invocation = Invocation(request_id=self.request_id, trace_id=self.trace_id, segment_id=self.spans[0],
                                milliseconds=rng.uniform(20, 900))  # fmt: skip
        lines = []
        for step in range(LINES - 3):
            at = LineContext(iso=iso_millis(int(self.began * 1000) + step), request_id=self.request_id, trace_id=to_xray(self.trace_id),
                             function=FUNCTION)  # fmt: skip
            is_error = rng.random() < _FAULTY * LINES / (LINES - 3) if self.fails is None else self.fails and not step
            level = "ERROR" if is_error else "INFO"
            order = {"id": rng.randrange(10**9), "lines": rng.randrange(20), "total": rng.randrange(10**5) / 100}
            message = f"order {rng.getrandbits(24):x} of customer {rng.randrange(10**6)}"
            lines.append(_LOGGER.line(at, level, message, {"correlation_id": correlation_id, "order": order}))
        return [start(self.request_id), *lines, end(self.request_id), report(invocation)]

    def segments(self) -> list[dict[str, Any]]:
        """Its segment documents: Lambda's service, and the function with its phases and six calls of DynamoDB."""
        times = {"start_time": self.began, "end_time": self.began + 0.2}
        common = {"name": FUNCTION, "trace_id": to_xray(self.trace_id)} | times
        service = common | {"id": self.spans[0], "origin": "AWS::Lambda", "http": {"response": {"status": 200}},
                            "aws": {"request_id": self.request_id}}  # fmt: skip
        calls = [{"id": self.spans[4 + number], "name": "DynamoDB", "namespace": "aws", "http": {"response": {"status": 200}},
                  "aws": {"operation": operation, "region": "eu-west-1", "table_name": "orders", "request_id": self.request_id.upper()},
                  **times} for number, operation in enumerate(_CALLS)]  # fmt: skip
        phases = [{"id": self.spans[2], "name": "Invocation", "subsegments": calls, "annotations": {"customer": self.number}} | times,
                  {"id": self.spans[3], "name": "Overhead"} | times]  # fmt: skip
        function = common | {"id": self.spans[1], "origin": "AWS::Lambda::Function", "parent_id": self.spans[0], "subsegments": phases,
                             "aws": {"function_arn": f"arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION}"}}  # fmt: skip
        return [service, function]


def invocations(first: int, count: int, began: float, faulty: float | None = None) -> list[Traced]:
    """Returns ``count`` invocations from number ``first`` on, one after the other since ``began`` (seconds since the epoch, UTC).

    ``faulty`` is the share of them with an error line; None for one of a hundred lines.
    """
    return [_traced(number, began + number * _APART_MS / 1000, faulty) for number in range(first, first + count)]


def _traced(number: int, began: float, faulty: float | None) -> Traced:
    rng = random.Random(-1 - number)
    return Traced(number, began, trace_id=f"{int(began):08x}{rng.getrandbits(96):024x}",
                  request_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                  spans=tuple(f"{rng.getrandbits(64):016x}" for _ in range(SPANS)),
                  fails=None if faulty is None else rng.random() < faulty)  # fmt: skip


def log_event(batch: Sequence[Traced]) -> dict[str, Any]:
    """Returns the event of Lambda with the lines of these invocations, one after the other in one log stream."""
    first = batch[0]
    messages = {invocation.number * LINES + line: message for invocation in batch for line, message in enumerate(invocation.messages())}
    return subscription_event(f"2026/11/24/[$LATEST]{first.number // len(batch) % _STREAMS:032x}", first.began, messages)


def subscription_event(
    stream: str, began: float, messages: Mapping[int, str], log_group: str = f"/aws/lambda/{FUNCTION}"
) -> dict[str, Any]:
    """Returns the event of Lambda with these messages, by number, as one batch of CloudWatch Logs; its times begin at ``began``."""
    start_ms = int(began * 1000)
    # the time, then what the lines of one upload share, then their order, as CloudWatch Logs makes them
    upload = random.Random(f"{stream} {min(messages)}").randrange(10**35) * 10**8
    times = [start_ms + place * 4 for place in range(len(messages))]
    events = [{"id": f"{at * 10**43 + upload + number:056d}", "timestamp": at, "message": message}
              for at, (number, message) in zip(times, messages.items(), strict=True)]  # fmt: skip
    document = {"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": log_group, "logStream": stream,
                "subscriptionFilters": ["tracejoin"], "logEvents": events}  # fmt: skip
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(document).encode(), 6)).decode()}}


def message_bytes(batch: Iterable[Traced]) -> float:
    """Returns the average size of the messages of these invocations in bytes."""
    sizes = [len(message.encode()) for invocation in batch for message in invocation.messages()]
    return sum(sizes) / len(sizes)
