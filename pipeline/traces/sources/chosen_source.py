"""Chosen source: asks X-Ray which of the two sources it serves, BatchGetTraces or StartTraceRetrieval, and asks that one for traces."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.budget import CallBudget
from pipeline.traces.sources.source import LookupResult, TraceFormat, TraceSource, failed_lookup
from pipeline.traces.sources.trace_retrieval import TraceRetrieval
from pipeline.traces.sources.xray_client import XRayClient

_FRESH = 1.0


class ChosenSource:
    """A `TraceSource` that passes look-ups on to the source which this account's X-Ray serves.

    X-Ray is asked when the source is made, and again some minutes later, since Transaction Search may be switched on meanwhile. A look-up
    fails where X-Ray does not answer that; where it throttles that, the last choice holds, and without one the look-up is put off.

    Args:
        client: boto3's `xray` client.
        budget: the calls that may be made.
        trace_format: the format of retrievals.
    """

    def __init__(self, client: Any, budget: CallBudget, trace_format: TraceFormat) -> None:
        self._client = XRayClient(client, budget)
        self._make: Mapping[bool, Callable[[], TraceSource]] = {
            True: lambda: TraceRetrieval(client, budget, trace_format=trace_format),
            False: lambda: BatchGetTraces(client, budget),
        }
        self._made: dict[bool, TraceSource] = {}
        self._chosen: TraceSource | None = None
        self._failure = self._choose()
        self._failed_at = time.monotonic()

    @property
    def name(self) -> str:
        """The operation of the chosen source; `auto` before there is one."""
        return self._chosen.name if self._chosen else "auto"

    @property
    def calls(self) -> int:
        """How many calls were made so far."""
        return sum(source.calls for source in self._made.values())

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """As `TraceSource.look_up`."""
        # what failed when the source was made, a moment ago, need not be waited for again
        is_fresh = time.monotonic() - self._failed_at < _FRESH
        failure, self._failure = (self._failure if is_fresh else None) or self._choose(), None
        if failure:
            return dict.fromkeys(wanted, failure)
        return self._chosen.look_up(wanted) if self._chosen else {}

    def _choose(self) -> LookupResult | None:
        """Chooses the source; returns why X-Ray did not say which one, None also for a throttle."""
        try:
            searching = self._client.goes_to_cloudwatch()
        except (UnavailableError, MisconfiguredError) as error:
            return failed_lookup(error)
        if searching is not None:
            if searching not in self._made:
                self._made[searching] = self._make[searching]()
            self._chosen = self._made[searching]
        return None
