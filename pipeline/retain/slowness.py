"""Slowness: from which duration on a trace is slow, by the last day's traces with the same entry."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pipeline.detect.verdict import Root
from pipeline.retain.policy import Slow
from pipeline.store.client import Store

_MILLI: Final = 1_000_000
_DAY_MS: Final = 86_400_000
_MOST_SERVICES: Final = 1000
_MOST_NAMES: Final = 100
_FEWEST_TRACES: Final = 100


class Slowness(msgspec.Struct, frozen=True):
    """From when on traces are slow.

    Attributes:
        slow: what the policy says.
        percentiles: its percentile of the durations in nanoseconds, by the service and the name of the entry; only of entries with a
            hundred traces or more, since of fewer no percentile tells anything.
    """

    slow: Slow = Slow()
    percentiles: Mapping[tuple[str, str], float] = {}

    def of(self, root: Root | None) -> str:
        """Returns in words why a trace that begins with ``root`` is slow; empty if it is not, or has no duration."""
        if root is None or root.duration is None:
            return ""
        took = f"{root.duration / _MILLI:,.0f} ms"
        if self.slow.over_ms and root.duration > self.slow.over_ms * _MILLI:
            return f"it took {took}, more than {self.slow.over_ms:,} ms"
        if self.slow.percentile is None:
            return ""
        beyond = self.percentiles.get((root.service_name, root.name))
        if beyond is None:
            return f"fewer than {_FEWEST_TRACES} traces of the last day began with {root.name}, too few to tell which are slow"
        # all of one duration are alike
        if root.duration <= beyond:
            return ""
        return f"it took {took}, more than {self.slow.percentile:g} % of the last day's traces that began with {root.name}"


def slowness_of(slow: Slow, store: Store, now_ms: int) -> Slowness:
    """Returns from when on traces are slow at ``now_ms`` (epoch milliseconds, UTC); sees only refreshed documents."""
    if slow.percentile is None:
        return Slowness(slow)
    percentiles = {"percentiles": {"field": "durationInNanos", "percents": [slow.percentile]}}
    names = {"terms": {"field": "name", "size": _MOST_NAMES}, "aggs": {"duration": percentiles}}
    body = {
        "size": 0,
        "query": {"bool": {"filter": [{"range": {"lastSeenAt": {"gte": now_ms - _DAY_MS, "format": "epoch_millis"}}},
                                      {"exists": {"field": "durationInNanos"}}]}},
        "aggs": {"services": {"terms": {"field": "serviceName", "size": _MOST_SERVICES}, "aggs": {"names": names}}},
    }  # fmt: skip
    found = store.search(body, index=f"{store.prefix}-traces").get("aggregations", {})
    return Slowness(slow, dict(_percentiles_in(found)))


def _percentiles_in(found: Mapping[str, Any]) -> list[tuple[tuple[str, str], float]]:
    return [
        ((service["key"], name["key"]), value)
        for service in found.get("services", {}).get("buckets", ())
        for name in service["names"]["buckets"]
        if name["doc_count"] >= _FEWEST_TRACES and (value := _only(name["duration"]["values"])) is not None
    ]


def _only(values: Mapping[str, float | None]) -> float | None:
    return next(iter(values.values()), None)
