"""Queues: the SQS queue from `ship` to `resolve` with its dead-letter queue, and the queue of asked-for sweeps."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from pipeline.hint_queue import Queue
from pipeline.settings import Settings
from pipeline.sweep_queue import SweepQueue


@cache
def queue(settings: Settings) -> Queue:
    """The queue of hints that the settings name; made once per Lambda environment."""
    return _connected(settings, settings.queue_url)


@cache
def dead_letters(settings: Settings) -> Queue:
    """The dead-letter queue that the settings name; made once per Lambda environment."""
    return _connected(settings, settings.dead_letters_url)


@cache
def sweeps(settings: Settings) -> SweepQueue:
    """The queue of asked-for sweeps that the settings name; made once per Lambda environment."""
    return SweepQueue(_client(settings), settings.sweep_queue_url)


def ask_for_sweep(settings: Settings) -> None:
    """Asks for a sweep in some minutes, where none runs by a schedule. Raises UnavailableError."""
    if settings.sweep_queue_url:
        sweeps(settings).ask()


def ask_for_next_sweep(settings: Settings, left: int) -> None:
    """Asks for the sweep after ``left`` in a row that left work, where none runs by a schedule. Raises UnavailableError."""
    if settings.sweep_queue_url:
        sweeps(settings).ask_again(left)


def _connected(settings: Settings, url: str) -> Queue:
    return Queue(_client(settings), url)


def _client(settings: Settings) -> Any:
    return boto3.client("sqs", region_name=settings.region or None, config=Config(retries={"mode": "standard"}))
