"""Notify: the Lambda function that takes the alert topic's messages to the channels in a secret.

SNS invokes it with a message. It puts one delivery a channel into an SQS queue, which invokes it with each of them. So each channel is
tried again alone, and one that was told is not told again because of another. A delivery that fails waits longer each time, and ends as a
dead letter; one that its channel refuses for good is put there at once, with the reason. All that is there can be sent again.

It has no Tracer: X-Ray would record the addresses of the requests, which are secret.
"""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import boto3
import msgspec
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from pipeline.errors import BadInputError, UnavailableError
from pipeline.notify.channels import Channel, read_channels
from pipeline.notify.delivery import deliver, parts_for
from pipeline.notify.delivery_queue import Delivery, DeliveryQueue, read_delivery, wait_after
from pipeline.notify.https_post import Network, NotNowError
from pipeline.notify.topic_message import read_topic_message
from shipper_function.deadline import TimeIsUp, deadline
from shipper_function.environment import function_name, settings

# seconds: of one delivery with all its attempts, and before Lambda's limit
_DELIVERY_SECONDS: Final = 40.0
_LAST_SECONDS: Final = 5.0
# a channel that is changed in the secret counts after this time
_CHANNELS_SECONDS: Final = 300.0
_SNS: Final = "aws:sns"

_NAME = function_name("tracejoin-notify")

logger = Logger(service=_NAME)
metrics = Metrics(namespace="tracejoin", service=_NAME)


class _Channels:
    """The channels in the secret, read anew every five minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._read: dict[str, Channel] = {}
        self._until = 0.0

    def __call__(self) -> dict[str, Channel]:
        """Returns the channels by name. Raises UnavailableError or MisconfiguredError."""
        if not self._read or self._clock() > self._until:
            self._read = read_channels(settings().notify_secret)
            self._until = self._clock() + _CHANNELS_SECONDS
        return self._read


channels = _Channels()


@cache
def queue() -> DeliveryQueue:
    """The queue of deliveries, made once per Lambda environment."""
    client = boto3.client("sqs", region_name=settings().region or None, config=Config(retries={"mode": "standard"}))
    return DeliveryQueue(client, settings().notify_queue_url, settings().notify_dead_letters_url)


@cache
def network() -> Network:
    """What requests go through."""
    return Network(private=settings().notify_private)


def hand_out(event: Mapping[str, Any]) -> None:
    """Puts deliveries to each channel into the queue for each message in an event of SNS. Raises UnavailableError or MisconfiguredError."""
    messages = [record["Sns"] for record in event["Records"]]
    queue().send(
        Delivery(channel=name, message_id=str(sns.get("MessageId", "")), payload=part)
        for sns in messages
        if (payload := read_topic_message(sns))
        for name, channel in channels().items()
        for part in parts_for(channel, payload)
    )


def tell(delivery: Delivery, remaining: Callable[[], float]) -> None:
    """Tells the channel of a delivery.

    Args:
        delivery: whom, of what.
        remaining: returns the seconds that Lambda leaves.

    Raises NotNowError where it may succeed later, BadInputError where it never will, and what reading the channels raises.
    """
    channel = channels().get(delivery.channel)
    if channel is None:
        raise BadInputError("no channel in the secret has this name any more")
    until = time.monotonic() + min(_DELIVERY_SECONDS, remaining() - _LAST_SECONDS)
    try:
        # a server that sends a byte now and then is within every time-out of a connection
        with deadline(until - time.monotonic()):
            deliver(channel, delivery.payload, delivery.message_id, network(), remaining=lambda: until - time.monotonic())
    except TimeIsUp:
        raise NotNowError("it did not answer in time") from None


def work_off(record: Mapping[str, Any], remaining: Callable[[], float]) -> bool:
    """Does what a message of the queue asks for; returns whether it is done, otherwise SQS delivers it again later."""
    body, about = record["body"], {"channel": "", "messageId": record["messageId"]}
    try:
        if (event := _event_of_sns(body)) is not None:
            hand_out(event)
            return True
        delivery = read_delivery(body)
        about["channel"] = delivery.channel
        tell(delivery, remaining)
    except BadInputError as error:
        logger.warning("a channel is not told, and its message is put aside", extra={**about, "reason": str(error)})
        metrics.add_metric("notifications_refused", MetricUnit.Count, 1)
        queue().put_aside(body, str(error))
        return True
    except UnavailableError as error:
        logger.warning("a channel is told later", extra={**about, "reason": str(error)})
        metrics.add_metric("notifications_delayed", MetricUnit.Count, 1)
        asked = error.after if isinstance(error, NotNowError) else 0.0
        receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        queue().come_back_after(record["receiptHandle"], wait_after(receives, asked))
        return False
    metrics.add_metric("notifications_sent", MetricUnit.Count, 1)
    return True


def _event_of_sns(body: str) -> Mapping[str, Any] | None:
    """The event of SNS that a body is, which Lambda gave up and somebody sends again from the dead-letter queue."""
    try:
        event = msgspec.json.decode(body.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError):
        return None
    return event if isinstance(event, dict) and _is_of_sns(event) else None


def _is_of_sns(event: Mapping[str, Any]) -> bool:
    records = event.get("Records")
    return isinstance(records, list) and all(isinstance(record, dict) and record.get("EventSource") == _SNS for record in records)


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Hands out an event of SNS, or works off one of the queue; returns a partial batch response."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    if _is_of_sns(event):
        hand_out(event)
        return {}
    failed = [record["messageId"] for record in event["Records"]
              if not work_off(record, lambda: context.get_remaining_time_in_millis() / 1000)]  # fmt: skip
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}
