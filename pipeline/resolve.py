"""Resolve: traces settle. Look up, merge, judge, write, and see to it that every line and span carries the verdict.

Why it converges, whoever does what twice, late or at once:
- facts only grow, and are merged into the trace's record by compare-and-set (`records`);
- a line counts as served only by a verdict that holds what the line says (`enrich`);
- `ship` indexes a line, then gets the record; `resolve` writes the record, refreshes, then searches the lines: at least one
  of the two sees the other;
- a span is indexed, with its fact, before its record knows of it; so what a crash leaves is a span to be taken in, as a line is;
- where nothing can be refreshed (`Capabilities.visible_after`), a record settles by a look that began when all that it rests on had
  long been visible, so that who came meanwhile has seen it, or is seen;
- what is missed all the same (a crash, a lost message) is still `pending` or unsettled in the index, where `sweep` finds it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice

import msgspec

from pipeline.alert.dispatch import Dispatch, Dispatcher, Publisher
from pipeline.alert.outbox import Outbox
from pipeline.configure import console_links_for, evaluator_for, redactor_for
from pipeline.errors import BadInputError
from pipeline.join.enrich import out_of_date
from pipeline.join.reconcile import Reconciler
from pipeline.model.facts import LookupFact
from pipeline.model.trace_state import EMPTY, TraceState, merge
from pipeline.settings import Settings
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.join_keys import JoinKeys
from pipeline.store.span_writer import write_spans
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords
from pipeline.traces.read_document import read_trace_document
from pipeline.traces.segment import Segment, facts_of_segments
from pipeline.traces.sources.source import LookupResult, TraceSource

_GROUP = 100


class Resolution(msgspec.Struct):
    """What one run came to; ``unsettled`` are the traces to come back to."""

    settled: int = 0
    unsettled: tuple[str, ...] = ()
    calls: int = 0
    put_off: int = 0
    hidden_faults: int = 0
    faulty: tuple[str, ...] = ()
    """The settled traces with a hidden fault, as far as they were met."""
    noted: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """How many traces with a hidden fault were met for the first time, by service and rule."""
    alerts: Dispatch = msgspec.field(default_factory=Dispatch)
    bad_documents: int = 0
    stale: dict[str, int] = {}
    """How many lines were found to name another trace than the platform does, by service."""
    too_common: tuple[str, ...] = ()
    """Ids that so many traces show that they join none, as far as they were met."""


class Resolver:
    """Settles traces.

    Args:
        store: OpenSearch.
        source: where traces come from.
        settings: delays between look-ups, retention.
        topic: who is told of hidden faults, if anybody is.
        clock: seconds since the epoch.
    """

    def __init__(self, *, store: Store, source: TraceSource, settings: Settings, topic: Publisher | None = None,
                 clock: Callable[[], float] = time.time) -> None:  # fmt: skip
        self._store = store
        self._source = source
        self._settings = settings
        self._clock = clock
        self._records = TraceRecords(store, evaluator_for(settings), clock)
        self._keys = JoinKeys(store)
        self._redactor = redactor_for(settings)
        self._outbox = Outbox(store)
        self._dispatcher = Dispatcher(store, self._outbox, topic, console_links_for(settings), clock) if topic else None

    def resolve(self, trace_ids: Iterable[str], *, force: bool = False, total: Resolution | None = None) -> Resolution:
        """Looks at these traces once.

        Args:
            trace_ids: canonical.
            force: asks X-Ray even where the next look-up is not due yet.
            total: takes what comes of it, so that it is known also where something raises on the way.

        Raises UnavailableError where OpenSearch or X-Ray does not answer: the same call is safe to repeat.
        """
        total = Resolution() if total is None else total
        ids = list(dict.fromkeys(trace_ids))
        calls = self._source.calls
        for start in range(0, len(ids), _GROUP):
            self._resolve_apart(ids[start : start + _GROUP], total, force=force)
        self._tell(total)
        total.calls = self._source.calls - calls
        return total

    def sweep(self, *, min_age: int = 0, force: bool = False, go_on: Callable[[], bool] = lambda: True) -> Resolution:
        """Finds what is still open in the index, settles it, and deletes what is past its retention.

        Args:
            min_age: seconds; younger pending documents are left to their hints.
            force: as for `resolve`.
            go_on: asked before each group of traces: a sweep that stops early goes on with the next one.
        """
        self._store.refresh()
        total = Resolution()
        before = int((self._clock() - min_age) * 1000)
        calls = self._source.calls
        ids = iter(list(dict.fromkeys((*self._records.pending(before), *self._records.unsettled()))))
        while (group := list(islice(ids, _GROUP))) and go_on():
            self._resolve_apart(group, total, force=force)
        total.unsettled += tuple(chain(group, ids))
        # what a crash or a storm left over
        self._tell(total, always=True)
        total.calls = self._source.calls - calls
        for delete in (self._records.purge, self._keys.purge, self._outbox.purge, self._store.expire):
            delete(days=self._settings.retention_days)
        return total

    def _tell(self, total: Resolution, *, always: bool = False) -> None:
        """Sends what is due, where something may be."""
        if self._dispatcher and (always or total.faulty):
            total.alerts = self._dispatcher.dispatch(total.faulty)
            # one of them comes back for all, when the window is over
            total.unsettled += tuple(id_ for id_ in total.alerts.held[:1] if id_ not in total.unsettled)

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
        began = int(self._clock() * 1000)
        before = self._records.load(ids)
        self._store.refresh()
        facts = facts_by_trace(out_of_date(before.values(), self._store))
        known = self._records.merge_in(dict.fromkeys(ids, EMPTY) | facts)
        answers = self._look_up({id_: known[id_] for id_ in ids}, total, force=force)
        segments = self._read(answers, total)
        delivery = write_spans(segments, self._store)
        total.bad_documents += len(delivery.refused)
        known |= self._records.merge_in(self._found(answers, segments))
        reconciler = Reconciler(self._store, self._records)
        left = reconciler.reconcile(known) | delivery.behind
        total.stale = dict(Counter(total.stale) + reconciler.stale)
        total.too_common = tuple(sorted({*total.too_common, *reconciler.too_common}))
        final = [record for id_, record in known.items() if record.verdict.final and id_ not in left]
        fresh = [record for record in final if not record.settled]
        # before they count as settled, so that no crash can lose a note
        for finding in self._outbox.enqueue(fresh, int(self._clock() * 1000)):
            rules = total.noted.setdefault(finding.service_name, {})
            rules[finding.rule] = rules.get(finding.rule, 0) + 1
        total.faulty += tuple(record.trace_id for record in final if record.verdict.hidden_fault)
        early = {record.trace_id for record in fresh if self._is_early(record, reconciler, began)}
        self._records.settle(record for record in fresh if record.trace_id not in early)
        left |= early
        total.settled += sum(record.trace_id in before and record.trace_id not in early for record in final)
        total.unsettled += tuple(id_ for id_ in known if id_ in left or not known[id_].verdict.final)
        total.hidden_faults += sum(known[id_].verdict.hidden_fault and not before[id_].verdict.hidden_fault for id_ in ids)

    def _is_early(self, record: TraceRecord, reconciler: Reconciler, began: int) -> bool:
        """Whether what ``record`` rests on is so new that who read meanwhile may not have seen it, nor this look what they wrote."""
        changed_at = max(record.changed_at, reconciler.linked_at.get(record.trace_id, 0))
        return began - changed_at < 2 * 1000 * self._store.capabilities.visible_after

    def _look_up(self, known: dict[str, TraceRecord], total: Resolution, *, force: bool) -> dict[str, LookupResult]:
        wanted = {id_: record.state.first_line_at for id_, record in known.items()
                  if not record.verdict.final and (force or self._due(record.state))}  # fmt: skip
        answers = self._source.look_up(wanted) if wanted else {}
        total.put_off += len(wanted) - len(answers)
        return answers

    def _due(self, state: TraceState) -> bool:
        """Whether the next look-up is due: the first at once, since its hint was held back, the others at growing intervals."""
        last = max((lookup.at for lookup in state.lookups.values()), default=0)
        delays = self._settings.lookup_delays
        wait = delays[min(len(state.lookups), len(delays) - 1)] if state.lookups else 0
        return self._clock() * 1000 >= last + wait * 1000

    def _read(self, answers: Mapping[str, LookupResult], total: Resolution) -> list[Segment]:
        segments: list[Segment] = []
        for id_, answer in answers.items():
            for document in answer.documents:
                try:
                    segments += read_trace_document(document, trace_id=id_, redactor=self._redactor)
                except BadInputError:
                    total.bad_documents += 1
        return segments

    def _found(self, answers: Mapping[str, LookupResult], segments: Sequence[Segment]) -> dict[str, TraceState]:
        now = int(self._clock() * 1000)
        found = dict.fromkeys(answers, EMPTY) | facts_of_segments(segments)
        made = {id_: LookupFact(at=answer.at or now, outcome=answer.outcome, source=self._source.name, segments=len(found[id_].segments))
                for id_, answer in answers.items()}  # fmt: skip
        return {id_: merge(found[id_], TraceState(lookups={str(lookup.at): lookup})) for id_, lookup in made.items()}
