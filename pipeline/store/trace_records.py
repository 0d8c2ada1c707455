"""Trace records: loads each trace's stored record, and merges facts into it by compare-and-set.

All trace documents live in one index, so that a trace's address follows from its id alone: a W3C id holds no time that could
name a day. The sweep deletes old ones.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from pipeline.detect.verdict import NOTHING_KNOWN, SOURCE_UNAVAILABLE, Evaluator, Verdict
from pipeline.model.trace_state import EMPTY, TraceState, merge
from pipeline.store.client import Store
from pipeline.store.compare_and_set import merge_until_written
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord, correlation_ids_of, document_of, trace_status

_PAGE = 1000
_STORED = ("state", "trace", "settled", "transactionId", "spansBehind", "changedAt")


class TraceRecords:
    """The trace records stored in OpenSearch, written by compare-and-set; ``clock`` returns seconds since the epoch."""

    def __init__(self, store: Store, evaluate: Evaluator, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._evaluate = evaluate
        self._clock = clock
        self._index = f"{store.prefix}-traces"

    def load(self, trace_ids: Iterable[str]) -> dict[str, TraceRecord]:
        """Returns a record for each trace id, an empty one where nothing is stored yet; realtime."""
        ids = list(dict.fromkeys(trace_ids))
        hits = self._store.get_many([(self._index, id_) for id_ in ids], source=_STORED)
        return {id_: self._read(id_, hit) for id_, hit in zip(ids, hits, strict=True)}

    def grown(self, records: Mapping[str, TraceRecord], facts: Mapping[str, TraceState]) -> dict[str, TraceRecord]:
        """Returns ``records``, by trace id, as `merge_in` would write them; writes nothing."""
        return {id_: self._grown(record, facts.get(id_, EMPTY)) for id_, record in records.items()}

    def merge_in(
        self,
        facts: Mapping[str, TraceState],
        loaded: Mapping[str, TraceRecord] | None = None,
        *,
        spans_follow: Mapping[str, AbstractSet[str]] | None = None,
    ) -> dict[str, TraceRecord]:
        """Merges facts, by trace id, into the stored states; returns the records that hold them.

        Args:
            facts: by trace id.
            loaded: records that are taken to be the stored ones, until one turns out to have been changed by somebody else.
            spans_follow: by trace id, the ids of segments whose spans are written afterwards, if they are new: a crash may leave them out.

        Raises UnavailableError where OpenSearch does not take a record.
        """

        def grow(record: TraceRecord, new: TraceState) -> TraceRecord:
            grown, before = self._grown(record, new), record.state.segments
            looked_up = spans_follow.get(record.trace_id, ()) if spans_follow else ()
            behind = {id_ for id_ in looked_up if grown.state.segments.get(id_) != before.get(id_)}
            return msgspec.structs.replace(grown, spans_behind=grown.spans_behind | behind) if behind else grown

        done, left = merge_until_written(facts, load=self.load, grow=grow, write=self.write, loaded=loaded)
        # where concurrent writers win each round, the lines and X-Ray still hold the facts, and the next sweep merges them
        return done | self.load(left) if left else done

    def settle(self, records: Iterable[TraceRecord], stored: Iterable[TraceRecord] = ()) -> None:
        """Marks records as settled: every known line and span carries their final verdicts. A concurrent writer's change wins.

        Of the ``stored`` ones it only notes that no span is missing any more.
        """
        done = [msgspec.structs.replace(record, settled=True) for record in records]
        self._write([msgspec.structs.replace(record, spans_behind=frozenset()) for record in (*done, *stored)])

    def write(self, records: Iterable[TraceRecord]) -> dict[str, TraceRecord]:
        """Writes each record that is unchanged since it was loaded; returns the written ones by trace id, with their new version."""
        if not self._store.capabilities.visible_after:
            return self._write(list(records))
        now = int(self._clock() * 1000)
        return self._write([msgspec.structs.replace(record, changed_at=now) for record in records])

    def _write(self, records: list[TraceRecord]) -> dict[str, TraceRecord]:
        lines: list[object] = []
        for record in records:
            lines.append(self._store.compare_and_set(self._index, record.trace_id, record.seq_no, record.primary_term))
            lines.append(document_of(record))
        written: dict[str, TraceRecord] = {}
        for record, result in zip(records, self._store.write(lines), strict=True):
            if result.ok:
                written[record.trace_id] = msgspec.structs.replace(record, seq_no=result.seq_no, primary_term=result.primary_term)
            elif not result.conflict:
                result.raise_for_failure(f"trace {record.trace_id}")
        return written

    def pending(self, before_ms: int) -> Iterator[str]:
        """Yields the ids of traces with pending lines or spans from before ``before_ms`` (epoch milliseconds) or without a time."""
        query = {"bool": {"filter": [
            {"term": {"trace.state": "pending"}},
            # a document without a time counts as old enough
            {"bool": {"must_not": {"range": {"@timestamp": {"gt": before_ms, "format": "epoch_millis"}}}}},
        ]}}  # fmt: skip
        pages: dict[str, Any] = {"size": _PAGE, "sources": [{"trace": {"terms": {"field": "traceId"}}}]}
        while True:
            body = {"size": 0, "query": query, "aggs": {"traces": {"composite": pages}}}
            answer = self._store.search(body, index=self._store.lines_and_spans)
            found = answer.get("aggregations", {}).get("traces", {})
            yield from (bucket["key"]["trace"] for bucket in found.get("buckets", ()))
            if "after_key" not in found:
                return
            pages["after"] = found["after_key"]

    def unsettled(self) -> Iterator[str]:
        """Yields the ids of traces that are not settled, oldest first; sees only refreshed documents."""
        yield from (hit.id for hit in self._store.scan({"term": {"settled": False}}, index=self._index, source=False))

    def given_up(self) -> Iterator[str]:
        """Yields the ids of settled traces whose source was away too long, oldest first; sees only refreshed documents."""
        query = {"bool": {"filter": [{"term": {"trace.state": SOURCE_UNAVAILABLE}}, {"term": {"settled": True}}]}}
        yield from (hit.id for hit in self._store.scan(query, index=self._index, source=False))

    def purge(self, *, days: int) -> int:
        """Deletes settled trace documents whose newest line or span is older than ``days``; returns how many."""
        return self._store.delete_older(self._index, "lastSeenAt", days=days, query=[{"term": {"settled": True}}])

    def _read(self, trace_id: str, hit: Hit | None) -> TraceRecord:
        if hit is None:
            return TraceRecord(trace_id=trace_id, verdict=NOTHING_KNOWN)
        state = _state(hit)
        stored = hit.source.get("trace", {})
        verdict, version = self._evaluate(state), int(stored.get("version", 0))
        return TraceRecord(
            trace_id=trace_id, state=state, verdict=verdict, version=version, settled=bool(hit.source.get("settled")),
            current=stored == trace_status(verdict, version), transaction=hit.source.get("transactionId") or "",
            spans_behind=frozenset(hit.source.get("spansBehind") or ()), changed_at=int(hit.source.get("changedAt", 0)),
            seq_no=hit.seq_no, primary_term=hit.primary_term,
        )  # fmt: skip

    def _grown(self, record: TraceRecord, facts: TraceState) -> TraceRecord:
        state = merge(record.state, facts)
        if state == record.state and record.version and record.current:
            return record
        verdict = self._evaluate(state)
        # the status is compared, not the verdict: one more error line changes a finding's evidence, and nothing that lines carry
        same_status = trace_status(verdict, 0) == trace_status(record.verdict, 0)
        changed = not same_status or _updates_lines(state, record.state) or not (record.version and record.current)
        return msgspec.structs.replace(
            record,
            state=state,
            verdict=verdict,
            version=record.version + changed,
            # a new key or request may concern other traces, which have to be reconciled first
            # nor is the alert of a service yet to be sent that another one's finding of the same rule came before
            settled=record.settled and not changed and _same_joins(state, record.state) and _alerts(verdict) <= _alerts(record.verdict),
            current=True,
        )


def load_states(trace_ids: Iterable[str], store: Store) -> dict[str, TraceState]:
    """Returns the state of each of these traces by id, without a verdict, an empty one where nothing is stored; realtime."""
    ids = list(dict.fromkeys(trace_ids))
    hits = store.get_many([(f"{store.prefix}-traces", id_) for id_ in ids], source=("state",))
    return {id_: _state(hit) if hit else EMPTY for id_, hit in zip(ids, hits, strict=True)}


def _state(hit: Hit) -> TraceState:
    try:
        return msgspec.convert(hit.source.get("state", {}), TraceState)
    except msgspec.ValidationError:
        # the lines and spans still hold its facts
        return EMPTY


def _updates_lines(state: TraceState, before: TraceState) -> bool:
    """Whether lines and spans need an update for something else than the verdict: segments, correlation ids, sampling."""
    return (
        state.segments != before.segments
        or correlation_ids_of(state) != correlation_ids_of(before)
        or [(request.segment_id, request.is_sampled, request.elsewhere) for request in state.requests.values() if request.platform]
        != [(request.segment_id, request.is_sampled, request.elsewhere) for request in before.requests.values() if request.platform]
    )


def _alerts(verdict: Verdict) -> set[tuple[str, str]]:
    return {(finding.rule, finding.service_name) for finding in verdict.findings if finding.severity == "alert"}


def _same_joins(state: TraceState, before: TraceState) -> bool:
    """Whether the keys and requests are unchanged, by which lines and traces are joined."""
    return state.shown_keys.keys() == before.shown_keys.keys() and [
        (key, request.platform, request.elsewhere, request.runs) for key, request in state.requests.items()
    ] == [(key, request.platform, request.elsewhere, request.runs) for key, request in before.requests.items()]
