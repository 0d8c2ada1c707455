"""Settlement: settles one group of traces: load, look up, merge, evaluate, write, reconcile, alert, settle.

What it writes comes in this order, so that a crash between any two leaves a trace that somebody finds:
- the records, with the verdict and the list of spans that are not stored yet;
- the spans with that verdict, and the join keys;
- the alerts;
- the lines, and with them, where nothing else is left to do, that the record is settled. A line that is not written is `pending`.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from pipeline.alert.outbox import Outbox
from pipeline.configure import redactor_for
from pipeline.detect.verdict import SOURCE_UNAVAILABLE
from pipeline.issues.sightings import examples_of_record
from pipeline.join.enrich import out_of_date, with_verdicts
from pipeline.join.held_traces import HeldTraces
from pipeline.join.reconcile import Reconciler
from pipeline.join.shown_keys import keys_of, searched_streams
from pipeline.model.index_days import index_days
from pipeline.model.lookups import is_source_away, may_be_a_part
from pipeline.model.trace_state import EMPTY, TraceState, merge, segment_rank
from pipeline.resolution import Resolution
from pipeline.settings import Settings
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.join_keys import JoinKey, JoinKeys
from pipeline.store.load import load_with_keys
from pipeline.store.results import Hit
from pipeline.store.span_writer import SpanWriteResult, writing_spans
from pipeline.store.together import Writer, write_alone
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords
from pipeline.traces.look_up import TraceAnswers, look_up
from pipeline.traces.sources.run_sources import RunSources
from pipeline.traces.sources.source import TraceSource
from pipeline.traces.sources.spans_subscription import SpansSubscription

_MOST_REASONS = 10
_MILLI = 1000


class Run(msgspec.Struct):
    """One run over groups of traces.

    Attributes:
        total: what it did so far.
        source: the trace sources, each until it turns out to be away.
        held: the lines that hints brought.
        force: whether traces whose next look-up is not due are looked up, too.
        again: whether these are traces that were given up since the source was away.
        failures: how many groups could not be resolved in a row.
        refused: how many look-ups failed since another account refused them.
    """

    total: Resolution
    source: RunSources
    held: HeldTraces
    force: bool = False
    again: bool = False
    failures: int = 0
    refused: int = 0


class Settlement:
    """Settles groups of traces.

    Args:
        store: OpenSearch.
        source: the trace source; a run asks it through its own breaker.
        settings: delays between look-ups, retention, rules, redaction.
        records: the stored trace records.
        outbox: the stored alerts; None if traces are not alerted one by one.
        clock: returns seconds since the epoch.
    """

    def __init__(self, store: Store, source: TraceSource, settings: Settings, records: TraceRecords, outbox: Outbox | None,
                 clock: Callable[[], float] = time.time) -> None:  # fmt: skip
        self._store = store
        self._source = source
        self._settings = settings
        self._records = records
        self._keys = JoinKeys(store)
        self._outbox = outbox
        self._clock = clock
        self._redactor = redactor_for(settings)

    def settle(self, ids: Sequence[str], run: Run) -> None:
        """Settles these traces, as far as that is possible now, and adds what was done to the run's total.

        Raises UnavailableError where OpenSearch or one of its indices does not answer, and BadInputError where OpenSearch refuses a
        document for good: the same call is safe to repeat.
        """
        began = int(self._clock() * _MILLI)
        before, loaded, visible, facts = self._read(ids, run.held)
        answers = self._look_up(self._records.grown(before, facts), ids, run)
        for id_, state in answers.facts.items():
            facts[id_] = merge(facts[id_], state)
        looked_up = {id_: state.segments.keys() for id_, state in answers.facts.items()}
        known = self._records.merge_in(facts, before, spans_follow=looked_up, batches={id_: run.held.batches_of(id_) for id_ in ids})
        if run.again:
            # the others stay given up
            known = {id_: known[id_] for id_ in answers.facts}
            if not known:
                return
        group = _Group(known, {id_: _as_good(state, known[id_].state) for id_, state in answers.facts.items()})

        def write() -> Writer[None]:
            days = index_days(began, self._settings.retention_days)
            group.spans = yield from writing_spans(answers.segments, self._store, days, with_verdicts(known))

        def settled(held: Mapping[str, TraceRecord]) -> list[TraceRecord]:
            group.ready = {id_: record for id_, record in held.items() if self._is_ready(record, group)}
            self._enqueue(list(group.ready.values()), run.total)
            return list(group.ready.values())

        reconciler = Reconciler(self._store, self._records, run.held, {id_: facts[id_] for id_ in ids}, settled)
        group.behind = reconciler.reconcile(known, loaded, {(hit.index, hit.id): hit for hit in visible}, write())
        self._finish(group, reconciler, run.total, began)
        self._count(ids, group, before, run.total)

    def _read(
        self, ids: Sequence[str], held: HeldTraces
    ) -> tuple[dict[str, TraceRecord], dict[str, JoinKey], list[Hit], dict[str, TraceState]]:
        """What is stored of these traces: the records, the join keys of what hints brought, the lines and spans, and their facts."""
        brought = held.lines_of(id_ for id_ in ids if held.has(id_))
        facts = facts_by_trace(brought)
        keys = [key for id_ in ids if id_ in facts for key in (id_, *keys_of(facts[id_]))]
        keys += searched_streams((facts[id_] for id_ in ids if id_ in facts), held.is_whole)
        before, loaded = load_with_keys(ids, keys, self._records, self._keys, self._store)
        searched = self._visible({id_: record for id_, record in before.items() if not held.has(id_)})
        claimed = {hit.source.get("staleTraceId") for hit in brought if hit.source.get("traceId") in before}
        own = {id_: state for id_, state in facts.items() if id_ in before or id_ in claimed}
        found = facts_by_trace(searched)
        both = {id_: merge(own.get(id_, EMPTY), found.get(id_, EMPTY)) for id_ in own.keys() | found.keys()}
        return before, loaded, [*brought, *searched], dict.fromkeys(ids, EMPTY) | both

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

    def _look_up(self, known: Mapping[str, TraceRecord], ids: Sequence[str], run: Run) -> TraceAnswers:
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
        total.failed_lookups += len(answers.failed.keys() - answers.refusals.keys())
        run.refused += len(answers.failed.keys() & answers.refusals.keys())
        total.refusals = tuple(dict.fromkeys((*total.refusals, *answers.refusals.values())))[:_MOST_REASONS]
        total.lookup_failures = tuple(dict.fromkeys((*total.lookup_failures, *_reasons(answers))))[:_MOST_REASONS]
        total.bad_documents += answers.bad_documents
        if run.source.open_by:
            total.source_away = "denied" if run.source.open_by.outcome == "denied" else "unreachable"
        return answers

    def _is_unasked(self, record: TraceRecord, written: AbstractSet[str] = frozenset()) -> bool:
        """Whether a source that looks up has to be asked for a trace that looks whole; the spans of these ids are ``written`` by now."""
        return self._source.name != SpansSubscription.name and (not record.spans_behind <= written or may_be_a_part(record.state))

    def _is_ready(self, record: TraceRecord, group: "_Group") -> bool:
        """Whether nothing of a trace is left to do but its lines."""
        id_ = record.trace_id
        return (record.verdict.final and not record.settled and id_ not in group.missing
                and not self._is_unasked(record, group.written.get(id_, set())))  # fmt: skip

    def _enqueue(self, records: Sequence[TraceRecord], total: Resolution) -> None:
        """Stores the alerts of these records, before any of them is settled, so that no crash can lose one."""
        if self._outbox is None:
            # an issue follows from the stored traces: the next survey finds what a crash left out
            return
        for finding in self._outbox.enqueue(records, int(self._clock() * _MILLI)):
            rules = total.new_faults.setdefault(finding.service_name, {})
            rules[finding.rule] = rules.get(finding.rule, 0) + 1

    def _finish(self, group: "_Group", reconciler: Reconciler, total: Resolution, began: int) -> None:
        """Enqueues the alerts of what did not settle with its lines, and settles it; what settled too early is opened again."""
        known = group.known
        left = group.behind | group.missing
        total.stale = dict(Counter(total.stale) + reconciler.stale)
        total.too_common = tuple(sorted({*total.too_common, *reconciler.too_common}))
        total.unwritable |= reconciler.unwritable | group.spans.refused
        left |= {id_ for id_, record in known.items() if record.verdict.final and self._is_unasked(record, group.written.get(id_, set()))}
        fresh = [record for id_, record in known.items() if record.verdict.final and id_ not in left and not record.settled]
        beside = _told_beside(group, reconciler)
        self._enqueue([*fresh, *beside], total)
        _note_faulty(beside, total)
        early = {record.trace_id for record in fresh if self._is_early(record, reconciler, began)}
        settling = {record.trace_id: record for record in fresh if record.trace_id not in early}
        stored = [record for id_, record in known.items() if record.spans_behind and record.spans_behind <= group.written.get(id_, set())
                  and id_ not in group.missing | settling.keys()]  # fmt: skip
        write_alone(self._records.settling(settling.values(), stored), self._store)
        # it settled too early, or a line of it could not be moved, which nothing else tells of
        self._records.reopen(id_ for id_ in left & known.keys() if known[id_].settled)
        group.early = early
        group.left = left

    def _count(self, ids: Sequence[str], group: "_Group", before: Mapping[str, TraceRecord], total: Resolution) -> None:
        known = group.known
        final = [record for id_, record in known.items() if record.verdict.final and id_ not in group.left]
        total.bad_documents += len(group.spans.rejected)
        _note_faulty(final, total)
        total.settled += sum(record.trace_id in before and record.trace_id not in group.early for record in final)
        waiting = group.left | group.early
        total.unsettled += tuple(id_ for id_ in known if id_ in waiting or not known[id_].verdict.final)
        for id_ in ids:
            if id_ in known and id_ in before:
                old, new = ({issue.id for issue in record.verdict.issues} for record in (before[id_], known[id_]))
                total.former_issues |= {issue: min(old - new) for issue in sorted(new - old) if old - new}
        total.hidden_faults += sum(known[id_].verdict.hidden_fault and not before[id_].verdict.hidden_fault for id_ in ids if id_ in known)

    def _is_early(self, record: TraceRecord, reconciler: Reconciler, began: int) -> bool:
        """Whether ``record`` or its join keys changed so lately that this run and a concurrent writer may not see each other's writes."""
        changed_at = max(record.changed_at, reconciler.keys_written_at.get(record.trace_id, 0))
        return began - changed_at < 2 * _MILLI * self._store.capabilities.visible_after


