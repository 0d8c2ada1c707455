"""What an alert's message says."""

import re
from urllib.parse import unquote

import msgspec
import pytest

from fuzz.steering import steering
from pipeline.alert.grouping import Notification, PendingAlert
from pipeline.alert.message import ConsoleLinks, message_of, still_firing
from pipeline.alert.payload import AlertPayload, made_neutral
from pipeline.alert.protocol_bodies import bodies_by_protocol, email_text
from pipeline.model.trace_ids import to_xray
from tests.support.events import TRACE
from tests.support.hostile import HOSTILE
from tests.support.pending_alerts import pending

NOW = 1_790_000_000_000


def finding(rule="service-ok-function-failed", severity="alert", **more):
    """A stored finding."""
    return {"rule": rule, "severity": severity, "serviceName": "stock", "spanId": "1" * 16, "path": ["api/prod", "stock"], "reported": "200",
            "evidence": "Lambda answered 200, but the function stock failed: ValueError: no stock", "clientSaw": "success", "depth": 1,
            "exceptionType": "ValueError", "exceptionMessage": "no stock", "unknown": ["the answer to the call x is missing"],
            "lines": [{"at": NOW, "id": "a", "serviceName": "stock", "text": "[ERROR] ValueError: no stock"}]} | more  # fmt: skip


def trace(*findings, trace_id=TRACE):
    """A stored trace document."""
    return {"traceId": trace_id, "@timestamp": "2026-11-24T10:00:00.000Z", "lastSeenAt": "2026-11-24T10:00:05.000Z", "transactionId": trace_id,
            "trace": {"clientSaw": "success", "edgeStatus": 201}, "findings": list(findings or [finding()])}  # fmt: skip


ELSEWHERE = "222222222222:ap-southeast-2"


@pytest.mark.parametrize(
    ("places", "linked"),
    [
        ((), [("X-Ray", "eu-west-1")]),
        (("111111111111:eu-west-1", ELSEWHERE), [("X-Ray", "eu-west-1")]),
        ((ELSEWHERE,), [("X-Ray in account 222222222222", "ap-southeast-2")]),
        (("111111111111:us-gov-east-1",), [("X-Ray", "us-gov-east-1")]),
        (("111111111111:https://evil.example", "x"), [("X-Ray", "eu-west-1")]),
        (
            tuple(f"33333333333{number}:eu-west-1" for number in range(5)),
            [(f"X-Ray in account 33333333333{number}", "eu-west-1") for number in range(2)],
        ),
    ],
)
def test_x_ray_s_console_is_that_in_which_the_trace_ran(places, linked):
    """The stack's own account and region where it ran there or nobody knows; else the account is named, and its region linked to."""
    links = ConsoleLinks(region="eu-west-1", account="111111111111")
    found = [(name, url) for name, url in links.of_trace(trace() | {"state": {"places": list(places)}}) if name.startswith("X-Ray")]
    assert [(name, url.partition("region=")[2].partition("#")[0]) for name, url in found] == linked
    assert all(url.startswith(f"https://{region}.console.") for (_, url), (_, region) in zip(found, linked, strict=True))


def test_a_laptop_links_to_its_own_region():
    """It does not know its account, so that a trace of its region is its own."""
    links = ConsoleLinks(region="ap-southeast-2").of_trace(trace() | {"state": {"places": [ELSEWHERE]}})
    assert [name for name, _ in links if name.startswith("X-Ray")] == ["X-Ray"]


def test_a_message_says_what_one_needs_at_night():
    """What was told, where, what happened, the line, what was not known, and where to look."""
    (alert,) = pending(1)
    alert = PendingAlert(at=alert.at, trace_id=TRACE, group="stock", rules=("service-ok-function-failed",))
    links = ConsoleLinks(region="eu-west-1", dashboards="https://search/_dashboards")
    message = message_of(Notification("stock", (alert,)), {TRACE: trace()}, links)
    (link,) = re.findall(r"https://search/_dashboards/\S+", message.text)
    assert not set(link) & set("'()! \"")
    assert message.subject == "[tracejoin] stock: ValueError behind 201"
    for part in ("stock failed, and the caller was told 201.", "api/prod › stock (depth 1", "ValueError: no stock", "[ERROR] ValueError: no stock",
                 "not known   the answer to the call x is missing", f"tracejoin trace {to_xray(TRACE)}",
                 f"https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#xray:traces/{to_xray(TRACE)}",
                 f"query:'traceId:\"{TRACE}\"'", "from:'2026-11-24T09:45:00.000Z',to:'2026-11-24T10:15:05.000Z'"):  # fmt: skip
        assert part in unquote(message.text), part
    told = {name: value for name, value in message.attributes.items() if name != "payload"}
    assert told == {"service": "stock", "rules": "service-ok-function-failed", "severity": "alert", "traces": "1"}


