"""Resolve: settles traces: looks them up, merges facts, evaluates, and brings every line and span up to date with the verdict.

Why it converges, even if steps happen twice, late or concurrently:
- facts only grow, and are merged into the trace's record by compare-and-set (`trace_records`);
- a line gets a verdict only from a state that holds the line's own facts (`enrich`);
- `ship` indexes a line, then loads the record; `resolve` writes the record, refreshes, then searches the lines: at least one
  of the two sees the other's write;
- a record lists the spans that a look-up found until all are stored and it settles; so a crash in between leaves a trace that is looked up
  again;
- where nothing can be refreshed (`Capabilities.visible_after`), a record settles only in a run that began when all that it rests on had
  long been visible, so a concurrent writer has seen it, or is seen;
- what is missed nevertheless (a crash, a lost message) is still `pending` or unsettled in the index, where `sweep` finds it.

What is away stops no more than it must. While X-Ray is, everything happens that follows from the lines; the look-ups are put off. Where an
index takes no writes, its traces are left, and the others go on.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain, islice

import msgspec

from pipeline.alert.dispatch import Dispatcher, Publisher, joined
from pipeline.alert.outbox import Outbox
from pipeline.configure import console_links_for, evaluator_for, redactor_for
from pipeline.detect.verdict import SOURCE_UNAVAILABLE
from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.join.enrich import out_of_date, with_verdicts
from pipeline.join.reconcile import Reconciler
from pipeline.model.index_days import index_days
from pipeline.model.lookups import is_source_away, may_be_a_part
from pipeline.model.trace_state import EMPTY, TraceState, merge, segment_rank
from pipeline.resolution import Resolution
from pipeline.settings import Settings
from pipeline.store.client import Store
from pipeline.store.dead_letters import forget_indexed
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.join_keys import JoinKeys
from pipeline.store.results import Hit
from pipeline.store.span_writer import SpanWriteResult, write_spans
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords
from pipeline.traces.look_up import TraceAnswers, look_up
from pipeline.traces.sources.circuit_breaker import CircuitBreaker
from pipeline.traces.sources.source import LookupResult, TraceSource
from pipeline.traces.sources.spans_subscription import SpansSubscription

_GROUP = 100
# as many as share a call of BatchGetTraces
_PROBE = 5
_MOST_REASONS = 10
_MOST_GIVEN_UP = 10_000
# groups in a row; a single trace in a group of 100 makes seven
_MOST_FAILURES = 16
# its multiples spread evenly over a list of any length
_GOLDEN = 0.618_033_988_75
_PERIOD = 300
_BETWEEN_PURGES = 3600


class _Run(msgspec.Struct):
    """One run over groups of traces.

    Attributes:
        again: whether these are traces that were given up since the source was away.
        failures: how many groups could not be resolved in a row.
    """

    total: Resolution
    source: CircuitBreaker
    force: bool = False
    again: bool = False
    failures: int = 0


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
        self._sweeps = 0
        self._next_purge = 0.0
        self._redactor = redactor_for(settings)
        self._outbox = Outbox(store)
        self._dispatcher = Dispatcher(store, self._outbox, topic, console_links_for(settings), clock) if topic else None

    def resolve(self, trace_ids: Iterable[str], *, force: bool = False, total: Resolution | None = None) -> Resolution:
        """Resolves these traces once, and sends alerts.

        Args:
            trace_ids: canonical.
            force: whether traces whose next look-up is not due are looked up, too.
            total: is filled with the result, so that the caller has it even if this raises. Of several calls with one total, none asks a
                source again that an earlier one found to be away.

        Raises UnavailableError where OpenSearch does not answer: the same call is safe to repeat.
        """
        total = Resolution() if total is None else total
        ids = list(dict.fromkeys(trace_ids))
        calls, faulty = self._source.calls, len(total.faulty)
        run = self._run(total, force=force)
        try:
            for start in range(0, len(ids), _GROUP):
                self._resolve_apart(ids[start : start + _GROUP], run)
            self._alert(total, total.faulty[faulty:])
        finally:
            total.calls += self._source.calls - calls
        return total

    def sweep(self, *, min_age: int = 0, force: bool = False, go_on: Callable[[], bool] = lambda: True) -> Resolution:
        """Resolves every trace in the index that is pending or unsettled, and deletes what is not to be kept any longer.

        Traces that were given up since X-Ray was away are looked up again, if it is back: a few first, to find out.

        Args:
            min_age: seconds; younger pending documents wait for their hints.
            force: as for `resolve`.
            go_on: called before each group of traces; False ends the sweep, and the next one begins elsewhere.

        Raises UnavailableError where OpenSearch does not answer.
        """
        self._store.refresh()
        self._sweeps += 1
        total = Resolution()
        before = int((self._clock() - min_age) * 1000)
        calls = self._source.calls
        run = self._run(total, force=force)
        ids = iter(self._from_elsewhere(list(dict.fromkeys((*self._records.pending(before), *self._records.unsettled())))))
        while (group := list(islice(ids, _GROUP))) and go_on():
            self._resolve_apart(group, run)
        total.unsettled += tuple(chain(group, ids))
        self._look_again(run, go_on)
        # also the alerts of earlier runs that are still pending
        self._alert(total, total.faulty, always=True)
        total.calls = self._source.calls - calls
        self._delete(total)
        return total

    def _run(self, total: Resolution, *, force: bool) -> _Run:
        away = LookupResult(total.source_away, reason=total.lookup_failures[-1]) if total.source_away else None
        return _Run(total=total, source=CircuitBreaker(self._source, away), force=force)

    def _from_elsewhere(self, ids: list[str]) -> list[str]:
        """These ids from another starting point in each sweep of a worker, and every five minutes, so that no trace is always the last."""
        start = int((self._clock() // _PERIOD + self._sweeps) * _GOLDEN % 1 * len(ids))
        return ids[start:] + ids[:start]

    def _look_again(self, run: _Run, go_on: Callable[[], bool]) -> None:
        """Looks traces up that were given up, as long as X-Ray answers: what it puts off waits for the next sweep."""
        put_off = run.total.put_off
        again = msgspec.structs.replace(run, again=True)
        ids = iter([] if run.source.open_by else self._from_elsewhere(list(islice(self._records.given_up(), _MOST_GIVEN_UP))))
        size = _PROBE
        while (group := list(islice(ids, size))) and go_on() and run.total.put_off == put_off:
            self._resolve_apart(group, again)
            size = _GROUP

    def _delete(self, total: Resolution) -> None:
        """Deletes the dead letters of what is indexed by now, and once an hour what is past its retention."""
        deletions: list[Callable[[], object]] = [partial(forget_indexed, self._store)]
        if self._clock() >= self._next_purge:
            expired = (self._records.purge, self._keys.purge, self._outbox.purge, self._store.expire)
            deletions += (partial(each, days=self._settings.retention_days) for each in expired)
            self._next_purge = self._clock() + _BETWEEN_PURGES
        for delete in deletions:
            try:
                delete()
            except TracejoinError as error:
                if not _is_answer(error):
                    raise
                total.undeleted += (str(error),)

    def _alert(self, total: Resolution, faulty: Sequence[str], *, always: bool = False) -> None:
        """Sends pending alerts: always, or if there are traces with a hidden fault that this run found."""
        if self._dispatcher and (always or faulty):
            done = self._dispatcher.dispatch(faulty)
            total.alerts = joined(total.alerts, done)
            # one held trace is enough to call this again when the window is over
            total.unsettled += tuple(id_ for id_ in done.held[:1] if id_ not in total.unsettled)

    def _resolve_apart(self, ids: Sequence[str], run: _Run) -> None:
        """Resolves a group of traces; what OpenSearch refuses is told apart, so that one trace does not stop the others.

        Where it rejects a document, each trace is resolved alone. Where an index can't be used now, the group is halved until its trace is
        found and left; where nothing goes well any more, the whole group is left.
        """
        total = run.total
        try:
            self._resolve_group(ids, run)
        except BadInputError:
            if len(ids) == 1:
                total.bad_documents += 1
                total.unsettled += tuple(ids)
                return
            for id_ in ids:
                self._resolve_apart([id_], run)
        except UnavailableError as error:
            if not (_is_answer(error) and self._answers()):
                raise
            run.failures += 1
            if len(ids) == 1 or run.failures >= _MOST_FAILURES:
                total.unwritable |= dict.fromkeys(ids, str(error))
                total.unsettled += tuple(ids)
                return
            middle = len(ids) // 2
            self._resolve_apart(ids[:middle], run)
            self._resolve_apart(ids[middle:], run)
        else:
            run.failures = 0

    def _answers(self) -> bool:
        """Whether OpenSearch as a whole answers, so that a failure is that of an index."""
        try:
            self._store.refresh()
        except TracejoinError:
            return False
        return True

    def _resolve_group(self, ids: Sequence[str], run: _Run) -> None:
        total = run.total
        began = int(self._clock() * 1000)
        before = self._records.load(ids)
        visible = self._visible(before)
        facts = dict.fromkeys(ids, EMPTY) | facts_by_trace(visible)
        answers = self._look_up(self._records.grown(before, facts), ids, run)
        for id_, state in answers.facts.items():
            facts[id_] = merge(facts[id_], state)
        looked_up = {id_: state.segments.keys() for id_, state in answers.facts.items()}
        known = self._records.merge_in(facts, before, spans_follow=looked_up)
        if run.again:
            # the others stay given up
            known = {id_: known[id_] for id_ in answers.facts}
            if not known:
                return
        written = {id_: _as_good(state, known[id_].state) for id_, state in answers.facts.items()}
        days = index_days(began, self._settings.retention_days)
        spans = write_spans(answers.segments, self._store, days, with_verdicts(known))
        total.bad_documents += len(spans.rejected)
        reconciler = Reconciler(self._store, self._records)
        behind = reconciler.reconcile(known, {(hit.index, hit.id): hit for hit in visible})
        missing = spans.behind | spans.refused.keys()
        left = behind | missing
        total.stale = dict(Counter(total.stale) + reconciler.stale)
        total.too_common = tuple(sorted({*total.too_common, *reconciler.too_common}))
        total.unwritable |= reconciler.unwritable | spans.refused
        left |= {id_ for id_, record in known.items() if record.verdict.final and self._is_unasked(record, written.get(id_, set()))}
        final = [record for id_, record in known.items() if record.verdict.final and id_ not in left]
        fresh = [record for record in final if not record.settled]
        beside = _told_beside(known, spans, behind, reconciler)
        self._enqueue([*fresh, *beside], total)
        total.faulty += tuple(record.trace_id for record in (*final, *beside) if record.verdict.hidden_fault)
        early = {record.trace_id for record in fresh if self._is_early(record, reconciler, began)}
        settling = {record.trace_id: record for record in fresh if record.trace_id not in early}
        stored = [record for id_, record in known.items() if record.spans_behind and record.spans_behind <= written.get(id_, set())
                  and id_ not in missing | settling.keys()]  # fmt: skip
        self._records.settle(settling.values(), stored)
        left |= early
        total.settled += sum(record.trace_id in before and record.trace_id not in early for record in final)
        total.unsettled += tuple(id_ for id_ in known if id_ in left or not known[id_].verdict.final)
        total.hidden_faults += sum(known[id_].verdict.hidden_fault and not before[id_].verdict.hidden_fault for id_ in ids if id_ in known)

    def _visible(self, records: Mapping[str, TraceRecord]) -> list[Hit]:
        """The lines and spans of these traces that carry an older verdict, as far as they are visible: the reconciler sees the others.

        Where nothing at all is known of a trace, they are made visible first.
        """
        found = out_of_date(records.values(), self._store)
        seen = {hit.source["traceId"] for hit in found}
        if all(record.version or id_ in seen for id_, record in records.items()):
            return found
        self._store.refresh(self._store.lines_and_spans)
        return out_of_date(records.values(), self._store)

    def _look_up(self, known: Mapping[str, TraceRecord], ids: Sequence[str], run: _Run) -> TraceAnswers:
        """Looks up what is not final, or in a run over traces that were given up, these alone."""
        records = [known[id_] for id_ in ids if (known[id_].verdict.state == SOURCE_UNAVAILABLE if run.again
                                                 else not known[id_].verdict.final or self._is_unasked(known[id_]))]  # fmt: skip
        # a look-up whose spans were not stored counts as none
        wanted = {record.trace_id: msgspec.structs.replace(record.state, lookups={}) if record.spans_behind else record.state
                  for record in records}  # fmt: skip
        answers = look_up(wanted, run.source, redactor=self._redactor, delays=self._settings.lookup_delays, clock=self._clock,
                          force=run.force, again=run.again)  # fmt: skip
        total = run.total
        total.put_off += answers.put_off
        total.failed_lookups += len(answers.failed)
        total.lookup_failures = tuple(dict.fromkeys((*total.lookup_failures, *answers.failed.values())))[:_MOST_REASONS]
        total.bad_documents += answers.bad_documents
        if run.source.open_by:
            total.source_away = "denied" if run.source.open_by.outcome == "denied" else "unreachable"
        return answers

    def _is_unasked(self, record: TraceRecord, written: AbstractSet[str] = frozenset()) -> bool:
        """Whether a source that looks up has to be asked for a trace that looks whole; the spans of these ids are ``written`` by now."""
        return self._source.name != SpansSubscription.name and (not record.spans_behind <= written or may_be_a_part(record.state))

    def _enqueue(self, records: Sequence[TraceRecord], total: Resolution) -> None:
        """Stores the alerts of these records, before any of them is settled, so that no crash can lose one."""
        for finding in self._outbox.enqueue(records, int(self._clock() * 1000)):
            rules = total.new_faults.setdefault(finding.service_name, {})
            rules[finding.rule] = rules.get(finding.rule, 0) + 1

    def _is_early(self, record: TraceRecord, reconciler: Reconciler, began: int) -> bool:
        """Whether ``record`` or its join keys changed so lately that this run and a concurrent writer may not see each other's writes."""
        changed_at = max(record.changed_at, reconciler.keys_written_at.get(record.trace_id, 0))
        return began - changed_at < 2 * 1000 * self._store.capabilities.visible_after


def _is_answer(error: TracejoinError) -> bool:
    """Whether OpenSearch itself answered so, which may be about one index; else it is away."""
    return bool(error.status or error.kind)


def _as_good(found: TraceState, merged: TraceState) -> set[str]:
    """The ids of the segments of which nobody was told more than was ``found`` now; of the others a better span is to be found again."""
    best = merged.segments
    return {id_ for id_, fact in found.segments.items() if id_ not in best or segment_rank(fact) >= segment_rank(best[id_])}


def _told_beside(
    known: Mapping[str, TraceRecord], spans: SpanWriteResult, behind: AbstractSet[str], reconciler: Reconciler
) -> list[TraceRecord]:
    """The records that do not settle now, but whose alerts need not wait.

    These are final ones with lines that can't be written now, and those that their lines alone tell of, since X-Ray is away.
    """
    if behind != reconciler.unwritable.keys():
        return []
    waiting = spans.behind | spans.refused.keys()
    return [record for id_, record in known.items() if id_ not in waiting and not record.settled
            and (id_ in behind if record.verdict.final else is_source_away(record.state))]  # fmt: skip
