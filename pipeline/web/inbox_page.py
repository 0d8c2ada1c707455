"""Inbox page: the values that its template prints: issues, each with its sparkline and its changes. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.detect.failures import describe_response
from pipeline.issues.issue import Change
from pipeline.model.timestamps import iso_millis
from pipeline.search.issue_list import ListedIssue
from pipeline.search.question import Question, Term
from pipeline.web.search_page import address_of

_PARTS: Final = 30
_HEIGHT: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A change of an issue's state, with its times as stored times are written; empty where it has none."""

    change: Change
    at: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRow:
    """An issue as a row of the inbox.

    Attributes:
        listed: what it holds.
        title: the exception's type, else the operation that failed.
        told: what the callers were told, with how many times where they were told different things.
        first_seen: as stored times are written.
        last_seen: likewise.
        spark: for each part of time with a fault its place and height, in the units of a picture of 30 by 24.
        described: the sparkline in words.
        search: the address of the search for the service's part in hidden faults.
        changes: newest first.
        verbs: what may be decided about it now.
    """

    listed: ListedIssue
    title: str
    told: tuple[str, ...]
    first_seen: str
    last_seen: str
    spark: Sequence[tuple[int, float]]
    described: str
    search: str
    changes: Sequence[ChangeRow]
    verbs: tuple[str, ...]


def issue_row(listed: ListedIssue, *, since: int, until: int) -> IssueRow:
    """Makes a row of an issue; its sparkline goes from ``since`` to ``until``, in milliseconds since the epoch."""
    issue, fingerprint = listed.issue, listed.issue.fingerprint
    counts = Counter[int]()
    for at, count in listed.buckets:
        counts[min(max((at - since) * _PARTS // max(until - since, 1), 0), _PARTS - 1)] += count
    highest = max(counts.values(), default=0)
    shown = (
        "no trace in the time shown" if not highest else f"{counts.total():,} over the time shown, at most {highest:,} in a thirtieth of it"
    )
    closed = issue.state in {"resolved", "muted"}
    return IssueRow(
        listed=listed,
        title=fingerprint.exception_type or fingerprint.operation or fingerprint.family,
        told=tuple(
            f"{describe_response(saw, status)}{f' ({count:,} times)' if len(listed.told) > 1 else ''}" for saw, status, count in listed.told
        ),
        first_seen=iso_millis(listed.first_at),
        last_seen=iso_millis(listed.last_at),
        spark=[(part, round(max(count / highest * _HEIGHT, 2), 1)) for part, count in sorted(counts.items())],
        described=shown,
        search=address_of(Question((Term("yes", "hidden"), Term(fingerprint.service, "service")))),
        changes=[
            ChangeRow(change=change, at=iso_millis(change.at), until=iso_millis(change.until) if change.until else "")
            for change in reversed(issue.changes)
        ],
        verbs=("reopen", "mute") if issue.state == "muted" else ("reopen",) if closed else ("ack", "mute", "resolve"),
    )
