"""The function notify, from the topic to servers of channels, through a real SNS, SQS and Secrets Manager's client."""

import json
import logging
import ssl
import uuid
from dataclasses import replace

import pytest

from pipeline.alert.sns import Topic
from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.local.environment import local_client
from pipeline.local.inbox import Inbox
from pipeline.notify.delivery import deliver as really_deliver
from pipeline.notify.delivery_queue import Delivery, DeliveryQueue, wait_after
from pipeline.notify.https_post import Network
from pipeline.settings import Settings
from shipper_function import notify
from tests.support.alert_payloads import ID, payload
from tests.support.issue_world import NO_STOCK, IssueWorld, Recorder
from tests.support.secrets import SECRET
from tests.support.tls_server import OK, TlsServer, certificate

KEY = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
ALERT = json.dumps({"version": "1.0", "id": ID, "title": "stock: ValueError behind 200", "service": "stock", "happened": "it failed"})


class Context:
    """Lambda's context, with a minute left."""

    function_name, memory_limit_in_mb, aws_request_id = "tracejoin-notify", 256, "r1"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:tracejoin-notify"

    def get_remaining_time_in_millis(self):
        return 60_000


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate for hooks.example, and its key."""
    return certificate(tmp_path_factory.mktemp("tls"))


class Stack:
    """The queues of a stack with notify, and the function."""

    def __init__(self, aws, vault):
        self.sqs, name = local_client("sqs", aws), f"notify-{uuid.uuid4().hex[:8]}"
        self.url, self.aside = (self.sqs.create_queue(QueueName=f"{name}{end}")["QueueUrl"] for end in ("", "-dead"))
        self.queue, self.vault = DeliveryQueue(self.sqs, self.url, self.aside), vault

    def invoke_by_sns(self, text="text", value=ALERT, message_id="m1"):
        """SNS hands a message to the function."""
        attributes = {"payload": {"Type": "String", "Value": value}} if value else {}
        sns = {"MessageId": message_id, "Subject": "s", "Message": text, "MessageAttributes": attributes}
        event = {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}
        assert notify.handler(event, Context()) == {}
        return event

    def receive(self, url=""):
        """What waits in a queue now."""
        found = []
        while messages := self.sqs.receive_message(QueueUrl=url or self.url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"],
                                                   MessageAttributeNames=["All"]).get("Messages"):  # fmt: skip
            found += messages
        return found

    def invoke_by_sqs(self):
        """SQS hands each waiting message to the function, and takes those away that are done; returns how many failed."""
        failures = 0
        for message in self.receive():
            record = {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"], "eventSource": "aws:sqs",
                      "attributes": message["Attributes"]}  # fmt: skip
            failed = notify.handler({"Records": [record]}, Context())["batchItemFailures"]
            failures += len(failed)
            if not failed:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return failures

    def come_due(self):
        """The wait of what failed last is over."""
        for receipt, _ in self.waits[-1:]:
            self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=0)


@pytest.fixture
def stack(aws, vault, pair, monkeypatch):
    """A stack of the test's own, whose channels are on this machine; its waits are noted."""
    found = Stack(aws, vault)
    found.waits = []

    def come_back_after(receipt, seconds):
        found.waits.append((receipt, seconds))
        DeliveryQueue.come_back_after(found.queue, receipt, seconds)

    monkeypatch.setattr(found.queue, "come_back_after", come_back_after)
    settings = Settings(notify_secret=SECRET, notify_private=True, region="eu-west-1")
    network = Network(private=True, resolve=lambda host, port: ["127.0.0.1"], tls=ssl.create_default_context(cafile=str(pair[0])))
    monkeypatch.setattr(notify, "settings", lambda: settings)
    monkeypatch.setattr(notify, "queue", lambda: found.queue)
    monkeypatch.setattr(notify, "network", lambda: network)
    monkeypatch.setattr(notify, "channels", notify._Channels())
    # the waits between attempts are those of test_https_post
    monkeypatch.setattr(notify, "deliver", lambda *arguments, **named: really_deliver(*arguments, **named, pause=lambda _: None))
    return found


