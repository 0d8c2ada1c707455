"""Functions: the Lambda functions `ship` and `resolve` as Lambda calls them, with the queue between them in memory."""

import io
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from types import MappingProxyType
from typing import Any, Final

import boto3

from pipeline.local.environment import local_environment
from pipeline.local.lambda_runtime import Context
from shipper_function import environment, queues, resolve, ship

_QUEUE: Final = "https://sqs.example/1/hints"
_LARGEST_BATCH: Final = 1024 * 1024
_RECORDS: Final = 10
_MINUTES: Final = 15
_ENVIRONMENT: Final = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench", "LOCAL_FUNCTION_ARN": "arn:aws:lambda:eu-west-1:123456789012:function:bench",
    "AWS_LAMBDA_LOG_STREAM_NAME": "bench", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "TRACEJOIN_QUEUE_URL": _QUEUE,
    # the budget paces a worker over minutes; here the cost of the calls counts, not their pace
    "TRACEJOIN_LOOKUPS_PER_MINUTE": "1000000", "TRACEJOIN_TRACE_SOURCE": "BatchGetTraces",
}  # fmt: skip


class Functions:
    """Calls the handlers. Messages of the queue are kept in ``waiting`` until `resolve_waiting`, however long their delay."""

    def __init__(self) -> None:
        self.waiting: list[Mapping[str, Any]] = []
        self._sent = 0

    def ship(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Ships one event; returns its ledger."""
        ledger: dict[str, Any] = ship.handler(dict(event), self._context())
        return ledger

    def resolve_waiting(self, records: int = _RECORDS) -> None:
        """Resolves the messages that wait, so many at a time; those that this sends are dropped."""
        waiting, self.waiting = self.waiting, []
        for start in range(0, len(waiting), records):
            answer = resolve.handler({"Records": waiting[start : start + records]}, self._context())
            if answer["batchItemFailures"]:
                raise RuntimeError("resolve could not handle a message; what it logged says why")
        self.waiting = []

    def sweep(self) -> None:
        """Runs a sweep."""
        resolve.handler({"source": "aws.events"}, self._context())

    def send_message_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803  # boto3's name
        """Stands for SQS."""
        if sum(len(entry["MessageBody"].encode()) for entry in Entries) > _LARGEST_BATCH:
            raise ValueError("SQS takes 1 MiB in a call")
        for entry in Entries:
            self._sent += 1
            self.waiting.append({
                "messageId": f"m{self._sent}", "receiptHandle": f"r{self._sent}", "body": entry["MessageBody"], "eventSource": "aws:sqs",
                "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {},
            })  # fmt: skip
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    @staticmethod
    def _context() -> Context:
        return Context("52fdfc07-2182-454f-963f-5f0f9a621d72", time.time() + _MINUTES * 60)


@contextmanager
def local_functions(
    endpoint: str, xray: str = "", prefix: str = "tracejoin", variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Functions]:
    """Makes the functions ready, with these ``variables``, for an OpenSearch and an X-Ray; what they print is dropped."""
    functions = Functions()
    before, make = dict(os.environ), boto3.client
    own = _ENVIRONMENT | {"TRACEJOIN_ENDPOINT": endpoint, "TRACEJOIN_PREFIX": prefix, **variables}
    own |= {"AWS_ENDPOINT_URL_XRAY": xray} if xray else {}
    environment = local_environment(own)
    os.environ.clear()
    os.environ.update(environment)
    boto3.client = lambda service, **more: functions if service == "sqs" else make(service, **more)
    _forget()
    try:
        with redirect_stdout(_Nowhere()):
            yield functions
    finally:
        boto3.client = make
        os.environ.clear()
        os.environ.update(before)
        _forget()


class _Nowhere(io.TextIOBase):
    """A file that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def _forget() -> None:
    """Empties what the functions keep between two invocations."""
    for cached in (environment.settings, ship.store, resolve.resolver, queues.queue, queues.dead_letters):
        cached.cache_clear()
