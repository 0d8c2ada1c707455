"""Usage: reads what an account's log groups took in, and what a tracejoin stack used, from CloudWatch and CloudFormation."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline.cost.aws_usage import AwsUsage, Domain, LogGroupUsage
from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.collect.functions import read_function
from pipeline.doctor.collect.metrics import metric_query, metric_values
from pipeline.doctor.collect.stack import read_stack
from pipeline.doctor.resources import Stack
from pipeline.errors import BadInputError, TracejoinError
from pipeline.model.log_groups import SPANS_LOG_GROUP

# CloudWatch keeps values of five minutes for 63 days, and those of an hour for 455 (CloudWatch user guide, "Metrics retention")
_FIVE_MINUTES: Final = 300
_HOUR: Final = 3600
_SHORT: Final = timedelta(days=2)
# SQS bills each 64 KiB of a message as a request (Amazon SQS pricing)
_CHUNK: Final = 65_536
_MEGABYTES: Final = 1024


def read_usage(calls: Calls, stack: str, *, since: datetime, until: datetime) -> AwsUsage:
    """What CloudWatch measured between two times (aware), of this account and region, and of the stack of this name.

    A read that is denied or fails makes a sentence in `AwsUsage.missing`, and stops no other.
    """
    found: dict[str, Any] = {}
    missing: list[str] = []

    def read(what: str, reader: Callable[[], Mapping[str, Any]]) -> None:
        try:
            found.update(reader())
        except TracejoinError as error:
            missing.append(f"{what}: {error}")

    period = _FIVE_MINUTES if until - since <= _SHORT else _HOUR
    times = since, until, period
    read("the account", lambda: {"account": calls.call("sts", "get_caller_identity")["Account"], "region": calls.region})
    if not found:
        # without the account nothing below could be matched to what is stored, and the reason is the same
        return AwsUsage(missing=tuple(missing))
    read("log groups", lambda: {"log_groups": _log_groups(calls, *times)})
    read("custom metrics", lambda: {"metrics": sum(1 for _ in calls.pages("cloudwatch", "list_metrics", "Metrics", Namespace="tracejoin"))})
    read(f"the stack {stack}", lambda: {"stack": _stack(calls, stack)})
    if of_stack := found.pop("stack", None):
        found |= {"alarms": len(of_stack.names("AWS::CloudWatch::Alarm")), "domain": _domain(of_stack),
                  "opensearch": of_stack.parameters.get("OpenSearch", "")}  # fmt: skip
        read("functions", lambda: _functions(calls, of_stack, *times))
        read("queues", lambda: {"queue_requests": _queue_requests(calls, of_stack, *times)})
    return AwsUsage(**found, missing=tuple(missing))


def _stack(calls: Calls, name: str) -> Stack:
    if (found := read_stack(calls, name)) is None:
        raise BadInputError(f"there is none in {calls.region}: name it with --stack")
    return found


def _log_groups(calls: Calls, since: datetime, until: datetime, period: int) -> dict[str, LogGroupUsage]:
    """The log groups that took something in within the last two weeks, which ListMetrics knows; spans have another price."""
    listed = calls.pages("cloudwatch", "list_metrics", "Metrics", Namespace="AWS/Logs", MetricName="IncomingBytes")
    dimensions = [metric.get("Dimensions", ()) for metric in listed]
    names = sorted({each[0]["Value"] for each in dimensions if len(each) == 1 and each[0]["Name"] == "LogGroupName"} - {SPANS_LOG_GROUP})
    wanted = [(name, metric) for name in names for metric in ("IncomingLogEvents", "IncomingBytes")]
    sums = _sums(calls, [("AWS/Logs", metric, "LogGroupName", name) for name, metric in wanted], since, until, period)
    pairs = zip(sums[::2], sums[1::2], strict=True)
    return {name: LogGroupUsage(events=events, bytes=size) for name, (events, size) in zip(names, pairs, strict=True) if size}


def _functions(calls: Calls, stack: Stack, since: datetime, until: datetime, period: int) -> dict[str, float]:
    functions = [found for name in stack.names("AWS::Lambda::Function") if (found := read_function(calls, name))]
    wanted = [("AWS/Lambda", metric, "FunctionName", each.name) for each in functions for metric in ("Invocations", "Duration")]
    sums = _sums(calls, wanted, since, until, period)
    # Duration is in milliseconds
    seconds = sum(each.memory_mb / _MEGABYTES * duration / 1000 for each, duration in zip(functions, sums[1::2], strict=True))
    return {"invocations": sum(sums[::2]), "gb_seconds": seconds}


def _queue_requests(calls: Calls, stack: Stack, since: datetime, until: datetime, period: int) -> float:
    """The requests to the stack's queues: each message sent, received and deleted as one, a long one as more, and empty receives."""
    metrics = ("NumberOfMessagesSent", "SentMessageSize", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives")
    names = [url.rpartition("/")[2] for url in stack.names("AWS::SQS::Queue")]
    sums = _sums(calls, [("AWS/SQS", metric, "QueueName", name) for name in names for metric in metrics], since, until, period)
    requests = 0.0
    for first in range(0, len(sums), len(metrics)):
        sent, size, received, deleted, empty = sums[first : first + len(metrics)]
        chunks = max(1.0, size / sent / _CHUNK) if sent else 1.0
        requests += (sent + received) * chunks + deleted + empty
    return requests


def _sums(calls: Calls, wanted: Sequence[tuple[str, str, str, str]], since: datetime, until: datetime, period: int) -> list[float]:
    """The sum of each metric (namespace, name, dimension and its value) between two times."""
    queries = [metric_query(number, *each, "Sum", period) for number, each in enumerate(wanted)]
    values = metric_values(calls, queries, since, until)
    return [sum(values[number]) for number in range(len(wanted))]


def _domain(stack: Stack) -> Domain | None:
    given = stack.parameters
    if given.get("OpenSearch") != "domain":
        return None
    return Domain(node=given["DomainInstanceType"], count=int(given["DomainInstanceCount"]), volume_gib=int(given["DomainVolumeGiB"]))
