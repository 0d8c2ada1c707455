"""Trace records: the stored document of a trace, and its compare-and-set.

All trace documents live in one index, so that a trace's address follows from its id alone: a W3C id holds no time to name a
day by. The sweep deletes old ones.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pipeline.detect.verdict import NOTHING_KNOWN, Evaluator
from pipeline.model.trace_state import EMPTY, TraceState, merge
from pipeline.store.client import Store
from pipeline.store.compare_and_set import merge_until_written
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord, correlation_ids_of, document_of, trace_status

_PAGE = 1000
_STORED = ("state", "trace", "settled", "transactionId", "changedAt")


class TraceRecords:
    """The trace documents in OpenSearch, read and written by compare-and-set; ``clock`` gives seconds since the epoch."""

    def __init__(self, store: Store, evaluate: Evaluator, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._evaluate = evaluate
        self._clock = clock
        self._index = f"{store.prefix}-traces"

    def load(self, trace_ids: Iterable[str]) -> dict[str, TraceRecord]:
        """A record for each id, an empty one where nothing is stored yet."""
        ids = list(dict.fromkeys(trace_ids))
        hits = self._store.get_many([(self._index, id_) for id_ in ids], source=_STORED)
        return {id_: self._read(id_, hit) for id_, hit in zip(ids, hits, strict=True)}

    def merge_in(self, facts: Mapping[str, TraceState]) -> dict[str, TraceRecord]:
        """Merges ``facts`` into the stored states, whoever else writes meanwhile; returns the records that came of it.

        Raises UnavailableError where OpenSearch does not take a record.
        """
        done, left = merge_until_written(facts, load=self.load, grow=self._grown, write=self.write)
        # where the others keep winning, our facts are in the lines and at X-Ray still, so the next sweep brings them
        return done | self.load(left) if left else done

    def settle(self, records: Iterable[TraceRecord]) -> None:
        """Notes that every line and span known of carries these records' final verdicts; a lost race costs a repetition."""
        self.write([msgspec.structs.replace(record, settled=True) for record in records])

    def write(self, records: list[TraceRecord]) -> dict[str, TraceRecord]:
        """Writes each record where nobody was faster; returns those that were written, with their new place."""
        if self._store.capabilities.visible_after:
            # that it settled is no news to anybody who reads it
            now = int(self._clock() * 1000)
            records = [record if record.settled else msgspec.structs.replace(record, changed_at=now) for record in records]
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
        """The ids of all traces of pending lines and spans that are older than ``before_ms`` (epoch milliseconds), or have no time."""
        query = {"bool": {"filter": [
            {"term": {"trace.state": "pending"}},
            # what has no time of its own is old enough
            {"bool": {"must_not": {"range": {"@timestamp": {"gt": before_ms, "format": "epoch_millis"}}}}},
        ]}}  # fmt: skip
        pages: dict[str, Any] = {"size": _PAGE, "sources": [{"trace": {"terms": {"field": "traceId"}}}]}
        while True:
            body = {"size": 0, "query": query, "aggs": {"traces": {"composite": pages}}}
            answer = self._store.search(body, index=f"{self._store.prefix}-logs-*,{self._store.prefix}-spans-*")
            found = answer.get("aggregations", {}).get("traces", {})
            yield from (bucket["key"]["trace"] for bucket in found.get("buckets", ()))
            if "after_key" not in found:
                return
            pages["after"] = found["after_key"]

    def unsettled(self) -> Iterator[str]:
        """The ids of traces whose verdict is not final or not everywhere yet, oldest first; sees what is refreshed."""
        yield from (hit.id for hit in self._store.scan({"term": {"settled": False}}, index=self._index, source=False))

    def purge(self, *, days: int) -> int:
        """Deletes settled trace documents without a sign of life for ``days``; returns how many."""
        return self._store.delete_older(self._index, "lastSeenAt", days=days, query=[{"term": {"settled": True}}])

    def _read(self, trace_id: str, hit: Hit | None) -> TraceRecord:
        if hit is None:
            return TraceRecord(trace_id=trace_id, verdict=NOTHING_KNOWN)
        state = _state(hit)
        stored = hit.source.get("trace", {})
        verdict, version = self._evaluate(state), int(stored.get("version", 0))
        return TraceRecord(trace_id=trace_id, state=state, verdict=verdict, version=version, settled=bool(hit.source.get("settled")),
                      current=stored == trace_status(verdict, version), transaction=hit.source.get("transactionId") or "",
                      changed_at=int(hit.source.get("changedAt", 0)), seq_no=hit.seq_no, primary_term=hit.primary_term)  # fmt: skip

    def _grown(self, record: TraceRecord, facts: TraceState) -> TraceRecord:
        state = merge(record.state, facts)
        if state == record.state and record.version and record.current:
            return record
        verdict = self._evaluate(state)
        # one more error line changes what a finding says, and nothing that lines and spans carry
        told_alike = trace_status(verdict, 0) == trace_status(record.verdict, 0)
        changed = not told_alike or _shows_more(state, record.state) or not (record.version and record.current)
        return msgspec.structs.replace(
            record,
            state=state,
            verdict=verdict,
            version=record.version + changed,
            # what others may know of, too, is still to be told
            settled=record.settled and not changed and _joins_alike(state, record.state),
            current=True,
        )


def load_states(trace_ids: Iterable[str], store: Store) -> dict[str, TraceState]:
    """What is known of each of these traces, without a verdict; nothing where nothing is stored; realtime."""
    ids = list(dict.fromkeys(trace_ids))
    hits = store.get_many([(f"{store.prefix}-traces", id_) for id_ in ids], source=("state",))
    return {id_: _state(hit) if hit else EMPTY for id_, hit in zip(ids, hits, strict=True)}


def _state(hit: Hit) -> TraceState:
    try:
        return msgspec.convert(hit.source.get("state", {}), TraceState)
    except msgspec.ValidationError:
        # its facts are in the lines and spans still
        return EMPTY


def _shows_more(state: TraceState, before: TraceState) -> bool:
    """Whether lines and spans have to show other things than before, beside the verdict."""
    return (
        state.segments != before.segments
        or correlation_ids_of(state) != correlation_ids_of(before)
        or [(request.segment_id, request.said) for request in state.requests.values() if request.platform]
        != [(request.segment_id, request.said) for request in before.requests.values() if request.platform]
    )


def _joins_alike(state: TraceState, before: TraceState) -> bool:
    """Whether nothing of what may concern other traces or lines has changed."""
    return state.keys.keys() == before.keys.keys() and [
        (key, request.platform, request.elsewhere, request.runs) for key, request in state.requests.items()
    ] == [(key, request.platform, request.elsewhere, request.runs) for key, request in before.requests.items()]
