"""What CloudWatch and CloudFormation say of a period, from recorded answers: the calls that are made, and what is made of them."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.cost.aws_usage import Domain, LogGroupUsage
from pipeline.doctor.collect.usage import read_usage
from pipeline.errors import MisconfiguredError, UnavailableError

UNTIL = datetime(2026, 11, 24, 10, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=7)
PARAMETERS = {"OpenSearch": "domain", "DomainInstanceType": "t3.small.search", "DomainInstanceCount": "2", "DomainVolumeGiB": "20"}
RESOURCES = {"Ship": ("AWS::Lambda::Function", "tj-ship"), "Hints": ("AWS::SQS::Queue", "https://sqs/1/tj-hints"),
             **{f"Alarm{n}": ("AWS::CloudWatch::Alarm", f"tj-{n}") for n in range(15)}}  # fmt: skip
VALUES = {"IncomingLogEvents": [3, 4], "IncomingBytes": [100.0, 200.0], "Invocations": [10], "Duration": [2000.0, 4000.0], "NumberOfMessagesSent": [4],
          "SentMessageSize": [4 * 131072], "NumberOfMessagesReceived": [4], "NumberOfMessagesDeleted": [4], "NumberOfEmptyReceives": [100]}  # fmt: skip


class RecordedCalls:
    """AWS as far as usage asks; ``refused`` are the methods that raise."""

    region = "eu-west-1"

    def __init__(self, refused=(), groups=("/aws/lambda/a", "aws/spans"), parameters=PARAMETERS):
        self.refused = dict.fromkeys(refused, MisconfiguredError(["it is denied"])) if not isinstance(refused, dict) else refused
        self.groups = groups
        self.parameters = parameters
        self.queries = []

    def call(self, service, method, **arguments):
        return self.find(service, method, (), **arguments)

    def find(self, service, method, absent, **arguments):
        if method in self.refused:
            raise self.refused[method]
        if method == "describe_stacks":
            given = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
            return {
                "Stacks": [
                    {
                        "StackId": "arn:aws:cloudformation:eu-west-1:1:stack/tj/x",
                        "StackName": "tj",
                        "StackStatus": "OK",
                        "Parameters": given,
                    }
                ]
            }
        return {"get_caller_identity": {"Account": "1"}, "get_function_configuration": {"FunctionName": "tj-ship", "MemorySize": 512}}[
            method
        ]

    def pages(self, service, method, key, **arguments):
        if method in self.refused:
            raise self.refused[method]
        if method == "list_stack_resources":
            yield from (
                {"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": id_} for name, (kind, id_) in RESOURCES.items()
            )
        elif method == "list_metrics" and arguments["Namespace"] == "tracejoin":
            yield from ({"MetricName": f"m{n}"} for n in range(33))
        elif method == "list_metrics":
            # the sum over all log groups has no dimension, that of a subscription has several
            yield {"Dimensions": []}
            yield {"Dimensions": [{"Name": "LogGroupName", "Value": "x"}, {"Name": "FilterName", "Value": "y"}]}
            yield from ({"Dimensions": [{"Name": "LogGroupName", "Value": name}]} for name in self.groups)
        else:
            assert method == "get_metric_data"
            self.queries.append(arguments)
            for query in arguments["MetricDataQueries"]:
                yield {"Id": query["Id"], "Values": VALUES[query["MetricStat"]["Metric"]["MetricName"]]}


def test_everything_is_read():
    """Sums by log group but those of spans, GB-seconds by memory, queue requests by 64 KiB, the domain of the stack's parameters, its alarms, custom metrics."""
    found = read_usage(RecordedCalls(), "tj", since=SINCE, until=UNTIL)
    assert found.missing == ()
    assert (found.account, found.region) == ("1", "eu-west-1")
    assert found.log_groups == {"/aws/lambda/a": LogGroupUsage(events=7, bytes=300)}
    assert found.invocations == 10
    assert found.gb_seconds == pytest.approx(6 * 0.5)
    # messages of 128 KiB are two requests each way
    assert found.queue_requests == (4 + 4) * 2 + 4 + 100
    assert (found.alarms, found.metrics, found.opensearch) == (15, 33, "domain")
    assert found.domain == Domain(node="t3.small.search", count=2, volume_gib=20)


def test_many_log_groups_take_several_calls():
    """GetMetricData takes 500 queries: 300 log groups are asked for in two calls, and none is lost or takes another's values."""
    calls = RecordedCalls(groups=[f"g{n}" for n in range(300)])
    assert len(read_usage(calls, "tj", since=SINCE, until=UNTIL).log_groups) == 300
    assert [len(each["MetricDataQueries"]) for each in calls.queries[:2]] == [500, 100]
    assert {query["MetricStat"]["Period"] for each in calls.queries for query in each["MetricDataQueries"]} == {3600}


def test_a_short_period_is_asked_for_finely():
    """Two days or less are summed by five minutes."""
    calls = RecordedCalls()
    read_usage(calls, "tj", since=UNTIL - timedelta(hours=2), until=UNTIL)
    assert {query["MetricStat"]["Period"] for each in calls.queries for query in each["MetricDataQueries"]} == {300}


@pytest.mark.parametrize(
    ("method", "absent", "there"),
    [
        ("list_metrics", ["log_groups", "metrics"], "invocations"),
        ("get_metric_data", ["log_groups", "invocations", "queue_requests"], "alarms"),
        ("describe_stacks", ["invocations", "queue_requests", "alarms", "domain"], "log_groups"),
        ("get_function_configuration", ["invocations", "gb_seconds"], "queue_requests"),
    ],
)
def test_what_is_denied_stops_nothing_else(method, absent, there):
    """Each read that is refused is named once, and what it would have told is unknown; all else is there."""
    found = read_usage(RecordedCalls([method]), "tj", since=SINCE, until=UNTIL)
    assert all("it is denied" in sentence for sentence in found.missing)
    assert found.missing
    assert not any(getattr(found, name) for name in absent)
    assert getattr(found, there)


def test_without_credentials_there_is_one_reason():
    """The first call says why nothing is known, and no other is made."""
    calls = RecordedCalls({"get_caller_identity": UnavailableError("AWS is away")})
    found = read_usage(calls, "tj", since=SINCE, until=UNTIL)
    assert found.missing == ("the account: AWS is away",)
    assert not calls.queries


def test_a_stack_with_another_opensearch_has_no_domain():
    """With `serverless` or `existing` there are no nodes to count."""
    found = read_usage(
        RecordedCalls(parameters={"OpenSearch": "serverless", "DomainInstanceType": "t3.small.search"}), "tj", since=SINCE, until=UNTIL
    )
    assert (found.opensearch, found.domain) == ("serverless", None)
