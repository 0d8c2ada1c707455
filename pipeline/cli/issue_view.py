"""Issue view: what `tracejoin issues` and `tracejoin issue` print of an issue. All that logs, traces and people wrote is escaped."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Final

from rich.markup import escape
from rich.padding import Padding

from pipeline.cli.context import CommandContext
from pipeline.cli.terminal_text import one_line
from pipeline.detect.failures import describe_response
from pipeline.issues.issue import Change, Issue
from pipeline.model.clock_times import clock_time
from pipeline.model.durations import rough_duration
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.search.issue_list import ListedIssue

_COLOURS: Final = {"new": "bold red", "regressed": "bold red", "known": "yellow", "muted": "dim", "resolved": "green"}
_BARS: Final = "▁▂▃▄▅▆▇█"
_MOST_BARS: Final = 40


def say_lines(app: CommandContext, lines: Iterable[str]) -> None:
    """Prints lines in rich's markup; what does not fit into a line goes on behind the same indent."""
    for line in lines:
        text = line.lstrip()
        app.say(Padding(text, (0, 0, 0, len(line) - len(text)), expand=False))


def issue_lines(listed: ListedIssue, zone: tzinfo | None = None) -> Iterator[str]:
    """The lines of an issue in a list, in rich's markup: id, state and numbers, what failed, where, and what callers were told.

    Times are in ``zone``; None is this computer's own.
    """
    issue = listed.issue
    state, last = f"[{_COLOURS[issue.state]}]{issue.state}[/]", _time(listed.last_at, zone)
    yield f"[bold]{issue.id}[/]  {state}  {_traces(listed.total)}  last seen {last}"
    yield f"  {_shown(what_failed(issue))}"
    yield f"  {' › '.join(_shown(part) for part in where(issue))}"
    if listed.told:
        yield f"  {_shown(', '.join(_told(listed)))}"


def issue_details(listed: ListedIssue, zone: tzinfo | None = None) -> Iterator[str]:
    """The further lines of one issue alone: since when, how often, from where, and every change of its state; times as in `issue_lines`."""
    issue = listed.issue
    version = f" in version {issue.first_version}" if issue.first_version else ""
    arn = f" of {issue.first_arn}" if issue.first_arn else ""
    yield f"  first seen {_time(listed.first_at, zone)}{_shown(version)}{_shown(arn)}: tracejoin trace {to_xray(issue.first_trace_id)}"
    if listed.buckets:
        most = max(count for _, count in listed.buckets)
        yield f"  traces over time  {_spark(listed)}  at most {most:,} in {rough_duration(listed.step)}"
    yield from (f"  entry  {_shown(name)}  {_traces(count)}" for name, count in listed.entries)
    yield from (f"  {_shown(describe_change(change))}" for change in issue.changes)


def what_failed(issue: Issue) -> str:
    """The service, the exception and the message, of which each may be unknown."""
    fingerprint = issue.fingerprint
    said = ": ".join(filter(None, (fingerprint.exception_type, fingerprint.message))) or f"a fault ({fingerprint.family})"
    return f"{fingerprint.service or 'an unknown service'}: {said}"


def where(issue: Issue) -> tuple[str, ...]:
    """The entry and the operation, as far as they are known."""
    parts = (issue.fingerprint.entry or "an unknown entry", issue.fingerprint.operation)
    return tuple(dict.fromkeys(filter(None, parts)))


def describe_change(change: Change) -> str:
    """A change of an issue's state in one line: when, who, what, and why."""
    version = f" in version {change.version}" if change.version else ""
    until = f" until {iso_millis(change.until)}" if change.until else ""
    times = f" until {change.times:,} more traces" if change.times else ""
    note = f": {change.note}" if change.note else ""
    return f"{iso_millis(change.at)}  {change.state}{version}{until}{times} by {change.by}{note}"


def _told(listed: ListedIssue) -> Iterator[str]:
    for saw, status, count in listed.told:
        yield f"{describe_response(saw, status)} ({count:,} times)" if count > 1 else describe_response(saw, status)


def _spark(listed: ListedIssue) -> str:
    counts = dict(listed.buckets)
    begin, end = min(counts), max(counts)
    begin = max(begin, end - (_MOST_BARS - 1) * listed.step)
    row = [counts.get(at, 0) for at in range(begin, end + 1, listed.step)]
    highest = max(row)
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // highest)] for count in row)


def _traces(count: int) -> str:
    return "1 trace" if count == 1 else f"{count:,} traces"


def _time(at: int, zone: tzinfo | None) -> str:
    return str(clock_time(at, zone, "seconds")) if at else "at an unknown time"


def _shown(text: str) -> str:
    return escape(one_line(text))
