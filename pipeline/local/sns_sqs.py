"""SNS and SQS: a topic, the queue that is subscribed to it, and the function that the queue invokes.

Topic and queue are ministack's, and messages go through them. This module adds what ministack lacks: SNS passes the sender's tracing
header on to the queue, and a Lambda event source mapping invokes a function.
Sources: AWS X-Ray developer guide, "Amazon SNS and AWS X-Ray", "Amazon SQS and AWS X-Ray", "Tracing event-driven applications"; AWS Lambda
developer guide, "Using Lambda with Amazon SQS" (the event). Assumed: the function's trace is sampled where the sender's is.
"""

import re
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from pipeline.errors import UnavailableError
from pipeline.local.environment import REGION, local_client, local_open
from pipeline.local.http_messages import HttpRequest, HttpResponse
from pipeline.local.lambda_service import LambdaService
from pipeline.local.tracing_headers import new_trace
from pipeline.model.trace_ids import parse_header

_MESSAGE_ID: Final = re.compile(rb"MessageId[^0-9a-f]{1,8}([0-9a-f-]{36})")
_PATIENCE: Final = 10
_NOT_FORWARDED: Final = frozenset({"host", "content-length", "connection"})


class Messages:
    """A topic with a subscribed queue.

    Args:
        storage: the endpoint of ministack.
        name: the name of the topic and of the queue.
    """

    def __init__(self, storage: str, name: str) -> None:
        self._storage = storage
        self._senders: dict[str, str] = {}
        self._waiting = 0
        self._sqs = local_client("sqs", storage)
        sns = local_client("sns", storage)
        self.topic_arn: str = sns.create_topic(Name=name)["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self._queue_arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=self._queue_arn)

    def publish(self, request: HttpRequest) -> HttpResponse:
        """The response of SNS to ``request``; keeps the tracing header of the request for its message."""
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_FORWARDED}
        forwarded = urllib.request.Request(self._storage, data=request.body, headers=headers, method=request.method)  # noqa: S310
        try:
            with local_open(forwarded, timeout=_PATIENCE) as answer:
                response = HttpResponse(answer.status, answer.read(), {"Content-Type": answer.headers["Content-Type"]})
        except urllib.error.HTTPError as error:
            with error:
                return HttpResponse(error.code, error.read(), {"Content-Type": error.headers["Content-Type"]})
        if match := _MESSAGE_ID.search(response.body):
            self._waiting += 1
            self._senders[match[1].decode()] = request.header("X-Amzn-Trace-Id") or ""
        return response

    def deliver(self, functions: LambdaService, name: str) -> None:
        """Invokes the function ``name`` with each published message, one at a time. Raises UnavailableError where one never arrives."""
        while self._waiting:
            found = self._sqs.receive_message(
                QueueUrl=self._queue, WaitTimeSeconds=_PATIENCE, AttributeNames=["All"], MessageAttributeNames=["All"]
            )
            if not found.get("Messages"):
                raise UnavailableError("ministack, the local SQS, does not hand out what was published")
            for message in found["Messages"]:
                self._invoke(functions, name, message)
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                self._waiting -= 1

    def _invoke(self, functions: LambdaService, name: str, message: Mapping[str, Any]) -> None:
        header = next((header for id_, header in self._senders.items() if id_ in message["Body"]), "")
        sender = parse_header(header)
        # the function runs in a new trace, which is linked to the sender's
        trace = new_trace(sampled=sender is None or bool(sender.sampled))
        links = [sender] if sender and sender.parent_id and sender.sampled else []
        functions.invoke(name, {"Records": [self._record(message, header)]}, trace, links)

    def _record(self, message: Mapping[str, Any], header: str) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
            "attributes": message["Attributes"] | ({"AWSTraceHeader": header} if header else {}),
            "messageAttributes": message.get("MessageAttributes", {}), "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs", "eventSourceARN": self._queue_arn, "awsRegion": REGION,
        }  # fmt: skip
