"""Trace records: loads each trace's stored record, and merges facts into it by compare-and-set.

All trace documents live in one index, so that a trace's address follows from its id alone: a W3C id holds no time that could
name a day. The sweep deletes old ones.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any

import msgspec

from pipeline.detect.told_requests import told_requests
from pipeline.detect.verdict import NOTHING_KNOWN, SOURCE_UNAVAILABLE, Evaluator, Verdict
from pipeline.errors import UnavailableError
from pipeline.model.timestamps import millis_of
from pipeline.model.trace_ids import is_trace_id
from pipeline.model.trace_state import EMPTY, TraceState, merge
from pipeline.store.buckets import buckets
from pipeline.store.client import Store
from pipeline.store.compare_and_set import merge_until_written
from pipeline.store.results import CREATED, Hit, ItemResult
from pipeline.store.sampled_out import read_sampled_out
from pipeline.store.together import Writer, write_alone
from pipeline.store.trace_document import (
    Opening,
    TraceRecord,
    correlation_ids_of,
    document_of,
    is_notable,
    opened_document,
    reopened_document,
    trace_status,
)

# of an update that a concurrent writer outran
_RETRIES = 5
_GIVEN_UP: dict[str, Any] = {"bool": {"filter": [{"term": {"trace.state": SOURCE_UNAVAILABLE}}, {"term": {"settled": True}}]}}
_STORED = (
    "state",
    "trace",
    "settled",
    "transactionId",
    "spansBehind",
    "left",
    "openedBy",
    "knowsLines",
    "changedAt",
    "settledAt",
    "expendable",
    "sampledOut",
    "held",
)
_NONE: Mapping[str, AbstractSet[str]] = MappingProxyType({})
NOT_HELD: dict[str, Any] = {"bool": {"must_not": [{"term": {"held": True}}]}}


class TraceRecords:
    """The trace records stored in OpenSearch, written by compare-and-set.

    Args:
        store: OpenSearch.
        evaluate: gives the verdict on a state.
        clock: returns seconds since the epoch.
        is_expendable: whether the policy keeps nothing of a trace that settles, as far as its record tells; None where it keeps all.
    """

    def __init__(self, store: Store, evaluate: Evaluator, clock: Callable[[], float] = time.time,
                 is_expendable: Callable[[TraceRecord], bool] | None = None) -> None:  # fmt: skip
        self._store = store
        self._evaluate = evaluate
        self._clock = clock
        self._is_expendable = is_expendable
        self._index = f"{store.prefix}-traces"

    def load(self, trace_ids: Iterable[str]) -> dict[str, TraceRecord]:
        """Returns a record for each trace id, an empty one where nothing is stored yet; realtime."""
        ids = list(dict.fromkeys(trace_ids))
        return self.read(zip(ids, self._store.get_many(list(map(self.address, ids)), source=_STORED), strict=True))

    def address(self, trace_id: str) -> tuple[str, str]:
        """Returns the index and id of a trace's record."""
        return self._index, trace_id

    def read(self, found: Iterable[tuple[str, Hit | None]]) -> dict[str, TraceRecord]:
        """Reads what is stored of traces, by trace id: a record each, an empty one where nothing is."""
        return {id_: self._read(id_, hit) for id_, hit in found}

    def grown(self, records: Mapping[str, TraceRecord], facts: Mapping[str, TraceState]) -> dict[str, TraceRecord]:
        """Returns ``records``, by trace id, as `merge_in` would write them; writes nothing."""
        return {id_: self._grown(record, facts.get(id_, EMPTY)) for id_, record in records.items()}

    def merge_in(
        self,
        facts: Mapping[str, TraceState],
        loaded: Mapping[str, TraceRecord] | None = None,
        *,
        spans_follow: Mapping[str, AbstractSet[str]] | None = None,
        batches: Mapping[str, AbstractSet[str]] = _NONE,
    ) -> dict[str, TraceRecord]:
        """Merges facts, by trace id, into the stored states; returns the records that hold them.

        Args:
            facts: by trace id.
            loaded: records that are taken to be the stored ones, until one turns out to have been changed by somebody else.
            spans_follow: by trace id, the ids of segments whose spans are written afterwards, if they are new: a crash may leave them out.
            batches: by trace id, the digests of the batches of lines whose facts are all among these.

        Raises UnavailableError where OpenSearch does not take a record.
        """

        def grow(record: TraceRecord, new: TraceState) -> TraceRecord:
            grown, before = _without_batches(self._grown(record, new), batches), record.state.segments
            looked_up = spans_follow.get(record.trace_id, ()) if spans_follow else ()
            behind = {id_ for id_ in looked_up if grown.state.segments.get(id_) != before.get(id_)}
            return msgspec.structs.replace(grown, spans_behind=grown.spans_behind | behind) if behind else grown

        done, left = write_alone(
            merge_until_written(facts, load=self.load, grow=grow, write=self._writing_changed, loaded=loaded), self._store
        )
        # where concurrent writers win each round, the lines and X-Ray still hold the facts, and the next sweep merges them
        return done | self.load(left) if left else done

    def opening(self, begun: Mapping[str, Opening]) -> list[object]:
        """Returns the bulk lines that open the records of traces: each is unsettled afterwards, and a new one leaves its lines as shipped.

        They go with new lines, so that none is there of which a settled record knows nothing. ``begun`` tells of these, by trace id.
        """
        return [line for id_, opening in begun.items()
                for line in ({"update": {"_index": self._index, "_id": id_, "retry_on_conflict": _RETRIES}},
                             {"doc": reopened_document(opening), "upsert": opened_document(id_, opening)})]  # fmt: skip

    def opened(self, begun: Mapping[str, Opening], results: Sequence[ItemResult]) -> dict[str, bool]:
        """Returns the ids of the traces whose records were opened, each with whether its record is new.

        Of ``begun`` those are written here that the ``results`` of `opening` do not tell of, or that failed. Raises UnavailableError where
        OpenSearch does not take one.
        """
        found = {id_: result for id_, result in zip(begun, results, strict=False) if result.ok}
        missing = {id_: opening for id_, opening in begun.items() if id_ not in found}
        for id_, result in zip(missing, self._store.write(self.opening(missing)), strict=True):
            if not result.ok:
                result.raise_for_failure(f"trace {id_}")
            found[id_] = result
        return {id_: result.status == CREATED.status for id_, result in found.items()}

    def settling(self, records: Iterable[TraceRecord], stored: Iterable[TraceRecord] = ()) -> Writer[dict[str, TraceRecord]]:
        """Marks records as settled: every known line and span carries their final verdicts. A concurrent writer's change wins.

        Of the ``stored`` ones it only notes that no span is missing any more. It returns what it wrote, by trace id.
        """
        done = [self._settled(record) for record in records]
        return self._writing([msgspec.structs.replace(record, spans_behind=frozenset()) for record in (*done, *stored)])

    def _settled(self, record: TraceRecord) -> TraceRecord:
        settled = msgspec.structs.replace(record, settled=True, expendable=False, opened_by=frozenset(), knows_lines=record.left)
        if self._is_expendable is None:
            return settled
        return msgspec.structs.replace(settled, expendable=self._is_expendable(record), settled_at=int(self._clock() * 1000))

    def reopen(self, trace_ids: Iterable[str]) -> None:
        """Marks records as unsettled, so that the sweep looks at these traces and at all their lines, even if no message tells of them.

        Raises UnavailableError where OpenSearch does not take a record.
        """

        def grow(record: TraceRecord, _: bool) -> TraceRecord:
            return msgspec.structs.replace(record, settled=False, knows_lines=False) if record.settled or record.knows_lines else record

        ids = dict.fromkeys((id_ for id_ in trace_ids if id_), True)
        _, left = write_alone(merge_until_written(ids, load=self.load, grow=grow, write=self._writing_changed), self._store)
        if left:
            raise UnavailableError(f"others kept changing {len(left)} traces")

    def write(self, records: Iterable[TraceRecord]) -> dict[str, TraceRecord]:
        """Writes each record that is unchanged since it was loaded; returns the written ones by trace id, with their new version."""
        return write_alone(self._writing_changed(list(records)), self._store)

    def _writing_changed(self, records: list[TraceRecord]) -> Writer[dict[str, TraceRecord]]:
        if not self._store.capabilities.visible_after:
            return self._writing(records)
        now = int(self._clock() * 1000)
        return self._writing([msgspec.structs.replace(record, changed_at=now) for record in records])

    def _writing(self, records: list[TraceRecord]) -> Writer[dict[str, TraceRecord]]:
        lines: list[object] = []
        for record in records:
            lines.append(self._store.compare_and_set(self._index, record.trace_id, record.seq_no, record.primary_term))
            lines.append(document_of(record))
        written: dict[str, TraceRecord] = {}
        for record, result in zip(records, (yield lines), strict=True):
            if result.ok:
                written[record.trace_id] = msgspec.structs.replace(record, seq_no=result.seq_no, primary_term=result.primary_term)
            elif not result.conflict:
                result.raise_for_failure(f"trace {record.trace_id}")
        return written

    def searches(self, before_ms: int) -> tuple[tuple[str, dict[str, Any]], ...]:
        """Returns the searches, each an index pattern and a query, of `pending`, `unsettled` and `given_up`."""
        return (self._store.lines_and_spans, _pending(before_ms)), (self._index, _unsettled(before_ms)), (self._index, _GIVEN_UP)

    def pending(self, before_ms: int) -> Iterator[str]:
        """Yields the ids of traces with pending lines or spans from before ``before_ms`` (epoch milliseconds) or without a time."""
        found = buckets(self._store, _pending(before_ms), {"trace": "traceId"}, index=self._store.lines_and_spans)
        for bucket in found:
            if is_trace_id(id_ := bucket["key"]["trace"]):
                yield id_
            else:
                self._store.left_out.pass_over(f"documents of trace {id_!r}")

    def unsettled(self, before_ms: int) -> Iterator[str]:
        """Yields the ids of traces that are not settled, oldest first, without those of which nobody has seen a line from before then.

        ``before_ms`` are epoch milliseconds; it sees only refreshed documents.
        """
        yield from (hit.id for hit in self._store.scan(_unsettled(before_ms), index=self._index, source=False))

    def given_up(self) -> Iterator[str]:
        """Yields the ids of settled traces whose source was away too long, oldest first; sees only refreshed documents."""
        yield from (hit.id for hit in self._store.scan(_GIVEN_UP, index=self._index, source=False))

    def purge(self, *, days: int) -> int:
        """Deletes settled trace documents whose newest line or span is older than ``days``, but no held ones; returns how many."""
        return self._store.delete_older(self._index, "lastSeenAt", days=days, query=[{"term": {"settled": True}}, NOT_HELD])

    def _read(self, trace_id: str, hit: Hit | None) -> TraceRecord:
        if hit is None:
            return TraceRecord(trace_id=trace_id, verdict=NOTHING_KNOWN)
        state, is_readable = _state(hit)
        stored = hit.source.get("trace", {})
        verdict, version = self._evaluate(state), int(stored.get("version", 0))
        return TraceRecord(
            trace_id=trace_id, state=state, verdict=verdict, version=version, settled=bool(hit.source.get("settled")),
            current=stored == trace_status(verdict, version), transaction=hit.source.get("transactionId") or "",
            spans_behind=frozenset(hit.source.get("spansBehind") or ()), left=bool(hit.source.get("left")),
            opened_by=frozenset(hit.source.get("openedBy") or ()), knows_lines=is_readable and bool(hit.source.get("knowsLines")),
            changed_at=int(hit.source.get("changedAt", 0)),
            settled_at=millis_of(at) if (at := hit.source.get("settledAt")) else 0,
            expendable=bool(hit.source.get("expendable")), sampled_out=read_sampled_out(hit.source.get("sampledOut")),
            held=bool(hit.source.get("held")),
            seq_no=hit.seq_no, primary_term=hit.primary_term,
        )  # fmt: skip

    def _grown(self, record: TraceRecord, facts: TraceState) -> TraceRecord:
        state = merge(record.state, facts)
        if state == record.state and record.version and record.current:
            return _counting_again(record, facts)
        verdict = self._evaluate(state)
        # the status is compared, not the verdict: one more error line changes a finding's evidence, and nothing that lines carry
        same_status = trace_status(verdict, 0) == trace_status(record.verdict, 0)
        changed = not same_status or _updates_lines(state, record.state) or not (record.version and record.current)
        grown = msgspec.structs.replace(
            record,
            state=state,
            verdict=verdict,
            version=record.version + changed,
            # a new key or request may concern other traces, which have to be reconciled first
            # nor is the alert of a service yet to be sent that another one's finding of the same rule came before, nor that of an issue
            settled=record.settled and not changed and _same_joins(state, record.state) and _alerts(verdict) <= _alerts(record.verdict),
            current=True,
            left=record.left and not is_notable(verdict),
        )
        return _counting_again(grown, facts)


