"""Which log groups are chosen, and what becomes of them, without AWS: a CloudWatch Logs that keeps its filters in a dictionary."""

import pytest

from pipeline.errors import BadInputError, MisconfiguredError, UnavailableError
from pipeline.provision.subscriptions.log_groups import LogGroup, SubscriptionFilter
from pipeline.provision.subscriptions.selector import PIPELINE_TAG, LogGroupSelector
from pipeline.provision.subscriptions.subscriber import Subscriber

OURS = SubscriptionFilter(name="tracejoin-ship", destination_arn="arn:aws:lambda:eu-west-1:123456789012:function:tracejoin-ship")
THEIRS = SubscriptionFilter(name="theirs", destination_arn="arn:aws:firehose:eu-west-1:123456789012:deliverystream/s", pattern="ERROR")


class FakeLogGroups:
    """Log groups by name, each with its class, tags and filters; refuses where it is told to, and knows of two filters at most."""

    def __init__(self, **groups):
        self.groups = {
            name: {"log_class": "STANDARD", "tags": {}, "filters": {}, "refuses": None} | group for name, group in groups.items()
        }
        self.calls = []

    def listed(self, start=""):
        return (LogGroup(name=name, arn=f"arn:{name}", log_class=group["log_class"]) for name, group in self.groups.items()
                if name.startswith(start))  # fmt: skip

    def tags_of(self, group):
        self.calls.append(("tags", group.name))
        return self.groups[group.name]["tags"]

    def filters(self, name):
        if self.groups[name]["refuses"]:
            raise self.groups[name]["refuses"]
        return list(self.groups[name]["filters"].values())

    def put(self, name, wanted):
        self.calls.append(("put", name))
        if len(self.groups[name]["filters"].keys() | {wanted.name}) > 2:
            raise BadInputError("logs:PutSubscriptionFilter: LimitExceededException: Resource limit exceeded.")
        self.groups[name]["filters"][wanted.name] = wanted

    def delete(self, name, filter_name):
        self.calls.append(("delete", name))
        del self.groups[name]["filters"][filter_name]

    def subscribed(self):
        return {name for name, group in self.groups.items() if group["filters"].get(OURS.name) == OURS}


def filters(*each):
    """Filters by name."""
    return {filter_.name: filter_ for filter_ in each}


def test_everything_is_brought_in_line_and_nobody_else_is_touched():
    """New, changed, unwanted, right, unsubscribable: each gets what it should; others' filters stay; a second run changes nothing."""
    older = SubscriptionFilter(name=OURS.name, destination_arn=OURS.destination_arn, pattern="OLD")
    groups = FakeLogGroups(new={}, changed={"filters": filters(older, THEIRS)}, right={"filters": filters(OURS)},
                           cheap={"log_class": "INFREQUENT_ACCESS"}, unwanted={"filters": filters(OURS, THEIRS)})  # fmt: skip
    subscriber = Subscriber(groups, LogGroupSelector(("*", "!unwanted")), OURS)
    outcome = subscriber.reconcile()
    assert (outcome.subscribed, outcome.removed, outcome.unchanged, outcome.left, outcome.refused) == (2, 1, 2, 0, [])
    assert groups.subscribed() == {"new", "changed", "right"}
    assert [name for name, group in groups.groups.items() if "theirs" in group["filters"]] == ["changed", "unwanted"]
    groups.calls.clear()
    assert subscriber.reconcile().unchanged == 5
    assert {call for call, _ in groups.calls} <= {"tags"}


def test_all_of_it_can_be_undone():
    """Every filter of ours goes, wherever it is, and none but ours."""
    groups = FakeLogGroups(a={"filters": filters(OURS)}, b={"filters": filters(THEIRS, OURS)}, c={"filters": filters(THEIRS)})
    assert Subscriber(groups, LogGroupSelector(("*",)), OURS).remove_all().removed == 2
    assert groups.subscribed() == set()
    assert sum("theirs" in group["filters"] for group in groups.groups.values()) == 2


