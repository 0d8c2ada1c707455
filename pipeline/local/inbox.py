"""Inbox: an SNS topic for alerts with a queue that is subscribed to it, on ministack."""

import json
from dataclasses import dataclass
from typing import Any, Final

from pipeline.local.environment import local_client

_NAME: Final = "tracejoin-alerts"
_PATIENCE: Final = 1


@dataclass(frozen=True, slots=True)
class Received:
    """An SNS message as its subscriber gets it."""

    subject: str
    text: str
    attributes: dict[str, str]


class Inbox:
    """An SNS topic with a queue that receives its messages.

    Args:
        storage: the endpoint of ministack.
        name: the name of the topic and of the queue.
    """

    def __init__(self, storage: str, name: str = _NAME) -> None:
        self.client = local_client("sns", storage)
        self._sqs = local_client("sqs", storage)
        self.arn: str = self.client.create_topic(Name=name)["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.subscribe(self.arn)

    def subscribe(self, topic: str) -> None:
        """Subscribes the queue to another topic, given by its ARN."""
        queue = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def receive(self) -> list[Received]:
        """The messages that have arrived since the last call."""
        found: list[Received] = []
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10,
                                                    WaitTimeSeconds=0 if found else _PATIENCE).get("Messages"):  # fmt: skip
            for message in messages:
                found.append(_read(json.loads(message["Body"])))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return found


def _read(notification: dict[str, Any]) -> Received:
    attributes = {name: value["Value"] for name, value in notification.get("MessageAttributes", {}).items()}
    return Received(notification.get("Subject", ""), notification["Message"], attributes)
