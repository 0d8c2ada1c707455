"""Stale id metric: the CloudWatch metric of stale trace ids, which ship and resolve both count."""

from collections.abc import Mapping
from typing import Final

from shipper_function.metric_dimensions import NamedCounts

_STALE_IDS: Final = NamedCounts("stale_trace_ids", "function")


def count_stale(lines: Mapping[str, int]) -> None:
    """Counts the lines with a stale trace id, by the function that their log group is named after."""
    _STALE_IDS.add({(function,): number for function, number in lines.items()})
