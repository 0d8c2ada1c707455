"""The queue between the two functions."""

from functools import cache

import boto3
from botocore.config import Config

from pipeline.settings import Settings
from pipeline.sqs import Queue


@cache
def queue(settings: Settings) -> Queue:
    """The queue that the settings name; made once per environment."""
    client = boto3.client("sqs", region_name=settings.region or None, config=Config(retries={"mode": "standard"}))
    return Queue(client, settings.queue_url)
