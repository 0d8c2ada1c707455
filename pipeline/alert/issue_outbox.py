"""Issue outbox: the stored issues that somebody is to be told of, as alerts: one an issue, with its newest trace as the example.

What was decided about an issue is an alert without an example: its traces may be deleted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from pipeline.alert.grouping import AboutIssue, Outlook, PendingAlert, full_groups
from pipeline.alert.lease import Leases
from pipeline.issues.issue import DECIDED, OURSELVES, Issue
from pipeline.issues.issue_records import IssueRecords
from pipeline.issues.observation import Example, was_told
from pipeline.issues.sightings import count_sightings, one_example_each
from pipeline.model.timestamps import iso_millis
from pipeline.store.client import Store

MOST_DECISIONS: Final = 100
"""How many decisions are told at once."""


class IssueOutbox:
    """The issues that are due, for the dispatcher.

    Args:
        store: OpenSearch.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records = IssueRecords(store)
        self._leases = Leases(store)

    @property
    def search(self) -> tuple[str, Mapping[str, Any]]:
        """The search for due issues: an index and a query."""
        return self._records.due_search

    def outlook(self, now_ms: int) -> Outlook:
        """When there is something to send. In a storm of one issue there seldom is, and then nobody takes the lease, which is a write."""
        self._records.refresh()
        issues = {issue.id: issue for issue in self._records.due()}
        if any(issue.due in DECIDED for issue in issues.values()):
            return "now"
        # one that no trace shows is not told
        due = {issues[id_].fingerprint.service for id_ in count_sightings(self._store, sorted(issues))}
        if not due:
            return "nothing"
        full = full_groups(self._leases.read().window, now_ms)
        return "later" if due <= set(full) else "now"

    def pending(self, *, without: Iterable[str] = ()) -> list[PendingAlert]:
        """Gives the due issues that a trace shows, due first ones first, except those of the services ``without``; and what was decided.

        Of the latter a hundred at a time, what people decided first: ten thousand issues may become quiet in one hour.
        """
        left_out, due = set(without), list(self._records.due())
        decided = {issue.id: issue for issue in sorted((issue for issue in due if issue.due in DECIDED), key=_order)[:MOST_DECISIONS]}
        shown = {issue.id: issue for issue in due if issue.due not in DECIDED and issue.fingerprint.service not in left_out}
        issues = shown | decided
        seen = count_sightings(self._store, sorted(issues))
        newest = one_example_each(self._store, sorted(seen.keys() & shown.keys()))
        total = {id_: issue.total(seen[id_].days if id_ in seen else {}) for id_, issue in issues.items()}
        return sorted(_pending_alert(issues[id_], total[id_], newest.get(id_)) for id_ in newest.keys() | decided.keys())

    def claim(self, alerts: Sequence[PendingAlert]) -> tuple[PendingAlert, ...]:
        """Gives the part of ``alerts`` that no concurrent worker changed since `pending`; all of it if search sees each write at once."""
        if not self._store.capabilities.visible_after:
            return tuple(alerts)
        claimed = ((alert, alert.about, self._records.claim(alert.about.issue)) for alert in alerts if alert.about)
        return tuple(
            msgspec.structs.replace(alert, about=msgspec.structs.replace(about, issue=issue)) for alert, about, issue in claimed if issue
        )

    def mark_sent(self, alerts: Iterable[PendingAlert], now_ms: int) -> None:
        """Notes that these issues were told. What came due since they were read stays due."""
        sent = {alert.about.id: alert.about.issue for alert in alerts if alert.about}

        def grow(issue: Issue | None, told: Issue) -> Issue | None:
            return issue and was_told(issue, told, now_ms)

        self._records.change(sent, grow)

    def withdraw(self, alerts: Iterable[PendingAlert], now_ms: int) -> int:
        """Withdraws nothing: an issue whose example turned out to be no fault is due with another one, or is shown by no trace."""
        del alerts, now_ms
        return 0


def _order(issue: Issue) -> tuple[bool, int, str]:
    """What people decided comes before what went quiet, then by time."""
    return bool(issue.last_change and issue.last_change.by == OURSELVES), issue.due_at, issue.id


def _pending_alert(issue: Issue, total: int, example: Example | None) -> PendingAlert:
    trace_id, rules = (example.trace_id, example.sighting.rules) if example else ("", ())
    return PendingAlert(at=iso_millis(issue.due_at), trace_id=trace_id, group=issue.fingerprint.service, rules=rules,
                        about=AboutIssue(id=issue.id, total=total, issue=issue))  # fmt: skip
