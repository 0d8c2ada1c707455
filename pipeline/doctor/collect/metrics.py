"""Metrics: reads metrics and alarms from CloudWatch."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.resources import Alarm, Traffic

_HOUR: Final = 3600
_FIVE_MINUTES: Final = 300
_NAMES_PER_CALL: Final = 100
_QUERIES_PER_CALL: Final = 500


def read_traffic(calls: Calls, functions: Sequence[str]) -> dict[str, Traffic]:
    """The last hour's Traffic of each function, by name; one call for all."""
    wanted = [(name, metric) for name in functions for metric in ("Invocations", "Errors", "Throttles")]
    queries = [
        metric_query(number, "AWS/Lambda", metric, "FunctionName", name, "Sum", _HOUR) for number, (name, metric) in enumerate(wanted)
    ]
    found = _last_values(calls, queries, _HOUR)
    sums = {wanted[number]: int(sum(values)) for number, values in found.items()}
    return {
        name: Traffic(invocations=sums[name, "Invocations"], errors=sums[name, "Errors"], throttles=sums[name, "Throttles"])
        for name in functions
    }


def read_oldest(calls: Calls, queue: str) -> int:
    """The age of a queue's oldest message in seconds, from the newest metric within fifteen minutes; 0 where there is none."""
    query = metric_query(0, "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue, "Maximum", _FIVE_MINUTES)
    # the newest comes first
    return int((_last_values(calls, [query], 3 * _FIVE_MINUTES)[0] or [0])[0])


def read_alarms(calls: Calls, names: Sequence[str]) -> tuple[Alarm, ...]:
    """The alarms with these names; one call per hundred."""
    return tuple(
        Alarm(
            name=alarm["AlarmName"],
            state=alarm["StateValue"],
            reason=alarm.get("StateReason", ""),
            description=alarm.get("AlarmDescription", ""),
            metric=alarm.get("MetricName", ""),
        )
        for start in range(0, len(names), _NAMES_PER_CALL)
        for alarm in calls.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNames=list(names[start : start + _NAMES_PER_CALL]))
    )


def metric_query(number: int, namespace: str, metric: str, dimension: str, value: str, statistic: str, period: int) -> dict[str, Any]:
    """A query of GetMetricData; ``number`` is the key of its values, ``period`` is in seconds."""
    named = {"Namespace": namespace, "MetricName": metric, "Dimensions": [{"Name": dimension, "Value": value}]}
    return {"Id": f"q{number}", "MetricStat": {"Metric": named, "Period": period, "Stat": statistic}}


def metric_values(calls: Calls, queries: Sequence[Mapping[str, Any]], start: datetime, end: datetime) -> dict[int, list[float]]:
    """The values of each query between two times, by its number, newest first; a call takes 500 queries (GetMetricData's own limit)."""
    found: dict[int, list[float]] = {number: [] for number in range(len(queries))}
    for first in range(0, len(queries), _QUERIES_PER_CALL):
        some = queries[first : first + _QUERIES_PER_CALL]
        for result in calls.pages("cloudwatch", "get_metric_data", "MetricDataResults", MetricDataQueries=some,
                                  StartTime=start, EndTime=end, ScanBy="TimestampDescending"):  # fmt: skip
            found[int(result["Id"].removeprefix("q"))] += result.get("Values", ())
    return found


def _last_values(calls: Calls, queries: Sequence[Mapping[str, Any]], seconds: int) -> dict[int, list[float]]:
    now = datetime.now(UTC)
    return metric_values(calls, queries, now - timedelta(seconds=seconds), now)