class _Group(msgspec.Struct):
    """A group of traces on its way.

    Attributes:
        known: the records by trace id, those of other traces that this concerns included.
        written: by trace id, the segments that were found now, and whose spans are as good as any.
        spans: what became of the spans.
        behind: the ids of traces with a line or span that is out of date.
        ready: the records of traces that settle with their lines, by trace id.
        left: the ids of all traces that are to be looked at again.
        early: the ids of traces that changed too lately to be settled now.
    """

    known: dict[str, TraceRecord]
    written: dict[str, set[str]]
    spans: SpanWriteResult = msgspec.field(default_factory=SpanWriteResult)
    behind: set[str] = set()
    ready: dict[str, TraceRecord] = {}
    left: set[str] = set()
    early: set[str] = set()

    @property
    def missing(self) -> set[str]:
        """The ids of traces with a span that could not be stored."""
        return self.spans.behind | self.spans.refused.keys()


def _note_faulty(records: Sequence[TraceRecord], total: Resolution) -> None:
    """Adds those of the ``records`` that have a hidden fault, and what issues they show, to the total."""
    for record in records:
        if record.verdict.hidden_fault:
            total.faulty += (record.trace_id,)
            total.shown += examples_of_record(record)


def _reasons(answers: TraceAnswers) -> list[str]:
    """Why look-ups failed, but for those that another account refused."""
    return [reason for id_, reason in answers.failed.items() if id_ not in answers.refusals]


def _as_good(found: TraceState, merged: TraceState) -> set[str]:
    """The ids of the segments of which nobody was told more than was ``found`` now; of the others a better span is to be found again."""
    best = merged.segments
    return {id_ for id_, fact in found.segments.items() if id_ not in best or segment_rank(fact) >= segment_rank(best[id_])}


def _told_beside(group: _Group, reconciler: Reconciler) -> list[TraceRecord]:
    """The records that do not settle now, but whose alerts need not wait.

    These are final ones with lines that can't be written now, and those that their lines alone tell of, since X-Ray is away.
    """
    if group.behind != reconciler.unwritable.keys():
        return []
    return [record for id_, record in group.known.items() if id_ not in group.missing and not record.settled
            and (id_ in group.behind if record.verdict.final else is_source_away(record.state))]  # fmt: skip
