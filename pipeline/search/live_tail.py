"""Follow: what comes in, as it comes, each document once.

Documents arrive out of order and seconds or minutes after their time (a span when its trace is looked up), and carry no time of
arrival. So each poll looks at a whole stretch of time again, at ids alone, and fetches those that it has not seen.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pipeline.errors import UnavailableError
from pipeline.model.timestamps import iso_nanos
from pipeline.search.query import Clause, SearchQuery, joined, query_of
from pipeline.search.search import find, highlighted, lines_and_spans, oldest_first, transaction_for
from pipeline.store.client import Store

# a span comes with its trace's look-up, of which the last is due after ten minutes by default
OVERLAP = timedelta(minutes=15)
MOST_REMEMBERED = 100_000
_KEYS = 10_000
_PAGE = 1000

Raw = dict[str, Any]
_Key = tuple[str, str]


class SeenDocuments:
    """The documents that were shown already, no more than ``most``: past that the oldest are forgotten, and never looked at again.

    Attributes:
        floor: nanoseconds since the epoch; what is not later is not looked at.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: dict[_Key, int] = {}
        self.floor = 0

    def __contains__(self, hit: Raw) -> bool:
        return _key(hit) in self._times

    def __len__(self) -> int:
        return len(self._times)

    def add(self, hit: Raw) -> None:
        """Remembers ``hit``, which was sorted by time."""
        at = int(hit["sort"][0])
        if at > self.floor:
            self._times[_key(hit)] = at
        if len(self._times) > self._most:
            # a tenth at a time, since it takes sorting them
            self.raise_floor(sorted(self._times.values())[self._most // 10])

    def raise_floor(self, floor: int) -> None:
        """Forgets what is not later than ``floor``."""
        if floor > self.floor:
            self.floor = floor
            self._times = {key: at for key, at in self._times.items() if at > floor}


def follow(
    question: SearchQuery,
    store: Store,
    *,
    interval: float = 2.0,
    overlap: timedelta = OVERLAP,
    most: int = MOST_REMEMBERED,
    highlight: tuple[str, str] | None = None,
    trouble: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[list[Raw]]:
    """The newest hits that there are, then for ever those that come, in groups, each in time order. Memory is bounded.

    Args:
        question: what to look for; its limit holds for the hits that are there at the start.
        store: OpenSearch.
        interval: seconds between two polls.
        overlap: how much later than its time a document may come.
        most: how many documents are remembered; where more fall into ``overlap``, late ones have less time.
        highlight: as for `find`.
        trouble: told in one line when OpenSearch stops answering; polling goes on.
        sleep: waits for some seconds.
        clock: the present, aware.

    Raises what `find` does, and UnavailableError where OpenSearch does not answer at the start.
    """
    seen = SeenDocuments(most)
    seen.raise_floor(_nanoseconds(clock() - overlap))
    # before the newest are read: what comes in between is shown with them, or not seen yet
    for hits in _window(_query(question, store), seen.floor, store):
        for hit in hits:
            seen.add(hit)
    yield from _grouped(find(question, store, highlight=highlight).hits, seen)
    answers = True
    while True:
        sleep(interval)
        seen.raise_floor(_nanoseconds(clock() - overlap))
        try:
            yield from _unseen(question, store, seen, highlight)
            answers = True
        except UnavailableError as error:
            if answers:
                trouble(str(error))
            answers = False


def _grouped(hits: Iterator[Raw], seen: SeenDocuments) -> Iterator[list[Raw]]:
    while group := list(islice(hits, _PAGE)):
        yield group
        for hit in group:
            seen.add(hit)


def _unseen(question: SearchQuery, store: Store, seen: SeenDocuments, highlight: tuple[str, str] | None) -> Iterator[list[Raw]]:
    query = _query(question, store)
    for hits in _window(query, seen.floor, store):
        new = [hit for hit in hits if hit not in seen]
        for start in range(0, len(new), _PAGE):
            found = _whole(new[start : start + _PAGE], query, store, highlight)
            if found:
                yield found
            for hit in found:
                seen.add(hit)


def _query(question: SearchQuery, store: Store) -> Clause:
    """Asked anew each time: a transaction grows."""
    return query_of(question, transaction_for(question, store))


def _window(query: Clause, floor: int, store: Store) -> Iterator[list[Raw]]:
    """The ids of what is later than ``floor``, oldest first."""
    later = joined([query, {"range": {"@timestamp": {"gt": iso_nanos(floor)}}}])
    return store.pages({"query": later, "sort": oldest_first(), "_source": False}, index=lines_and_spans(store), size=_KEYS, frozen=False)


def _whole(hits: list[Raw], query: Clause, store: Store, highlight: tuple[str, str] | None) -> list[Raw]:
    """The documents of ``hits``; the query comes along for the sake of the highlighting."""
    wanted = {_key(hit) for hit in hits}
    body = {"query": joined([query, {"ids": {"values": sorted({id_ for _, id_ in wanted})}}]), "sort": oldest_first()}
    # a span that moved to another day is in two indices for a moment
    body |= {"size": 2 * len(wanted)} | (highlighted(*highlight) if highlight else {})
    return [hit for hit in store.search(body, index=lines_and_spans(store))["hits"]["hits"] if _key(hit) in wanted]


def _key(hit: Raw) -> _Key:
    return hit["_index"], hit["_id"]


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