def test_one_that_refuses_does_not_stop_the_others():
    """Two filters used up, a service that is away, a group that is gone: the first two are told of, the last is nobody's business."""
    other = SubscriptionFilter(name="more", destination_arn="arn:x")
    groups = FakeLogGroups(full={"filters": filters(THEIRS, other)}, away={"refuses": UnavailableError("logs:DescribeSubscriptionFilters did not go through")},
                           gone={"refuses": BadInputError("logs:DescribeSubscriptionFilters: ResourceNotFoundException: no")}, fine={})  # fmt: skip
    outcome = Subscriber(groups, LogGroupSelector(("*",)), OURS).reconcile()
    assert groups.subscribed() == {"fine"}
    told = {refusal.log_group: refusal.reason for refusal in outcome.refused}
    assert set(told) == {"full", "away"}
    assert "takes two subscription filters" in told["full"]


def test_a_denied_call_fails_the_run():
    """Without the permission no log group would do: it is the role that is wrong."""
    groups = FakeLogGroups(a={"refuses": MisconfiguredError(["logs:DescribeSubscriptionFilters is denied"])})
    with pytest.raises(MisconfiguredError, match="denied"):
        Subscriber(groups, LogGroupSelector(("*",)), OURS).reconcile()


def test_when_time_is_up_the_rest_is_counted():
    """What could not be looked at is told, and nothing of it was touched."""
    groups = FakeLogGroups(**{f"g{number}": {} for number in range(5)})
    time = iter([True, True, False])
    outcome = Subscriber(groups, LogGroupSelector(("*",)), OURS, go_on=lambda: next(time)).reconcile()
    assert (outcome.subscribed, outcome.left) == (2, 3)
    assert len(groups.subscribed()) == 2


def test_nothing_begins_where_the_stack_goes():
    """A round that runs while the stack is deleted takes filters away, and gives none; the rest is left."""
    groups = FakeLogGroups(a={}, b={})
    outcome = Subscriber(groups, LogGroupSelector(("*",)), OURS, may_begin=lambda: False).reconcile()
    assert (outcome.subscribed, outcome.left, groups.subscribed()) == (0, 2, set())
    groups = FakeLogGroups(unwanted={"filters": filters(OURS)})
    assert Subscriber(groups, LogGroupSelector(()), OURS, may_begin=lambda: False).reconcile().removed == 1


def test_nobody_begins_to_ship_another_stack_s_pipeline():
    """Its log groups carry the tag of a pipeline; each is asked for its tags before it is subscribed, and not again afterwards."""
    groups = FakeLogGroups(other={"tags": {PIPELINE_TAG: "other"}}, fine={})
    subscriber = Subscriber(groups, LogGroupSelector(("*",)), OURS)
    assert subscriber.reconcile().subscribed == 1
    assert groups.subscribed() == {"fine"}
    groups.calls.clear()
    assert subscriber.reconcile().unchanged == 2
    assert groups.calls == [("tags", "other")]


def test_a_log_group_that_loses_its_tag_loses_its_subscription():
    """Where a tag decides, it is looked at each time."""
    groups = FakeLogGroups(a={"tags": {"ship": ""}}, b={"tags": {"ship": ""}})
    subscriber = Subscriber(groups, LogGroupSelector(("*",), "ship"), OURS)
    subscriber.reconcile()
    groups.groups["a"]["tags"].clear()
    assert subscriber.reconcile().removed == 1
    assert groups.subscribed() == {"b"}


def test_one_new_log_group():
    """CloudTrail's word of one is about that one: neither its namesakes nor any other is looked at."""
    groups = FakeLogGroups(**{"/aws/lambda/a": {}, "/aws/lambda/ab": {}, "other": {}})
    outcome = Subscriber(groups, LogGroupSelector(("/aws/lambda/*",)), OURS).reconcile("/aws/lambda/a")
    assert (outcome.subscribed, outcome.unchanged) == (1, 0)
    assert groups.subscribed() == {"/aws/lambda/a"}
