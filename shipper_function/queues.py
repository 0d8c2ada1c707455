"""Queues: the SQS queue from `ship` to `resolve`, and its dead-letter queue."""

from functools import cache

import boto3
from botocore.config import Config

from pipeline.hint_queue import Queue
from pipeline.settings import Settings


@cache
def queue(settings: Settings) -> Queue:
    """The queue of hints that the settings name; made once per Lambda environment."""
    return _connected(settings, settings.queue_url)


@cache
def dead_letters(settings: Settings) -> Queue:
    """The dead-letter queue that the settings name; made once per Lambda environment."""
    return _connected(settings, settings.dead_letters_url)


def _connected(settings: Settings, url: str) -> Queue:
    return Queue(boto3.client("sqs", region_name=settings.region or None, config=Config(retries={"mode": "standard"})), url)
