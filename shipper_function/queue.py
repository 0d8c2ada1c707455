"""The queue between the two functions: who writes to it, and how its messages are read."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from pipeline.errors import BadInputError
from pipeline.settings import Settings
from pipeline.sqs import Hint, Queue, read_hint


@cache
def queue(settings: Settings) -> Queue:
    """The queue that the settings name; made once per environment."""
    client = boto3.client("sqs", region_name=settings.region or None, config=Config(retries={"mode": "standard"}))
    return Queue(client, settings.queue_url)


def read_hints(records: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Hint], dict[str, str]]:
    """The hints in these SQS records, and what is wrong with each record that holds none; both by message id."""
    hints: dict[str, Hint] = {}
    refused: dict[str, str] = {}
    for record in records:
        try:
            hints[record["messageId"]] = read_hint(record["body"])
        except BadInputError as error:
            refused[record["messageId"]] = str(error)
    return hints, refused


def send_again(trace_ids: Iterable[str], hints: Collection[Hint], settings: Settings) -> None:
    """Asks to come back to these traces, each after the delay that follows its hint's; not after the last delay.

    Where two hints speak of one trace, the earlier attempt counts: it comes from the newer line. Raises UnavailableError.
    """
    attempts: dict[str, int] = {}
    for hint in sorted(hints, key=lambda hint: hint.attempt):
        for id_ in hint.trace_ids:
            attempts.setdefault(id_, hint.attempt)
    rounds: dict[int, list[str]] = {}
    for id_ in trace_ids:
        rounds.setdefault(attempts[id_] + 1, []).append(id_)
    for attempt, ids in rounds.items():
        if attempt < len(settings.lookup_delays):
            queue(settings).send(ids, attempt=attempt, delay=settings.lookup_delays[attempt])
