"""Issue words: why somebody is told, and that what a person wrote is a quotation."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.steering import steering
from pipeline.alert.grouping import AboutIssue, Notification, PendingAlert
from pipeline.alert.message import ConsoleLinks, message_of
from pipeline.alert.payload import AlertPayload, made_neutral
from pipeline.alert.protocol_bodies import bodies_by_protocol, email_text
from pipeline.issues.issue import Change
from tests.unit.issues.test_observation import NOW, stored


def told(issue, total=12, trace=None):
    """The message about this issue alone."""
    about = AboutIssue(id=issue.id, total=total, issue=issue)
    alert = PendingAlert(at="2026-11-25T10:00:00.000Z", trace_id="a" * 32, group="orders", rules=("crash",), about=about)
    finding = {"rule": "crash", "severity": "alert", "serviceName": "orders", "spanId": "", "path": ["orders"], "reported": "", "evidence": "it failed: m",
               "clientSaw": "success", "exceptionType": "E", "exceptionMessage": "m"}  # fmt: skip
    document = {
        "traceId": "a" * 32,
        "@timestamp": "2026-11-25T10:00:00.000Z",
        "trace": {"clientSaw": "success", "edgeStatus": 200},
        "findings": [finding],
    }
    return message_of(Notification("orders", (alert,)), {"a" * 32: document | (trace or {})}, ConsoleLinks())


@pytest.mark.parametrize(
    ("due", "subject", "said"),
    [
        ("new", ", new", "is new: 12 traces so far"),
        ("grown", ", growing", "grows: 12 traces so far, since 2026-11-25T"),
        ("unmuted", ", mute over", "is over, and it still comes: 12 traces"),
    ],
)
def test_why_it_is_told(due, subject, said):
    """In the subject in a word, in the text in a sentence, with the commands for it and the attribute."""
    issue = msgspec.structs.replace(stored("known"), due=due)
    message = told(issue)
    assert message.subject == f"[tracejoin] orders: E behind 200{subject}"
    assert said in message.text
    assert f"tracejoin issue ack {issue.id}" in message.text
    assert message.attributes | {"issues": subject.removeprefix(", "), "traces": "12"} == message.attributes


def test_a_regression_says_in_which_version_it_had_been_resolved():
    """By whom, when and why; the note is a quotation whose links and mentions do nothing."""
    resolved = Change(at=NOW - 1000, by="@ann", state="resolved", version="17", note='see http://evil.example "now" <@all>')
    back = Change(at=NOW, by="tracejoin", state="regressed", version="18")
    text = told(msgspec.structs.replace(stored("new"), state="regressed", changes=(resolved, back), due="regressed"), total=1).text
    assert "came back: it had been resolved in version 17 by [@]ann at " in text
    assert "1 trace so far" in text
    assert "http://evil" not in text
    assert "<@all>" not in text


def decision_of(issue, total=12):
    """The message about what was decided about this issue, and its payload."""
    about = AboutIssue(id=issue.id, total=total, issue=issue)
    alert = PendingAlert(at="2026-11-25T10:00:00.000Z", trace_id="", group=issue.fingerprint.service, rules=(), about=about)
    message = message_of(Notification(issue.fingerprint.service, (alert,)), {}, ConsoleLinks("eu-west-1", "", "https://traces.example"))
    return message, msgspec.json.decode(message.attributes["payload"], type=AlertPayload)


def test_who_acknowledged_an_issue_is_told():
    """By whom, when and why, with the id of the message about the issue itself; made without any trace."""
    known = Change(at=NOW, by="ann", state="known", note="ticket 12")
    issue = msgspec.structs.replace(stored("new"), state="known", changes=(known,), due="acknowledged", told_at=NOW - 9)
    message, payload = decision_of(issue)
    assert message.subject == "[tracejoin] orders: E, acknowledged by ann"
    assert message.text.splitlines()[0] == (
        f"Issue {issue.id} is acknowledged: by ann at 2026-11-25T09:46:40.000Z, “ticket 12”; 12 traces so far, since 2026-11-25T09:46:39.950Z."
    )
    assert message.attributes | {"service": "orders", "issues": "acknowledged", "traces": "12", "severity": "notice"} == message.attributes
    assert (payload.id, payload.state, payload.severity, payload.count) == (issue.id, "acknowledged", "notice", 12)
    assert (payload.decided_by, payload.decided_at, payload.note, payload.resolved_in) == (
        "ann",
        "2026-11-25T09:46:40.000Z",
        "ticket 12",
        "",
    )
    assert payload.next_steps == (f"tracejoin issue {issue.id}",)
    told = email_text(payload).splitlines()
    assert told[:3] == ["What happened: “E: m” Somebody knows of it.", "Acknowledged: by ann, 2026-11-25 09:46:40 UTC", "Note: “ticket 12”"]


def test_in_which_version_an_issue_is_resolved_is_told():
    """By a person with a version; by itself with the reason. It is told by the id as which it was told before."""
    issue = msgspec.structs.replace(stored("resolved", version="18"), due="resolved", told_as="2" * 16)
    message, payload = decision_of(issue, total=1)
    assert message.subject == "[tracejoin] orders: E, resolved by ann"
    assert f"Issue {issue.id} is resolved in version 18: by ann at " in message.text
    assert "; 1 trace so far" in message.text
    assert (payload.id, payload.state, payload.resolved_in) == ("2" * 16, "resolved", "18")
    assert payload.next_steps == (f"tracejoin issue {issue.id}", f"tracejoin issue reopen {issue.id}")
    assert "Resolved: by ann, 2026-11-25 09:46:39 UTC, in version 18" in email_text(payload)
    quiet, _ = decision_of(msgspec.structs.replace(stored("resolved", by="tracejoin", note="quiet for 14 days"), due="resolved"))
    assert "by tracejoin at 2026-11-25T09:46:39.000Z, “quiet for 14 days”" in quiet.text


EVIL = ["http://evil.example", "<!channel>", "@here", "[ok](http://evil.example)", "<at>all</at>", "*b*", "`c`", "“", "”", "\n", "\x1b]8;;", "\u202e", "10.0.0.1"]  # fmt: skip
hostile = st.lists(st.sampled_from(EVIL) | st.text(max_size=8), min_size=1, max_size=8).map("".join)


@given(hostile, hostile, hostile, hostile)
def test_what_a_person_wrote_steers_nothing(by, note, version, message):
    """Author, note and version are anybody's who has the page's token; and the message is a log's: no link, mention, markup or line of theirs."""
    fingerprint = msgspec.structs.replace(stored("new").fingerprint, service=by, operation=message, exception_type=note, message=message)
    issue = msgspec.structs.replace(stored("resolved", by=by, note=note, version=version), due="resolved", fingerprint=fingerprint)
    told, payload = decision_of(issue)
    assert len(told.text.splitlines()) == 5
    assert steering(told.text + told.subject) == []
    for said in (told.text, told.subject, email_text(payload)):
        assert not re.search(r"https?:|evil\.|@(?![\]…?])|[<>*`]|\]\(|10\.0", said), said
    assert told.subject.isascii()
    assert len(told.subject) < 100
    assert ", resolved by " in told.subject
    assert made_neutral(payload) == payload


