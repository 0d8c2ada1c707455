"""Message: words a notification about one trace or many. Pure; made of stored trace documents alone, which hold nothing secret.

Each name and each quotation passes `pipeline.alert.quotation`: only the links and commands that are made here work.

Sources: Amazon SNS API reference, "Publish" (a subject is ASCII without line breaks, shorter than 100 characters; a message of
256 KiB at most). The links follow OpenSearch Dashboards' Discover and the CloudWatch console's page of a trace.
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

import msgspec

from pipeline.alert.grouping import AboutIssue, Notification, PendingAlert
from pipeline.alert.issue_words import LABELS, NOBODY, describe_decision, describe_due, what_it_says
from pipeline.alert.payload import AlertPayload, payload_of, payload_of_decision
from pipeline.alert.quotation import neutral, one_line, quoted
from pipeline.detect.failures import Failure, describe_failure, describe_response, group_failures
from pipeline.detect.fingerprint import failures_of
from pipeline.detect.verdict import Finding, IssueSighting
from pipeline.model.json_values import ascii_of
from pipeline.model.places import Place, place_in
from pipeline.model.timestamps import iso
from pipeline.model.trace_ids import to_xray

MOST_SHOWN: Final = 10
_LONGEST_SUBJECT: Final = 99
# as JSON it may double, and shares a message with its other forms and the payload
_LONGEST_TEXT: Final = 80_000
_LONGEST_VALUE: Final = 1000
_LONGEST_QUOTATION: Final = 400
_LONGEST_NAME: Final = 256
_LONGEST_NAME_OF_SUBJECT: Final = 48
# so that a subject with three names shows its end
_LONGEST_NAME_OF_THREE: Final = 22
_LONGEST_ATTRIBUTE: Final = 256
_MOST_FAILURES: Final = 5
_MOST_WORDS: Final = 12
_MOST_LISTED: Final = 100
_MOST_CONSOLES: Final = 2
_MARGIN: Final = timedelta(minutes=15)
_WHO_SPEAKS: Final = "What stands in “ ” is quoted from logs and traces, whose writers may lie; its links are broken on purpose."
_EXCEPTION_TYPE: Final = re.compile(r"[\w.$]{1,80}")
_name = partial(neutral, longest=_LONGEST_NAME)
_quoted = partial(quoted, longest=_LONGEST_QUOTATION)


class ConsoleLinks(msgspec.Struct, frozen=True):
    """Where messages link to: X-Ray in a region, OpenSearch Dashboards and the page `tracejoin serve` by their URLs; each may be empty.

    The region and the account are the stack's own: X-Ray's console shows a trace in those in which it ran.
    """

    region: str = ""
    dashboards: str = ""
    page: str = ""
    account: str = ""

    def of_trace(self, trace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Gives pairs of a heading and a command or URL that shows a trace document."""
        xray_id = to_xray(trace["traceId"])
        yield "look at it", f"tracejoin trace {xray_id}"
        yield "and why", f"tracejoin why {xray_id}"
        if self.page:
            yield "page", f"{self.page}/transaction/{quote(to_xray(trace.get('transactionId') or trace['traceId']), safe='')}"
        if self.dashboards:
            yield "OpenSearch", self._discover(trace)
        for place in self._places(trace):
            of_other = f" in account {place.account}" if self.account and place.account != self.account else ""
            yield (
                f"X-Ray{of_other}",
                f"https://{place.region}.{_console(place.region)}/cloudwatch/home?region={place.region}#xray:traces/{quote(xray_id)}",
            )

    def _places(self, trace: Mapping[str, Any]) -> list[Place]:
        """Where X-Ray shows a trace: in the stack's own account and region if it ran there, or nobody knows where; else where it ran."""
        own = Place(self.account, self.region)
        ran = [place for text in (trace.get("state") or {}).get("places") or () if (place := place_in(text))]
        is_at_home = not ran or not self.region or any(place.region == own.region and own.account in {"", place.account} for place in ran)
        return [own] * bool(self.region) if is_at_home else ran[:_MOST_CONSOLES]

    def _discover(self, trace: Mapping[str, Any]) -> str:
        """The URL of Discover with the trace's lines and spans, around its time."""
        begun, ended = (datetime.fromisoformat(trace.get(name) or trace["@timestamp"]) for name in ("@timestamp", "lastSeenAt"))
        state = {
            "_a": "(discover:(columns:!(_source),isDirty:!f,sort:!()),metadata:(view:discover))",
            "_g": f"(filters:!(),time:(from:'{iso(begun - _MARGIN)}',to:'{iso(ended + _MARGIN)}'))",
            "_q": f"(filters:!(),query:(language:kuery,query:'traceId:\"{trace['traceId']}\"'))",
        }
        # everything is quoted, since mail programs end a link at a quote or a bracket
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in state.items())
        return f"{self.dashboards}/app/data-explorer/discover#?{query}"


