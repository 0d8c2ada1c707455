"""Who is told by mail of what: of faults and alarms, and not of what people decide about faults, nor of an alarm's end."""

from tests.support.stack import Stack

ADDRESS = "ann@example.com"


def test_without_an_address_nothing_of_it_is_made():
    """No topic, no subscription, and alarms that tell the topic of the alerts alone."""
    stack = Stack()
    assert not {"AlertSubscription", "AlarmMailTopic", "AlarmMailTopicPolicy"} & set(stack.resources)
    alarm = stack.resources["ShipErrorsAlarm"]["Properties"]
    assert (alarm["AlarmActions"], alarm["OKActions"]) == (["<AlertTopic>"], ["<AlertTopic>"])


def test_alarms_reach_the_mail_past_its_filter():
    """Each alarm that is told at all tells the mail's own topic, which has no filter, when it goes off, and not when it ends."""
    stack = Stack(AlertEmail=ADDRESS)
    alarms = [about["Properties"] for about in stack.resources.values() if about["Type"] == "AWS::CloudWatch::Alarm"]
    assert {str(alarm["AlarmActions"]) for alarm in alarms} == {"['<AlertTopic>', '<AlarmMailTopic>']"}
    assert {str(alarm["OKActions"]) for alarm in alarms} == {"['<AlertTopic>']"}
    assert stack.resources["AlarmMailTopic"]["Properties"]["Subscription"] == [{"Protocol": "email", "Endpoint": ADDRESS}]
    assert stack.resources["AlertSubscription"]["Properties"]["Endpoint"] == ADDRESS