def channels(stack, **servers):
    """The secret holds a channel of each kind at these servers."""
    more = {"pagerduty": {"routingKey": "0" * 32}, "webhook": {"key": KEY}}
    stack.vault.value = json.dumps([{"type": kind, "url": server.url} | more.get(kind, {}) for kind, server in servers.items()])


def test_each_channel_is_told_once(stack, pair):
    """Of one message all four kinds hear, each in its own form, and the secret was read once."""
    with (
        TlsServer(*pair, OK) as slack,
        TlsServer(*pair, (202, {}, b"")) as teams,
        TlsServer(*pair, (202, {}, b"{}")) as pager,
        TlsServer(*pair, OK) as hook,
    ):
        channels(stack, slack=slack, teams=teams, pagerduty=pager, webhook=hook)
        stack.invoke_by_sns()
        assert stack.invoke_by_sqs() == 0
        bodies = [json.loads(server.requests[0][2]) for server in (slack, teams, pager, hook)]
        assert [len(server.requests) for server in (slack, teams, pager, hook)] == [1, 1, 1, 1]
    assert bodies[0]["blocks"][0]["text"]["text"] == bodies[2]["payload"]["summary"] == bodies[3]["title"] == "stock: ValueError behind 200"
    assert bodies[1]["attachments"][0]["content"]["type"] == "AdaptiveCard"
    assert bodies[2]["dedup_key"] == bodies[3]["id"] == ID
    assert hook.requests[0][1]["webhook-id"] == "m1"
    assert stack.receive() == []
    assert stack.vault.reads == 1


def test_a_pager_follows_what_becomes_of_each_issue(stack, pair, store, settings):
    """Four issues that are told in one message are an incident each; what is acknowledged, resolved or comes back does so to its own one.

    A chat hears of the four at once.
    """
    world, topic = IssueWorld(store, settings), Recorder()
    world.topic = None
    for word in "abcd":
        world.fail(replace(NO_STOCK, name=word, message=f"no {word * 3} for order <number>"))
    world.topic = topic
    world.resolver().sweep()
    issues = world.issues()
    first, second = (issues[f"no {word * 3} for order *"] for word in "ab")
    for verb, issue in (("ack", first), ("resolve", first), ("resolve", second)):
        world.decide(verb, issue=issue, note="ticket 12")
        world.resolver().sweep()
    world.wait(120)
    world.fail(replace(NO_STOCK, name="a", message="no aaa for order <number>"))
    with TlsServer(*pair, *[(202, {}, b"{}")] * 9) as pager, TlsServer(*pair, *[OK] * 9) as slack:
        channels(stack, pagerduty=pager, slack=slack)
        for number, (_, text, attributes) in enumerate(topic.sent):
            stack.invoke_by_sns(text, attributes["payload"], f"m{number}")
            assert stack.invoke_by_sqs() == 0
        events = [json.loads(body) for _, _, body in pager.requests]
        chats = [json.loads(body)["text"] for _, _, body in slack.requests]
    told = [(event["event_action"], event["dedup_key"]) for event in events]
    assert sorted(told[:4]) == sorted(("trigger", issue.id) for issue in issues.values())
    assert sorted(event["payload"]["summary"] for event in events[:4]) == [
        f"orders: ValueError: no {word * 3} for order ∗" for word in "abcd"
    ]
    assert told[4:] == [("acknowledge", first.id), ("resolve", first.id), ("resolve", second.id), ("trigger", first.id)]
    assert [chat.partition(" ")[0] for chat in chats] == [":red_circle:", ":eyes:", *[":white_check_mark:"] * 2, ":red_circle:"]
    assert chats[1] == ":eyes: orders: ValueError, acknowledged by ann"


def test_an_alarm_s_incident_ends_with_the_alarm(stack, pair):
    """By the alarm's ARN; an alarm that was just made and begins well is told nobody."""
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:tj-ShipErrors"
    with TlsServer(*pair, *[(202, {}, b"{}")] * 2) as pager:
        channels(stack, pagerduty=pager)
        for old, new in (("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")):
            alarm = {
                "AlarmName": "tj-ShipErrors",
                "AlarmArn": arn,
                "OldStateValue": old,
                "NewStateValue": new,
                "AlarmDescription": "ship fails",
            }
            stack.invoke_by_sns(json.dumps(alarm), value="")
            assert stack.invoke_by_sqs() == 0
        events = [json.loads(body) for _, _, body in pager.requests]
    assert [(event["event_action"], event["dedup_key"]) for event in events] == [("trigger", arn), ("resolve", arn)]