def _without_batches(record: TraceRecord, batches: Mapping[str, AbstractSet[str]]) -> TraceRecord:
    """``record``, no longer opened by those of these ``batches``, by trace id, that opened it: it holds what their lines say."""
    left = record.opened_by - batches.get(record.trace_id, frozenset())
    return record if left == record.opened_by else msgspec.structs.replace(record, opened_by=left)


def _counting_again(record: TraceRecord, facts: TraceState) -> TraceRecord:
    """``record``, open for the sweep to count again where lines or spans came that stay now, since some may have gone before."""
    if facts == EMPTY or record.sampled_out is None or record.sampled_out.open or record.lets_go:
        return record
    return msgspec.structs.replace(record, sampled_out=msgspec.structs.replace(record.sampled_out, open=True))


def _pending(before_ms: int) -> dict[str, Any]:
    # a document without a time counts as old enough
    old = {"bool": {"must_not": {"range": {"@timestamp": {"gt": before_ms, "format": "epoch_millis"}}}}}
    return {"bool": {"filter": [{"term": {"trace.state": "pending"}}, old]}}


def _unsettled(before_ms: int) -> dict[str, Any]:
    # a record that was only opened waits for its hint as a pending line does
    young = {"range": {"lastSeenAt": {"gt": before_ms, "format": "epoch_millis"}}}
    opened_lately = {"bool": {"filter": [{"term": {"trace.version": 0}}, young]}}
    return {"bool": {"filter": [{"term": {"settled": False}}], "must_not": [opened_lately]}}


