"""Message: words a notification about one trace or many. Pure; made of stored trace documents alone, which hold nothing secret.

Each name and each quotation passes `pipeline.alert.quotation`: only the links and commands that are made here work.

Sources: Amazon SNS API reference, "Publish" (a subject is ASCII without line breaks, shorter than 100 characters; a message of
256 KiB at most). The links follow OpenSearch Dashboards' Discover and the CloudWatch console's page of a trace.
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

import msgspec

from pipeline.alert.grouping import Notification, PendingAlert
from pipeline.alert.quotation import neutral, one_line, quoted
from pipeline.detect.failures import Failure, describe_failure, describe_response, group_failures
from pipeline.detect.verdict import Finding
from pipeline.model.json_values import ascii_of
from pipeline.model.timestamps import iso
from pipeline.model.trace_ids import to_xray

MOST_SHOWN: Final = 10
_LONGEST_SUBJECT: Final = 99
_LONGEST_TEXT: Final = 250_000
_LONGEST_VALUE: Final = 1000
_LONGEST_QUOTATION: Final = 400
_LONGEST_NAME: Final = 256
_LONGEST_NAME_OF_SUBJECT: Final = 48
_LONGEST_ATTRIBUTE: Final = 256
_MOST_FAILURES: Final = 5
_MOST_WORDS: Final = 12
_MARGIN: Final = timedelta(minutes=15)
_WHO_SPEAKS: Final = "What stands in “ ” is quoted from logs and traces, whose writers may lie; its links are broken on purpose."
_EXCEPTION_TYPE: Final = re.compile(r"[\w.$]{1,80}")
_name = partial(neutral, longest=_LONGEST_NAME)
_quoted = partial(quoted, longest=_LONGEST_QUOTATION)


class ConsoleLinks(msgspec.Struct, frozen=True):
    """The consoles that messages link to: the region of X-Ray and the URL of OpenSearch Dashboards, each of which may be empty."""

    region: str = ""
    dashboards: str = ""

    def of_trace(self, trace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Gives pairs of a heading and a command or URL that shows a trace document."""
        xray_id = to_xray(trace["traceId"])
        yield "look at it", f"tracejoin trace {xray_id}"
        yield "and why", f"tracejoin why {xray_id}"
        if self.dashboards:
            yield "OpenSearch", self._discover(trace)
        if self.region:
            yield (
                "X-Ray",
                f"https://{self.region}.{_console(self.region)}/cloudwatch/home?region={self.region}#xray:traces/{quote(xray_id)}",
            )

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
    """An SNS message; ``attributes`` are for subscription filters."""

    subject: str
    text: str
    attributes: dict[str, str]


def message_of(notification: Notification, traces: Mapping[str, Mapping[str, Any]], links: ConsoleLinks) -> Message:
    """Words the message of a notification; ``traces`` are the documents of the traces that are shown, by trace id."""
    # another worker may have evaluated a trace anew since it was read
    found = ((alert, traces.get(alert.trace_id, {})) for alert in notification.alerts)
    shown = [(alert, trace) for alert, trace in found if trace.get("findings")][:MOST_SHOWN]
    rules = dict.fromkeys(rule for alert in notification.alerts for rule in alert.rules)
    subject, head = _alone(*shown[0]) if notification.alone and shown else _together(notification)
    most = _MOST_FAILURES if notification.alone else 1
    lines = [*head, "", *(line for alert, trace in shown for line in (*_trace(alert, trace, links, most), ""))]
    attributes = {
        "service": one_line(notification.group)[:_LONGEST_ATTRIBUTE],
        "rules": ",".join(rules),
        "severity": "alert",
        "traces": str(len(notification.alerts)),
    }
    text = "\n".join(lines).encode("utf-8", "replace")[:_LONGEST_TEXT]
    return Message(_subject(subject), text.decode("utf-8", "ignore"), attributes)


def _alone(alert: PendingAlert, trace: Mapping[str, Any]) -> tuple[str, list[str]]:
    failure = _failures(alert, trace)[0]
    type_ = failure.lead.exception_type
    what = type_ if _EXCEPTION_TYPE.fullmatch(type_) else failure.lead.rule
    saw, status = trace["trace"].get("clientSaw"), trace["trace"].get("edgeStatus")
    behind = status or ("a success" if saw == "success" else "an unknown answer")
    response = describe_response(saw, status)
    service = failure.deepest.service_name
    subject = f"{neutral(service, _LONGEST_NAME_OF_SUBJECT)}: {_name(what)} behind {behind}"
    return subject, [f"{_name(service)} failed, and {response}.", _WHO_SPEAKS]


def _together(notification: Notification) -> tuple[str, list[str]]:
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
        for word, text in islice(describe_failure(failure, utc=True, named=_name, quoted=_quoted), _MOST_WORDS)
    ]
    if len(failures) > most:
        words.append(("more", f"{len(failures) - most} further failures of this trace: tracejoin why tells of them"))
    yield from (f"{word:<12}{text}" for word, text in [*words, *links.of_trace(trace)])


def _failures(alert: PendingAlert, trace: Mapping[str, Any]) -> list[Failure]:
    """The failures of a trace that an alert is about, first those of its service; the others were sent before, or need no alert."""
    found = group_failures(msgspec.convert(trace.get("findings") or (), tuple[Finding, ...]))
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
