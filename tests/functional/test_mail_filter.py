"""Which of the topic's messages a mail gets: the stack's filter, on a real SNS's client and a local topic."""

import json
import uuid

import pytest

from pipeline.alert.sns import Topic
from pipeline.local.environment import local_client
from tests.support.stack import Stack


@pytest.mark.parametrize(
    ("attributes", "mailed"),
    [
        ({"issues": "new"}, True),
        ({"issues": "regressed,growing"}, True),
        ({"issues": "mute over"}, True),
        ({"issues": "acknowledged"}, False),
        ({"issues": "resolved"}, False),
        ({"rules": "timeout"}, True),
    ],
)
def test_a_mail_leaves_out_what_people_decide(aws, attributes, mailed):
    """The subscription's filter, held to by SNS: what is told of traces one by one has no attribute `issues`, and comes, too."""
    _, topic, received = subscribed(aws)
    topic.publish("subject", "text", {"service": "orders", **attributes})
    assert received() == mailed


def test_an_alarm_does_not_pass_the_filter(aws):
    """CloudWatch's messages have no attributes, and no filter on attributes matches these: so alarms tell a topic of the mail's own."""
    arn, _, received = subscribed(aws)
    local_client("sns", aws).publish(TopicArn=arn, Message='{"AlarmName": "tj-ShipErrors", "NewStateValue": "ALARM"}')
    assert not received()


def subscribed(aws):
    """A topic with a queue in the mail's place: the topic's ARN, what publishes to it, and what says whether something came."""
    about = Stack(AlertEmail="ann@example.com").resources["AlertSubscription"]["Properties"]
    sns, sqs, name = local_client("sns", aws), local_client("sqs", aws), f"mail-{uuid.uuid4().hex[:8]}"
    topic, url = sns.create_topic(Name=name)["TopicArn"], sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"FilterPolicyScope": about["FilterPolicyScope"], "FilterPolicy": json.dumps(about["FilterPolicy"])}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=policy)
    return topic, Topic(sns, topic), lambda: bool(sqs.receive_message(QueueUrl=url).get("Messages"))
