"""Delivery queue: what is to be told whom waits in SQS, a message a channel, so that a channel that fails is tried again alone."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.alert.payload import AlertPayload
from pipeline.errors import BadInputError, UnavailableError

# SendMessageBatch takes ten messages of 256 KiB together (Amazon SQS API reference)
_MESSAGES_PER_CALL: Final = 10
_LARGEST_CALL: Final = 250_000
_LONGEST_REASON: Final = 500
_FIRST_WAIT, _LONGEST_WAIT = 30, 900


class Delivery(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What one channel is to be told.

    Attributes:
        channel: its name.
        message_id: of the message of SNS.
        payload: of what.
    """

    channel: str
    message_id: str
    payload: AlertPayload


def read_delivery(body: str) -> Delivery:
    """Reads a message's body. Raises BadInputError where it is no delivery."""
    try:
        return msgspec.json.decode(body.encode("utf-8", "replace"), type=Delivery)
    except (msgspec.MsgspecError, RecursionError):
        raise BadInputError("the message is no delivery to a channel") from None


def wait_after(receives: int, asked: float = 0.0) -> int:
    """Returns for how many seconds a delivery waits that failed: 30, doubled each time, 900 at most; longer if the channel ``asked``."""
    return max(min(_FIRST_WAIT << min(max(receives, 1) - 1, 10), _LONGEST_WAIT), int(asked))


class DeliveryQueue:
    """An SQS queue of deliveries, and its dead-letter queue.

    Args:
        client: boto3's `sqs` client.
        url: the queue's URL.
        dead_letters_url: that of its dead-letter queue.
    """

    def __init__(self, client: Any, url: str, dead_letters_url: str) -> None:
        self._client = client
        self._url = url
        self._dead_letters_url = dead_letters_url

    def send(self, deliveries: Iterable[Delivery]) -> None:
        """Sends deliveries. Raises UnavailableError where SQS does not take one of them."""
        for bodies in _calls(map(msgspec.json.encode, deliveries)):
            self._send(self._url, [{"Id": str(number), "MessageBody": body.decode()} for number, body in enumerate(bodies)])

    def put_aside(self, body: str, reason: str) -> None:
        """Sends a body to the dead-letter queue, with the ``reason`` as its message attribute. Raises UnavailableError."""
        attribute = {"DataType": "String", "StringValue": reason[:_LONGEST_REASON]}
        self._send(self._dead_letters_url, [{"Id": "0", "MessageBody": body, "MessageAttributes": {"reason": attribute}}])

    def come_back_after(self, receipt: str, seconds: int) -> None:
        """Lets a message that was received come back after this time; where SQS does not answer, after the queue's own."""
        with suppress(ClientError, BotoCoreError):
            self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)

    def _send(self, url: str, entries: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
        try:
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError(f"SQS does not take messages: {type(error).__name__}") from None
        if answer.get("Failed"):
            raise UnavailableError(f"SQS refused {len(answer['Failed'])} messages: {answer['Failed'][0].get('Code')}")


def _calls(bodies: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Divides messages among calls, in their order."""
    call: list[bytes] = []
    for body in bodies:
        if call and (len(call) == _MESSAGES_PER_CALL or sum(map(len, call)) + len(body) > _LARGEST_CALL):
            yield call
            call = []
        call.append(body)
    if call:
        yield call
