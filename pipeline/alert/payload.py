"""Payload: an alert for programs. Each SNS message carries it as its attribute `payload`, JSON that docs/notifications.md describes.

An attribute, since every subscriber gets it beside a message that people read: Lambda, SQS, HTTPS and Firehose.
Source: Amazon SNS developer guide, "Amazon SNS message attributes" (they count against the message's 256 KiB).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

import msgspec

from pipeline.alert.grouping import AboutIssue, Notification
from pipeline.alert.issue_words import NOBODY, ways_on, what_it_says
from pipeline.alert.quotation import neutral
from pipeline.detect.failures import Failure, describe_response
from pipeline.issues.issue import Due
from pipeline.model.timestamps import iso, iso_millis
from pipeline.model.trace_ids import to_xray

AlertState = Literal["new", "regressed", "growing", "acknowledged", "resolved"]

LONGEST_ID: Final = 255
_STATES: Final[Mapping[Due, AlertState]] = {"": "new", "new": "new", "regressed": "regressed", "grown": "growing", "unmuted": "growing",
                                            "acknowledged": "acknowledged", "resolved": "resolved"}  # fmt: skip
_LONGEST_TITLE: Final = 200
_LONGEST_NAME: Final = 256
_LONGEST_TEXT: Final = 600
_LONGEST_URL: Final = 2000
_MOST_RULES: Final = 20
_MOST_LINKS: Final = 4
_MOST_ISSUES: Final = 100
_LONGEST_TITLE_OF_ISSUE: Final = 100
# all forms of a message share the 256 KiB that SNS takes
_LARGEST_ISSUES: Final = 16_000
_MARGIN: Final = timedelta(minutes=15)
_END_OF_TIME: Final = 253_402_214_400_000
_name = partial(neutral, longest=_LONGEST_NAME)
_text = partial(neutral, longest=_LONGEST_TEXT)


class Link(msgspec.Struct, frozen=True):
    """A page that shows more: its name, and its URL with http or https."""

    name: str
    url: str


class IssueTold(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One of the issues that a message tells of together.

    Attributes:
        id: that of a message about this issue alone.
        state: what became of it.
        title: the service and what failed.
        service: the service that failed.
        count: how many traces show it.
    """

    id: str
    state: AlertState = "new"
    title: str = ""
    service: str = ""
    count: int = 1


