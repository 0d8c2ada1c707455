"""Account sources: the trace source of the stack's own account and region, and one for each other in which a trace ran.

X-Ray keeps a trace in the account and region that its segments were sent to, and shows a monitoring account those of the accounts that are
linked to it, in its own region (AWS X-Ray developer guide, "Cross-account tracing").
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from pipeline.model.places import Place, place_in
from pipeline.traces.sources.source import LookupResult, TraceSource

# seconds: else each run would ask an account again that refuses
_REFUSAL_LIFE = 60.0


class Reach(Protocol):
    """Which accounts and regions can be asked, and through whom."""

    def is_seen(self, place: Place) -> bool:
        """Whether the stack's own X-Ray answers for an account and region: it is that, or a linked one."""

    def source(self, place: Place) -> TraceSource:
        """Makes the source of another account or region, with a client and a budget of its own.

        Raises MisconfiguredError with a remedy where there is no way to it, UnavailableError where AWS does not answer.
        """


class AccountSources:
    """The trace sources of many accounts and regions, kept from run to run. As a `TraceSource` it is that of the stack's own.

    Args:
        home: the source of the stack's own account and region.
        reach: makes those of the others.
        clock: monotonic time in seconds.
    """

    def __init__(self, home: TraceSource, reach: Reach, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._reach = reach
        self._clock = clock
        self._others: dict[Place, TraceSource] = {}
        self._refusals: dict[Place, tuple[LookupResult, float]] = {}
        self._asked_at: dict[Place, float] = {}

    @property
    def name(self) -> str:
        """As `TraceSource.name`."""
        return self._home.name

    @property
    def calls(self) -> int:
        """How many calls were made so far, in all accounts."""
        return self._home.calls + sum(source.calls for source in self._others.values())

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """As `TraceSource.look_up`, in the stack's own account and region."""
        return self._home.look_up(wanted)

    def routes(self, places: Collection[str]) -> set[Place | None]:
        """Returns where a trace is looked up that ran in these places; None stands for the stack's own account and region.

        A trace of which no place is known is looked up there, and so is one of a place that X-Ray shows there.
        """
        found = [place_in(text) for text in places]
        return {place if place and not self._reach.is_seen(place) else None for place in found} or {None}

    def in_turn(self, places: Iterable[Place]) -> list[Place]:
        """Returns ``places`` in the order in which they are to be asked: first that which was not asked for the longest time."""
        return sorted(places, key=lambda place: (self._asked_at.get(place, float("-inf")), place))

    def source(self, place: Place) -> TraceSource:
        """Returns the source of a place, the same one each time. Raises as `Reach.source`."""
        self._asked_at[place] = self._clock()
        if place not in self._others:
            self._others[place] = self._reach.source(place)
        return self._others[place]

    def refusal(self, place: Place) -> LookupResult | None:
        """Returns how a place refused within the last minute, so that it need not be asked again; None if it did not."""
        result, until = self._refusals.get(place, (None, 0.0))
        return result if self._clock() < until else None

    def note_refusal(self, place: Place, result: LookupResult) -> None:
        """Notes that a place refused just now."""
        self._refusals[place] = result, self._clock() + _REFUSAL_LIFE
