"""Resolve: traces settle. Look up, merge, judge, write, and see to it that every line and span carries the verdict.

Why it converges, whoever does what twice, late or at once:
- facts only grow, and are merged into the trace's record by compare-and-set (`records`);
- a line counts as served only by a verdict that holds what the line says (`enrich`);
- `ship` indexes a line, then gets the record; `resolve` writes the record, refreshes, then searches the lines: at least one
  of the two sees the other;
- what is missed all the same (a crash, a lost message) is still `pending` or unsettled in the index, where `sweep` finds it.
"""

import time
from collections.abc import Callable, Iterable, Sequence

import msgspec

from pipeline.enrich import facts_of, stale, update, write_spans
from pipeline.errors import BadInputError
from pipeline.opensearch import Hit, Store
from pipeline.records import Record, TraceRecords, judge_for
from pipeline.segments import Segment, read_document
from pipeline.settings import Settings
from pipeline.state import LookupFact, TraceState, merge
from pipeline.xray import Answer, Source

_GROUP = 100
_ROUNDS = 5
_SWEEP_LIMIT = 1000


class Resolution(msgspec.Struct):
    """What one run came to; ``unsettled`` are the traces to come back to."""

    settled: int = 0
    unsettled: tuple[str, ...] = ()
    calls: int = 0
    put_off: int = 0
    hidden_faults: int = 0
    bad_documents: int = 0


class Resolver:
    """Settles traces.

    Args:
        store: OpenSearch.
        source: where traces come from.
        settings: delays between look-ups, retention.
        clock: seconds since the epoch.
    """

    def __init__(self, *, store: Store, source: Source, settings: Settings,
                 clock: Callable[[], float] = time.time) -> None:  # fmt: skip
        self._store = store
        self._source = source
        self._settings = settings
        self._clock = clock
        self._records = TraceRecords(store, judge_for(settings))

    def resolve(self, trace_ids: Iterable[str], *, force: bool = False) -> Resolution:
        """Looks at these traces once; ``force`` asks X-Ray even where the next look-up is not due yet.

        Raises UnavailableError where OpenSearch or X-Ray does not answer: the same call is safe to repeat.
        """
        total = Resolution()
        ids = list(dict.fromkeys(trace_ids))
        calls = self._source.calls
        for start in range(0, len(ids), _GROUP):
            self._resolve_apart(ids[start : start + _GROUP], total, force=force)
        total.calls = self._source.calls - calls
        return total

    def sweep(self, *, min_age: int = 0, force: bool = False) -> Resolution:
        """Finds what is still open in the index, settles it, and deletes trace documents past their retention.

        Args:
            min_age: seconds; younger pending lines are left to their hints.
            force: as for `resolve`.
        """
        self._store.refresh()
        ids = [*self._pending(min_age), *self._records.unsettled(_SWEEP_LIMIT)]
        resolution = self.resolve(ids, force=force)
        self._records.purge(days=self._settings.retention_days)
        return resolution

    def _pending(self, min_age: int) -> list[str]:
        before = int((self._clock() - min_age) * 1000)
        query = {"bool": {"filter": [
            {"term": {"trace.state": "pending"}},
            {"range": {"@timestamp": {"lte": before, "format": "epoch_millis"}}},
        ]}}  # fmt: skip
        body = {"size": 0, "query": query, "aggs": {"traces": {"terms": {"field": "traceId", "size": _SWEEP_LIMIT}}}}
        answer = self._store.search(body, index=f"{self._store.prefix}-logs-*")
        buckets = answer.get("aggregations", {}).get("traces", {}).get("buckets", ())
        return [bucket["key"] for bucket in buckets]

    def _resolve_apart(self, ids: Sequence[str], total: Resolution, *, force: bool) -> None:
        """Resolves a group; where OpenSearch refuses something of it, each trace alone, so that one does not stop the others."""
        try:
            self._resolve_group(ids, total, force=force)
        except BadInputError:
            if len(ids) == 1:
                total.bad_documents += 1
                total.unsettled += tuple(ids)
                return
            for id_ in ids:
                self._resolve_apart([id_], total, force=force)

    def _resolve_group(self, ids: Sequence[str], total: Resolution, *, force: bool) -> None:
        known = self._records.load(ids)
        self._store.refresh()
        facts = _facts(stale(known.values(), self._store))
        known |= self._records.add({id_: facts.get(id_, TraceState()) for id_ in ids})
        answers = self._look_up(known, total, force=force)
        segments = self._read(answers, total)
        before = known
        known = known | self._records.add(self._found(answers, segments))
        left = self._spread(known, segments)
        final = [record for id_, record in known.items() if record.verdict.final and id_ not in left]
        self._records.settle(record for record in final if not record.settled)
        total.settled += len(final)
        total.unsettled += tuple(id_ for id_ in ids if id_ in left or not known[id_].verdict.final)
        total.hidden_faults += sum(known[id_].verdict.hidden_fault and not before[id_].verdict.hidden_fault for id_ in ids)

    def _look_up(self, known: dict[str, Record], total: Resolution, *, force: bool) -> dict[str, Answer]:
        wanted = [id_ for id_, record in known.items() if not record.verdict.final and (force or self._due(record))]
        answers = self._source.look_up(wanted) if wanted else {}
        total.put_off += len(wanted) - len(answers)
        return answers

    def _due(self, record: Record) -> bool:
        lookups = record.state.lookups.values()
        if not lookups:
            return True
        delays = self._settings.lookup_delays
        wait = delays[min(len(lookups), len(delays) - 1)]
        return self._clock() * 1000 >= max(lookup.at for lookup in lookups) + wait * 1000

    def _read(self, answers: dict[str, Answer], total: Resolution) -> list[Segment]:
        segments: list[Segment] = []
        for id_, answer in answers.items():
            for document in answer.documents:
                try:
                    segments += read_document(document, trace_id=id_)
                except BadInputError:
                    total.bad_documents += 1
        return segments

    def _found(self, answers: dict[str, Answer], segments: Sequence[Segment]) -> dict[str, TraceState]:
        now = int(self._clock() * 1000)
        states = {id_: TraceState(lookups={str(now): LookupFact(at=now, outcome=answer.outcome)}) for id_, answer in answers.items()}
        for segment in segments:
            fact = segment.fact
            states[segment.trace_id] = merge(states[segment.trace_id], TraceState(segments={fact.id: fact}))
        return states

    def _spread(self, known: dict[str, Record], segments: Sequence[Segment]) -> set[str]:
        """Writes spans and brings lines up to date until nothing is behind; returns the traces where something still is."""
        left = write_spans(segments, known, self._store)
        behind = set(known)
        for _ in range(_ROUNDS):
            self._store.refresh()
            hits = stale((known[id_] for id_ in behind), self._store)
            if not hits:
                return left
            # a line may have come since: what it says is taken in first, then it is served
            known |= self._records.add(_facts(hits))
            behind = update(hits, known, self._store)
            if not behind:
                return left
        return left | behind


def _facts(hits: Iterable[Hit]) -> dict[str, TraceState]:
    facts: dict[str, TraceState] = {}
    for hit in hits:
        id_ = hit.source["traceId"]
        facts[id_] = merge(facts.get(id_, TraceState()), facts_of(hit))
    return facts
