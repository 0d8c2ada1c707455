"""Bounds: which facts of a trace its record keeps, so that no writer makes it large, slow to read, or pushes out what others say.

Each origin (a log group behind its account) has shares of its own. What they keep follows from fixed orders of things that never change
about a fact: the time and id of its line, the id of its request. So a fact that was dropped once is dropped in any order of arrival:
bounding merged states that were bounded before gives the same as bounding all their facts at once. The lines themselves stay in the index.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Final, TypeVar

import msgspec

from pipeline.model.facts import InvocationMarks, KeyFact, RequestFact, SignalFact

T = TypeVar("T")

MOST_SIGNALS: Final = 25
"""Of an origin's lines with one kind of signal this many are kept of the oldest, of the newest, and of the most severe each."""

MOST_REQUESTS: Final = 100
"""This many requests of an origin are kept with all that their lines say: those with the smallest ids."""

MOST_RECORDED: Final = 500
"""Of this many requests of an origin the platform's records are kept, however many others the origin names."""

MOST_ELSEWHERE: Final = 200
"""Of this many requests of an origin it is kept that they ran in another trace."""

MOST_KEYS: Final = 100
"""An origin shows this many join keys, each with the request whose line shows it: the first ones."""

MOST_MARKS: Final = 10
"""Of a request's STARTs in one log stream, and of its ends, this many are kept of the oldest and of the newest each."""

MOST_STREAMS: Final = 10
"""A request has marks in this many log streams: those with the smallest names."""

MOST_PLACES: Final = 20
"""A trace ran in this many accounts and regions: those with the smallest names."""

_Origin = tuple[str, str]
Keys = Mapping[str, Mapping[str, KeyFact]]


def bounded_places(places: Iterable[str]) -> tuple[str, ...]:
    """Returns the places that are kept, sorted."""
    return tuple(sorted(places)[:MOST_PLACES])


def bounded_signals(signals: dict[str, SignalFact]) -> dict[str, SignalFact]:
    """Returns of each origin's lines the oldest, the newest and the most severe ones of each kind of signal, retracted ones included."""
    if len(signals) <= MOST_SIGNALS:
        return signals
    shares: dict[tuple[_Origin, str], list[SignalFact]] = {}
    for fact in signals.values():
        for kind in _kinds(fact):
            shares.setdefault((_origin(fact), kind), []).append(fact)
    kept: set[str] = set()
    for share in shares.values():
        for rank in _ORDERS:
            kept.update(fact.line_id for fact in nsmallest(MOST_SIGNALS, share, key=rank))
    return signals if len(kept) == len(signals) else {id_: fact for id_, fact in signals.items() if id_ in kept}


def keeps_signal(signals: Mapping[str, SignalFact], fact: SignalFact) -> bool:
    """Whether bounded ``signals`` would keep one more: its line is among the oldest, the newest or the most severe of a kind."""
    if len(signals) < MOST_SIGNALS:
        return True
    others = [other for other in signals.values() if _origin(other) == _origin(fact)]
    for kind in _kinds(fact):
        share = [other for other in others if kind in _kinds(other)]
        for rank in _ORDERS:
            own = rank(fact)
            if sum(rank(other) < own for other in share) < MOST_SIGNALS:
                return True
    return False


def complete_since(signals: Iterable[SignalFact]) -> dict[_Origin, int]:
    """Returns since when no line of an origin can be missing among bounded ``signals``.

    The times are milliseconds since the epoch, UTC, by log group and account. An origin that has few lines is left out: none is missing.
    """
    shares: dict[tuple[_Origin, str], list[int]] = {}
    for fact in signals:
        for kind in _kinds(fact):
            shares.setdefault((_origin(fact), kind), []).append(fact.at)
    found: dict[_Origin, int] = {}
    for (origin, _), times in shares.items():
        if len(times) >= 2 * MOST_SIGNALS:
            found[origin] = max(sorted(times)[-MOST_SIGNALS], found.get(origin, 0))
    return found


def bounded_requests(requests: dict[str, RequestFact]) -> dict[str, RequestFact]:
    """Returns the requests, sorted by key, of each origin within its shares; of those beyond the first share what the platform says."""
    if len(requests) <= MOST_REQUESTS:
        return requests
    counts: dict[_Origin, list[int]] = {}
    kept: dict[str, RequestFact] = {}
    for key, fact in sorted(requests.items()):
        count = counts.setdefault(_origin(fact), [0, 0, 0]) if fact.request_id else [0, 0, 0]
        if part := _share(fact, *count):
            kept[key] = part
        count[0] += 1
        count[1] += _is_recorded(fact)
        count[2] += fact.elsewhere
    return kept


