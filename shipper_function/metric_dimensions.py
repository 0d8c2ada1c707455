"""Metric dimensions: what CloudWatch takes as a dimension, and how many of them one function makes.

CloudWatch bills each combination of dimensions as a metric of its own, by the hour in which it gets values (CloudWatch pricing).
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit

OTHERS = "others"
_MOST_A_RUN = 50
_MOST_AN_HOUR = 200
_HOUR = 3600
_LONGEST_NAME = 256


def dimension(name: str) -> str:
    """``name`` as CloudWatch takes it (API reference, "Dimension": ASCII without control characters, no colon at the start)."""
    # imported here: most runs of ship name nothing
    from pipeline.model.json_values import ascii_of  # noqa: PLC0415

    return ascii_of(name.strip()).lstrip(":")[:_LONGEST_NAME].strip() or "unknown"


class NamedCounts:
    """Counts one metric by its dimensions: at most 50 combinations a run and 200 an hour, all others as `others`.

    Args:
        metric: the name of the metric.
        dimensions: the names of its dimensions.
        clock: returns seconds since the epoch.
    """

    def __init__(self, metric: str, *dimensions: str, clock: Callable[[], float] = time.time) -> None:
        self._metric = metric
        self._dimensions = dimensions
        self._clock = clock
        self._hour = 0
        self._named: set[tuple[str, ...]] = set()

    def add(self, counts: Mapping[tuple[str, ...], int]) -> None:
        """Adds one run's counts, by the values of the dimensions in their order."""
        for values, number in self._bounded(counts).items():
            with single_metric(name=self._metric, unit=MetricUnit.Count, value=number, namespace="tracejoin") as metric:
                for name, value in zip(self._dimensions, values, strict=True):
                    metric.add_dimension(name=name, value=value)

    def _bounded(self, counts: Mapping[tuple[str, ...], int]) -> Counter[tuple[str, ...]]:
        """The counts by clean dimensions; the most frequent combinations keep their names."""
        clean: Counter[tuple[str, ...]] = Counter()
        for values, number in counts.items():
            clean[tuple(map(dimension, values))] += number
        self._forget()
        bounded: Counter[tuple[str, ...]] = Counter()
        for number, (values, count) in enumerate(clean.most_common()):
            if number < _MOST_A_RUN and (values in self._named or len(self._named) < _MOST_AN_HOUR):
                self._named.add(values)
                bounded[values] += count
            else:
                bounded[(OTHERS,) * len(self._dimensions)] += count
        return bounded

    def _forget(self) -> None:
        """Begins anew with each hour."""
        hour = int(self._clock()) // _HOUR
        if hour != self._hour:
            self._hour = hour
            self._named.clear()
