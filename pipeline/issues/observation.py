"""Observation: how an issue changes by what its traces show. Pure; the same traces give the same issue, looked at once or often."""

from collections.abc import Mapping, Sequence

import msgspec

from pipeline.detect.verdict import IssueSighting
from pipeline.issues.issue import DECIDED, OURSELVES, Change, Due, Issue


class Sightings(msgspec.Struct, frozen=True, kw_only=True):
    """What the stored traces say of an issue.

    Attributes:
        days: by UTC day (2026-11-24), how many traces ended on it.
        first_at: when the first of them ended, in milliseconds since the epoch, UTC.
        last_at: when the newest one did.
    """

    days: Mapping[str, int]
    first_at: int
    last_at: int

    @property
    def count(self) -> int:
        """How many traces there are."""
        return sum(self.days.values())


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One trace that shows an issue.

    Attributes:
        trace_id: canonical.
        at: when it ended, in milliseconds since the epoch, UTC.
        sighting: what it shows.
        arn: of the Lambda function that failed; empty if it is unknown.
        settled: whether nothing is expected to change its verdict.
    """

    trace_id: str
    at: int
    sighting: IssueSighting
    arn: str = ""
    settled: bool = False


def noted(example: Example) -> Issue:
    """Returns a new issue of the first trace that shows it, which nobody is told of yet."""
    return Issue(id=example.sighting.id, fingerprint=example.sighting.fingerprint, first_seen_at=example.at, last_seen_at=example.at,
                 first_trace_id=example.trace_id, first_version=example.sighting.version, first_arn=example.arn)  # fmt: skip


def observed(issue: Issue, seen: Sightings, now_ms: int, growth: Sequence[int], version: str = "") -> Issue:
    """Returns the issue after a look at its traces; the same object if nothing follows from them.

    Args:
        issue: as it is stored; one with a negative ``seq_no`` is not stored yet.
        seen: what the traces say.
        now_ms: milliseconds since the epoch, UTC.
        growth: the numbers of traces at which a growing issue is told again.
        version: of the Lambda function, in the newest trace; empty if it is unknown.
    """
    total = issue.total(seen.days)
    mark = max((number for number in growth if number <= total), default=0)
    last = issue.last_change
    if issue.seq_no < 0:
        return _due(issue, "new", mark, now_ms)
    if issue.state == "resolved":
        # one that went quiet did not, if a trace is newer than those that were known
        ended = issue.last_seen_at if last and last.by == OURSELVES else last.at if last else 0
        if seen.last_at <= ended:
            return issue
        return _due(issue.changed(Change(at=now_ms, by=OURSELVES, state="regressed", version=version)), "regressed", mark, now_ms)
    if issue.state == "muted":
        if last is None or not _is_over(last, seen, total):
            return issue
        return _due(issue.changed(Change(at=now_ms, by=OURSELVES, state="known", note="the mute is over")), "unmuted", mark, now_ms)
    # what was decided is told first, and then that it grew
    if mark <= issue.mark or issue.due in DECIDED:
        return issue
    return _due(issue, issue.due or "grown", mark, now_ms)


def handed_on(issue: Issue, former: Issue) -> Issue:
    """Returns a new issue as the ``former`` one was, whose traces turned out to be of this one; who was told of that is not told again.

    So it is where X-Ray was away, and a trace was told by its lines alone. What is told of the new issue is told by the id of the former.
    """
    if not (former.told_at or former.touched):
        return issue
    told_as = (former.told_as or former.id) if former.told_at else ""
    return msgspec.structs.replace(issue, state=former.state, changes=former.changes, due="", told_at=former.told_at, told_as=told_as)


def was_told(issue: Issue, sent: Issue, now_ms: int) -> Issue:
    """Returns the issue after the message about ``sent``, which is how it was; what came due meanwhile stays so.

    What was decided meanwhile of an issue that nobody had been told of before is due, since somebody is told now.
    """
    if (issue.due, issue.due_at) == (sent.due, sent.due_at):
        return msgspec.structs.replace(issue, due="grown" if issue.mark > sent.mark else "", told_at=now_ms)
    if issue.told_at > sent.told_at:
        return issue
    told = msgspec.structs.replace(issue, told_at=now_ms)
    if issue.due not in {"", "grown"} or sent.told_at or issue.changes == sent.changes or not issue.news:
        return told
    # that it grew is noted again
    return msgspec.structs.replace(told, mark=sent.mark if issue.due else issue.mark).with_news()


def counted(issue: Issue, seen: Sightings) -> Issue:
    """Returns the issue with the numbers of days whose traces are about to be deleted; the same object if it has them."""
    days = {day: max(number, issue.counted.get(day, 0)) for day, number in seen.days.items()}
    whole = {**issue.counted, **days}
    first, last = min(issue.first_seen_at, seen.first_at), max(issue.last_seen_at, seen.last_at)
    if (whole, first, last) == (issue.counted, issue.first_seen_at, issue.last_seen_at):
        return issue
    return msgspec.structs.replace(issue, counted=dict(sorted(whole.items())), first_seen_at=first, last_seen_at=last)


def quiet(issue: Issue, last_at: int, now_ms: int, days: int) -> Issue:
    """Returns the issue resolved if no trace showed it for ``days``, and else as it is; a muted one stays muted.

    ``last_at`` is when its newest trace ended, in milliseconds since the epoch, UTC.
    """
    last = max(last_at, issue.last_seen_at, issue.last_change.at if issue.last_change else 0)
    if issue.state in {"resolved", "muted"} or last > now_ms - days * 86_400_000:
        return issue
    resolved = issue.decided(Change(at=now_ms, by=OURSELVES, state="resolved", note=f"quiet for {days} days"))
    return msgspec.structs.replace(resolved, last_seen_at=max(last_at, issue.last_seen_at))


def _is_over(mute: Change, seen: Sightings, total: int) -> bool:
    """Whether a trace came after the end of a mute, or as many as it was to last."""
    return bool((mute.until and seen.last_at >= mute.until) or (mute.times and total >= mute.count + mute.times))


def _due(issue: Issue, due: Due, mark: int, now_ms: int) -> Issue:
    return msgspec.structs.replace(issue, due=due, due_at=issue.due_at if issue.due == due else now_ms, mark=max(mark, issue.mark))
