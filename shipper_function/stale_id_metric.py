"""Stale id metric: the CloudWatch metric of stale trace ids, which ship and resolve both count."""

from collections.abc import Mapping

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit


def count_stale(lines: Mapping[str, int]) -> None:
    """Counts the lines with a stale trace id, by the name of the function that logged them."""
    for function, number in lines.items():
        with single_metric(name="stale_trace_ids", unit=MetricUnit.Count, value=number, namespace="tracejoin") as metric:
            metric.add_dimension(name="function", value=function)
