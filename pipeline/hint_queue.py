"""Hint queue: `ship` sends trace ids to `resolve` through SQS. A lost hint only delays a trace: the sweep finds its lines."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import BadInputError, UnavailableError
from pipeline.model.trace_ids import parse_trace_id
from pipeline.store.held_lines import HeldLines

IDS_PER_MESSAGE: Final = 100
"""As many traces as `resolve` takes at once."""

MOST_IDS_WITH_LINES: Final = 400
"""So many ids share a message with the lines of one batch, rather than that the lines travel several times."""

# SendMessageBatch takes ten (Amazon SQS API reference)
_MESSAGES_PER_CALL = 10


class Hint(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A message of the queue.

    Attributes:
        trace_ids: the traces to resolve, canonical.
        attempt: how often that was tried before, 0 at first.
        lines: the lines that name them, if they came in one small batch.
    """

    trace_ids: tuple[str, ...]
    attempt: int = 0
    lines: HeldLines | None = None

    @property
    def is_too_large(self) -> bool:
        """Whether it names more traces than `Queue.send` puts into a message, so that it is sent on in parts."""
        return len(self.trace_ids) > (MOST_IDS_WITH_LINES if self.lines else IDS_PER_MESSAGE)


class Queue:
    """An SQS queue: that of the hints, or that of the messages which hold none.

    Args:
        client: boto3's `sqs` client.
        url: the queue's URL.
    """

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, trace_ids: Sequence[str], *, attempt: int, delay: int, lines: HeldLines | None = None) -> None:
        """Sends hints of ``trace_ids`` that are received after ``delay`` seconds (900 at most). Raises UnavailableError.

        ``lines`` are those that name these traces; they travel along where one message takes all ids.
        """
        held = lines if len(trace_ids) <= MOST_IDS_WITH_LINES else None
        size = MOST_IDS_WITH_LINES if held else IDS_PER_MESSAGE
        bodies = [
            msgspec.json.encode(Hint(tuple(trace_ids[start : start + size]), attempt, held)).decode()
            for start in range(0, len(trace_ids), size)
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
    return Hint(tuple(dict.fromkeys(id_ for id_ in ids if id_)), max(hint.attempt, 0), hint.lines)
