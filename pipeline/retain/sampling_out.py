"""Sampling out: deletes the lines and spans of healthy transactions of which the policy keeps nothing, and has their records count them.

Its writes come in this order, so that a crash between any two leaves something that the next sweep finds:
- each record of the transaction says what is about to go, and that its deletion is open;
- the documents go, each if it is unchanged since it was read;
- the transaction is looked at once more: where a fault became known meanwhile, what went is written again, and counted no more;
- the records say that the deletion is over.

What comes after that, late or once more, gets the verdict of its trace like any line, and with it the mark `expendable`, by which it is
found here. So no line is counted twice, and none goes uncounted.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from pipeline.model.trace_state import EMPTY
from pipeline.retain.decision import decide, decide_by_records
from pipeline.retain.policy import Policy
from pipeline.retain.slowness import Slowness, slowness_of
from pipeline.retain.whole_transactions import WholeTransaction, gone, is_line, load_documents, size_of, transactions_around
from pipeline.store.buckets import buckets
from pipeline.store.client import Store
from pipeline.store.results import Hit
from pipeline.store.sampled_out import SampledOut
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import NOT_HELD, TraceRecords

_TRANSACTIONS: Final = 50
_PAGE: Final = 1000
# of one run; the next one goes on
_MOST_TRACES: Final = 20_000
_OPEN: Final[dict[str, Any]] = {"term": {"sampledOut.open": True}}
_EXPENDABLE: Final[dict[str, Any]] = {"term": {"expendable": True}}


class SampledOutCount(msgspec.Struct):
    """What one run deleted: transactions, lines, spans, and their length as JSON in bytes."""

    transactions: int = 0
    lines: int = 0
    spans: int = 0
    size: int = 0

    def add(self, documents: Iterable[Hit]) -> None:
        """Counts one transaction with these documents."""
        self.transactions += 1
        for hit in documents:
            self.lines += is_line(hit)
            self.spans += not is_line(hit)
            self.size += size_of(hit)


class SamplingOut:
    """Deletes what the policy does not keep.

    Args:
        store: OpenSearch.
        records: the stored trace records.
        policy: what is kept.
        clock: returns seconds since the epoch.
    """

    def __init__(self, store: Store, records: TraceRecords, policy: Policy, clock: Callable[[], float]) -> None:
        self._store = store
        self._records = records
        self._policy = policy
        self._clock = clock

    def searches(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """Returns the searches, each an index pattern and a query, for what there may be to delete; of records, and of lines and spans."""
        return (f"{self._store.prefix}-traces", self._of_records()), (self._store.lines_and_spans, _EXPENDABLE)

    def run(self, go_on: Callable[[], bool] = lambda: True) -> SampledOutCount:
        """Deletes what may go by now; sees only refreshed documents, and deletes no others.

        Args:
            go_on: called before each group of transactions; False leaves the others to the next run.

        Raises UnavailableError where OpenSearch or one of its indices does not answer: the same call is safe to repeat.
        """
        count = SampledOutCount()
        slowness: Slowness | None = None
        seen: set[str] = set()
        # what was decided about with another trace of its transaction is passed over
        ids = (id_ for id_ in self._candidates() if id_ not in seen)
        while (group := list(islice(ids, _TRANSACTIONS))) and go_on():
            slowness = slowness or slowness_of(self._policy.slow, self._store, self._now())
            seen |= self._decide_on(group, slowness, count)
        return count

    def _of_records(self) -> dict[str, Any]:
        """The query for the records whose trace may go by now, and those whose deletion is open."""
        until = {"lte": self._now() - self._policy.grace_ms, "format": "epoch_millis"}
        old = [{"range": {field: until}} for field in ("lastSeenAt", "settledAt")]
        ready = {"bool": {"filter": [_EXPENDABLE, {"term": {"settled": True}}, *old, NOT_HELD]}}
        return {"bool": {"should": [ready, _OPEN] if self._policy.samples else [_OPEN], "minimum_should_match": 1}}

    def _candidates(self) -> Iterator[str]:
        """The ids of traces that may go by now, oldest first, and of those with lines or spans that came after the others had gone."""
        index, query = self.searches()[0]
        # read as a whole: the records change while the pages are read
        yield from [hit.id for hit in islice(self._store.scan(query, index=index, source=False), _MOST_TRACES)]
        found = buckets(self._store, _EXPENDABLE, {"trace": "traceId"}, index=self._store.lines_and_spans, size=_PAGE)
        yield from (bucket["key"]["trace"] for bucket in found)

    def _decide_on(self, trace_ids: Collection[str], slowness: Slowness, count: SampledOutCount) -> set[str]:
        """Decides about the transactions of these traces, and deletes those that go; returns the ids of all their traces."""
        found = transactions_around(trace_ids, self._store, self._records)
        # the rules changed since these were judged: they are unsettled by this, judged anew, and found again
        self._records.merge_in({id_: EMPTY for each in found for id_, record in each.records.items() if not record.current})
        early = {each.id: decide_by_records(self._policy, each, self._now()) for each in found}
        # what opened such a record came before it, and is counted now or never
        if any(record.sampled_out and record.sampled_out.open for each in found for record in each.records.values()):
            self._store.refresh(self._store.lines_and_spans)
        # of what is kept by its records alone documents are read only where some may have gone
        load_documents((each for each in found if early[each.id] is None or _has_gone(each)), self._store)
        going: list[tuple[WholeTransaction, str]] = []
        kept: list[TraceRecord] = []
        for each in found:
            decision = early[each.id] or decide(self._policy, each, slowness, self._now())
            if decision.outcome == "goes":
                going.append((each, decision.reason))
            elif decision.outcome == "kept":
                kept += _kept(each)
        self._records.write(kept)
        marked = self._mark(going)
        self._delete(marked, count)
        return {id_ for each in found for id_ in each.records}

    def _mark(self, going: Iterable[tuple[WholeTransaction, str]]) -> list[WholeTransaction]:
        """Has the records say what is about to go; returns the transactions of which each record could be written."""
        marked: list[tuple[WholeTransaction, list[TraceRecord]]] = []
        for transaction, reason in going:
            records = []
            for id_, record in transaction.records.items():
                before = record.sampled_out or SampledOut(at=self._now(), reason=reason)
                sampled_out = before.with_gone(map(gone, transaction.documents_of(id_)))
                records.append(msgspec.structs.replace(record, sampled_out=sampled_out, expendable=False))
            marked.append((transaction, records))
        written = self._records.write(record for _, records in marked for record in records)
        for transaction, _ in marked:
            transaction.records = {id_: written[id_] for id_ in transaction.records if id_ in written}
        return [transaction for transaction, records in marked if len(transaction.records) == len(records)]

    def _delete(self, transactions: list[WholeTransaction], count: SampledOutCount) -> None:
        """Deletes the documents of marked transactions, and closes their records."""
        hits = [hit for each in transactions for hit in each.documents]
        actions = [
            {"delete": {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}} for hit in hits
        ]
        results = dict(zip(((hit.index, hit.id) for hit in hits), self._store.write(actions) if actions else (), strict=True))
        trace_ids = [id_ for each in transactions for id_ in each.records]
        around = {id_: each for each in transactions_around(trace_ids, self._store, self._records) for id_ in each.records}
        closed: list[TraceRecord] = []
        for transaction in transactions:
            deleted = [hit for hit in transaction.documents if results[hit.index, hit.id].ok]
            if all(self._still_goes(around.get(id_)) for id_ in transaction.records):
                count.add(deleted)
                stays = {hit.source["traceId"] for hit in transaction.documents
                         if not (results[hit.index, hit.id].ok or results[hit.index, hit.id].gone)}  # fmt: skip
                closed += [msgspec.structs.replace(record, sampled_out=_closed(record.sampled_out))
                           for id_, record in transaction.records.items() if id_ not in stays and record.sampled_out]  # fmt: skip
            else:
                # the records stay open, so the next sweep counts what is stored again, and brings it up to date
                self._put_back(deleted)
        self._records.write(closed)
        for (index, _), result in results.items():
            if not (result.ok or result.gone or result.conflict):
                result.raise_for_failure(f"the deletion of a line or span in {index}")

    def _put_back(self, deleted: Iterable[Hit]) -> None:
        """Writes again what was deleted just now."""
        hits = list(deleted)
        lines: list[object] = [line for hit in hits for line in ({"create": {"_index": hit.index, "_id": hit.id}}, hit.source)]
        for hit, result in zip(hits, self._store.write(lines) if lines else (), strict=True):
            # a conflict says that it came once more meanwhile
            if not (result.ok or result.conflict):
                result.raise_for_failure(f"a line or span of trace {hit.source['traceId']}, which was deleted just before")

    def _still_goes(self, transaction: WholeTransaction | None) -> bool:
        """Whether nothing became known of a transaction, since it was decided about, by which it would be kept or wait."""
        return transaction is not None and decide_by_records(self._policy, transaction, self._now()) is None

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _kept(transaction: WholeTransaction) -> list[TraceRecord]:
    """The records that are to note that a transaction is kept, and that what is stored of it did not go."""
    changed = []
    for id_, record in transaction.records.items():
        sampled_out = record.sampled_out
        rest = _closed(sampled_out.without(map(gone, transaction.documents_of(id_)))) if sampled_out else None
        if sampled_out and rest != sampled_out:
            # what was written again may carry an older verdict
            settled = record.settled and not sampled_out.open
            changed.append(msgspec.structs.replace(record, sampled_out=rest, expendable=False, settled=settled))
        elif record.expendable:
            changed.append(msgspec.structs.replace(record, expendable=False))
    return changed


def _has_gone(transaction: WholeTransaction) -> bool:
    return any(record.sampled_out for record in transaction.records.values())


def _closed(sampled_out: SampledOut | None) -> SampledOut | None:
    """``sampled_out`` when its deletion is over; None where nothing is left that went."""
    if sampled_out is None or not (sampled_out.lines or sampled_out.spans):
        return None
    return msgspec.structs.replace(sampled_out, open=False)