def test_a_hundred_deliveries_are_put_into_the_queue_whatever_their_size(stack):
    """In calls of ten and of 250,000 bytes at most."""
    sizes = []
    send = stack.queue._client.send_message_batch

    def counted(**call):
        sizes.append(sum(len(entry["MessageBody"].encode()) for entry in call["Entries"]))
        assert len(call["Entries"]) <= 10
        return send(**call)

    stack.queue._client.send_message_batch = counted
    bodies = [payload(happened="x" * size) for size in [10] * 25 + [60_000] * 9]
    stack.queue.send(Delivery(channel="slack", message_id="m1", payload=body) for body in bodies)
    assert max(sizes) <= 250_000
    assert len(stack.receive()) == len(bodies)


def test_a_channel_that_fails_is_tried_again_alone(stack, pair):
    """The other one hears nothing twice; the wait is half a minute at first, and what the channel asks for if that is longer."""
    with TlsServer(*pair, OK) as slack, TlsServer(*pair, *[(500, {}, b"")] * 4, (429, {"Retry-After": "120"}, b""), OK) as hook:
        channels(stack, slack=slack, webhook=hook)
        stack.invoke_by_sns()
        assert stack.invoke_by_sqs() == 1
        assert [seconds for _, seconds in stack.waits] == [30]
        stack.come_due()
        assert stack.invoke_by_sqs() == 1
        assert [seconds for _, seconds in stack.waits] == [30, 120]
        stack.come_due()
        assert stack.invoke_by_sqs() == 0
        assert (len(slack.requests), len(hook.requests)) == (1, 6)
        assert len({headers["webhook-id"] for _, headers, _ in hook.requests}) == 1
    assert stack.receive(stack.aside) == []


def test_a_server_that_drips_is_left_when_its_time_is_up(stack, pair, monkeypatch):
    """Each byte is in time for the connection, and the whole is not for the delivery: it comes again later."""
    monkeypatch.setattr(notify, "_DELIVERY_SECONDS", 0.7)
    with TlsServer(*pair, "drip") as slack:
        channels(stack, slack=slack)
        stack.invoke_by_sns()
        assert stack.invoke_by_sqs() == 1
        assert len(slack.requests) == 1
        assert [seconds for _, seconds in stack.waits] == [30]


def test_what_a_channel_refuses_is_put_aside_with_the_reason_and_can_be_sent_again(stack, pair):
    """Once the channel is mended, a redrive tells it; the others hear nothing."""
    with TlsServer(*pair, (404, {}, b"no_service"), OK) as slack, TlsServer(*pair, OK) as teams:
        channels(stack, slack=slack, teams=teams)
        stack.invoke_by_sns()
        assert stack.invoke_by_sqs() == 0
        (letter,) = stack.receive(stack.aside)
        assert letter["MessageAttributes"]["reason"]["StringValue"] == "it answered 404 (no_service), which stays so"
        stack.sqs.send_message(QueueUrl=stack.url, MessageBody=letter["Body"])
        assert stack.invoke_by_sqs() == 0
        assert (len(slack.requests), len(teams.requests)) == (2, 1)


def test_an_event_that_lambda_gave_up_is_handed_out_when_it_is_sent_again(stack, pair, monkeypatch):
    """SQS does not take the deliveries: the event fails as a whole. Its dead letter holds it as it was."""
    with TlsServer(*pair, OK) as slack:
        channels(stack, slack=slack)
        with monkeypatch.context() as broken:
            broken.setattr(stack.queue, "_url", f"{stack.url}-gone")
            with pytest.raises(UnavailableError):
                stack.invoke_by_sns()
        sns = {"MessageId": "m1", "Subject": "s", "Message": "text", "MessageAttributes": {"payload": {"Type": "String", "Value": ALERT}}}
        stack.sqs.send_message(QueueUrl=stack.url, MessageBody=json.dumps({"Records": [{"EventSource": "aws:sns", "Sns": sns}]}))
        assert stack.invoke_by_sqs() == 0
        assert stack.invoke_by_sqs() == 0
        assert len(slack.requests) == 1