def test_a_grouped_message_counts_and_shows_ten():
    """How many, by rule, since when, the command that lists all, ten examples."""
    many = pending(500, group="stock")
    message = message_of(
        Notification("stock", tuple(many)), {alert.trace_id: trace(trace_id=alert.trace_id) for alert in many}, ConsoleLinks()
    )
    assert message.subject == "[tracejoin] stock: 500 traces with hidden faults"
    assert "   500  timeout" in message.text
    payload = msgspec.json.decode(message.attributes["payload"], type=AlertPayload)
    assert (payload.id, payload.count, payload.happened) == ("group-stock", 500, "timeout in 500 traces")
    assert payload.next_steps[0] == "tracejoin faults --since 2026-11-24T09:45:00.000Z"
    assert "tracejoin faults --since 2026-11-24T09:45:00.000Z --service stock --limit 10000" in message.text
    assert message.text.count("look at it") == 10


def test_a_subject_is_what_sns_takes():
    """ASCII, one line, a hundred characters, whatever a service is called."""
    for name in ("bestellung-für-ä\n\x1b[31m", "x" * 500):
        subject = message_of(Notification(name, tuple(pending(4, group=name))), {}, ConsoleLinks()).subject
        assert subject.isascii() and subject.isprintable() and len(subject) < 100


def test_a_message_says_who_speaks():
    """A line stands behind its log group and account, not behind the service that it names; it and the exception are quotations."""
    line = {"at": NOW, "id": "a", "serviceName": "payments", "text": "[ERROR] boom”", "logGroup": "/ecs/other", "account": "210987654321"}
    found = finding(lines=[line])
    alert = PendingAlert(at="2026-11-24T10:00:00.000Z", trace_id=TRACE, group="stock", rules=("service-ok-function-failed",))
    text = message_of(Notification("stock", (alert,)), {TRACE: trace(found)}, ConsoleLinks()).text
    assert 'line        14:13:20.000  /ecs/other in account 210987654321  “[ERROR] boom"”' in text
    assert "alert       Lambda answered 200, but the function stock failed: “ValueError: no stock”" in text
    assert "exception   “ValueError: no stock”" in text
    assert "payments" not in text
    assert "quoted from logs and traces" in text


EVIL = "http://evil.example/login www.evil.example evil.example 10.0.0.1:80 mailto:a@evil.example <!channel> <@U1> @here *b* `c` [x](y) &lt; “q” \n\nalert  "


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("text", [EVIL, HOSTILE, EVIL * 500])
def test_only_our_own_links_work(alone, text):
    """Whatever others wrote, in every field and in the subject: no link, mention, markup or line of theirs; ours stay as they are."""
    line = {"at": NOW, "id": "a", "serviceName": text, "text": text, "logGroup": text, "account": text}
    found = finding(
        serviceName=text,
        path=[text, text],
        evidence=f"timed out: {text}",
        exceptionType=text,
        exceptionMessage=text,
        lines=[line],
        unknown=[text],
    )
    alerts = pending(1 if alone else 4, group=text)
    traces = {alert.trace_id: trace(found, trace_id=alert.trace_id) for alert in alerts}
    message = message_of(Notification(text, tuple(alerts)), traces, ConsoleLinks("eu-west-1", "https://search/_dashboards"))
    words = ("look at it", "and why", "OpenSearch", "X-Ray", "all of them")
    ours = [row for row in message.text.splitlines() if row.startswith(words)]
    theirs = "\n".join(row for row in message.text.splitlines() if row not in ours)
    assert len([row for row in ours if "https://" in row]) == 2 * len(alerts)
    assert steering(message.text + message.subject) == []
    for said in (theirs, message.subject):
        assert not re.search(r"https?:|www\.|evil\.|@(?!\])|[<>*`]|\]\(|10\.0", said), said
    assert not any(word in row for row in ours for word in ("evil", "channel"))
    assert len([row for row in theirs.splitlines() if row.startswith("alert")]) == len(alerts)
    assert len(message.text) < 10_000 * len(alerts)
    assert message.subject.isascii()
    assert message.subject.isprintable()
    assert len(message.subject) < 100
    assert message.attributes["service"].isprintable()