def load_states(trace_ids: Iterable[str], store: Store) -> dict[str, TraceState]:
    """Returns the state of each of these traces by id, without a verdict, an empty one where nothing is stored; realtime."""
    ids = list(dict.fromkeys(trace_ids))
    hits = store.get_many([(f"{store.prefix}-traces", id_) for id_ in ids], source=("state",))
    return {id_: _state(hit)[0] if hit else EMPTY for id_, hit in zip(ids, hits, strict=True)}


def _state(hit: Hit) -> tuple[TraceState, bool]:
    """The state that a document holds, and whether it can be read; if not, an empty one, since lines and spans still hold its facts."""
    try:
        return msgspec.convert(hit.source.get("state", {}), TraceState), True
    except msgspec.ValidationError:
        return EMPTY, False


def _updates_lines(state: TraceState, before: TraceState) -> bool:
    """Whether lines and spans need an update for something else than the verdict: segments, correlation ids, sampling."""
    return state.segments != before.segments or correlation_ids_of(state) != correlation_ids_of(before) or _told(state) != _told(before)


def _told(state: TraceState) -> dict[str, tuple[str, bool | None, bool]]:
    return {key: (request.segment_id, request.is_sampled, request.elsewhere) for key, request in told_requests(state).items()}


def _alerts(verdict: Verdict) -> set[tuple[str, str]]:
    alerts = {(finding.rule, finding.service_name) for finding in verdict.findings if finding.severity == "alert"}
    return alerts | {("", issue.id) for issue in verdict.issues}


def _same_joins(state: TraceState, before: TraceState) -> bool:
    """Whether the keys and requests are unchanged, by which lines and traces are joined."""
    return state.shown_keys.keys() == before.shown_keys.keys() and [
        (key, request.platform, request.elsewhere, request.runs) for key, request in state.requests.items()
    ] == [(key, request.platform, request.elsewhere, request.runs) for key, request in before.requests.items()]
