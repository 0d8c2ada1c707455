"""Circuit breaker: stops asking a source that does not answer, until the end of a run: each call would wait for nothing again."""

from collections.abc import Mapping

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.model.lookups import FAILED
from pipeline.traces.sources.source import LookupResult, TraceSource, failed_lookup


class CircuitBreaker:
    """A `TraceSource` that passes look-ups on to another one, until that one fails.

    Args:
        source: the source to ask.
        open_by: the failed result of an earlier look-up of the same run, which every later one gets, too; None if none failed.

    Attributes:
        open_by: as the argument; the last result of a look-up that failed.
    """

    def __init__(self, source: TraceSource, open_by: LookupResult | None = None) -> None:
        self._source = source
        self.open_by = open_by

    @property
    def name(self) -> str:
        """As `TraceSource.name`."""
        return self._source.name

    @property
    def calls(self) -> int:
        """As `TraceSource.calls`."""
        return self._source.calls

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """As `TraceSource.look_up`; it raises nothing that says that the source is away."""
        if self.open_by:
            return dict.fromkeys(wanted, self.open_by)
        try:
            results = self._source.look_up(wanted)
        except (UnavailableError, MisconfiguredError) as error:
            results = dict.fromkeys(wanted, failed_lookup(error))
        # a source asks in the order of the ids, and goes on after a failure that may be that of one trace
        last = next((results[id_] for id_ in reversed(list(wanted)) if id_ in results), None)
        if last and last.outcome in FAILED:
            self.open_by = last
        return results
