"""The counter of stale trace ids, which both functions keep."""

from collections.abc import Mapping

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit


def count_stale(lines: Mapping[str, int]) -> None:
    """A CloudWatch metric for each function whose lines name another trace than the platform does."""
    for function, number in lines.items():
        with single_metric(name="stale_trace_ids", unit=MetricUnit.Count, value=number, namespace="tracejoin") as metric:
            metric.add_dimension(name="function", value=function)