def kept_of_request(requests: Mapping[str, RequestFact], fact: RequestFact) -> RequestFact | None:
    """Returns what bounded ``requests`` would keep of one more fact; None for nothing."""
    if not fact.request_id or len(requests) < MOST_REQUESTS:
        return fact
    key = fact.key
    before = [other for other_key, other in requests.items() if other_key < key and _origin(other) == _origin(fact) and other.request_id]
    return _share(fact, len(before), sum(map(_is_recorded, before)), sum(other.elsewhere for other in before))


def bounded_keys(keys: dict[str, dict[str, KeyFact]]) -> dict[str, dict[str, KeyFact]]:
    """Returns the join keys, sorted, with the evidence of each origin within its share: what its oldest lines show."""
    if sum(map(len, keys.values())) <= MOST_KEYS:
        return keys
    shares: dict[str, list[tuple[int, str, str]]] = {}
    for value, evidence in keys.items():
        for request, fact in evidence.items():
            shares.setdefault(origin_in(request), []).append((fact.at, value, request))
    kept = {entry[1:] for share in shares.values() for entry in nsmallest(MOST_KEYS, share)}
    bounded = {value: {request: fact for request, fact in evidence.items() if (value, request) in kept} for value, evidence in keys.items()}
    return {value: evidence for value, evidence in bounded.items() if evidence}


def keeps_key(keys: Keys, value: str, request: str, fact: KeyFact) -> bool:
    """Whether bounded ``keys`` would keep one more evidence: that a line of ``request`` (its key) shows ``value``."""
    own, origin = (fact.at, value, request), origin_in(request)
    before = sum((other.at, shown, key) < own for shown, evidence in keys.items() for key, other in evidence.items()
                 if origin_in(key) == origin)  # fmt: skip
    return before < MOST_KEYS


def fair_share(shares: Iterable[Sequence[str]], most: int) -> list[str]:
    """Returns at most ``most`` values of all ``shares``, sorted: the first one of each share, then the second one of each, and so on."""
    places: dict[str, int] = {}
    for share in shares:
        for place, value in enumerate(share):
            places[value] = min(place, places.get(value, place))
    return sorted(nsmallest(most, places, key=lambda value: (places[value], value)))


def values_by_origin(keys: Keys) -> dict[str, list[str]]:
    """Returns the values that each origin shows, by origin, in the order of its lines."""
    found: dict[str, dict[str, int]] = {}
    for value, evidence in keys.items():
        for request, fact in evidence.items():
            times = found.setdefault(origin_in(request), {})
            times[value] = min(fact.at, times.get(value, fact.at))
    return {origin: [value for _, value in sorted((at, value) for value, at in times.items())] for origin, times in found.items()}


def origin_in(request: str) -> str:
    """Returns the origin in the key of a request; the name of a log group has no space."""
    return request.rpartition(" ")[2]


def bounded_runs(runs: Mapping[str, InvocationMarks]) -> dict[str, InvocationMarks]:
    """Returns the marks of a request in the log streams with the smallest names."""
    return dict(nsmallest(MOST_STREAMS, runs.items(), key=lambda item: item[0]))


def bounded_marks(*marks: tuple[str, ...]) -> tuple[str, ...]:
    """Unites positions in a log stream, sorted; of many the oldest and the newest stay."""
    found = sorted({position for positions in marks for position in positions})
    return tuple(found if len(found) <= 2 * MOST_MARKS else [*found[:MOST_MARKS], *found[-MOST_MARKS:]])


def _share(fact: RequestFact, before: int, recorded_before: int, elsewhere_before: int) -> RequestFact | None:
    """What is kept of a request, given how many requests of its origin have smaller ids, and how many of these are of either kind."""
    if before < MOST_REQUESTS:
        return fact
    recorded = _is_recorded(fact) and recorded_before < MOST_RECORDED
    elsewhere = fact.elsewhere and elsewhere_before < MOST_ELSEWHERE
    if not (recorded or elsewhere):
        return None
    part = RequestFact(request_id=fact.request_id, log_group=fact.log_group, account=fact.account, elsewhere=elsewhere)
    if not recorded:
        return part
    return msgspec.structs.replace(part, platform=fact.platform, segment_id=fact.segment_id, sampled=fact.sampled, runs=fact.runs)


def _is_recorded(fact: RequestFact) -> bool:
    return fact.platform or bool(fact.segment_id) or fact.sampled is not None or bool(fact.runs)


def _kinds(fact: SignalFact) -> tuple[str, ...]:
    return fact.signals or ("",)


def _origin(fact: SignalFact | RequestFact) -> _Origin:
    return fact.log_group, fact.account


def _oldest(fact: SignalFact) -> Any:
    return fact.at, fact.line_id


def _newest(fact: SignalFact) -> Any:
    # of two lines of one time the order of their ids does not matter, as long as it is fixed
    return -fact.at, fact.line_id


def _most_severe(fact: SignalFact) -> Any:
    return -fact.severity, fact.at, fact.line_id


_ORDERS: Final[tuple[Callable[[SignalFact], Any], ...]] = (_oldest, _newest, _most_severe)
