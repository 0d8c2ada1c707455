"""Sweep queue: asks through SQS for a sweep in some minutes, where no schedule runs one.

`ship` and `resolve` ask before they write. So the message is there before the work is that a crash may leave, and who can't send it writes
nothing. A sweep that leaves work asks for the next one: soon at first, and more and more seldom where each one in a row leaves something,
so that what is stuck for ever does not keep a collection awake that could sleep. What is new is asked for by a message of its own, which
waits for none of these; and the daily sweep begins anew, so that a lost message costs a day at most.

It needs a FIFO queue, which keeps one message of each period. The queue delays it until nobody writes any more who asked in its period, and
search shows what they wrote (template.yaml, `SweepQueue`): a FIFO queue has one delay for all its messages (Amazon SQS developer guide,
"Delay queues"). A longer wait is several rounds through the queue, none of which asks OpenSearch for anything.
"""

import time
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import UnavailableError

PERIOD: Final = 300
"""Seconds: SQS takes a second message of the same deduplication id for the first one so long (Amazon SQS API reference, SendMessage)."""

SOON: Final = 6
"""So many sweeps in a row are one round apart: as many as a trace takes that is looked up by sweeps alone, with the default delays."""

MOST_ROUNDS: Final = 7
"""Of the queue's delay, between two sweeps: with eight minutes a little less than an hour."""

_DOUBLINGS: Final = (MOST_ROUNDS - 1).bit_length()
_GROUP: Final = "sweep"


class SweepRequest(msgspec.Struct, frozen=True):
    """What a message asks for.

    Attributes:
        left: how many sweeps in a row have left work before the one that it asks for; 0 where work may be new.
        rounds: how often it goes through the queue once more before that sweep.
    """

    left: Annotated[int, msgspec.Meta(ge=0, le=SOON + _DOUBLINGS)] = 0
    rounds: Annotated[int, msgspec.Meta(ge=0, lt=MOST_ROUNDS)] = 0


class SweepQueue:
    """The queue of one stack.

    Args:
        client: boto3's `sqs` client.
        url: the queue's URL.
        clock: returns seconds since the epoch.
    """

    def __init__(self, client: Any, url: str, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._url = url
        self._clock = clock
        self._asked = -1

    def ask(self) -> None:
        """Asks for a sweep of what may be new, unless this process did so in this period. Raises UnavailableError."""
        period = self._period()
        if period != self._asked:
            self._send("sweep", str(period))
            self._asked = period

    def ask_again(self, left: int) -> None:
        """Asks for the next sweep after ``left`` in a row that left work, 1 or more. Raises UnavailableError."""
        left = min(left, SOON + _DOUBLINGS)
        rounds = min(2 ** max(left - SOON, 0), MOST_ROUNDS)
        self._send_on(SweepRequest(left, rounds - 1))

    def due(self, bodies: Iterable[str]) -> SweepRequest | None:
        """Returns which sweep these messages ask for, one or more; None where all are to wait, after that which is due first was sent on.

        One sweep is for all of them. Raises UnavailableError if SQS takes no message.
        """
        requests = [_read(body) for body in bodies]
        first = min(requests, key=lambda request: (request.rounds, request.left))
        if not first.rounds:
            return first
        self._send_on(SweepRequest(first.left, first.rounds - 1))
        return None

    def is_source_of(self, arn: str) -> bool:
        """Whether ``arn``, the source of a message that Lambda hands over, is this queue."""
        return arn.rpartition(":")[2] == self._url.rpartition("/")[2]

    def _send_on(self, request: SweepRequest) -> None:
        # those that have waited equally long become one where they meet in a period, and no message of new work is taken for one of them
        self._send(msgspec.json.encode(request).decode(), f"{request.left}-{self._period()}")

    def _period(self) -> int:
        return int(self._clock() // PERIOD)

    def _send(self, body: str, deduplication: str) -> None:
        try:
            # one group: SQS hands out no second message of it while one is worked on, so one sweep runs at a time
            self._client.send_message(QueueUrl=self._url, MessageBody=body, MessageGroupId=_GROUP, MessageDeduplicationId=deduplication)
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError(f"SQS takes no request for a sweep: {error}") from error


def _read(body: str) -> SweepRequest:
    """What a message asks for; what can't be read asks for a sweep at once, as the message of new work does."""
    try:
        return msgspec.json.decode(body, type=SweepRequest)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return SweepRequest()
