"""The source that needs no look-up: with a subscription on `aws/spans` every span comes by itself."""

from collections.abc import Mapping

from pipeline.traces.sources.source import LookupResult


class SpansSubscription:
    """A `Source`. What it answers says no more than that time has passed: what came is in the index already."""

    name = "aws/spans"
    calls = 0

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """As `Source.look_up`."""
        return dict.fromkeys(wanted, LookupResult("subscribed"))
