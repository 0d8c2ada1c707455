"""Issue: the hidden faults of one cause, as they are stored. Counts follow from the traces as long as these are stored."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from pipeline.detect.verdict import Fingerprint

IssueState = Literal["new", "known", "muted", "resolved", "regressed"]
Due = Literal["", "new", "regressed", "grown", "unmuted", "acknowledged", "resolved"]
"""Why somebody is to be told; empty if nobody is."""
DECIDED: Final[frozenset[Due]] = frozenset({"acknowledged", "resolved"})
"""What is told of an issue since its state was decided, by a person or by itself, and not since its traces showed it."""

STATES: Final[tuple[IssueState, ...]] = ("new", "regressed", "known", "muted", "resolved")
"""All states, in the order in which they are listed."""
OURSELVES: Final = "tracejoin"
"""The author of changes that no person made."""
_MOST_CHANGES: Final = 200


class Change(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A change of an issue's state.

    Attributes:
        at: milliseconds since the epoch, UTC.
        by: who made it; `tracejoin` if no person did.
        state: that followed.
        note: why, in the author's words.
        version: of the Lambda function: in which it was resolved, or showed again.
        until: of a mute, when it ends, in milliseconds since the epoch; 0 for no such end.
        times: of a mute, after how many further traces it ends; 0 for no such end.
        count: of a mute, how many traces there were.
    """

    at: int
    by: str
    state: IssueState
    note: str = ""
    version: str = ""
    until: int = 0
    times: int = 0
    count: int = 0


class Issue(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An issue.

    Attributes:
        id: follows from the fingerprint.
        fingerprint: what its faults have in common.
        state: the state that a person, or a fault that came back, gave it.
        changes: of the state, oldest first; the newest 200.
        first_seen_at: when its first trace ended, in milliseconds since the epoch, UTC.
        last_seen_at: when its newest trace ended, as far as it is noted here: the traces know better while they are stored.
        first_trace_id: the trace by which it was noted.
        first_version: the version of the Lambda function that showed it first; empty if it is unknown.
        first_arn: the ARN of this function; empty if it is unknown.
        counted: by UTC day, how many traces there were, of days whose traces may be deleted already.
        due: why somebody is to be told.
        due_at: since when, in milliseconds since the epoch, UTC.
        mark: the highest number of traces for which a growing issue was, or is to be, told.
        told_at: when somebody was told last; 0 for never.
        told_as: the id of the issue as which it was told before it turned out to be this one; empty for its own.
    """

    id: str
    fingerprint: Fingerprint
    state: IssueState = "new"
    changes: tuple[Change, ...] = ()
    first_seen_at: int
    last_seen_at: int
    first_trace_id: str = ""
    first_version: str = ""
    first_arn: str = ""
    counted: Mapping[str, int] = {}
    due: Due = ""
    due_at: int = 0
    mark: int = 0
    told_at: int = 0
    told_as: str = ""
    seq_no: int = -1
    primary_term: int = -1

    @property
    def last_change(self) -> Change | None:
        """The newest change; None while nothing has changed."""
        return self.changes[-1] if self.changes else None

    @property
    def resolution(self) -> Change | None:
        """The newest change that resolved it; None if none did."""
        return next((change for change in reversed(self.changes) if change.state == "resolved"), None)

    @property
    def news(self) -> Due:
        """What its newest change says to those who were told of it; empty for a mute, the end of one, reopening and coming back."""
        former = self.changes[-2].state if len(self.changes) > 1 else "new"
        match self.last_change:
            case Change(state="resolved"):
                return "resolved"
            case Change(state="known") if former not in {"muted", "resolved"}:
                return "acknowledged"
            case _:
                return ""

    @property
    def touched(self) -> bool:
        """Whether a person changed it."""
        return any(change.by != OURSELVES for change in self.changes)

    def total(self, days: Mapping[str, int]) -> int:
        """How many traces showed it, those that are deleted included; ``days`` counts the stored ones by UTC day."""
        return sum(max(self.counted.get(day, 0), days.get(day, 0)) for day in self.counted.keys() | days.keys())

    def changed(self, change: Change) -> "Issue":
        """The issue after a change of its state."""
        return msgspec.structs.replace(self, state=change.state, changes=(*self.changes, change)[-_MOST_CHANGES:])

    def decided(self, change: Change) -> "Issue":
        """The issue after a change that was decided, which is due for those who were told of it; nothing else is due any more."""
        return self.changed(change).with_news() if self.told_at else msgspec.structs.replace(self.changed(change), due="")

    def with_news(self) -> "Issue":
        """The issue with what its newest change says as due; each change is due on its own, however short the time between two."""
        at = self.last_change.at if self.last_change else 0
        return msgspec.structs.replace(self, due=self.news, due_at=max(at, self.due_at + 1))