class AlertPayload(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What an alert tells. Its texts are neutral (`pipeline.alert.quotation`); empty ones are unknown. Times are ISO 8601, UTC.

    Attributes:
        version: of this form.
        id: the same for all messages about one thing, so that later ones update, acknowledge or resolve it.
        state: what became of it.
        severity: how bad it is.
        title: a line that names the failure.
        service: the service that failed.
        rules: the rules that fired.
        entry: what was called from outside.
        answered: what the caller of the entry was answered, in words.
        happened: what really happened, in a sentence.
        exception: its type and message.
        count: how many traces show it.
        first_seen: when the first of them began.
        last_seen: when the newest one ended.
        trace_id: an example, as X-Ray writes it.
        transaction_id: the transaction of this example.
        line: a log line that shows it, by the example.
        line_at: when it was written.
        line_origin: its log group and account.
        decided_by: who acknowledged or resolved it; `tracejoin` if it was quiet.
        decided_at: when.
        note: why, in the author's words.
        resolved_in: the version of the function in which it is mended.
        issues: of a message about several issues each of them, as far as there is room.
        more_issues: how many further ones there are.
        next_steps: commands that tell more.
        links: pages that show more.
    """

    version: Literal["1.0"] = "1.0"
    id: str
    state: AlertState = "new"
    severity: Literal["alert", "notice"] = "alert"
    title: str
    service: str = ""
    rules: tuple[str, ...] = ()
    entry: str = ""
    answered: str = ""
    happened: str = ""
    exception: str = ""
    count: int = 1
    first_seen: str = ""
    last_seen: str = ""
    trace_id: str = ""
    transaction_id: str = ""
    line: str = ""
    line_at: str = ""
    line_origin: str = ""
    decided_by: str = ""
    decided_at: str = ""
    note: str = ""
    resolved_in: str = ""
    issues: tuple[IssueTold, ...] = ()
    more_issues: int = 0
    next_steps: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


def payload_of(notification: Notification, subject: str, trace: Mapping[str, Any], failures: Sequence[Failure],
               links: Iterable[tuple[str, str]]) -> AlertPayload:  # fmt: skip
    """Makes the payload of a notification.

    Args:
        notification: what is told.
        subject: of its message.
        trace: the document of the trace that is the example; empty where there is none any more.
        failures: those of this trace that the notification is about, the foremost first.
        links: pairs of a heading and a command or URL that shows the example.
    """
    alerts, pages = notification.alerts, tuple(links)
    rules = tuple(dict.fromkeys(rule for alert in alerts for rule in alert.rules))
    steps = [target for _, target in pages if not _is_url(target)]
    if not notification.alone:
        # a trace begins before its alert is stored
        steps.insert(0, f"tracejoin faults --since {iso(datetime.fromisoformat(alerts[0].at) - _MARGIN)}")
    about: dict[str, Any] = {
        "id": _id(notification), "title": neutral(subject, _LONGEST_TITLE), "service": _name(notification.group),
        "rules": tuple(map(_name, rules[:_MOST_RULES])), "count": len(alerts), "first_seen": alerts[0].at, "last_seen": alerts[-1].at,
        "happened": _rules_in_words(notification), "next_steps": tuple(steps), "links": links_of(pages),
    }  # fmt: skip
    if trace:
        about |= _example(trace, failures[0] if failures else None, alone=notification.alone)
    if issues := [alert.about for alert in alerts if alert.about]:
        about["count"] = sum(issue.total for issue in issues)
        about |= _issue(issues[0]) if notification.alone else _listed(issues)
    return AlertPayload(**about)


def payload_of_decision(about: AboutIssue, title: str) -> AlertPayload:
    """Makes the payload of what was decided about an issue; ``title`` is a line that says so."""
    issue, change = about.issue, about.issue.last_change
    said = {"decided_by": _name(change.by) or NOBODY, "decided_at": iso_millis(change.at), "note": _text(change.note),
            "resolved_in": _name(change.version)} if change else {}  # fmt: skip
    return AlertPayload(**{
        **_issue(about), "severity": "notice", "title": neutral(title, _LONGEST_TITLE), "service": _name(issue.fingerprint.service),
        "happened": _text(what_it_says(issue.fingerprint)), "count": about.total, **said,
        "next_steps": tuple(way for way, _ in ways_on(about)),
    })  # fmt: skip


def _issue(about: AboutIssue) -> dict[str, Any]:
    return {"id": neutral_id(about.told_as), "state": _STATES[about.issue.due], "first_seen": iso_millis(about.issue.first_seen_at)}


def _listed(issues: Sequence[AboutIssue]) -> dict[str, Any]:
    """The first of these issues, as many as there is room for, and how many more there are."""
    told: list[IssueTold] = []
    room = _LARGEST_ISSUES
    for about in issues[:_MOST_ISSUES]:
        service = _name(about.issue.fingerprint.service)
        title = neutral(f"{service}: {what_it_says(about.issue.fingerprint)}", _LONGEST_TITLE_OF_ISSUE)
        one = IssueTold(id=neutral_id(about.told_as), state=_STATES[about.issue.due], title=title, service=service, count=about.total)
        room -= len(msgspec.json.encode(one))
        if room < 0:
            break
        told.append(one)
    return {"issues": tuple(told), "more_issues": len(issues) - len(told)}


def links_of(pages: Iterable[tuple[str, str]]) -> tuple[Link, ...]:
    """Returns the links among pairs of a name and a target: those whose target is a URL with http or https, four at most."""
    shown = [Link(_name(name), target) for name, target in pages if _is_url(target) and len(target) <= _LONGEST_URL]
    return tuple(shown[:_MOST_LINKS])


def made_neutral(payload: AlertPayload) -> AlertPayload:
    """Returns a payload that anybody may have made with its texts neutral and its links checked; what was made here stays as it is."""
    title = neutral(payload.title, _LONGEST_TITLE) or neutral(payload.id, _LONGEST_TITLE)
    return msgspec.structs.replace(
        payload, id=neutral_id(payload.id), title=title, service=_name(payload.service),
        rules=tuple(map(_name, payload.rules[:_MOST_RULES])), entry=_name(payload.entry), answered=_name(payload.answered),
        happened=_text(payload.happened), exception=_text(payload.exception), first_seen=_name(payload.first_seen),
        last_seen=_name(payload.last_seen), trace_id=_name(payload.trace_id), transaction_id=_name(payload.transaction_id),
        decided_by=_name(payload.decided_by), decided_at=_name(payload.decided_at), note=_text(payload.note),
        resolved_in=_name(payload.resolved_in), issues=tuple(map(_neutral_issue, payload.issues[:_MOST_ISSUES])),
        line=_text(payload.line), line_at=_name(payload.line_at), line_origin=_name(payload.line_origin),
        next_steps=tuple(map(_name, payload.next_steps[:_MOST_LINKS])),
        links=links_of((link.name, link.url) for link in payload.links),
    )  # fmt: skip


def _neutral_issue(issue: IssueTold) -> IssueTold:
    title = neutral(issue.title, _LONGEST_TITLE_OF_ISSUE) or neutral(issue.id, _LONGEST_TITLE_OF_ISSUE)
    return msgspec.structs.replace(issue, id=neutral_id(issue.id), title=title, service=_name(issue.service))


def neutral_id(text: str) -> str:
    """Returns ``text`` as the id of a payload: printable ASCII, 255 characters at most."""
    return "".join(letter for letter in text if letter.isascii() and letter.isprintable())[:LONGEST_ID]


def _id(notification: Notification) -> str:
    """The trace and its first rule, as the alert is stored; of several alerts the service that they are grouped by."""
    first = notification.alerts[0]
    return neutral_id(f"{first.trace_id}-{next(iter(first.rules), '')}" if notification.alone else f"group-{notification.group}")


def _rules_in_words(notification: Notification) -> str:
    """In how many traces each rule fired."""
    rules = Counter(rule for alert in notification.alerts for rule in alert.rules)
    return _text(", ".join(f"{rule} in {number:,} traces" for rule, number in rules.most_common(_MOST_RULES)))


def _example(trace: Mapping[str, Any], failure: Failure | None, *, alone: bool) -> dict[str, Any]:
    verdict = trace.get("trace") or {}
    transaction = trace.get("transactionId", trace["traceId"])
    shown: dict[str, Any] = {"trace_id": to_xray(trace["traceId"]), "transaction_id": _name(to_xray(transaction))}
    if alone:
        shown |= {"first_seen": trace["@timestamp"], "last_seen": trace.get("lastSeenAt") or trace["@timestamp"]}
    shown["answered"] = describe_response(verdict.get("clientSaw"), verdict.get("edgeStatus"))
    if failure is None:
        return shown
    lead, deepest = failure.lead, failure.deepest
    shown |= {"entry": _name(next(iter(deepest.path), "")),
              "exception": _text(": ".join(filter(None, (lead.exception_type, lead.exception_message))))}  # fmt: skip
    if alone:
        shown |= {"service": _name(deepest.service_name), "happened": _text(lead.evidence)}
    if failure.lines:
        line = failure.lines[0]
        account = f" in account {line.account}" if line.account else ""
        at = iso_millis(line.at) if 0 < line.at < _END_OF_TIME else ""
        shown |= {"line": _text(line.text), "line_at": at, "line_origin": _name(f"{line.log_group or line.service_name}{account}")}
    return shown


def _is_url(target: str) -> bool:
    return target.startswith(("https://", "http://")) and target.isascii() and target.isprintable() and not set(target) & set(' "<>|\\')
