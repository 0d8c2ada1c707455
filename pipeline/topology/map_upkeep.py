"""Map upkeep: keeps the stored service maps what the spans say, a period at a time, where spans changed.

It may be repeated, stopped anywhere and run twice at once: a connection's id follows from what it says, and what is stored is compared with
what should be. Where a policy deletes spans of healthy traffic, connections are only added; so they are where an hour has more spans than
are read, of the last ones of each period.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pipeline.model.index_days import span_indices
from pipeline.model.timestamps import iso_millis, millis_of
from pipeline.search.map_span import MapSpan
from pipeline.search.service_map import MOST_SPANS, read_spans
from pipeline.store.client import Store
from pipeline.store.pages import pages
from pipeline.topology.connections import Connection, connections_in
from pipeline.topology.map_documents import connection_document, relationships
from pipeline.topology.periods import PERIOD, RECENT, number_in, revisions_of_maps, revisions_of_spans, since

V1: Final = "service-map-v1"
"""The index of Trace Analytics' documents, behind the prefix."""
V2: Final = "service-map-v2"
"""The index of the APM's documents, behind the prefix."""
MOST_RELATIONSHIPS: Final = 5000
"""Where there are more of them, new ones do not tell operations and trace groups apart."""

MOST_SAMPLED: Final = 10_000
"""So many spans of a period are read where an hour and what is around it has more than `MOST_SPANS`."""

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
# a parent began so long before its child at most: Lambda's longest invocation
_MARGIN: Final = 3 * PERIOD
_MOST_HOURS: Final = 24
_GROWING: Final = 2
_NANOS: Final = 1_000_000
_PAGE: Final = 1000
_Documents = dict[str, dict[str, Any]]


