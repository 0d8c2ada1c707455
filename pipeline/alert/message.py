"""Message: what somebody is told of a trace, or of many. Pure; made of stored trace documents alone, which hold nothing secret.

Sources: Amazon SNS API reference, "Publish" (a subject is ASCII without line breaks, 100 characters at most; a message 256 KiB).
The links follow OpenSearch Dashboards' Discover and the CloudWatch console's page of a trace.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

import msgspec

from pipeline.alert.grouping import Notification, PendingAlert
from pipeline.detect.failures import Failure, describe_failure, describe_response, group_failures
from pipeline.detect.verdict import Finding
from pipeline.model.json_values import ascii_of
from pipeline.model.timestamps import iso
from pipeline.model.trace_ids import to_xray

MOST_SHOWN: Final = 10
_LONGEST_SUBJECT: Final = 100
_LONGEST_TEXT: Final = 250_000
_LONGEST_VALUE: Final = 500
_LONGEST_NAME: Final = 256
_MOST_STORIES: Final = 5
_MOST_WORDS: Final = 12
_MARGIN: Final = timedelta(minutes=15)


class ConsoleLinks(msgspec.Struct, frozen=True):
    """Where things are to be looked at: the region of X-Ray, the URL of OpenSearch Dashboards; each may be empty."""

    region: str = ""
    dashboards: str = ""

    def of_trace(self, trace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What to open for a trace document."""
        xray_id = to_xray(trace["traceId"])
        yield "look at it", f"tracejoin trace {xray_id}"
        yield "and why", f"tracejoin why {xray_id}"
        if self.dashboards:
            yield "OpenSearch", self._discover(trace)
        if self.region:
            yield "X-Ray", f"https://{self.region}.{_console(self.region)}/cloudwatch/home?region={self.region}#xray:traces/{xray_id}"

    def _discover(self, trace: Mapping[str, Any]) -> str:
        """Discover with the trace's lines and spans, around its time."""
        begun, ended = (datetime.fromisoformat(trace.get(name) or trace["@timestamp"]) for name in ("@timestamp", "lastSeenAt"))
        state = {
            "_a": "(discover:(columns:!(_source),isDirty:!f,sort:!()),metadata:(view:discover))",
            "_g": f"(filters:!(),time:(from:'{iso(begun - _MARGIN)}',to:'{iso(ended + _MARGIN)}'))",
            "_q": f"(filters:!(),query:(language:kuery,query:'traceId:\"{trace['traceId']}\"'))",
        }
        # whole, since mail programs end a link at a quote or a bracket
        asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in state.items())
        return f"{self.dashboards}/app/data-explorer/discover#?{asked}"


class Message(msgspec.Struct, frozen=True):
    """What goes to SNS; ``attributes`` are for subscription filters."""

    subject: str
    text: str
    attributes: dict[str, str]


def message_of(parcel: Notification, traces: Mapping[str, Mapping[str, Any]], links: ConsoleLinks) -> Message:
    """The message of a parcel; ``traces`` are the documents of those traces that are shown, by trace id."""
    # between two looks at a trace another worker may have judged it anew
    shown = [(due, traces[due.trace_id]) for due in parcel.dues if traces.get(due.trace_id, {}).get("findings")][:MOST_SHOWN]
    rules = dict.fromkeys(rule for due in parcel.dues for rule in due.rules)
    subject, head = _alone(*shown[0]) if parcel.alone and shown else _together(parcel)
    most = _MOST_STORIES if parcel.alone else 1
    # names stand in log lines, and whoever writes those must not write lines here
    lines = [*map(_printable, head), "", *(line for due, trace in shown for line in (*_trace(due, trace, links, most), ""))]
    attributes = {
        "service": _plain(parcel.group, _LONGEST_NAME),
        "rules": ",".join(rules),
        "severity": "alert",
        "traces": str(len(parcel.dues)),
    }
    text = "\n".join(lines).encode("utf-8", "replace")[:_LONGEST_TEXT]
    return Message(_subject(subject), text.decode("utf-8", "ignore"), attributes)


