"""Queues: reads SQS queues and the bucket of parked events."""

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.resources import Queue


def read_queue(calls: Calls, url: str) -> Queue:
    """The queue with this URL."""
    found = calls.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["QueueArn", "ApproximateNumberOfMessages"])
    attributes = found.get("Attributes", {})
    return Queue(arn=attributes.get("QueueArn", ""), waiting=int(attributes.get("ApproximateNumberOfMessages", 0)))


def read_objects(calls: Calls, bucket: str) -> tuple[int, bool]:
    """The number of objects in a bucket's first page, a thousand at most, and whether there are more."""
    found = calls.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1000)
    return int(found.get("KeyCount") or len(found.get("Contents", ()))), bool(found.get("IsTruncated"))