class Message(msgspec.Struct, frozen=True):
    """An SNS message; ``attributes`` are for subscription filters, and `payload` among them is the alert for programs."""

    subject: str
    text: str
    attributes: dict[str, str]


def message_of(notification: Notification, traces: Mapping[str, Mapping[str, Any]], links: ConsoleLinks) -> Message:
    """Words the message of a notification; ``traces`` are the documents of the traces that are shown, by trace id."""
    if notification.decision:
        return _decision(notification.decision)
    # another worker may have evaluated a trace anew since it was read
    found = ((alert, traces.get(alert.trace_id, {})) for alert in notification.alerts)
    shown = [(alert, trace) for alert, trace in found if trace.get("findings")][:MOST_SHOWN]
    rules = dict.fromkeys(rule for alert in notification.alerts for rule in alert.rules)
    subject, head = _alone(*shown[0]) if notification.alone and shown else _together(notification)
    most = _MOST_FAILURES if notification.alone else 1
    lines = [*head, "", *(line for alert, trace in shown for line in (*_trace(alert, trace, links, most), ""))]
    issues = [alert.about for alert in notification.alerts if alert.about]
    attributes = {
        "service": one_line(notification.group)[:_LONGEST_ATTRIBUTE],
        "rules": ",".join(rules),
        "severity": "alert",
        "traces": str(sum(about.total for about in issues) or len(notification.alerts)),
    }
    trace, failures = (shown[0][1], _failures(*shown[0])) if shown else ({}, [])
    payload = payload_of(notification, subject, trace, failures, links.of_trace(trace) if trace else ())
    if issues:
        attributes["issues"] = ",".join(dict.fromkeys(LABELS[about.issue.due] for about in issues))
    return _message(subject, lines, attributes, payload)


def _decision(about: AboutIssue) -> Message:
    """Words what was decided about an issue; made of the issue alone, since its traces may be deleted."""
    issue = about.issue
    service, type_, label = issue.fingerprint.service, issue.fingerprint.exception_type, LABELS[issue.due]
    what = type_ if _EXCEPTION_TYPE.fullmatch(type_) else issue.fingerprint.operation

    def title(longest: int) -> str:
        by = f" by {neutral(issue.last_change.by, longest) or NOBODY}" if issue.last_change else ""
        return f"{neutral(service, longest)}: {neutral(what, longest)}, {label}{by}"

    attributes = {"service": one_line(service)[:_LONGEST_ATTRIBUTE], "rules": "", "severity": "notice", "traces": str(about.total),
                  "issues": label}  # fmt: skip
    lines = [*describe_decision(about, _name, _quoted), "", _WHO_SPEAKS]
    return _message(title(_LONGEST_NAME_OF_THREE), lines, attributes, payload_of_decision(about, title(_LONGEST_NAME_OF_SUBJECT)))


def _message(subject: str, lines: Sequence[str], attributes: Mapping[str, str], payload: AlertPayload) -> Message:
    text = "\n".join(lines).encode("utf-8", "replace")[:_LONGEST_TEXT].decode("utf-8", "ignore")
    return Message(_subject(subject), text, {**attributes, "payload": msgspec.json.encode(payload).decode()})


def _alone(alert: PendingAlert, trace: Mapping[str, Any]) -> tuple[str, list[str]]:
    failure = _failures(alert, trace)[0]
    type_ = failure.lead.exception_type
    what = type_ if _EXCEPTION_TYPE.fullmatch(type_) else failure.lead.rule
    saw, status = trace["trace"].get("clientSaw"), trace["trace"].get("edgeStatus")
    behind = status or ("a success" if saw == "success" else "an unknown answer")
    response = describe_response(saw, status)
    service = failure.deepest.service_name
    subject = f"{neutral(service, _LONGEST_NAME_OF_SUBJECT)}: {_name(what)} behind {behind}"
    head = [f"{_name(service)} failed, and {response}.", _WHO_SPEAKS]
    if alert.about:
        subject = f"{subject}, {LABELS[alert.about.issue.due]}"
        head += ["", *describe_due(alert.about, _name, _quoted)]
    return subject, head


def _together(notification: Notification) -> tuple[str, list[str]]:
    issues = [alert.about for alert in notification.alerts if alert.about]
    return _issues_together(notification, issues) if issues else _traces_together(notification)


