"""Resolve: settles traces: looks them up, merges facts, evaluates, and brings every line and span up to date with the verdict.

Why it converges, even if steps happen twice, late or concurrently:
- facts only grow, and are merged into the trace's record by compare-and-set (`trace_records`);
- a line gets a verdict only from a state that holds the line's own facts (`enrich`);
- `ship` indexes a line, then loads the record; `resolve` writes the record, refreshes, then searches the lines: at least one
  of the two sees the other's write;
- a span is indexed, with its fact, before its record holds that fact; so a crash leaves a span whose fact is merged later, like a line's;
- where nothing can be refreshed (`Capabilities.visible_after`), a record settles only in a run that began when all that it rests on had
  long been visible, so a concurrent writer has seen it, or is seen;
- what is missed nevertheless (a crash, a lost message) is still `pending` or unsettled in the index, where `sweep` finds it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice

import msgspec

from pipeline.alert.dispatch import Dispatch, Dispatcher, Publisher
from pipeline.alert.outbox import Outbox
from pipeline.configure import console_links_for, evaluator_for, redactor_for
from pipeline.errors import BadInputError
from pipeline.join.enrich import out_of_date
from pipeline.join.reconcile import Reconciler
from pipeline.model.index_days import index_days
from pipeline.model.trace_state import EMPTY
from pipeline.settings import Settings
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.join_keys import JoinKeys
from pipeline.store.span_writer import write_spans
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords
from pipeline.traces.look_up import look_up
from pipeline.traces.sources.source import TraceSource

_GROUP = 100


class Resolution(msgspec.Struct):
    """The result of one run; ``unsettled`` are the ids of the traces to resolve again."""

    settled: int = 0
    unsettled: tuple[str, ...] = ()
    calls: int = 0
    put_off: int = 0
    hidden_faults: int = 0
    faulty: tuple[str, ...] = ()
    """The ids of the traces of this run with a final verdict and a hidden fault."""
    new_faults: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """How many traces got their first alert of a rule, by service and rule."""
    alerts: Dispatch = msgspec.field(default_factory=Dispatch)
    bad_documents: int = 0
    stale: dict[str, int] = {}
    """The number of lines found with a stale trace id, by the service that their log group is named after."""
    too_common: tuple[str, ...] = ()
    """The ids found that too many traces show, so that they join none; sorted."""


class Resolver:
    """Settles traces, by id or in a sweep over all pending ones.

    Args:
        store: OpenSearch.
        source: the trace source to ask.
        settings: delays between look-ups, retention, rules, redaction.
        topic: receives the alerts; None for none.
        clock: returns seconds since the epoch.
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
        """Resolves these traces once, and sends alerts.

        Args:
            trace_ids: canonical.
            force: whether traces whose next look-up is not due are looked up, too.
            total: is filled with the result, so that the caller has it even if this raises.

        Raises UnavailableError where OpenSearch or X-Ray does not answer: the same call is safe to repeat.
        """
        total = Resolution() if total is None else total
        ids = list(dict.fromkeys(trace_ids))
        calls = self._source.calls
        for start in range(0, len(ids), _GROUP):
            self._resolve_apart(ids[start : start + _GROUP], total, force=force)
        self._alert(total)
        total.calls = self._source.calls - calls
        return total

    def sweep(self, *, min_age: int = 0, force: bool = False, go_on: Callable[[], bool] = lambda: True) -> Resolution:
        """Resolves every trace in the index that is pending or unsettled, and deletes what is past its retention.

        Args:
            min_age: seconds; younger pending documents wait for their hints.
            force: as for `resolve`.
            go_on: called before each group of traces; False ends the sweep, and the next one continues.
        """
        self._store.refresh()
        total = Resolution()
        before = int((self._clock() - min_age) * 1000)
        calls = self._source.calls
        ids = iter(list(dict.fromkeys((*self._records.pending(before), *self._records.unsettled()))))
        while (group := list(islice(ids, _GROUP))) and go_on():
            self._resolve_apart(group, total, force=force)
        total.unsettled += tuple(chain(group, ids))
        # also the alerts of earlier runs that are still pending
        self._alert(total, always=True)
        total.calls = self._source.calls - calls
        for delete in (self._records.purge, self._keys.purge, self._outbox.purge, self._store.expire):
            delete(days=self._settings.retention_days)
        return total

    def _alert(self, total: Resolution, *, always: bool = False) -> None:
        """Sends pending alerts: always, or if this run found a hidden fault."""
        if self._dispatcher and (always or total.faulty):
            total.alerts = self._dispatcher.dispatch(total.faulty)
            # one held trace is enough to call this again when the window is over
            total.unsettled += tuple(id_ for id_ in total.alerts.held[:1] if id_ not in total.unsettled)

    def _resolve_apart(self, ids: Sequence[str], total: Resolution, *, force: bool) -> None:
        """Resolves a group of traces; where OpenSearch rejects a document, each trace alone, so that one does not stop the others."""
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
        answers = look_up({id_: known[id_].state for id_ in ids if not known[id_].verdict.final}, self._source, redactor=self._redactor,
                          delays=self._settings.lookup_delays, clock=self._clock, force=force)  # fmt: skip
        total.put_off += answers.put_off
        total.bad_documents += answers.bad_documents
        spans = write_spans(answers.segments, self._store, index_days(began, self._settings.retention_days))
        total.bad_documents += len(spans.rejected)
        known |= self._records.merge_in(answers.facts)
        reconciler = Reconciler(self._store, self._records)
        left = reconciler.reconcile(known) | spans.behind
        total.stale = dict(Counter(total.stale) + reconciler.stale)
        total.too_common = tuple(sorted({*total.too_common, *reconciler.too_common}))
        final = [record for id_, record in known.items() if record.verdict.final and id_ not in left]
        fresh = [record for record in final if not record.settled]
        # before the records are settled, so that no crash can lose an alert
        for finding in self._outbox.enqueue(fresh, int(self._clock() * 1000)):
            rules = total.new_faults.setdefault(finding.service_name, {})
            rules[finding.rule] = rules.get(finding.rule, 0) + 1
        total.faulty += tuple(record.trace_id for record in final if record.verdict.hidden_fault)
        early = {record.trace_id for record in fresh if self._is_early(record, reconciler, began)}
        self._records.settle(record for record in fresh if record.trace_id not in early)
        left |= early
        total.settled += sum(record.trace_id in before and record.trace_id not in early for record in final)
        total.unsettled += tuple(id_ for id_ in known if id_ in left or not known[id_].verdict.final)
        total.hidden_faults += sum(known[id_].verdict.hidden_fault and not before[id_].verdict.hidden_fault for id_ in ids)

    def _is_early(self, record: TraceRecord, reconciler: Reconciler, began: int) -> bool:
        """Whether ``record`` or its join keys changed so lately that this run and a concurrent writer may not see each other's writes."""
        changed_at = max(record.changed_at, reconciler.keys_written_at.get(record.trace_id, 0))
        return began - changed_at < 2 * 1000 * self._store.capabilities.visible_after
