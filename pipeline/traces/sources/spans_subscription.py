"""Spans subscription: the source without look-ups, since a subscription on the log group `aws/spans` delivers every span."""

from collections.abc import Mapping

from pipeline.traces.sources.source import LookupResult


class SpansSubscription:
    """A `TraceSource` whose results only say that time has passed: the spans that came are in the index already."""

    name = "aws/spans"
    calls = 0

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """As `TraceSource.look_up`."""
        return dict.fromkeys(wanted, LookupResult("subscribed"))