def _issues_together(notification: Notification, issues: Sequence[AboutIssue]) -> tuple[str, list[str]]:
    reasons = Counter(LABELS[about.issue.due] for about in issues)
    told = ", ".join(f"{number:,} {label}" for label, number in reasons.most_common())
    lines = [f"{len(issues):,} issues of {_name(notification.group)} are to be told: {told}.", _WHO_SPEAKS, ""]
    for about in issues[:_MOST_LISTED]:
        fingerprint = about.issue.fingerprint
        what = _quoted(what_it_says(fingerprint))
        lines.append(f"  {about.id}  {LABELS[about.issue.due]:<10}{about.total:8,} traces  {_name(fingerprint.service)}  {what}")
    if len(issues) > _MOST_LISTED:
        lines.append(f"  and {len(issues) - _MOST_LISTED:,} more")
    lines += ["", "all of them: tracejoin issues", f"examples of {min(len(issues), MOST_SHOWN)} of them:"]
    return f"{neutral(notification.group, _LONGEST_NAME_OF_SUBJECT)}: {len(issues):,} issues, {told}", lines


def _traces_together(notification: Notification) -> tuple[str, list[str]]:
    rules = Counter(rule for alert in notification.alerts for rule in alert.rules)
    groups = Counter(alert.group for alert in notification.alerts)
    count, shown = len(notification.alerts), min(len(notification.alerts), MOST_SHOWN)
    first, last = notification.alerts[0].at, notification.alerts[-1].at
    group = _name(notification.group)
    lines = [f"Faults hide in {count:,} traces of {group}, first noted {first}, last {last}.", _WHO_SPEAKS, "", "by rule"]
    lines += [f"  {number:6,}  {_name(rule)}" for rule, number in rules.most_common()]
    if len(groups) > 1:
        lines += ["by service", *(f"  {number:6,}  {_name(group)}" for group, number in groups.most_common(MOST_SHOWN))]
    since = iso(datetime.fromisoformat(first) - _MARGIN)
    # a name that had to be changed finds nothing
    of_service = f" --service {shlex.quote(group)}" if len(groups) == 1 and group and group == notification.group else ""
    lines += ["", f"all of them: tracejoin faults --since {since}{of_service} --limit 10000", f"{shown} of them:"]
    return f"{neutral(notification.group, _LONGEST_NAME_OF_SUBJECT)}: {count:,} traces with hidden faults", lines


def _trace(alert: PendingAlert, trace: Mapping[str, Any], links: ConsoleLinks, most: int) -> Iterator[str]:
    words = [("trace", to_xray(trace["traceId"])), ("began", trace["@timestamp"])]
    if trace.get("transactionId", trace["traceId"]) != trace["traceId"]:
        words.append(("transaction", _name(to_xray(trace["transactionId"]))))
    failures = _failures(alert, trace)
    words += [
        (word, text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…")
        for failure in failures[:most]
        for word, text in islice(describe_failure(failure, zone=UTC, named=_name, quoted=_quoted), _MOST_WORDS)
    ]
    if len(failures) > most:
        words.append(("more", f"{len(failures) - most} further failures of this trace: tracejoin why tells of them"))
    yield from (f"{word:<12}{text}" for word, text in [*words, *links.of_trace(trace)])


def _failures(alert: PendingAlert, trace: Mapping[str, Any]) -> list[Failure]:
    """The failures of a trace that an alert is about, first those of its service; the others were sent before, or need no alert."""
    findings = msgspec.convert(trace.get("findings") or (), tuple[Finding, ...])
    if alert.about:
        shown = msgspec.convert(trace.get("issues") or (), tuple[IssueSighting, ...])
        if issue := next((each for each in shown if each.id == alert.about.id), None):
            return failures_of(issue, findings)
    found = group_failures(findings)
    found.sort(key=lambda failure: failure.lead.service_name != alert.group)
    return [failure for failure in found if failure.alert and set(failure.rules) & set(alert.rules)] or found


def still_firing(alert: PendingAlert, findings: Sequence[Mapping[str, Any]]) -> PendingAlert | None:
    """Gives an alert with the rules that still fire in the trace's current findings; None if no rule does."""
    firing = {finding["rule"] for finding in findings if finding["severity"] == "alert"}
    rules = tuple(rule for rule in alert.rules if rule in firing)
    return msgspec.structs.replace(alert, rules=rules) if rules else None


def _subject(text: str) -> str:
    return ascii_of(" ".join(f"[tracejoin] {text}".split()))[:_LONGEST_SUBJECT]


def _console(region: str) -> str:
    # AWS's partitions have consoles of their own
    return {"cn": "console.amazonaws.cn", "us-gov": "console.amazonaws-us-gov.com"}.get(region.rpartition("-")[0].rpartition("-")[0],
                                                                                       "console.aws.amazon.com")  # fmt: skip