def _alone(due: PendingAlert, trace: Mapping[str, Any]) -> tuple[str, list[str]]:
    story = _stories(due, trace)[0]
    what = story.lead.exception_type or story.lead.rule
    saw, status = trace["trace"].get("clientSaw"), trace["trace"].get("edgeStatus")
    behind = status or ("a success" if saw == "success" else "an unknown answer")
    told = describe_response(saw, status)
    service = story.deepest.service_name
    return f"{service}: {what} behind {behind}", [f"{service} failed, and {told}."]


def _together(parcel: Notification) -> tuple[str, list[str]]:
    rules = Counter(rule for due in parcel.dues for rule in due.rules)
    groups = Counter(due.group for due in parcel.dues)
    count, shown = len(parcel.dues), min(len(parcel.dues), MOST_SHOWN)
    lines = [
        f"Faults hide in {count:,} traces of {parcel.group}, first noted {parcel.dues[0].at}, last {parcel.dues[-1].at}.",
        "",
        "by rule",
    ]
    lines += [f"  {number:6,}  {rule}" for rule, number in rules.most_common()]
    if len(groups) > 1:
        lines += ["by service", *(f"  {number:6,}  {group}" for group, number in groups.most_common(MOST_SHOWN))]
    since = iso(datetime.fromisoformat(parcel.dues[0].at) - _MARGIN)
    of_service = f" --service {shlex.quote(parcel.group)}" if len(groups) == 1 and parcel.group else ""
    lines += ["", f"all of them: tracejoin faults --since {since}{of_service} --limit 10000", f"{shown} of them:"]
    return f"{parcel.group}: {count:,} traces with hidden faults", lines


def _trace(due: PendingAlert, trace: Mapping[str, Any], links: ConsoleLinks, most: int) -> Iterator[str]:
    words = [("trace", to_xray(trace["traceId"])), ("began", trace["@timestamp"])]
    if trace.get("transactionId", trace["traceId"]) != trace["traceId"]:
        words.append(("transaction", to_xray(trace["transactionId"])))
    told = _stories(due, trace)
    words += [
        (word, _plain(text, _LONGEST_VALUE))
        for story in told[:most]
        for word, text in islice(describe_failure(story, utc=True), _MOST_WORDS)
    ]
    if len(told) > most:
        words.append(("more", f"{len(told) - most} further failures of this trace: tracejoin why tells of them"))
    yield from (f"{word:<12}{text}" for word, text in [*words, *links.of_trace(trace)])


def _stories(due: PendingAlert, trace: Mapping[str, Any]) -> list[Failure]:
    """The failures that a note is about; what else there is of the trace was told before, or is nothing to tell of."""
    found = group_failures(msgspec.convert(trace.get("findings") or (), tuple[Finding, ...]))
    return [story for story in found if story.alert and set(story.rules) & set(due.rules)] or found


def still_due(due: PendingAlert, findings: Sequence[Mapping[str, Any]]) -> PendingAlert | None:
    """What of a note still holds, by the trace's findings as they are now; None where nothing does."""
    alerts = {finding["rule"] for finding in findings if finding["severity"] == "alert"}
    rules = tuple(rule for rule in due.rules if rule in alerts)
    return msgspec.structs.replace(due, rules=rules) if rules else None


def _plain(text: str, longest: int) -> str:
    """``text`` in one line, short, without what steers a terminal or what SNS refuses: it was written by whoever wrote the log."""
    line = " ".join(_printable(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _subject(text: str) -> str:
    return ascii_of(" ".join(f"[tracejoin] {text}".split()))[:_LONGEST_SUBJECT]


def _console(region: str) -> str:
    # AWS's partitions have consoles of their own
    return {"cn": "console.amazonaws.cn", "us-gov": "console.amazonaws-us-gov.com"}.get(region.rpartition("-")[0].rpartition("-")[0],
                                                                                       "console.aws.amazon.com")  # fmt: skip
