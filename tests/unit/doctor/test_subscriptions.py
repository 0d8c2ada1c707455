"""Checks of subscriptions: missing filters, permissions, targets."""

import pytest

from pipeline.doctor.resources import Permission
from pipeline.doctor.subscription_state import AccountPolicy, Selection, Subscriptions
from pipeline.doctor.subscriptions import missing, permissions, targets
from pipeline.provision.subscriptions.log_groups import SubscriptionFilter
from tests.support.doctor_facts import STACK, groups, statuses

SHIP = "arn:aws:lambda:eu-west-1:123456789012:function:s-ship"
ALL = Selection(wants=lambda _name, _tags: True, filter_name="s-ship", filter_pattern="?ERROR")


@pytest.mark.parametrize(("permission", "status"), [
    (Permission(service="logs.amazonaws.com"), []), (Permission(service="logs.eu-west-1.amazonaws.com"), []),
    (Permission(service="logs.amazonaws.com", source_arn="arn:aws:logs:eu-west-1:123456789012:log-group:/a/*:*"), []),
    (Permission(service="logs.amazonaws.com", source_arn="arn:aws:logs:eu-west-1:123456789012:log-group:/b:*"), ["problem"]),
    (Permission(service="logs.amazonaws.com", source_account="999999999999"), ["problem"]),
    (Permission(service="events.amazonaws.com"), ["problem"])])  # fmt: skip
def test_permission_of_cloudwatch_logs(permission, status):
    """By service, account and ARN with wild cards."""
    found = Subscriptions(
        groups=groups("/a/x"), filters={"/a/x": [SubscriptionFilter(name="f", destination_arn=f"{SHIP}:live")]}, stack=STACK
    )
    assert [finding.status for finding in permissions(STACK, [permission], found)] == status


def test_no_permission_and_nobody_subscribed():
    """Also before the first log group is subscribed the missing permission is told of."""
    nothing = Subscriptions(groups={}, filters={}, stack=STACK)
    assert statuses(permissions(STACK, [], nothing)) == [("problem", "s-ship")]
    assert statuses(permissions(STACK, [Permission(service="logs.amazonaws.com")], nothing)) == []


def test_wanted_log_groups_that_were_not_looked_at_are_said():
    """What was not read is not missing, and not silently fine."""
    names = groups("/a", "/b")
    found = Subscriptions(groups=names, filters={"/a": []}, unread=("/b",), stack=STACK)
    assert statuses(missing(STACK, ALL, list(names.values()), found)) == [("problem", "/a"), ("unknown", "/b")]


def test_what_is_not_missing():
    """What the account's policy covers, what can't be subscribed, what has our filter with another target; what the policy leaves out is."""
    names = groups("/covered", "/left") | groups("/cheap", log_class="INFREQUENT_ACCESS") | groups("/old")
    old = SubscriptionFilter(name="s-ship", destination_arn="arn:aws:lambda:eu-west-1:123456789012:function:gone")
    policy = AccountPolicy(name="p", destination=SHIP, document="{}", left_out=frozenset({"/left", "/old"}))
    filters = {"/covered": [], "/left": [], "/cheap": [], "/old": [old]}
    found = Subscriptions(groups=names, filters=filters, policies=[policy], stack=STACK)
    assert statuses(missing(STACK, ALL, list(names.values()), found)) == [("problem", "/left")]
    assert [group.name for group in found.subscribed()] == ["/covered"]


def test_a_filter_of_a_log_group_that_is_wanted_no_more():
    """It is deleted, not put anew; the pattern of a new one is the stack's."""
    names = groups("/a", "/b")
    old = SubscriptionFilter(name="s-ship", destination_arn="arn:aws:lambda:eu-west-1:123456789012:function:gone")
    found = Subscriptions(groups=names, filters={"/a": [old], "/b": [old]}, stack=STACK)
    put, delete = targets(STACK, ALL, [names["/a"]], found)
    assert "put-subscription-filter --log-group-name /a" in put.remedy
    assert "--filter-pattern '?ERROR'" in put.remedy
    assert "delete-subscription-filter --log-group-name /b" in delete.remedy
