"""Legal hold: pins transactions, so that nothing of them is deleted, and moves their lines and spans out of the reach of every retention.

A hold is a document of its own. From these follows everything else, again in each hourly run: the records of the held traces say
`held`, which every deletion respects; and the lines and spans of what is settled are moved from the indices of their days, which are
deleted as a whole, to `<prefix>-kept-logs` and `<prefix>-kept-spans`, where each search finds them.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

import msgspec

from pipeline.errors import BadInputError
from pipeline.join.transactions import transaction_of, transactions_of
from pipeline.model.index_days import KEPT_LOGS, KEPT_SPANS, daily_indices
from pipeline.model.timestamps import iso_millis
from pipeline.retain.whole_transactions import is_line
from pipeline.store.client import Store
from pipeline.store.results import Hit, ItemResult
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords

_PAGE: Final = 250
_ROUNDS: Final = 20
_SECOND_MS: Final = 1000


class Hold(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One hold. `keep --json` prints it, so the field names are a contract.

    Attributes:
        id: the id that was named.
        trace_id: the traces that are held, canonical, sorted; those that join their transaction later are added.
        note: why, in the words of whoever asked for it.
        by: who that was.
        at: when (ISO 8601, UTC).
    """

    id: str
    trace_id: tuple[str, ...]
    note: str = ""
    by: str = ""
    at: str = ""


