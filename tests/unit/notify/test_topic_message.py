"""What the topic says, in a channel's form: nothing that others wrote becomes a link, a mention or markup there."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.steering import steering
from pipeline.alert.payload import AlertPayload, IssueTold, made_neutral
from pipeline.alert.protocol_bodies import custom_notification, email_text
from pipeline.notify.https_post import seconds_in
from pipeline.notify.pagerduty import incidents_of, pagerduty_event
from pipeline.notify.slack import escaped, slack_message
from pipeline.notify.teams import teams_message
from pipeline.notify.topic_message import read_topic_message
from tests.support.alert_payloads import payload
from tests.support.hostile import HOSTILE

TEXTS = ("title", "service", "entry", "answered", "happened", "exception", "first_seen", "last_seen", "trace_id", "transaction_id", "line", "line_at",
         "line_origin", "decided_by", "decided_at", "note", "resolved_in")  # fmt: skip
OURS = "https://traces.example/transaction/1-5759e988-bd862e3fe1be46a994272793"
EVIL = ["http://evil.example", "www.evil.example", "evil.example", "<!channel>", "<@U1>", "@here", "<http://evil.example|ok>", "[ok](http://evil.example)",
        "<at>all</at>", "*b*", "`c`", "mailto:a@evil.example", "\\\\evil\\share", "javascript:x", "&lt;!channel&gt;", "\u202eevil", "\x1b]8;;", "10.0.0.1",
        "[@]here", "hxxp://", "“", "”", "\n", "\ud800", "{{DATE(2026-01-01T00:00:00Z)}}"]  # fmt: skip
hostile = st.lists(st.sampled_from(EVIL) | st.text(max_size=8), max_size=8).map("".join)


def sns(value, text="text", subject="subject"):
    """A message of the topic with a payload."""
    attribute = {"payload": {"Type": "String", "Value": value}} if value else {}
    return {"MessageId": "m1", "Subject": subject, "Message": text, "MessageAttributes": attribute}


def told(alert):
    """All texts that the channels get of an alert, without our own link and command."""
    slack = json.loads(slack_message(alert))
    texts = [slack["text"], *(block["text"]["text"] for block in slack["blocks"] if "text" in block)]
    card = json.loads(teams_message(alert))["attachments"][0]["content"]
    texts += [run["text"] for block in card["body"] for run in block["inlines"]]
    events = [json.loads(pagerduty_event(incident, "0" * 32)) for incident in incidents_of(alert)]
    texts += [text for event in events for text in (event["payload"]["summary"], *event["payload"]["custom_details"].values())]
    chat = json.loads(custom_notification(alert))
    texts += [chat["content"]["title"], chat["content"]["description"], *chat["content"].get("keywords", ()), email_text(alert)]
    links = [button["url"] for block in slack["blocks"] if block["type"] == "actions" for button in block["elements"]]
    links += [action["url"] for action in card["actions"]] + [link["href"] for event in events for link in event["links"]]
    return [text.replace(OURS, "") for text in texts], links


@given(st.fixed_dictionaries(dict.fromkeys(("id", *TEXTS), hostile)), hostile)
def test_hostile_text_becomes_no_link_and_no_mention(texts, rule):
    """Whatever stands in any field, also of one who publishes to the topic himself: no address, mention, markup or control is left."""
    one = IssueTold(id=_encodable(texts["id"]), title=_encodable(texts["title"]), service=_encodable(texts["service"]))
    made = payload(**texts, rules=(rule,), issues=(one,), more_issues=1)
    value = msgspec.json.encode(
        msgspec.structs.replace(made, **{name: _encodable(text) for name, text in texts.items()}, rules=(_encodable(rule),))
    ).decode()
    shown, links = told(read_topic_message(sns(value)))
    assert set(links) == {OURS}
    for text in shown:
        assert steering(text) == []
        said = text.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "")
        assert not re.search(r"https?:|www\.\w|evil\.\w|@(?!\])|[<>&]|\]\(|10\.0|\bmailto:\S|\bjavascript:\S", said, re.IGNORECASE), said


def _encodable(text):
    return text.encode("utf-8", "replace").decode()


@given(hostile)
def test_what_is_neutral_stays_as_it_is(text):
    """So it may be made so twice: where it was written, and where it is read."""
    once = made_neutral(payload(happened=text, title=text))
    assert made_neutral(once) == once


@given(st.text())
def test_slack_finds_nothing_to_interpret_in_escaped_text(text):
    """By its documentation three characters begin all that it interprets."""
    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", escaped(text))


def test_an_alarm_triggers_and_resolves_by_its_arn():
    """What CloudWatch publishes of an alarm is told in words, and the same alarm ends what it began."""
    alarm = {"AlarmName": "tracejoin-ShipErrors", "AlarmDescription": "ship fails; see http://evil.example", "NewStateValue": "ALARM",
             "NewStateReason": "Threshold Crossed", "StateChangeTime": "2026-11-24T10:00:00.000+0000", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:x",
             "Trigger": {"MetricName": "Errors"}}  # fmt: skip
    found = read_topic_message(sns("", json.dumps(alarm)))
    assert (found.id, found.state, found.title) == (alarm["AlarmArn"], "new", "ALARM: tracejoin-ShipErrors")
    assert found.happened == "ship fails; see hxxp://evil[.]example"
    assert read_topic_message(sns("", json.dumps(alarm | {"NewStateValue": "OK"}))).state == "resolved"
    assert read_topic_message(sns("", json.dumps(alarm | {"NewStateValue": "OK", "OldStateValue": "ALARM"}))).state == "resolved"


@pytest.mark.parametrize("old", ["INSUFFICIENT_DATA", None, 1])
def test_an_alarm_that_begins_well_is_no_news(old):
    """A new stack makes a dozen alarms that all become OK: nothing ends. What is no alarm of CloudWatch is told as it stands."""
    found = read_topic_message(sns("", json.dumps({"AlarmName": "tj-ShipErrors", "NewStateValue": "OK", "OldStateValue": old})))
    assert (found is None) == (old == "INSUFFICIENT_DATA")
    on = json.dumps({"AlarmName": "tj-ShipErrors", "NewStateValue": "ALARM", "OldStateValue": "INSUFFICIENT_DATA"})
    assert read_topic_message(sns("", on)).state == "new"


@pytest.mark.parametrize("value", ["", "{", "[]", '{"id": 1}', "\ud800", "[" * 100_000])
def test_any_other_message_is_told_as_it_stands(value):
    """Also where its payload is none: a line of it, by its own id."""
    found = read_topic_message(sns(value, HOSTILE, "by hand"))
    assert (found.id, found.title, found.severity) == ("m1", "by hand", "notice")
    assert "second line" in found.happened
    assert steering(found.happened) == []
    assert read_topic_message({}) == AlertPayload(id="", title="", severity="notice")


@pytest.mark.parametrize(("text", "seconds"), [
    ("7", 7), (" 7 ", 7), ("999999999999", 3600), ("Tue, 24 Nov 2026 10:00:30 GMT", 30), ("Tue, 24 Nov 2026 09:00:00 GMT", 0), ("", 0), ("soon", 0),
    ("-3", 0), ("1e9", 0), ("٣", 0)])  # fmt: skip
def test_retry_after_is_a_number_or_a_date(text, seconds):
    """Anything else asks for nothing, and no more than an hour is waited."""
    assert seconds_in(text, now=1_795_514_400.0) == seconds
