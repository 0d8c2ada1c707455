"""Live tail: yields matching documents as they arrive, each once.

Documents arrive out of order and seconds or minutes after their time (a span when its trace is looked up), and hold no time of
arrival. So each poll reads the ids of the last minutes again, and fetches the documents that it has not seen.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pipeline.errors import UnavailableError
from pipeline.model.timestamps import iso_nanos
from pipeline.search.query import Clause, SearchQuery, joined
from pipeline.search.read_records import as_recorded
from pipeline.search.search import clause_for, find, highlighted, oldest_first
from pipeline.store.client import Store
from pipeline.store.pages import pages

# a span arrives with its trace's look-up, and the last look-up is made after ten minutes by default
OVERLAP = timedelta(minutes=15)
MOST_REMEMBERED = 100_000
_KEYS = 10_000
_PAGE = 1000

Raw = dict[str, Any]
_Key = tuple[str, str]


class SeenDocuments:
    """The hits that were yielded already. Beyond ``most`` of them the oldest are forgotten, and the floor rises past these.

    Attributes:
        floor: nanoseconds since the epoch; only later documents are polled.
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
        """Remembers a hit of a search that sorts by time."""
        at = int(hit["sort"][0])
        if at > self.floor:
            self._times[_key(hit)] = at
        if len(self._times) > self._most:
            # a tenth at a time, since this sorts them all
            self.raise_floor(sorted(self._times.values())[self._most // 10])

    def raise_floor(self, floor: int) -> None:
        """Raises the floor to ``floor`` (nanoseconds since the epoch), and forgets the hits up to it."""
        if floor > self.floor:
            self.floor = floor
            self._times = {key: at for key, at in self._times.items() if at > floor}


def follow(
    query: SearchQuery,
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
    """Yields the newest stored hits, then without end those that arrive, in pages, each in time order. Memory is bounded.

    Args:
        query: what to look for; its limit holds for the hits that are stored at the start.
        store: OpenSearch.
        interval: seconds between two polls.
        overlap: how much later than its own time a document may arrive.
        most: the most hits to remember; where more fall into ``overlap``, late documents have less time.
        highlight: as for `find`.
        trouble: called with one line when OpenSearch stops answering; polling goes on.
        sleep: waits for so many seconds.
        clock: returns the present, aware.

    Raises what `find` does, and UnavailableError where OpenSearch does not answer at the start.
    """
    seen = SeenDocuments(most)
    seen.raise_floor(_nanoseconds(clock() - overlap))
    # before the newest are read, so that a document that arrives in between is not missed
    for hits in _window(clause_for(query, store), seen.floor, store):
        for hit in hits:
            seen.add(hit)
    yield from _paged(find(query, store, highlight=highlight).hits, seen)
    answers = True
    while True:
        sleep(interval)
        seen.raise_floor(_nanoseconds(clock() - overlap))
        try:
            yield from _unseen(query, store, seen, highlight)
            answers = True
        except UnavailableError as error:
            if answers:
                trouble(str(error))
            answers = False


def _paged(hits: Iterator[Raw], seen: SeenDocuments) -> Iterator[list[Raw]]:
    while page := list(islice(hits, _PAGE)):
        yield page
        for hit in page:
            seen.add(hit)


def _unseen(query: SearchQuery, store: Store, seen: SeenDocuments, highlight: tuple[str, str] | None) -> Iterator[list[Raw]]:
    # made anew for each poll, since a transaction grows
    clause = clause_for(query, store)
    for hits in _window(clause, seen.floor, store):
        new = [hit for hit in hits if hit not in seen]
        for start in range(0, len(new), _PAGE):
            found = _whole(new[start : start + _PAGE], clause, store, highlight)
            if found:
                yield found
            for hit in found:
                seen.add(hit)


def _window(clause: Clause, floor: int, store: Store) -> Iterator[list[Raw]]:
    """The ids of documents later than ``floor``, oldest first."""
    later = joined([clause, {"range": {"@timestamp": {"gt": iso_nanos(floor)}}}])
    return pages(store, {"query": later, "sort": oldest_first(), "_source": False}, index=store.lines_and_spans, size=_KEYS, frozen=False)


def _whole(hits: list[Raw], clause: Clause, store: Store, highlight: tuple[str, str] | None) -> list[Raw]:
    """The hits with their documents; the search repeats the query, since highlighting needs it."""
    wanted = {_key(hit) for hit in hits}
    body = {"query": joined([clause, {"ids": {"values": sorted({id_ for _, id_ in wanted})}}]), "sort": oldest_first()}
    # a span that moved to another day is in two indices for a moment
    body |= {"size": 2 * len(wanted)} | (highlighted(*highlight) if highlight else {})
    return as_recorded([hit for hit in store.search(body, index=store.lines_and_spans)["hits"]["hits"] if _key(hit) in wanted], store)


def _key(hit: Raw) -> _Key:
    return hit["_index"], hit["_id"]


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
