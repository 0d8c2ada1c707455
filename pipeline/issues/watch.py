"""Watch: looks at what traces show, and notes what is new, came back or grew, in a bounded number of writes an issue.

An issue follows from the stored traces and from what people decided. So it does not matter which worker looks at which trace, in which
order, or how often; what a crash left out is found by the next `survey`. What is new or came back is noted at once. Whether an issue that
is known grew, a survey finds out: it counts traces, which a storm should not do for each of its batches.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

import msgspec

from pipeline.issues.issue import DECIDED, Issue
from pipeline.issues.issue_records import IssueRecords
from pipeline.issues.observation import Example, Sightings, handed_on, noted, observed
from pipeline.issues.sightings import arn_of_function, count_search, count_sightings, one_example_each, read_counts, settled_or
from pipeline.model.timestamps import EPOCH, day_of_millis, iso
from pipeline.store.client import Store

_RECENT: Final = timedelta(hours=6)
_MOST_ARNS: Final = 50


class Noticed(msgspec.Struct, frozen=True):
    """An issue that somebody is to be told of, with the rules that fired on it; ``fresh`` if this look found it to be new or back."""

    service: str
    rules: tuple[str, ...]
    fresh: bool


class _Look(msgspec.Struct, frozen=True):
    """What is known of an issue when it is looked at: its sightings, and the first and the newest trace of this look."""

    seen: Sightings
    first: Example
    newest: Example


class IssueWatch:
    """Notes what traces show.

    Args:
        store: OpenSearch.
        growth: the numbers of traces at which a growing issue is told again.
        tells: whether somebody is to be told of issues; if not, nothing becomes due.
        clock: returns seconds since the epoch.
    """

    def __init__(self, store: Store, *, growth: Sequence[int], tells: bool = True, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._growth = growth
        self._tells = tells
        self._clock = clock
        self._records = IssueRecords(store)
        self._surveyed: dict[str, Sightings] = {}

    def observe(self, found: Sequence[Example], former: Mapping[str, str] | None = None) -> list[Noticed]:
        """Notes what these traces show; returns the issues of them that are due.

        Args:
            found: what each trace shows, by its verdict.
            former: by issue id, the id of the issue that its traces showed before, if they did.

        Raises UnavailableError where OpenSearch does not answer.
        """
        by_issue: dict[str, list[Example]] = {}
        for example in found:
            by_issue.setdefault(example.sighting.id, []).append(example)
        known = self._records.load(by_issue) if by_issue else {}
        changing = {id_: by_issue[id_] for id_, issue in known.items() if issue is None or issue.state in {"resolved", "muted"}}
        due = [_noticed(by_issue[id_][0]) for id_, issue in known.items() if issue and issue.due and id_ not in changing]
        if not changing:
            return due
        self._store.refresh(f"{self._store.prefix}-traces")
        open_ids = {example.trace_id for example in found if not example.settled}
        seen = count_sightings(self._store, sorted(changing), which=[settled_or(open_ids)])
        return due + self._note({id_: _look(examples, seen.get(id_)) for id_, examples in changing.items()}, known, former or {})

    @property
    def recent(self) -> tuple[str, Mapping[str, Any]]:
        """The search that counts the traces of `survey`, by issue: an index and the body of a search."""
        # six hours are enough: the hourly upkeep looks at everything
        since = {"range": {"lastSeenAt": {"gte": self._iso(-_RECENT)}}}
        return f"{self._store.prefix}-traces", count_search(which=[since, settled_or(())])

    def survey(self, answer: Mapping[str, Any] | None = None) -> list[Noticed]:
        """Notes what all settled traces show, or if there is an ``answer`` to the search of `recent`, the issues in it.

        Returns as `observe` does. An answer that says what that of the last survey said is not looked at again: what was noted then
        follows from it, and what people decided since changes nothing of it. Growth waits for a decision that is to be told first.
        """
        recent = read_counts(answer) if answer is not None else None
        if recent is not None and (not recent or recent == self._surveyed):
            return []
        ids = sorted(count_sightings(self._store, which=[settled_or(())]) if recent is None else recent)
        stored = self._records.load(ids)
        seen = count_sightings(self._store, ids, which=[settled_or(())])
        changing = [id_ for id_ in ids if id_ in seen and ((issue := stored[id_]) is None or self._observed(issue, seen[id_]) is not issue)]
        first, newest = (one_example_each(self._store, changing, oldest=oldest) for oldest in (True, False))
        looks = {id_: _look([first[id_], newest[id_]], seen[id_]) for id_ in changing if id_ in first and id_ in newest}
        noticed = self._note(looks, {id_: stored[id_] for id_ in looks})
        if recent is not None:
            waits = any(issue and issue.due in DECIDED for issue in stored.values())
            self._surveyed = {} if waits else recent
        return noticed

    def _note(
        self, looks: Mapping[str, _Look], known: Mapping[str, Issue | None], former: Mapping[str, str] = MappingProxyType({})
    ) -> list[Noticed]:
        """Notes what looks at issues say; ``known`` issues are as they were loaded, and need not be loaded first."""
        new = [id_ for id_ in looks if known[id_] is None]
        # a search each; whoever makes up issues makes no searches without end
        arns = {id_: arn_of_function(self._store, looks[id_].first) for id_ in new[:_MOST_ARNS]}
        before = {id_: other for id_, other in former.items() if id_ in new}
        stored = self._records.load(sorted(set(before.values()))) if before else {}

        def grow(issue: Issue | None, look: _Look) -> Issue | None:
            version = look.newest.sighting.version
            if issue:
                return self._observed(issue, look.seen, version)
            id_ = look.first.sighting.id
            made = self._observed(noted(msgspec.structs.replace(look.first, arn=arns.get(id_, ""))), look.seen, version)
            other = stored.get(before.get(id_, ""))
            return handed_on(made, other) if other else made

        return [
            _noticed(looks[id_].first, fresh=after is not old and (old is None or (after.state, old.state) == ("regressed", "resolved")))
            for id_, (old, after) in self._records.change(looks, grow, known).items()
            if after and after.due
        ]

    def _observed(self, issue: Issue, seen: Sightings, version: str = "") -> Issue:
        now = int(self._clock() * 1000)
        grown = observed(issue, seen, now, self._growth, version)
        return grown if grown is issue or self._tells else msgspec.structs.replace(grown, due="")

    def _iso(self, offset: timedelta) -> str:
        return iso(EPOCH + timedelta(seconds=self._clock()) + offset)


def _noticed(example: Example, *, fresh: bool = False) -> Noticed:
    return Noticed(example.sighting.fingerprint.service, example.sighting.rules, fresh)


def _look(examples: Iterable[Example], seen: Sightings | None) -> _Look:
    """A look with at least these examples, which a search may not show yet."""
    found = sorted(examples, key=lambda example: (example.at, example.trace_id))
    first, newest = found[0], found[-1]
    if seen is None:
        days = Counter(day_of_millis(at) for _, at in {(example.trace_id, example.at) for example in found})
        seen = Sightings(days=days, first_at=first.at, last_at=newest.at)
    return _Look(msgspec.structs.replace(seen, first_at=min(seen.first_at, first.at), last_at=max(seen.last_at, newest.at)), first, newest)
