"""The request that each channel gets, by its documented form."""

import base64
import hashlib
import hmac
import json

import pytest

from pipeline.alert.payload import IssueTold, Link
from pipeline.notify.channels import Webhook
from pipeline.notify.pagerduty import incidents_of, pagerduty_event
from pipeline.notify.slack import slack_message
from pipeline.notify.teams import LARGEST, teams_message
from pipeline.notify.webhook import signed_request
from tests.support.alert_payloads import ID, payload

LINK = payload().links[0]
WIDE = "漢" * 5000


def test_slack_gets_blocks():
    """A plain header, sections without links of their own, the commands, and buttons that lead to our pages."""
    message = json.loads(slack_message(payload()))
    header, *sections, commands, actions = message["blocks"]
    assert header == {"type": "header", "text": {"type": "plain_text", "text": "stock: ValueError behind 200", "emoji": False}}
    texts = [section["text"]["text"] for section in sections]
    assert texts[0] == "*What happened*  “Lambda answered 200, but the function stock failed” But the caller was told 200."
    assert "*Since*  2026-11-24 10:00:00 UTC, last 2026-11-24 10:00:05 UTC" in texts
    assert any(text.endswith("/aws/lambda/stock in account 123456789012 “[ERROR] no stock”") for text in texts)
    assert all(section["text"]["verbatim"] for section in (*sections, commands))
    assert commands["text"]["text"] == f"`{payload().next_steps[0]}`"
    assert [(button["text"]["text"], button["url"]) for button in actions["elements"]] == [("page", LINK.url)]
    assert message["text"].endswith("stock: ValueError behind 200")
    assert message["unfurl_links"] is message["unfurl_media"] is False


def test_teams_gets_a_card_whose_texts_know_no_markdown():
    """Every text is a TextRun; buttons open our pages; nobody is mentioned."""
    message = json.loads(teams_message(payload()))
    (attachment,) = message["attachments"]
    card = attachment["content"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert (card["type"], card["version"], card["msteams"]) == ("AdaptiveCard", "1.4", {"width": "Full"})
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}
    assert card["body"][0]["inlines"][0]["text"] == "stock: ValueError behind 200"
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "page", "url": LINK.url}]


def test_pagerduty_gets_an_event_that_triggers():
    """With what the schema requires, and the alert's id as its key."""
    event = json.loads(pagerduty_event(payload(), "0" * 32))
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == ("0" * 32, "trigger", ID)
    told = event["payload"]
    assert (told["summary"], told["source"], told["severity"], told["class"]) == (
        "stock: ValueError behind 200",
        "stock",
        "error",
        "timeout",
    )
    assert told["custom_details"]["Exception"] == "“ValueError: no stock”"
    assert event["links"] == [{"href": LINK.url, "text": "page"}]


@pytest.mark.parametrize(
    ("state", "action"), [("regressed", "trigger"), ("growing", "trigger"), ("acknowledged", "acknowledge"), ("resolved", "resolve")]
)
def test_pagerduty_follows_the_alert(state, action):
    """What is acknowledged or resolved does so to the incident of the same key, and needs no more than that."""
    event = json.loads(pagerduty_event(payload(state=state), "0" * 32))
    assert (event["event_action"], event["dedup_key"]) == (action, ID)
    assert ("payload" in event) == (action == "trigger")


def test_pagerduty_gets_an_incident_for_each_issue():
    """Of a message about several, so that each is resolved by its own id; one more for those that it does not list; else the alert as it is."""
    issues = tuple(IssueTold(id=f"{number}" * 16, title=f"stock: E{number}", service="stock", count=number) for number in (2, 3))
    each = incidents_of(payload(id="group-stock", issues=issues))
    events = [json.loads(pagerduty_event(one, "0" * 32)) for one in each]
    assert [event["dedup_key"] for event in events] == ["2" * 16, "3" * 16]
    assert [event["payload"]["summary"] for event in events] == ["stock: E2", "stock: E3"]
    assert events[0]["payload"]["custom_details"] == {"How often": "2 traces", "Where": "stock", "Next": "tracejoin issues"}
    assert [one.id for one in incidents_of(payload(id="group-stock", issues=issues, more_issues=4))][2:] == ["group-stock"]
    assert incidents_of(payload()) == (payload(),)


