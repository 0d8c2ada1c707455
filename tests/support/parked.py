"""Parked events as AWS keeps them: what Lambda writes of an asynchronous event and of a Kinesis batch, and Firehose of a record."""

import json
import uuid
from datetime import UTC, datetime

from tests.support.events import document, packed

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:tracejoin-ship"
AWAY = "UnavailableError: OpenSearch does not take 2 of 2 log events now"


def asynchronous(event, reason=AWAY, condition="RetriesExhausted"):
    """Lambda's record of an asynchronous invocation that failed; one that was too old has no response."""
    kind, _, message = reason.partition(": ")
    response = {} if condition == "EventAgeExceeded" else {
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": message, "errorType": kind, "requestId": "r", "stackTrace": ["  File …"]}}  # fmt: skip
    return {"version": "1.0", "timestamp": "2026-11-29T10:00:00.000Z",
            "requestContext": {"requestId": "r", "functionArn": f"{FUNCTION}:$LATEST", "condition": condition, "approximateInvokeCount": 3},
            "requestPayload": event, **response}  # fmt: skip


def of_kinesis(*contents):
    """Lambda's record of a Kinesis batch: the event is escaped JSON."""
    event = {"Records": [{"kinesis": {"data": packed(content), "sequenceNumber": str(number)}, "eventSource": "aws:kinesis"}
                         for number, content in enumerate(contents)]}  # fmt: skip
    return {"requestContext": {"requestId": "r", "functionArn": FUNCTION, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 4},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}, "version": "1.0",
            "timestamp": "2026-11-29T10:00:00.000Z",
            "KinesisBatchInfo": {"shardId": "shardId-000000000001", "startSequenceNumber": "1", "endSequenceNumber": "2", "batchSize": 2,
                                 "streamArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/logs"},
            "payload": json.dumps(event)}  # fmt: skip


def of_firehose(*contents):
    """What Firehose writes of records whose transformation failed: one a line."""
    return "\n".join(
        json.dumps({"attemptsMade": 4, "arrivalTimestamp": 1, "errorCode": "Lambda.FunctionError", "errorMessage": "it returned an error",
                    "attemptEndingTimestamp": 2, "rawData": packed(content), "lambdaArn": FUNCTION})
        for content in contents
    )  # fmt: skip


def stream(name, *messages, first=1):
    """The subscription document of a log stream."""
    return document(list(messages), stream=name, first=first)


def key(name="tracejoin-ship", at=None):
    """A key as Lambda names the object of an asynchronous event."""
    at = at or datetime.now(UTC)
    return f"aws/lambda/async/{name}/{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"


class Bucket:
    """A bucket of the local AWS."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def park(self, content, at_key=None):
        """Puts an object; returns its key."""
        body = content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content)).encode()
        at_key = at_key or key()
        self.client.put_object(Bucket=self.name, Key=at_key, Body=body)
        return at_key

    def keys(self):
        """The keys of all objects."""
        return [
            each["Key"]
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
            for each in page.get("Contents", ())
        ]
