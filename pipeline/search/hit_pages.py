"""Hit pages: reads the hits of a search one page at a time, in either direction of time, from wherever an address points.

Pages are ordered by time alone: to order by id, too, OpenSearch holds every id of an index in memory. A page therefore ends between two
different times, and is shorter where its last hits have the same time as the next one. Only where all hits of a page have one time, they
are read by id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pipeline.errors import BadInputError
from pipeline.search.query import Clause
from pipeline.search.read_records import as_recorded
from pipeline.search.search import highlighted
from pipeline.store.client import Store

Direction = Literal["older", "newer"]
Hit = dict[str, Any]
_LONGEST_ID: Final = 512
# nanoseconds, in OpenSearch's largest number
_LAST_TIME: Final = 2**63 - 1
# of time, and of ids at one time
_ORDERS: Final[Mapping[Direction, tuple[str, str]]] = {"older": ("desc", "asc"), "newer": ("asc", "desc")}
_BEFORE_ALL_IDS: Final[Mapping[Direction, str]] = {"older": "", "newer": "\uffff"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage:
    """One page of hits.

    Attributes:
        hits: as OpenSearch writes them, newest first.
        older: the cursor of the page with older hits; empty where there are none.
        newer: the cursor of the page with newer hits; empty where there are none.
    """

    hits: Sequence[Hit]
    older: str = ""
    newer: str = ""


def read_page(clause: Clause, store: Store, *, cursor: str = "", direction: Direction = "older", size: int = 100,
              highlight: tuple[str, str] | None = None) -> HitPage:  # fmt: skip
    """Reads one page of what matches an OpenSearch query.

    Args:
        clause: the query.
        store: OpenSearch.
        cursor: a cursor of another page of the same query; empty for the newest page.
        direction: whether to read what is older or newer than the cursor.
        size: how many hits at most.
        highlight: the marks before and after each matched word, in the hit's `highlight`; None for no such field.

    Raises BadInputError where ``cursor`` is none.
    """
    after = _read_cursor(cursor)
    reader = _Reader({"query": clause} | (highlighted(*highlight) if highlight else {}), store, direction, size)
    hits, more, by_id = reader.read(after)
    end = _cursor(hits[-1], by_id=by_id) if more else ""
    # where the page begins amid hits of one time, what lies before it begins there, too
    begin = _cursor(hits[0], by_id=len(after) > 1 and _time(hits[0]) == after[0]) if cursor and hits else ""
    if direction == "older":
        return HitPage(hits=hits, older=end, newer=begin)
    return HitPage(hits=hits[::-1], older=begin, newer=end)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the hits behind a cursor."""

    body: dict[str, Any]
    store: Store
    direction: Direction
    size: int

    def read(self, after: list[Any]) -> tuple[list[Hit], bool, bool]:
        """The next hits, whether there are more, and whether these go on amid hits of one time."""
        hits = self._search(after)
        if len(hits) <= self.size:
            return hits, False, False
        if whole := [hit for hit in hits if _time(hit) != _time(hits[-1])]:
            return whole, True, False
        if len(after) > 1:
            return hits[: self.size], True, True
        return self.read([_time(hits[0]), _BEFORE_ALL_IDS[self.direction]])

    def _search(self, after: list[Any]) -> list[Hit]:
        by_time, by_id = _ORDERS[self.direction]
        # without `missing` OpenSearch 3.8 never answers a descending search that meets documents without a time
        sort: list[dict[str, Any]] = [{"@timestamp": {"order": by_time, "unmapped_type": "date_nanos", "missing": 0}}]
        sort += [{"_id": by_id}] if len(after) > 1 else []
        body = self.body | {"size": self.size + 1, "sort": sort} | ({"search_after": after} if after else {})
        hits: list[Hit] = self.store.search(body, index=self.store.lines_and_spans)["hits"]["hits"]
        return as_recorded(hits, self.store)


def _time(hit: Hit) -> int:
    """Nanoseconds since the epoch."""
    return int(hit["sort"][0])


def _cursor(hit: Hit, *, by_id: bool) -> str:
    return f"{_time(hit)}:{hit['_id']}" if by_id else str(_time(hit))


def _read_cursor(cursor: str) -> list[Any]:
    at, separator, id_ = cursor.partition(":")
    if not cursor:
        return []
    if not (at.isascii() and at.isdigit() and len(at) <= len(str(_LAST_TIME)) and int(at) <= _LAST_TIME and len(id_) <= _LONGEST_ID):
        raise BadInputError("the address names no place in the list: begin at its newest page")
    return [int(at), id_] if separator else [int(at)]