class MapUpkeep:
    """Keeps the stored service maps.

    Args:
        store: OpenSearch.
        days: after how many days a connection that was not seen again is deleted.
        only_adds: whether what spans do not show any more stays, since a policy deletes spans.
        clock: returns seconds since the epoch.
    """

    def __init__(self, store: Store, *, days: int, only_adds: bool = False, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._days = days
        self._only_adds = only_adds
        self._clock = clock
        self._v1, self._v2 = (f"{store.prefix}-{name}" for name in (V1, V2))
        # periods that have spans and no connection, with their revision
        self._bare: dict[int, str] = {}

    def keep_up(self, *, whole: bool, go_on: Callable[[], bool] = lambda: True) -> int:
        """Stores the maps of periods whose spans changed, the newest first; returns how many documents were written or deleted.

        Args:
            whole: whether to look at everything within the retention instead of the last hour.
            go_on: called before each hour of spans; False ends it, and a later call goes on.

        One call reads the spans of 24 hours at most. Raises what a Store raises.
        """
        self._store.refresh(f"{span_indices(self._store.prefix)},{self._store.prefix}-service-map-*")
        between = since(self._clock(), self._days * _DAY if whole else RECENT)
        spans = revisions_of_spans(self._store, between)
        if not spans:
            return 0
        maps = revisions_of_maps(self._store, self._v2, between)
        changed = {period for period, revision in spans.items() if maps.get(period) != {revision} and self._bare.get(period) != revision}
        # a span's parent or answer may begin in another period
        near = {period + step for period in changed for step in range(-_MARGIN, _MARGIN + PERIOD, PERIOD)} & spans.keys()
        hours = sorted({period // _HOUR for period in near}, reverse=True)[:_MOST_HOURS]
        done = 0
        for hour in hours:
            if not go_on():
                break
            done += self._map({period for period in near if period // _HOUR == hour}, spans)
        self._bare = {period: revision for period, revision in self._bare.items() if spans.get(period, revision) == revision}
        return done

    def purge(self) -> int:
        """Deletes the connections that are past their retention; returns how many documents."""
        found = self._store.delete_older(self._v2, "timestamp", days=self._days)
        return found + self._store.delete_older(self._v1, "@timestamp", days=self._days)

    def _map(self, periods: set[int], revisions: Mapping[int, str]) -> int:
        """Stores the map of these periods of one hour; ``revisions`` are those of the spans of all periods, counted before."""
        first, end = min(periods), max(periods) + PERIOD
        stored = {id_: document for id_, document in self._stored(first, end) if _period(document) in periods}
        around = (number_in(revisions.get(period, "0")) for period in range(first - _MARGIN, end + _MARGIN, PERIOD))
        if is_cut := sum(around) > MOST_SPANS:
            found = self._sampled(periods, stored)
        else:
            spans, is_cut = self._read(first, end + _MARGIN, MOST_SPANS)
            found = {each for each in connections_in(spans) if each.period in periods}
        wanted = dict(connection_document(each) for each in sorted(found))
        gone = {id_: document for id_, document in stored.items() if id_ not in wanted}
        if is_cut or self._only_adds:
            wanted, gone = wanted | gone, {}
        wanted = {id_: document | {"revision": revisions[_period(document)]} for id_, document in wanted.items()}
        mapped = {_period(document) for document in wanted.values()}
        self._bare |= {period: revisions[period] for period in periods - mapped}
        # relationships first: until the connections are stored, too, their period counts as changed
        done = self._relate(found) + self._unrelate(gone)
        return done + self._write(self._v2, {id_: document for id_, document in wanted.items() if stored.get(id_) != document}, gone)

    def _read(self, first: int, end: int, most: int) -> tuple[list[MapSpan], bool]:
        between = {"gte": iso_millis(first - _MARGIN), "lt": iso_millis(end)}
        return read_spans(self._store, between, most, frozen=False)

    def _sampled(self, periods: Iterable[int], stored: Mapping[str, Mapping[str, Any]]) -> set[Connection]:
        """The connections in the last spans of each of these periods that has no map yet, and of the newest ones, which still grow."""
        mapped = {_period(document) for document in stored.values()}
        due = {period for period in periods if period not in mapped} | set(sorted(periods)[-_GROWING:])
        return {each for period in due for each in connections_in(self._ended(period, period + PERIOD)) if each.period == period}

    def _ended(self, first: int, end: int) -> list[MapSpan]:
        """The last spans before ``end``; what a call that goes on then reaches counts as unknown, since its answer was not read."""
        spans, _ = self._read(first, end, MOST_SAMPLED)
        return [span if not span.outside or 0 < span.end <= end * _NANOS else replace(span, outside="") for span in spans]

    def _stored(self, first: int, end: int) -> Iterator[tuple[str, dict[str, Any]]]:
        # these fields tell the connections of a period apart
        order: list[Any] = [
            {"timestamp": "asc"},
            {"nodeConnectionHash": "asc"},
            {"operationConnectionHash": {"order": "asc", "missing": "_first"}},
        ]
        body = {"query": {"range": {"timestamp": {"gte": iso_millis(first), "lt": iso_millis(end)}}}, "sort": order}
        for page in pages(self._store, body, index=self._v2, size=_PAGE, frozen=False):
            yield from ((hit["_id"], hit["_source"]) for hit in page)

    def _relate(self, found: Iterable[Connection]) -> int:
        """Stores the relationships in these connections that are new, or were not seen for a day."""
        made = {each: dict(relationships(each)) for each in sorted(found)}
        wanted: _Documents = {id_: document for documents in made.values() for id_, document in documents.items()}
        stored = self._known(wanted)
        new = {id_: document for id_, document in wanted.items() if id_ not in stored}
        if new and self._number() + len(new) > MOST_RELATIONSHIPS:
            plain = {_plain(each) for each, documents in made.items() if documents.keys() & new.keys()}
            new = {id_: document for each in sorted(plain) for id_, document in relationships(each)}
            known = self._known(new)
            new = {id_: document for id_, document in new.items() if id_ not in known}
        seen = {id_: document for id_, document in wanted.items()
                if id_ in stored and millis_of(document["@timestamp"]) - millis_of(stored[id_]["@timestamp"]) >= _DAY}  # fmt: skip
        return self._write(self._v1, new | seen, ())

    def _known(self, ids: Iterable[str]) -> _Documents:
        addresses = [(self._v1, id_) for id_ in ids]
        return {hit.id: hit.source for hit in self._store.get_many(addresses) if hit}

    def _number(self) -> int:
        return int(self._store.search({"size": 0, "track_total_hits": True}, index=self._v1)["hits"]["total"]["value"])

    def _unrelate(self, gone: Mapping[str, Mapping[str, Any]]) -> int:
        """Deletes the relationships of two nodes that only ``gone`` connections have: of a host, say, that proved a service."""
        pairs = {document["nodeConnectionHash"]: _names(document) for document in gone.values() if "targetNode" in document}
        if not pairs:
            return 0
        self._store.refresh(f"{self._store.prefix}-service-map-*")
        left = self._left("nodeConnectionHash", list(pairs), gone)
        parted = [pair for hash_, pair in pairs.items() if hash_ not in left]
        called = self._left("targetNode.keyAttributes.name", [target for _, target in parted], gone)
        queries = [{"serviceName": source, "destination.domain": target} for source, target in parted]
        queries += [{"serviceName": target, "target.domain": target} for _, target in parted if target not in called]
        return self._write(self._v1, {}, sorted({id_ for query in queries for id_ in self._ids(query)}))

    def _left(self, field: str, values: Sequence[str], gone: Iterable[str]) -> set[str]:
        """Which of these values stored connections have that are not ``gone``."""
        query = {"bool": {"filter": [{"terms": {field: values}}], "must_not": [{"ids": {"values": list(gone)}}]}}
        body = {"size": 0, "query": query, "aggs": {"values": {"terms": {"field": field, "size": max(len(values), 1)}}}}
        found = self._store.search(body, index=self._v2).get("aggregations") or {}
        return {bucket["key"] for bucket in found.get("values", {}).get("buckets", ())}

    def _ids(self, terms: Mapping[str, str]) -> list[str]:
        """The ids of the relationships with these values."""
        query = {"bool": {"filter": [{"term": {field: value}} for field, value in terms.items()]}}
        found = self._store.search({"query": query, "size": _PAGE, "_source": False}, index=self._v1)
        return [hit["_id"] for hit in found["hits"]["hits"]]

    def _write(self, index: str, documents: _Documents, gone: Iterable[str]) -> int:
        lines: list[object] = []
        for id_, document in documents.items():
            lines += [{"index": {"_index": index, "_id": id_}}, document]
        lines += [{"delete": {"_index": index, "_id": id_}} for id_ in gone]
        results = self._store.write(lines) if lines else []
        for result in results:
            if not (result.ok or result.gone):
                result.raise_for_failure(f"the service map in {index}")
        return len(results)


def _period(document: Mapping[str, Any]) -> int:
    return millis_of(document["timestamp"])


def _names(document: Mapping[str, Any]) -> tuple[str, str]:
    source, target = (document[node]["keyAttributes"]["name"] for node in ("sourceNode", "targetNode"))
    return source, target


def _plain(connection: Connection) -> Connection:
    """The connection without what tells its operations and trace groups apart."""
    return Connection(period=connection.period, source=connection.source, target=connection.target, target_type=connection.target_type)
