"""Issue words: why somebody is told of an issue, what was decided about it, what became of it before, and how it is looked at. Pure.

What a person wrote into a note stands in quotation marks like what a log says: whoever has the page's token may write one.
"""

from collections.abc import Callable, Iterator
from typing import Final

from pipeline.alert.grouping import AboutIssue
from pipeline.detect.verdict import Fingerprint
from pipeline.issues.issue import Change, Due
from pipeline.model.timestamps import iso_millis

LABELS: Final[dict[Due, str]] = {"": "issue", "new": "new", "regressed": "regressed", "grown": "growing", "unmuted": "mute over",
                                 "acknowledged": "acknowledged", "resolved": "resolved"}  # fmt: skip
"""In a word, why somebody is told."""
NOBODY: Final = "somebody"
"""An author whose name has nothing to show."""


def describe_due(about: AboutIssue, named: Callable[[str], str], quoted: Callable[[str], str]) -> Iterator[str]:
    """Yields lines that say why an issue is told, and how it is looked at.

    Args:
        about: the issue.
        named: makes names fit for where they are shown.
        quoted: marks what a person wrote as a quotation.
    """
    issue = about.issue
    traces = _traces(about)
    match issue.due:
        case "regressed":
            yield f"Issue {about.id} came back: {_resolved(issue.resolution, named, quoted)}; {traces} so far."
        case "grown":
            yield f"Issue {about.id} grows: {traces} so far, since {iso_millis(issue.first_seen_at)}."
        case "unmuted":
            yield f"The mute of issue {about.id} is over, and it still comes: {traces} so far."
        case _:
            yield f"Issue {about.id} is new: {traces} so far."
    if issue.first_version:
        yield f"It was first seen {iso_millis(issue.first_seen_at)} in version {named(issue.first_version)} of the function."
    yield f"tracejoin issue {about.id} shows it; tracejoin issue ack {about.id} says that you know it."


def describe_decision(about: AboutIssue, named: Callable[[str], str], quoted: Callable[[str], str]) -> Iterator[str]:
    """Yields lines that say what was decided about an issue, by whom, when and why, what it says, and how it is looked at.

    The arguments are those of `describe_due`.
    """
    issue = about.issue
    decided = f": {_by_whom(issue.last_change, named, quoted)}" if issue.last_change else ""
    version = f" in version {named(issue.last_change.version)}" if issue.last_change and issue.last_change.version else ""
    yield f"Issue {about.id} is {LABELS[issue.due]}{version}{decided}; {_traces(about)} so far, since {iso_millis(issue.first_seen_at)}."
    yield f"It says {quoted(what_it_says(issue.fingerprint))}."
    yield "; ".join(f"{command} {does}" for command, does in ways_on(about))


def ways_on(about: AboutIssue) -> Iterator[tuple[str, str]]:
    """Yields pairs of a command about an issue of which a decision is told, and what it does."""
    yield f"tracejoin issue {about.id}", "shows it"
    if about.issue.due == "resolved":
        yield f"tracejoin issue reopen {about.id}", "takes that back"


def what_it_says(fingerprint: Fingerprint) -> str:
    """Returns the exception's type and message, or the log line, that the faults of an issue share; else what failed."""
    return ": ".join(filter(None, (fingerprint.exception_type, fingerprint.message))) or fingerprint.operation


def _traces(about: AboutIssue) -> str:
    return "1 trace" if about.total == 1 else f"{about.total:,} traces"


def _resolved(change: Change | None, named: Callable[[str], str], quoted: Callable[[str], str]) -> str:
    if change is None:
        return "it had been resolved"
    version = f" in version {named(change.version)}" if change.version else ""
    return f"it had been resolved{version} {_by_whom(change, named, quoted)}"


def _by_whom(change: Change, named: Callable[[str], str], quoted: Callable[[str], str]) -> str:
    note = f", {quoted(change.note)}" if change.note else ""
    return f"by {named(change.by) or NOBODY} at {iso_millis(change.at)}{note}"