def test_a_channel_that_is_gone_and_a_body_that_is_none_are_put_aside(stack, pair):
    """Neither can be told, and neither comes again."""
    with TlsServer(*pair, OK) as slack:
        channels(stack, slack=slack)
        stack.invoke_by_sns()
        stack.sqs.send_message(QueueUrl=stack.url, MessageBody="no delivery")
        stack.vault.value = json.dumps([{"type": "slack", "name": "other", "url": slack.url}])
        notify.channels._until = 0.0
        assert stack.invoke_by_sqs() == 0
        reasons = {letter["MessageAttributes"]["reason"]["StringValue"] for letter in stack.receive(stack.aside)}
        assert reasons == {"no channel in the secret has this name any more", "the message is no delivery to a channel"}
        assert slack.requests == []


def test_no_address_and_no_key_shows(stack, pair, caplog, capsys, monkeypatch):
    """Whatever goes wrong, at whatever level is logged: in no log, no metric and no dead letter."""
    caplog.set_level(logging.DEBUG, logger="")
    for answer in (
        (500, {}, KEY.encode()),
        (403, {}, b"SECRETPATH"),
        (302, {"Location": "https://hooks.example/SECRETPATH"}, b""),
        "closed",
    ):
        with TlsServer(*pair, answer) as hook, TlsServer(*pair, answer) as pager:
            channels(stack, webhook=hook, pagerduty=pager)
            notify.channels._until = 0.0
            stack.invoke_by_sns()
            stack.invoke_by_sqs()
    monkeypatch.setattr(notify, "network", Network)
    stack.invoke_by_sns()
    stack.invoke_by_sqs()
    said = capsys.readouterr()
    shown = said.out + said.err + str([vars(record) for record in caplog.records]) + str(stack.receive(stack.aside))
    assert "it answered 403" in shown
    for secret in ("SECRETPATH", "hooks.example", KEY, KEY.removeprefix("whsec_"), "0" * 32):
        assert secret not in shown, secret


def test_a_wrong_secret_fails_by_name(stack):
    """SNS's event comes again, and ends as a dead letter; nothing of the secret is in the words."""
    stack.vault.value = json.dumps([{"type": "slack", "url": "http://SECRETPATH"}])
    with pytest.raises(MisconfiguredError, match=r"channel 1 \(slack\)") as caught:
        stack.invoke_by_sns()
    assert SECRET in str(caught.value)
    assert "SECRETPATH" not in str(caught.value)


def test_the_topic_s_subscribers_get_their_own_form(aws):
    """A queue the whole text, with the payload beside it; a mail and AWS's chat applications what is made for them."""
    inbox = Inbox(aws, f"t{uuid.uuid4().hex[:8]}")
    published = []

    class Client:
        def publish(self, **message):
            published.append(message)
            return inbox.client.publish(**message)

    value = json.dumps({"version": "1.0", "id": ID, "title": "stock: ValueError behind 200", "happened": "it failed"})
    Topic(Client(), inbox.arn).publish("subject", "the whole text", {"payload": value, "service": "stock"})
    (received,) = inbox.receive()
    assert (received.subject, received.text, received.attributes["payload"]) == ("subject", "the whole text", value)
    (message,) = published
    bodies = json.loads(message["Message"])
    assert message["MessageStructure"] == "json"
    assert bodies["email"].startswith("What happened: “it failed”")
    chat = json.loads(bodies["https"])
    assert (chat["version"], chat["source"], chat["content"]["textType"], chat["metadata"]["threadId"]) == (
        "1.0",
        "custom",
        "client-markdown",
        ID,
    )
    assert chat["content"]["title"] == "stock: ValueError behind 200"
    Topic(inbox.client, inbox.arn).publish("subject", "by hand", {})
    assert inbox.receive()[0].text == "by hand"


@pytest.mark.parametrize(
    ("receives", "asked", "seconds"), [(1, 0, 30), (2, 0, 60), (6, 0, 900), (99, 0, 900), (1, 45.0, 45), (0, 0, 30), (6, 3600.0, 3600)]
)
def test_waits_double(receives, asked, seconds):
    """Up to a quarter of an hour, or for as long as the channel asks."""
    assert wait_after(receives, asked) == seconds