@pytest.mark.parametrize("letter", ['"', "\\", "漢"])
@pytest.mark.parametrize("alone", [True, False])
def test_all_forms_of_a_message_together_are_what_sns_takes(letter, alone):
    """256 KiB with the attributes, also of what doubles in JSON and doubles again in the custom notification."""
    text = letter * 2000
    line = {"at": NOW, "id": "a", "serviceName": text, "text": text, "logGroup": text, "account": text}
    found = finding(serviceName=text, path=[text] * 20, evidence=f"failed: {text}", exceptionType=text, exceptionMessage=text, lines=[line] * 5,
                    unknown=[text] * 9)  # fmt: skip
    alerts = pending(1 if alone else 50, group=text)
    traces = {alert.trace_id: trace(found, trace_id=alert.trace_id) for alert in alerts}
    message = message_of(
        Notification(text, tuple(alerts)), traces, ConsoleLinks("eu-west-1", "https://search/_dashboards", "https://traces.example")
    )
    payload = msgspec.json.decode(message.attributes["payload"], type=AlertPayload)
    bodies = bodies_by_protocol(message.text, payload)
    assert len(bodies.encode()) + sum(len(name.encode() + value.encode()) + 6 for name, value in message.attributes.items()) < 262_144
    assert made_neutral(payload) == payload


def test_a_payload_tells_programs_what_the_message_tells_people():
    """The trace and its rule are its id; the example, its line and the links, the page's among them, are there."""
    alert = PendingAlert(at="2026-11-24T10:00:00.000Z", trace_id=TRACE, group="stock", rules=("service-ok-function-failed",))
    line = {
        "at": NOW,
        "id": "a",
        "serviceName": "stock",
        "text": "[ERROR] no stock",
        "logGroup": "/aws/lambda/stock",
        "account": "123456789012",
    }
    message = message_of(
        Notification("stock", (alert,)), {TRACE: trace(finding(lines=[line]))}, ConsoleLinks("eu-west-1", "", "https://traces.example")
    )
    payload = msgspec.json.decode(message.attributes["payload"], type=AlertPayload)
    assert (payload.id, payload.state, payload.count) == (f"{TRACE}-service-ok-function-failed", "new", 1)
    assert (payload.title, payload.entry, payload.answered) == ("stock: ValueError behind 201", "api/prod", "the caller was told 201")
    assert (payload.first_seen, payload.last_seen) == ("2026-11-24T10:00:00.000Z", "2026-11-24T10:00:05.000Z")
    assert (payload.line, payload.line_at, payload.line_origin) == (
        "[ERROR] no stock", "2026-09-21T14:13:20.000Z", "/aws/lambda/stock in account 123456789012")  # fmt: skip
    assert payload.next_steps == (f"tracejoin trace {to_xray(TRACE)}", f"tracejoin why {to_xray(TRACE)}")
    assert [link.name for link in payload.links] == ["page", "X-Ray"]
    assert payload.links[0].url == f"https://traces.example/transaction/{to_xray(TRACE)}"
    mail = email_text(payload)
    for part in ("What happened: “Lambda answered 200, but the function stock failed: ValueError: no stock” But the caller was told 201.",
                 "How often: 1 trace", "Since: 2026-11-24 10:00:00 UTC, last 2026-11-24 10:00:05 UTC", "Where: stock behind api/prod",
                 "Line: 2026-09-21 14:13:20 UTC /aws/lambda/stock in account 123456789012 “[ERROR] no stock”", "What to do next:",
                 f"page: {payload.links[0].url}"):  # fmt: skip
        assert part in mail.splitlines(), part


def test_what_does_not_hold_any_more_is_not_told():
    """A rule that fires no longer, or only as a notice, is withdrawn; the others stay."""
    alert = PendingAlert(at="", trace_id=TRACE, group="stock", rules=("crash", "timeout"))
    assert still_firing(alert, [finding("timeout"), finding("crash", "notice")]).rules == ("timeout",)
    assert still_firing(alert, []) is None