@pytest.mark.parametrize(("state", "sign", "colour"), [("acknowledged", ":eyes:", "Warning"), ("resolved", ":white_check_mark:", "Good")])
def test_chats_say_who_decided_what_and_why(state, sign, colour):
    """With a sign, in a colour, the author, the time, the version and the note."""
    told = payload(state=state, decided_by="ann", decided_at="2026-11-24T10:00:00.000Z", note="ticket 12", resolved_in="18")
    slack = json.loads(slack_message(told))
    assert slack["text"].startswith(sign)
    texts = [block["text"]["text"] for block in slack["blocks"] if "text" in block]
    assert f"*{state.capitalize()}*  by ann, 2026-11-24 10:00:00 UTC, in version 18" in texts
    assert "*Note*  “ticket 12”" in texts
    card = json.loads(teams_message(told))["attachments"][0]["content"]["body"]
    assert card[0]["inlines"][0]["color"] == colour
    assert [run["text"] for run in card[3]["inlines"]] == [f"{state.capitalize()}  ", "by ann, 2026-11-24 10:00:00 UTC, in version 18"]


def test_a_webhook_gets_the_payload_with_a_signature_that_others_can_check():
    """By Standard Webhooks: id, time stamp and body with points between, and the key's bytes."""
    raw = b"k" * 32
    channel = Webhook(name="w", url="https://hooks.example/", key=f"whsec_{base64.b64encode(raw).decode()}")
    request = signed_request(channel, payload(), "m1", 1_790_000_000.9)
    signed = f"m1.1790000000.{request.body.decode()}".encode()
    digest = base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode()
    assert request.headers == {"webhook-id": "m1", "webhook-timestamp": "1790000000", "webhook-signature": f"v1,{digest}"}
    body = json.loads(request.body)
    assert (body["version"], body["id"], body["state"], body["firstSeen"]) == ("1.0", ID, "new", "2026-11-24T10:00:00.000Z")


def test_a_channel_s_limits_hold_whatever_is_told():
    """Slack's 3,000 characters a text, 150 a header and 75 a button; PagerDuty's 1,024 a summary; the bytes of a card."""
    links = tuple(Link(WIDE, f"https://traces.example/{'x' * 1900}") for _ in range(4))
    large = payload(title=WIDE, happened=WIDE, exception=WIDE, line=WIDE, line_origin=WIDE, service=WIDE, entry=WIDE, rules=(WIDE,),
                    next_steps=(WIDE,), links=links)  # fmt: skip
    message = json.loads(slack_message(large))
    assert all(
        0 < len(block["text"]["text"]) <= (150 if block["type"] == "header" else 3000) for block in message["blocks"] if "text" in block
    )
    assert all(len(button["text"]["text"]) <= 75 for button in message["blocks"][-1]["elements"])
    assert len(json.loads(pagerduty_event(large, "0" * 32))["payload"]["summary"]) <= 1024
    small = payload(links=tuple(Link("page", link.url) for link in links), happened=WIDE, line=WIDE)
    assert len(teams_message(small)) <= LARGEST
    assert json.loads(teams_message(small))["attachments"][0]["content"]["actions"]


def test_what_is_unknown_is_left_out():
    """Of an alert with an id alone nothing is empty that a channel refuses as empty."""
    bare = payload(**dict.fromkeys(("title", "service", "entry", "answered", "happened", "exception", "first_seen", "last_seen", "trace_id", "line",
                                    "line_at", "line_origin"), ""), rules=(), next_steps=(), links=())  # fmt: skip
    assert [block["type"] for block in json.loads(slack_message(bare))["blocks"]] == ["header"]
    assert json.loads(teams_message(bare))["attachments"][0]["content"]["body"][0]["inlines"][0]["text"] == ID
    told = json.loads(pagerduty_event(bare, "0" * 32))["payload"]
    assert told["summary"] == ID
    assert told["source"]
