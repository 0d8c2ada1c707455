"""Resolve: settles traces: looks them up, merges facts, evaluates, and brings every line and span up to date with the verdict.

Why it converges, even if steps happen twice, late or concurrently:
- facts only grow, and are merged into the trace's record by compare-and-set (`trace_records`);
- a line gets a verdict only from a state that holds the line's own facts (`enrich`);
- `ship` indexes a line, then loads the record; `resolve` writes the record, refreshes, then searches the lines: at least one
  of the two sees the other's write; where a hint brings all lines, nothing is searched (`join.held_traces`);
- a record lists the spans that a look-up found until all are stored and it settles; so a crash in between leaves a trace that is looked up
  again;
- where nothing can be refreshed (`Capabilities.visible_after`), a record settles only in a run that began when all that it rests on had
  long been visible, so a concurrent writer has seen it, or is seen;
- what is missed nevertheless (a crash, a lost message) is still `pending` or unsettled in the index, where `sweep` finds it.

What is away stops no more than it must. While X-Ray is, everything happens that follows from the lines; the look-ups are put off. Where an
index takes no writes, its traces are left, and the others go on.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from pipeline.alert.dispatch import Dispatch, Dispatcher, Publisher, joined
from pipeline.alert.issue_outbox import IssueOutbox
from pipeline.alert.outbox import Outbox
from pipeline.configure import console_links_for, evaluator_for, map_upkeep_for, policy_for
from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.issues.upkeep import IssueUpkeep
from pipeline.issues.watch import IssueWatch, Noticed
from pipeline.join.held_traces import HeldTraces
from pipeline.resolution import Resolution
from pipeline.retain.decision import may_go
from pipeline.retain.retention import Retention
from pipeline.settings import Settings
from pipeline.settlement import Run, Settlement
from pipeline.store.client import Store
from pipeline.store.join_keys import JoinKeys
from pipeline.store.probe import answers_to, any_matches, existence, may_match
from pipeline.store.stored_letters import forget_indexed, search_of_events
from pipeline.store.trace_records import TraceRecords
from pipeline.topology.periods import recent_spans
from pipeline.traces.sources.run_sources import RunSources
from pipeline.traces.sources.source import LookupResult, TraceSource

if TYPE_CHECKING:
    from pipeline.topology.map_upkeep import MapUpkeep

T = TypeVar("T")

_GROUP = 100
# as many as share a call of BatchGetTraces
_PROBE = 5
_MOST_GIVEN_UP = 10_000
# look-ups in a sweep; the next one begins elsewhere
_MOST_REFUSED = 500
# groups in a row; a single trace in a group of 100 makes seven
_MOST_FAILURES = 16
# its multiples spread evenly over a list of any length
_GOLDEN = 0.618_033_988_75
_PERIOD = 300
_BETWEEN_PURGES = 3600
# CloudWatch Logs takes events from two hours ahead (its API reference, PutLogEvents)
_AHEAD_MS = 7_200_000


class _Todo(NamedTuple):
    """For which steps of a sweep there may be something to do."""

    pending: bool
    unsettled: bool
    given_up: bool
    alerts: bool
    letters: bool
    map: bool
    records_to_sample: bool
    lines_to_sample: bool


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
        policy = policy_for(settings)
        self._records = TraceRecords(store, evaluator_for(settings), clock, partial(may_go, policy) if policy.samples else None)
        self._retention = Retention(store, self._records, policy, settings.retention_days, clock)
        self._keys = JoinKeys(store)
        self._sweeps = 0
        self._next_purge = 0.0
        self._next_map = 0.0
        self._map_waits = False
        alerts = Outbox(store) if settings.alert_per == "trace" else None
        self._outbox = alerts or IssueOutbox(store)
        self._purge_alerts = Outbox(store).purge
        self._issues = IssueWatch(store, growth=settings.alert_growth, tells=alerts is None, clock=clock)
        self._upkeep = IssueUpkeep(store, clock)
        self._settlement = Settlement(store, source, settings, self._records, alerts, clock)
        self._dispatcher = Dispatcher(store, self._outbox, topic, console_links_for(settings), clock) if topic else None

    def resolve(
        self, trace_ids: Iterable[str], *, force: bool = False, total: Resolution | None = None, held: HeldTraces | None = None
    ) -> Resolution:
        """Resolves these traces once, and sends alerts.

        Args:
            trace_ids: canonical.
            force: whether traces whose next look-up is not due are looked up, too.
            total: is filled with the result, so that the caller has it even if this raises. Of several calls with one total, none asks a
                source again that an earlier one found to be away.
            held: the lines of these traces, as far as hints brought them.

        Raises UnavailableError where OpenSearch does not answer: the same call is safe to repeat.
        """
        total = Resolution() if total is None else total
        ids = list(dict.fromkeys(trace_ids))
        calls, faulty, shown = self._source.calls, len(total.faulty), len(total.shown)
        run = self._run(total, held, force=force)
        try:
            for start in range(0, len(ids), _GROUP):
                self._resolve_apart(ids[start : start + _GROUP], run)
            found = total.faulty[faulty:]
            is_due = self._notice(total, lambda: self._issues.observe(total.shown[shown:], total.former_issues))
            if found and (is_due or self._settings.alert_per == "trace"):
                self._alert(total, found)
        finally:
            total.calls += self._source.calls - calls
            total.passed_over += self._store.left_out.passed_over()
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
        run = self._run(total, None, force=force)
        todo, hidden_faults = self._todo(before)
        pending = self._records.pending(before) if todo.pending else ()
        unsettled = self._records.unsettled(before) if todo.unsettled else ()
        ids = iter(self._from_elsewhere(list(dict.fromkeys((*pending, *unsettled)))))
        while (group := list(islice(ids, _GROUP))) and go_on():
            self._resolve_apart(group, run)
        total.unsettled += tuple(chain(group, ids))
        if todo.given_up or total.settled:
            self._look_again(run, go_on)
        is_due = self._notice(total, lambda: self._issues.observe(total.shown, total.former_issues))
        is_due |= self._notice(total, lambda: self._issues.survey(hidden_faults))
        # also the alerts of earlier runs that are still pending
        if todo.alerts or total.faulty or total.new_faults or is_due:
            self._alert(total, total.faulty)
        total.calls = self._source.calls - calls
        total.passed_over = self._store.left_out.passed_over()
        if todo.records_to_sample or todo.lines_to_sample:
            self._sample(total, go_on)
        self._keep_up(total, go_on, todo)
        return total

    def leaves_work(self, swept: Resolution) -> bool:
        """Whether this resolver's last sweep, which came to ``swept``, leaves work that waits for nobody else.

        That are open traces and lines, alerts that are not out, and service maps that it passed over. Dead letters, traces that were given
        up while X-Ray was away, and what a policy takes after its period of grace are for any later sweep. Raises as `sweep` does.
        """
        if swept.unsettled or self._map_waits:
            return True
        now = int(self._clock() * 1000)
        pending, unsettled, _ = self._records.searches(now + _AHEAD_MS)
        *is_open, is_due = any_matches([pending, unsettled, self._outbox.search], self._store)
        return any(is_open) or (is_due and self._dispatcher is not None and self._outbox.outlook(now) != "nothing")

    def _todo(self, before_ms: int) -> tuple["_Todo", Mapping[str, Any]]:
        """Finds out in one request which steps of a sweep have nothing to do, and what recent traces show of issues."""
        searches = (*self._records.searches(before_ms), self._outbox.search, search_of_events(self._store),
                    recent_spans(self._store, self._clock()), *self._retention.searches())  # fmt: skip
        asked = [(index, existence(query)) for index, query in searches]
        *found, hidden_faults = answers_to([*asked, self._issues.recent], self._store)
        return _Todo(*map(may_match, found)), hidden_faults

    @cached_property
    def _map(self) -> "MapUpkeep":
        # made when it is first due: its imports would be a part of every cold start
        return map_upkeep_for(self._settings, self._store, self._clock)

    def _run(self, total: Resolution, held: HeldTraces | None, *, force: bool) -> Run:
        away = LookupResult(total.source_away, reason=total.lookup_failures[-1]) if total.source_away else None
        return Run(total, RunSources(self._source, away), held or HeldTraces(), force=force)

    def _from_elsewhere(self, ids: list[str]) -> list[str]:
        """These ids from another starting point in each sweep of a worker, and every five minutes, so that no trace is always the last."""
        start = int((self._clock() // _PERIOD + self._sweeps) * _GOLDEN % 1 * len(ids))
        return ids[start:] + ids[:start]

    def _look_again(self, run: Run, go_on: Callable[[], bool]) -> None:
        """Looks traces up that were given up, as long as X-Ray answers: what it puts off waits for the next sweep.

        Other accounts may refuse a number of them: these come to nothing, and the rest goes on.
        """
        put_off = run.total.put_off
        again = msgspec.structs.replace(run, again=True, refused=0)
        ids = iter([] if run.source.open_by else self._from_elsewhere(list(islice(self._records.given_up(), _MOST_GIVEN_UP))))
        size = _PROBE
        while (
            (group := list(islice(ids, size)))
            and go_on()
            and run.total.put_off - again.refused == put_off
            and again.refused < _MOST_REFUSED
        ):
            self._resolve_apart(group, again)
            size = _GROUP

    def _keep_up(self, total: Resolution, go_on: Callable[[], bool], todo: "_Todo") -> None:
        """Deletes the dead letters of what is indexed by now, and once an hour what is past its retention; then looks after service maps.

        All of these once an hour, and those of the last hour every five minutes, if it has spans.
        """
        now = self._clock()
        hourly = now >= self._next_purge
        steps: list[Callable[[], object]] = [partial(forget_indexed, self._store)] if todo.letters else []
        if hourly:
            days = self._settings.retention_days
            steps += self._retention.hourly(partial(self._purge_traces, days))
            steps += [partial(self._upkeep.settle_down, quiet_days=self._settings.issue_quiet_days), self._upkeep.purge,
                      self._map.purge]  # fmt: skip
            # a domain of Amazon's has Index State Management, and its roles need no right to delete an index
            expired = (self._keys.purge, self._purge_alerts, *([] if self._settings.service == "es" else [self._store.expire]))
            steps += (partial(each, days=days) for each in expired)
            self._next_purge = now + _BETWEEN_PURGES
        self._map_waits = todo.map and not hourly and now < self._next_map
        if hourly or (todo.map and now >= self._next_map):
            steps.append(partial(self._map.keep_up, whole=hourly, go_on=go_on))
            self._next_map = now + _PERIOD
        for step in steps:
            self._try(step, total)

    def _sample(self, total: Resolution, go_on: Callable[[], bool]) -> None:
        """Deletes what the policy keeps nothing of."""
        if count := self._try(partial(self._retention.sample, go_on), total):
            total.sampled_out_lines += count.lines
            total.sampled_out_spans += count.spans
            total.sampled_out_bytes += count.size

    def _try(self, step: Callable[[], T], total: Resolution) -> T | None:
        """Takes a step of the upkeep, or notes why OpenSearch refused it; None then."""
        try:
            return step()
        except TracejoinError as error:
            if not _is_answer(error):
                raise
            total.undeleted += (str(error),)
            return None

    def _purge_traces(self, days: int) -> None:
        """Deletes old traces, once their numbers are noted with their issues; what can't be noted is not deleted."""
        self._issues.survey()
        self._upkeep.count_before_purge(retention_days=days)
        self._records.purge(days=days)

    def _notice(self, total: Resolution, look: Callable[[], list[Noticed]]) -> bool:
        """Takes a look at issues; returns whether one that it met is due.

        Where OpenSearch does not answer, that is a failure to alert, and stops no trace.
        """
        try:
            noticed = look()
        except (BadInputError, UnavailableError) as error:
            total.alerts = joined(total.alerts, Dispatch(failures=(str(error),)))
            return False
        if self._settings.alert_per == "issue":
            for issue in (each for each in noticed if each.fresh):
                rules = total.new_faults.setdefault(issue.service, {})
                for rule in issue.rules:
                    rules[rule] = rules.get(rule, 0) + 1
        return bool(noticed)

    def _alert(self, total: Resolution, faulty: Sequence[str]) -> None:
        """Sends what is due; ``faulty`` are the traces with a hidden fault that this run found."""
        if self._dispatcher:
            done = self._dispatcher.dispatch(faulty)
            total.alerts = joined(total.alerts, done)
            # one held trace is enough to call this again when the window is over
            total.unsettled += tuple(id_ for id_ in done.held[:1] if id_ not in total.unsettled)

    def _resolve_apart(self, ids: Sequence[str], run: Run) -> None:
        """Resolves a group of traces; what OpenSearch refuses is told apart, so that one trace does not stop the others.

        Where it rejects a document, each trace is resolved alone. Where an index can't be used now, the group is halved until its trace is
        found and left; where nothing goes well any more, the whole group is left.
        """
        total = run.total
        try:
            self._settlement.settle(ids, run)
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


def _is_answer(error: TracejoinError) -> bool:
    """Whether OpenSearch itself answered so, which may be about one index; else it is away."""
    return bool(error.status or error.kind)
