"""Sweep queue: asks through SQS for a sweep in some minutes, where no schedule runs one: `ship` and `resolve` do so before they write.

So the message is there before the work is that a crash may leave, and who can't send it writes nothing. It needs a FIFO queue, which keeps
one message of each period. The queue delays it until nobody writes any more who asked in its period, and search shows what they wrote
(template.yaml, `SweepQueue`): a FIFO queue has one delay for all its messages (Amazon SQS developer guide, "Delay queues").
"""

import time
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import UnavailableError

PERIOD: Final = 300
"""Seconds: SQS takes a second message of the same deduplication id for the first one so long (Amazon SQS API reference, SendMessage)."""

_GROUP: Final = "sweep"


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
        """Asks for a sweep, unless this process did so in this period. Raises UnavailableError if SQS takes no message."""
        period = int(self._clock() // PERIOD)
        if period == self._asked:
            return
        try:
            # one group: SQS hands out no second message of it while one is worked on, so one sweep runs at a time
            self._client.send_message(QueueUrl=self._url, MessageBody="sweep", MessageGroupId=_GROUP, MessageDeduplicationId=str(period))
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError(f"SQS takes no request for a sweep: {error}") from error
        self._asked = period

    def is_source_of(self, arn: str) -> bool:
        """Whether ``arn``, the source of a message that Lambda hands over, is this queue."""
        return arn.rpartition(":")[2] == self._url.rpartition("/")[2]
