"""Decision: how a person changes an issue. Pure; a decision that says nothing new changes nothing."""

from typing import Final, Literal

import msgspec

from pipeline.errors import BadInputError, WrongUsageError
from pipeline.issues.issue import OURSELVES, Change, Issue, IssueState

Verb = Literal["ack", "mute", "resolve", "reopen"]
VERBS: Final[dict[Verb, IssueState]] = {"ack": "known", "mute": "muted", "resolve": "resolved", "reopen": "known"}
"""The state that each verb leads to."""
_LONGEST_NOTE: Final = 1000
_LONGEST_NAME: Final = 100
# no storm has as many, and every store and page can hold it
_MOST_TIMES: Final = 10**9


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants of an issue.

    Attributes:
        verb: what.
        by: who.
        at: milliseconds since the epoch, UTC.
        note: why.
        version: of `resolve`, the version of the function in which it is mended.
        until: of `mute`, when it ends, in milliseconds since the epoch, UTC; 0 for no such end.
        times: of `mute`, after how many further traces it ends; 0 for no such end.
    """

    verb: Verb
    by: str
    at: int
    note: str = ""
    version: str = ""
    until: int = 0
    times: int = 0

    def __post_init__(self) -> None:
        """Raises WrongUsageError for what no issue can be told."""
        if not self.by.strip() or len(self.by) > _LONGEST_NAME:
            raise WrongUsageError(f"an author needs a name of 1 to {_LONGEST_NAME} characters")
        if len(self.note) > _LONGEST_NOTE:
            raise WrongUsageError(f"the note has {len(self.note):,} characters: at most {_LONGEST_NOTE:,}")
        if len(self.version) > _LONGEST_NAME:
            raise WrongUsageError(f"the version has {len(self.version):,} characters: at most {_LONGEST_NAME}")
        if self.times > _MOST_TIMES:
            raise WrongUsageError(f"a mute ends after {_MOST_TIMES:,} traces at most")
        if self.verb == "mute" and not (self.until or self.times):
            raise WrongUsageError("a mute needs an end: until a time, or until so many traces more")
        if self.until and self.until <= self.at:
            raise WrongUsageError("the mute would end in the past: give a time to come")


def decided(issue: Issue, decision: Decision, total: int) -> Issue:
    """Returns the issue after a decision; the same object if it is in that state already, and the decision says nothing new.

    Args:
        issue: as it is stored.
        decision: what a person wants.
        total: how many traces showed it so far.

    Raises BadInputError where the verb makes no sense for the issue's state.
    """
    state = VERBS[decision.verb]
    if decision.verb == "reopen" and issue.state not in {"resolved", "muted"}:
        raise BadInputError(f"issue {issue.id} is {issue.state}, so there is nothing to reopen: only a resolved or a muted one is reopened")
    if decision.verb == "ack" and issue.state in {"resolved", "muted"}:
        raise BadInputError(f"issue {issue.id} is {issue.state}: reopen it")
    last = issue.last_change
    # what is known since its mute is over nobody acknowledged
    seen = issue.state == state and not (decision.verb == "ack" and last and last.by == OURSELVES)
    # a mute with another end is another mute
    if seen and not decision.note and decision.verb != "mute":
        return issue
    change = Change(
        at=max(decision.at, last.at if last else 0),
        by=decision.by,
        state=state,
        note=decision.note,
        version=decision.version,
        until=decision.until,
        times=decision.times,
        count=total if decision.verb == "mute" else 0,
    )
    # whoever decides has seen it; the others that were told are told of the decision
    return issue.decided(change)
