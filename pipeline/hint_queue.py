"""Hint queue: `ship` sends trace ids to `resolve` through SQS. A lost hint only delays a trace: the sweep finds its lines."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import BadInputError, UnavailableError
from pipeline.model.trace_ids import parse_trace_id

IDS_PER_MESSAGE: Final = 100
"""As many traces as `resolve` takes at once."""

# SendMessageBatch takes ten (Amazon SQS API reference)
_MESSAGES_PER_CALL = 10


class Hint(msgspec.Struct, frozen=True, rename="camel"):
    """A message of the queue: traces to resolve, and how often that was tried before (0 at first)."""

    trace_ids: tuple[str, ...]
    attempt: int = 0


class Queue:
    """An SQS queue: that of the hints, or that of the messages which hold none.

    Args:
        client: boto3's `sqs` client.
        url: the queue's URL.
    """

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, trace_ids: Sequence[str], *, attempt: int, delay: int) -> None:
        """Sends hints of ``trace_ids`` that are received after ``delay`` seconds (900 at most). Raises UnavailableError."""
        bodies = [
            msgspec.json.encode(Hint(tuple(trace_ids[start : start + IDS_PER_MESSAGE]), attempt)).decode()
            for start in range(0, len(trace_ids), IDS_PER_MESSAGE)
        ]
        for start in range(0, len(bodies), _MESSAGES_PER_CALL):
            entries = [
                {"Id": str(number), "MessageBody": body, "DelaySeconds": delay}
                for number, body in enumerate(bodies[start : start + _MESSAGES_PER_CALL])
            ]
            self._send(entries)

    def put_aside(self, bodies: Sequence[str], reasons: Sequence[str]) -> None:
        """Sends message bodies unchanged, each with its reason as the message attribute `reason`. Raises UnavailableError."""
        entries = [
            {"Id": str(number), "MessageBody": body,
             "MessageAttributes": {"reason": {"DataType": "String", "StringValue": reason}}}
            for number, (body, reason) in enumerate(zip(bodies, reasons, strict=True))
        ]  # fmt: skip
        for start in range(0, len(entries), _MESSAGES_PER_CALL):
            self._send(entries[start : start + _MESSAGES_PER_CALL])

    def _send(self, entries: Sequence[Mapping[str, Any]]) -> None:
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError(f"SQS does not take messages: {error}") from error
        if answer.get("Failed"):
            raise UnavailableError(f"SQS refused {len(answer['Failed'])} messages: {answer['Failed'][0].get('Message')}")


def read_hint(body: str) -> Hint:
    """Reads the hint in an SQS message's body, without its invalid trace ids, each id once. Raises BadInputError if the body is no hint."""
    try:
        hint = msgspec.json.decode(body, type=Hint)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInputError(f"the message is no hint of trace ids: {error}") from error
    ids = (parse_trace_id(id_) for id_ in hint.trace_ids)
    return Hint(tuple(dict.fromkeys(id_ for id_ in ids if id_)), max(hint.attempt, 0))