@pytest.mark.parametrize("letter", ['"', "\\", "漢"])
def test_a_message_about_many_issues_is_what_sns_takes(letter):
    """256 KiB with all forms and attributes, however long their texts; those for which there is no room are counted."""
    fingerprint = msgspec.structs.replace(
        stored("new").fingerprint, service=letter * 300, message=letter * 2000, exception_type=letter * 300
    )
    alerts = []
    for number in range(150):
        issue = msgspec.structs.replace(stored("new"), id=f"{number:016x}", due="new", fingerprint=fingerprint)
        about = AboutIssue(id=issue.id, total=3, issue=issue)
        alerts.append(PendingAlert(at="2026-11-25T10:00:00.000Z", trace_id=f"{number:032x}", group="orders", rules=("crash",), about=about))
    message = message_of(Notification("orders", tuple(alerts)), {}, ConsoleLinks())
    payload = msgspec.json.decode(message.attributes["payload"], type=AlertPayload)
    bodies = bodies_by_protocol(message.text, payload)
    assert len(bodies.encode()) + sum(len(name.encode() + value.encode()) + 6 for name, value in message.attributes.items()) < 262_144
    assert 0 < len(payload.issues) < 100
    assert len(payload.issues) + payload.more_issues == 150
    assert made_neutral(payload) == payload


def test_many_issues_are_listed():
    """A hundred at most, each with its id, why, how many traces, and what it says."""
    alerts = []
    for number in range(120):
        issue = msgspec.structs.replace(stored("new"), id=f"{number:016x}", due="regressed" if number % 2 else "new")
        about = AboutIssue(id=issue.id, total=3, issue=issue)
        alerts.append(PendingAlert(at="2026-11-25T10:00:00.000Z", trace_id=f"{number:032x}", group="orders", rules=("crash",), about=about))
    message = message_of(Notification("orders", tuple(alerts)), {}, ConsoleLinks())
    assert message.subject == "[tracejoin] orders: 120 issues, 60 new, 60 regressed"
    assert f"  {7:016x}  regressed        3 traces  orders  “E: m”" in message.text
    assert "and 20 more" in message.text
    assert (message.attributes["issues"], message.attributes["traces"]) == ("new,regressed", "360")
    payload = msgspec.json.decode(message.attributes["payload"], type=AlertPayload)
    assert (len(payload.issues), payload.more_issues) == (100, 20)
    assert (payload.issues[1].id, payload.issues[1].state, payload.issues[1].title, payload.issues[1].count) == (
        f"{1:016x}", "regressed", "orders: E: m", 3)  # fmt: skip
