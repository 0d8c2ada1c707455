"""Upkeep: what the sweep does for issues once an hour: numbers that outlive their traces, issues that went quiet, those of no trace."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from pipeline.issues.issue import Issue
from pipeline.issues.issue_records import IssueRecords
from pipeline.issues.observation import Sightings, counted, quiet
from pipeline.issues.sightings import count_sightings
from pipeline.model.timestamps import EPOCH, iso
from pipeline.store.client import Store

# days before their traces are deleted, so that a day is counted as a whole
_MARGIN: Final = 2
_DAY_MS: Final = 86_400_000
_OPEN: Final = {"terms": {"issue.state": ["new", "regressed", "known"]}}


class IssueUpkeep:
    """Keeps the stored issues; ``clock`` returns seconds since the epoch."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._records = IssueRecords(store)

    def count_before_purge(self, *, retention_days: int) -> int:
        """Notes how many traces each issue had on the days whose traces are deleted soon; returns how many issues changed.

        Has to be called before traces are deleted: what it notes is the larger one of two numbers, so it may be repeated.
        """
        before = iso(EPOCH + timedelta(seconds=self._clock()) - timedelta(days=retention_days - _MARGIN))
        seen = count_sightings(self._store, which=[{"range": {"lastSeenAt": {"lt": before}}}])

        def grow(issue: Issue | None, found: Sightings) -> Issue | None:
            # one that is not stored yet is made by the next survey
            return issue and counted(issue, found)

        changed = self._records.change(seen, grow)
        return sum(old is not new for old, new in changed.values())

    def settle_down(self, *, quiet_days: int) -> int:
        """Resolves open issues that no trace showed for ``quiet_days``, and deletes those that no trace shows and nobody touched.

        Such a one was noted a day ago or earlier, of a verdict that later facts changed. Returns how many issues changed.
        """
        self._records.refresh()
        issues = {issue.id: issue for issue in self._records.scan(_OPEN)}
        seen = count_sightings(self._store, sorted(issues)) if issues else {}
        now = int(self._clock() * 1000)
        # a trace of a younger one may not be visible yet
        gone = [issue for id_, issue in issues.items()
                if id_ not in seen and not issue.counted and not issue.touched and issue.due_at < now - _DAY_MS]  # fmt: skip
        deleted = sum(map(self._records.delete, gone))
        last = {id_: seen[id_].last_at if id_ in seen else 0 for id_ in issues.keys() - {issue.id for issue in gone}}

        def grow(issue: Issue | None, last_at: int) -> Issue | None:
            return issue and quiet(issue, last_at, now, quiet_days)

        changed = self._records.change(last, grow)
        return deleted + sum(old is not new for old, new in changed.values())

    def purge(self) -> int:
        """Deletes resolved issues that no trace showed for a year; returns how many."""
        return self._records.purge()
