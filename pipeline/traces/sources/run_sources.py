"""Run sources: what one run asks for traces: each trace in every account and region in which it ran, and none that failed in this run."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.model.facts import Outcome
from pipeline.model.lookups import FAILED
from pipeline.model.places import Place
from pipeline.traces.sources.account_sources import AccountSources
from pipeline.traces.sources.circuit_breaker import CircuitBreaker
from pipeline.traces.sources.source import LookupResult, TraceSource, failed_lookup

# seconds that the other accounts may take together; whoever is left out comes first next time
_PATIENCE = 15.0
# of several places without a document, that counts which says most: what may still come, then why nothing can
_WITHOUT_DOCUMENTS: Final[Sequence[Outcome]] = (
    "unreachable", "denied", "unprocessed", "limitExceeded", "sourceDisabled", "absent", "refused", "expired", "subscribed",
)  # fmt: skip


class _Answer(NamedTuple):
    """The result of one place, None for the stack's own account and region; without a result it was put off."""

    place: Place | None
    result: LookupResult | None


class RunSources:
    """The trace sources of one run, each behind a circuit breaker of its own.

    Args:
        source: the source of all look-ups, or the `AccountSources`.
        open_by: the failed result of an earlier look-up of the same run in the stack's own account, which every later one gets, too.
        clock: monotonic time in seconds.
    """

    def __init__(self, source: TraceSource, open_by: LookupResult | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = CircuitBreaker(source, open_by)
        self._accounts = source if isinstance(source, AccountSources) else None
        self._others: dict[Place, CircuitBreaker] = {}
        self._clock = clock

    @property
    def name(self) -> str:
        """As `TraceSource.name`."""
        return self._home.name

    @property
    def open_by(self) -> LookupResult | None:
        """The last failed look-up in the stack's own account and region, if it is not asked any more in this run."""
        return self._home.open_by

    def look_up(self, wanted: Mapping[str, int], places: Mapping[str, Collection[str]]) -> dict[str, LookupResult]:
        """As `TraceSource.look_up`; ``places`` names for each trace the accounts and regions in which it ran, as its state has them."""
        if not self._accounts:
            return self._home.look_up(wanted)
        asked: defaultdict[Place | None, dict[str, int]] = defaultdict(dict)
        for id_, at in wanted.items():
            for place in self._accounts.routes(places.get(id_, ())):
                asked[place][id_] = at
        answers: defaultdict[str, list[_Answer]] = defaultdict(list)
        if at_home := asked.pop(None, None):
            _add(answers, at_home, None, self._home.look_up(at_home))
        deadline = self._clock() + _PATIENCE
        for place in self._accounts.in_turn([place for place in asked if place]):
            late = self._clock() > deadline
            _add(answers, asked[place], place, {} if late else self._ask(place, asked[place], self._accounts))
        return {id_: result for id_ in wanted if (result := _combined(answers[id_]))}

    def _ask(self, place: Place, wanted: Mapping[str, int], accounts: AccountSources) -> dict[str, LookupResult]:
        """Looks traces up in another account or region."""
        if place not in self._others:
            if refusal := accounts.refusal(place):
                return dict.fromkeys(wanted, refusal)
            try:
                self._others[place] = CircuitBreaker(accounts.source(place))
            except (MisconfiguredError, UnavailableError) as error:
                failure = _of_place(failed_lookup(error), place)
                if failure.outcome == "denied":
                    accounts.note_refusal(place, failure)
                return dict.fromkeys(wanted, failure)
        breaker = self._others[place]
        results = {id_: _of_place(result, place) for id_, result in breaker.look_up(wanted).items()}
        if breaker.open_by and breaker.open_by.outcome == "denied" and not accounts.refusal(place):
            accounts.note_refusal(place, _of_place(breaker.open_by, place))
        return results


def _add(answers: Mapping[str, list[_Answer]], wanted: Collection[str], place: Place | None, results: Mapping[str, LookupResult]) -> None:
    for id_ in wanted:
        answers[id_].append(_Answer(place, results.get(id_)))


def _of_place(result: LookupResult, place: Place) -> LookupResult:
    """A result of another account or region, which says whose it is."""
    return msgspec.structs.replace(
        result,
        reason=f"account {place.account}, {place.region}: {result.reason}" if result.reason else "",
        owners=(place.account,) * len(result.documents),
        refused_by=(str(place),) if result.outcome == "denied" else (),
    )


def _combined(answers: Sequence[_Answer]) -> LookupResult | None:
    """The one result of a trace that was looked up in several places; None if it is put off, and nothing was found."""
    results = [result for _, result in answers if result]
    if len(answers) == 1 or not results:
        return results[0] if results else None
    documents = tuple(document for result in results for document in result.documents)
    if not documents and len(results) < len(answers):
        return None
    home_failed = any(result and place is None and result.outcome in FAILED for place, result in answers)
    return LookupResult(
        outcome=_outcome([result.outcome for result in results], found=bool(documents), whole=len(results) == len(answers)),
        documents=documents,
        at=min((result.at for result in results if result.at), default=0),
        reason="; ".join(dict.fromkeys(result.reason for result in results if result.reason)),
        owners=tuple(owner for result in results for owner in result.owners or ("",) * len(result.documents)),
        # while the stack's own X-Ray is away, that is why
        refused_by=() if home_failed else tuple(sorted(place for result in results for place in result.refused_by)),
    )


def _outcome(outcomes: Sequence[Outcome], *, found: bool, whole: bool) -> Outcome:
    if not found:
        return next(outcome for outcome in _WITHOUT_DOCUMENTS if outcome in outcomes)
    if "limitExceeded" in outcomes:
        return "limitExceeded"
    # a part that is still to come leaves the look-up without the last word; one that is refused does not
    return "found" if whole and FAILED.isdisjoint({*outcomes} - {"denied"}) and "unprocessed" not in outcomes else "unprocessed"