class LegalHolds:
    """The holds stored in OpenSearch, and what follows from them.

    Args:
        store: OpenSearch.
        records: the stored trace records.
        clock: returns seconds since the epoch.
    """

    def __init__(self, store: Store, records: TraceRecords, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._records = records
        self._clock = clock
        self._index = f"{store.prefix}-holds"

    def all(self) -> list[Hold]:
        """Returns the holds, oldest first; sees only refreshed documents."""
        return sorted(self._stored(), key=lambda hold: (hold.at, hold.id))

    def hold(self, id_: str, *, note: str, by: str, also: Sequence[str] = ()) -> Hold:
        """Holds everything that ``id_``, a trace, correlation or request id, belongs to; once more it replaces the note.

        ``also`` holds further forms of the id, as documents may name it. Raises BadInputError where nothing is stored of any.
        """
        self._store.refresh()
        transaction = transaction_of([id_, *also], self._store)
        trace_ids = [each for each, record in self._records.load(transaction.trace_ids).items() if record.version]
        if not trace_ids:
            raise BadInputError(f"nothing is known of {id_}, so there is nothing to keep: check the id")
        hold = Hold(id=id_, trace_id=tuple(sorted(trace_ids)), note=note, by=by, at=iso_millis(int(self._clock() * _SECOND_MS)))
        # first, so that no sweep takes anything once the hold is written
        self._mark(trace_ids, is_held=True)
        self._write([hold])
        self.keep_up([hold])
        return hold

    def release(self, id_: str, *, also: Sequence[str] = ()) -> list[Hold]:
        """Ends the holds that name ``id_``, or hold one of the traces that it belongs to; returns them. The retention counts again.

        ``also`` holds further forms of the id.
        """
        ids = (id_, *also)
        self._store.refresh()
        traces = set(transaction_of(ids, self._store).trace_ids)
        ended = [hold for hold in self.all() if hold.id in ids or traces & {*hold.trace_id}]
        _require(self._store.write([{"delete": {"_index": self._index, "_id": _address(hold)}} for hold in ended]) if ended else ())
        self.keep_up()
        return ended

    def keep_up(self, fresh: Iterable[Hold] = ()) -> None:
        """Brings everything up to date with the holds, of which the ``fresh`` ones may not be visible yet.

        Transactions may have grown, lines may have come, and a worker may have died between two steps. Safe to repeat.
        """
        self._store.refresh()
        holds = list({_address(hold): hold for hold in (*self._stored(), *fresh)}.values())
        grown = self._grown(holds) if holds else []
        self._write(hold for hold, before in zip(grown, holds, strict=True) if hold != before)
        held = {id_ for hold in grown for id_ in hold.trace_id}
        self._mark(held, is_held=True)
        self._mark(self._without_hold(held), is_held=False)
        records = self._records.load(held)
        self._move([id_ for id_, record in records.items() if record.settled])

    def purge(self, *, days: int) -> None:
        """Deletes what was held once, and is older than ``days``."""
        held = sorted({id_ for hold in self._stored() for id_ in hold.trace_id})
        not_held: dict[str, Any] = {"bool": {"must_not": [{"terms": {"traceId": held}}]}}
        self._store.delete_older(f"{self._store.prefix}-kept-*", "@timestamp", days=days, query=[not_held])

    def _stored(self) -> Iterator[Hold]:
        for hit in self._store.scan({"match_all": {}}, index=self._index):
            yield msgspec.convert(hit.source, Hold)

    def _write(self, holds: Iterable[Hold]) -> None:
        lines: list[object] = [line for hold in holds for line in ({"index": {"_index": self._index, "_id": _address(hold)}}, hold)]
        _require(self._store.write(lines) if lines else ())
        self._store.refresh(self._index)

    def _grown(self, holds: Sequence[Hold]) -> list[Hold]:
        """The holds with all traces of the transactions that they hold."""
        transactions = transactions_of([id_ for hold in holds for id_ in hold.trace_id], self._store)
        found = ({each for id_ in hold.trace_id for each in (id_, *transactions[id_].trace_ids)} for hold in holds)
        return [msgspec.structs.replace(hold, trace_id=tuple(sorted(ids))) for hold, ids in zip(holds, found, strict=True)]

    def _without_hold(self, held: Collection[str]) -> list[str]:
        """The ids of traces whose records say `held`, though no hold does; not of those that changed so lately that it may not show yet."""
        found = [hit.id for hit in self._store.scan({"term": {"held": True}}, index=f"{self._store.prefix}-traces", source=False)]
        records = self._records.load(id_ for id_ in found if id_ not in held)
        shows = (self._clock() - 2 * self._store.capabilities.visible_after) * _SECOND_MS
        return [id_ for id_, record in records.items() if record.changed_at <= shows]

    def _mark(self, trace_ids: Iterable[str], *, is_held: bool) -> None:
        """Has the records of these traces say whether they are held; a concurrent writer's change is kept, too."""
        waiting = list(trace_ids)
        for _ in range(_ROUNDS):
            records = [record for record in self._records.load(waiting).values() if record.version and record.held != is_held]
            if not records:
                return
            # whoever is about to delete something finds the record changed
            waiting = [record.trace_id for record in records]
            self._records.write(_marked(record, is_held=is_held) for record in records)

    def _move(self, trace_ids: Sequence[str]) -> None:
        """Moves the lines and spans of these traces to the indices that no retention reaches."""
        if not trace_ids:
            return
        found = self._store.scan({"terms": {"traceId": sorted(trace_ids)}}, index=daily_indices(self._store.prefix))
        hits = iter(list(found))
        while page := list(islice(hits, _PAGE)):
            self._move_page(page)

    def _move_page(self, hits: Sequence[Hit]) -> None:
        addresses = [(f"{self._store.prefix}-{KEPT_LOGS if is_line(hit) else KEPT_SPANS}", hit.id) for hit in hits]
        # one that was moved before came once more, or was not deleted in time
        present = self._store.get_many(addresses)
        lines: list[object] = []
        for hit, (index, id_), there in zip(hits, addresses, present, strict=True):
            version = (there.seq_no, there.primary_term) if there else (-1, -1)
            lines += [self._store.compare_and_set(index, id_, *version), hit.source]
        results = self._store.write(lines)
        _require(results)
        # in both places until now: a search may show it twice, and none misses it
        moved = [hit for hit, result in zip(hits, results, strict=True) if result.ok]
        _require(self._store.write([
            {"delete": {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}} for hit in moved
        ]) if moved else ())  # fmt: skip


def _marked(record: TraceRecord, *, is_held: bool) -> TraceRecord:
    if is_held:
        return msgspec.structs.replace(record, held=True, expendable=False)
    # when it settles anew, the policy counts again
    return msgspec.structs.replace(record, held=False, settled=False)


def _address(hold: Hold) -> str:
    return blake2b(hold.id.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _require(results: Iterable[ItemResult]) -> None:
    """Raises where a write failed; a conflict says that somebody else changed the document, and the next run looks at it again."""
    for result in results:
        if not (result.ok or result.gone or result.conflict):
            result.raise_for_failure("a document that is held")
