"""Alerts that are pending, for tests."""

from pipeline.alert.grouping import AboutIssue, PendingAlert
from pipeline.detect.verdict import Fingerprint
from pipeline.issues.issue import Change, Issue


def pending(count, group="orders", first=0):
    """Traces that somebody is to be told of."""
    return [
        PendingAlert(at=f"2026-11-24T10:00:{number % 60:02d}.000Z", trace_id=f"{first + number:032x}", group=group, rules=("timeout",))
        for number in range(count)
    ]


def decisions(count, group="orders"):
    """Issues of which a decision is to be told."""
    fingerprint = Fingerprint(family="functions", entry="GET /", service=group, operation=group, exception_type="E", message="m")
    found = []
    for number in range(count):
        issue = Issue(id=f"{number:016x}", fingerprint=fingerprint, state="resolved", changes=(Change(at=number, by="ann", state="resolved"),),
                      first_seen_at=0, last_seen_at=0, due="resolved", told_at=1)  # fmt: skip
        about = AboutIssue(id=issue.id, total=1, issue=issue)
        found.append(PendingAlert(at="2026-11-24T10:00:00.000Z", trace_id="", group=group, rules=(), about=about))
    return found
