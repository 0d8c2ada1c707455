"""Stored letters: the dead letters in the index, read page after page, and deleted once their events are indexed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from pipeline.logs.document_address import daily_index, outside_index
from pipeline.logs.event_source import EventSource
from pipeline.model.index_days import OUTSIDE
from pipeline.model.json_values import as_text
from pipeline.store.client import Store
from pipeline.store.pages import pages

_PAGE: Final = 500
# a sweep looks at the newest letters
_MOST_PAGES: Final = 10
# with their content, of up to 1 MiB each
_FEW: Final = 50
_BY_TIME: Final = ({"@timestamp": {"order": "asc", "unmapped_type": "date_nanos"}}, {"_id": "asc"})
_NEWEST_FIRST: Final = ({"@timestamp": {"order": "desc", "unmapped_type": "date_nanos"}}, {"_id": "asc"})


class StoredLetter(msgspec.Struct, frozen=True):
    """A dead letter as it is stored.

    Attributes:
        at: ISO 8601, UTC: the time of a log event or a span, else the time when the letter was written.
        reason: why it could not be shipped.
        content: the log message, span, entry or record, without its secrets.
        index: the index that refused it; empty for what could not be read.
        event_id: CloudWatch's event id, or a span's `_id`; empty if there is none.
        account: the account of the log group that the event was delivered from; empty if unknown, as are log_group and log_stream.
        came_from: the account, region and log group that it came from, where its system fields named others.
        position: where it stands among the letters that were read: OpenSearch's sort values.
    """

    id: str
    at: str
    reason: str
    content: str
    index: str = ""
    event_id: str = ""
    account: str = ""
    log_group: str = ""
    log_stream: str = ""
    came_from: EventSource | None = None
    position: tuple[int | str, ...] = ()


def letters_index(store: Store) -> str:
    """The name of the index of dead letters."""
    return f"{store.prefix}-dead-letters"


def read_letters(store: Store, *, since: str = "", after: Sequence[int | str] = ()) -> Iterator[list[StoredLetter]]:
    """Yields the dead letters of this moment, oldest first, a few at a time.

    Args:
        store: OpenSearch.
        since: only what is not older than this time, ISO 8601; empty for all.
        after: the position of a letter, to go on behind it.

    Raises UnavailableError where OpenSearch can't be searched, and BadInputError where it refuses the position.
    """
    store.refresh(letters_index(store))
    body: dict[str, Any] = {"query": _newer(since), "sort": list(_BY_TIME)} | ({"search_after": list(after)} if after else {})
    for page in pages(store, body, index=letters_index(store), size=_FEW):
        yield [read_letter(hit["_id"], hit.get("_source") or {}, hit["sort"]) for hit in page]


def count_letters(store: Store, *, since: str = "") -> int:
    """The number of dead letters that are not older than ``since``, ISO 8601; of all if it is empty."""
    store.refresh(letters_index(store))
    found = store.search({"size": 0, "track_total_hits": True, "query": _newer(since)}, index=letters_index(store))
    return int(found["hits"]["total"]["value"])


def find_letters(store: Store, ids: Iterable[str]) -> list[StoredLetter]:
    """The dead letters with these ids, without those that do not exist."""
    return [read_letter(hit.id, hit.source) for hit in store.get_many([(letters_index(store), id_) for id_ in ids]) if hit]


def delete_letters(store: Store, ids: Iterable[str]) -> int:
    """Deletes the dead letters with these ids; returns how many."""
    return sum(result.ok for result in store.write([{"delete": {"_index": letters_index(store), "_id": id_}} for id_ in ids]))


def indexed_among(store: Store, letters: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The ids of those ``letters`` (`@timestamp` and `index` by id) whose event is indexed; realtime, so no refresh is needed.

    Raises UnavailableError where OpenSearch can't read an index of these events.
    """
    places = {id_: _places(id_, letter, store.prefix) for id_, letter in letters.items()}
    stored = {(hit.index, hit.id) for hit in store.get_many(list(chain(*places.values())), source=("doc.kind",)) if hit}
    return [id_ for id_, addresses in places.items() if stored.intersection(addresses)]


def search_of_events(store: Store) -> tuple[str, dict[str, Any]]:
    """Returns the search, an index and a query, for the letters of events; what could not be decoded has no event's id."""
    return letters_index(store), {"exists": {"field": "eventId"}}


def forget_indexed(store: Store) -> int:
    """Deletes the dead letters of events that are indexed by now; returns how many. It sees only refreshed letters, the newest ones.

    Raises UnavailableError where OpenSearch can't be searched, or can't read an index of these events.
    """
    index, query = search_of_events(store)
    body = {"query": query, "sort": list(_NEWEST_FIRST), "_source": ["@timestamp", "index"]}
    indexed: list[str] = []
    for number, page in enumerate(pages(store, body, index=index, size=_PAGE, frozen=False), 1):
        indexed += indexed_among(store, {letter["_id"]: letter["_source"] for letter in page})
        if number == _MOST_PAGES:
            break
    return delete_letters(store, indexed)


def read_letter(id_: str, source: Mapping[str, Any], position: Iterable[int | str] = ()) -> StoredLetter:
    """Returns the letter of a document, which may hold anything: what is no text counts as empty."""
    aws = source.get("aws")
    origin: Mapping[str, Any] = aws if isinstance(aws, dict) else {}
    text = {name: as_text(source.get(name)) for name in ("@timestamp", "reason", "document", "index", "eventId")}
    account, region, log_group, log_stream = (as_text(origin.get(name)) for name in ("accountId", "region", "logGroup", "logStream"))
    came_from = EventSource(account, region, log_group) if region else None
    if isinstance(delivered := origin.get("deliveredFrom"), dict):
        account, log_group = as_text(delivered.get("accountId")), as_text(delivered.get("logGroup"))
    return StoredLetter(id_, text["@timestamp"], text["reason"], text["document"], text["index"], text["eventId"],
                        account, log_group, log_stream, came_from, tuple(position))  # fmt: skip


def _newer(since: str) -> dict[str, Any]:
    return {"range": {"@timestamp": {"gte": since}}} if since else {"match_all": {}}


def _places(id_: str, letter: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    """The addresses that the event of a letter may be indexed at: that of its time, and that of all times outside the bounds."""
    index = as_text(letter.get("index")) or daily_index(prefix, str(letter.get("@timestamp")))
    outside = f"{prefix}-spans-{OUTSIDE}" if index.startswith(f"{prefix}-spans-") else outside_index(prefix)
    of_day = [] if index.startswith(f"{prefix}-spans-") else [daily_index(prefix, str(letter.get("@timestamp")))]
    return [(place, id_) for place in dict.fromkeys((index, *of_day, outside))]
