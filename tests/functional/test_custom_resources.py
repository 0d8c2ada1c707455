"""The custom resources as CloudFormation asks them: setup and subscribe, each with an answer, whatever happens."""

import json
import subprocess
import sys
import time

import boto3
import pytest

from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.lambda_runtime import Context
from pipeline.provision.install import require
from pipeline.provision.subscriptions.selector import PIPELINE_TAG
from tests.support.gatekeeper import Gatekeeper
from tests.support.http_server import HttpServer
from tests.support.stores import both_kinds, emptied

STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/tracejoin/1b2c"
SHIP = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:tracejoin-ship"


class CloudFormation(HttpServer):
    """Where answers are put, and who says which state the stack is in (a recorded DescribeStacks: ministack keeps no such state)."""

    def __init__(self):
        super().__init__(self._answer)
        self.told = []
        self.failures = 0
        self.status = "UPDATE_IN_PROGRESS"

    def _answer(self, request):
        if request.method == "POST":
            return 200, f"""<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
                <StackName>tracejoin</StackName><CreationTime>2026-11-25T00:00:00Z</CreationTime><StackStatus>{self.status}</StackStatus>
                </member></Stacks></DescribeStacksResult></DescribeStacksResponse>""".encode()  # fmt: skip
        if self.failures:
            self.failures -= 1
            return 503, b""
        self.told.append((request.headers["content-type"], json.loads(request.body)))
        return 200, b""


def context(seconds=300):
    """An invocation with this many seconds left."""
    return Context("52fdfc07-2182-454f-963f-5f0f9a621d72", time.time() + seconds)


@pytest.fixture
def cloudformation():
    """A CloudFormation that listens."""
    with CloudFormation() as server:
        yield server


@pytest.fixture
def ask(cloudformation, monkeypatch):
    """Sends a request of CloudFormation to a handler; returns what the stack was told."""
    for name, value in {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
                        "AWS_LAMBDA_FUNCTION_NAME": "f", "LOCAL_FUNCTION_ARN": "arn:aws:lambda:eu-west-1:123456789012:function:f",
                        "AWS_LAMBDA_LOG_STREAM_NAME": "s", "POWERTOOLS_METRICS_NAMESPACE": "tracejoin",
                        "AWS_ENDPOINT_URL_CLOUDFORMATION": cloudformation.endpoint}.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def send(handler, request, *, seconds=30, **more):
        event = {"RequestType": request, "ResponseURL": f"{cloudformation.endpoint}/answer?signature=x", "StackId": STACK, "RequestId": "r",
                 "LogicalResourceId": "Setup", "ResourceType": "Custom::X", "ResourceProperties": {}, **more}  # fmt: skip
        handler(event, context(seconds))
        content_type, told = cloudformation.told.pop()
        assert content_type == ""
        assert (told["StackId"], told["RequestId"], told["LogicalResourceId"]) == (STACK, "r", "Setup")
        return told

    return send


@pytest.fixture
def opensearch(settings, monkeypatch):
    """An OpenSearch without anything of ours in it, and the functions' settings for it."""
    monkeypatch.setenv("TRACEJOIN_ENDPOINT", settings.endpoint)
    monkeypatch.setenv("TRACEJOIN_PREFIX", settings.prefix)
    with emptied(settings) as store:
        yield store


@both_kinds
def test_setup_installs_everything_and_again_nothing(ask, opensearch):
    """The templates are there when the stack goes on, and a second run says that they were; the physical id stays."""
    from shipper_function import setup

    told = ask(setup.handler, "Create")
    require(opensearch)
    assert (told["Status"], told["PhysicalResourceId"]) == ("SUCCESS", "tracejoin-Setup")
    assert told["Data"]["created"] > 10
    again = ask(setup.handler, "Update", PhysicalResourceId="tracejoin-Setup")
    assert again["PhysicalResourceId"] == "tracejoin-Setup"
    assert "created" not in again["Data"]
    assert again["Data"]["unchanged"] == told["Data"]["created"]


def test_delete_leaves_what_was_indexed(ask, opensearch):
    """A stack that goes, or is replaced, takes no data with it, and needs no OpenSearch to go."""
    from shipper_function import setup

    ask(setup.handler, "Create")
    assert ask(setup.handler, "Delete")["Status"] == "SUCCESS"
    require(opensearch)


@pytest.mark.parametrize(("request_", "status", "told"), [
    ("Create", "CREATE_IN_PROGRESS", "FAILED"), ("Update", "UPDATE_IN_PROGRESS", "FAILED"), ("Update", "UPDATE_ROLLBACK_IN_PROGRESS", "SUCCESS"),
    ("Delete", "ROLLBACK_IN_PROGRESS", "SUCCESS"), ("Delete", "DELETE_IN_PROGRESS", "SUCCESS")])  # fmt: skip
def test_an_opensearch_that_is_away_fails_the_stack_but_never_its_way_back(ask, cloudformation, monkeypatch, request_, status, told):
    """Going forward, the stack fails with the reason in one line; on the way back, and on the way out, it goes on."""
    from shipper_function import setup

    monkeypatch.setenv("TRACEJOIN_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(setup, "_PAUSE", 0.01)
    cloudformation.status = status
    begun = time.monotonic()
    answer = ask(setup.handler, request_, seconds=33)
    # there is time for waiting, and none is spent on the way back
    assert (time.monotonic() - begun > 2) == (told == "FAILED")
    assert answer["Status"] == told
    if request_ != "Delete":
        assert "http://127.0.0.1:1 does not answer" in answer["Reason"]
        assert "\n" not in answer["Reason"]


def test_a_package_for_another_processor_fails_the_stack_at_once(ask, cloudformation, monkeypatch):
    """Compiled code of another architecture can't be imported: the stack learns that, and what to do, instead of waiting for its time limit."""
    from shipper_function import setup

    cloudformation.status = "CREATE_IN_PROGRESS"
    monkeypatch.setitem(sys.modules, "pipeline.provision.install", None)
    answer = ask(setup.handler, "Create")
    assert answer["Status"] == "FAILED"
    assert "build and deploy with the same Architecture" in answer["Reason"]
    script = "import sys, shipper_function.setup; print({'msgspec', 'isal', 'hyperscan', 'yaml'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_package_whose_hyperscan_does_not_load_fails_the_stack_at_once(ask, cloudformation, monkeypatch):
    """Otherwise ship would find out, at the first line, and tell nobody."""
    from shipper_function import setup

    cloudformation.status = "CREATE_IN_PROGRESS"
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    answer = ask(setup.handler, "Create")
    assert answer["Status"] == "FAILED"
    assert "hyperscan does not load" in answer["Reason"]


def test_a_domain_that_lets_nobody_in_yet_is_waited_for(monkeypatch, opensearch, settings):
    """A new role's rights are not known everywhere at once: setup tries again, and then installs."""
    from shipper_function import setup

    paused = []
    with Gatekeeper(settings.endpoint) as gate:
        gate.every = (403, {"Message": "User is not authorized to perform: es:ESHttpGet"})
        monkeypatch.setenv("TRACEJOIN_ENDPOINT", gate.endpoint)

        def pause(seconds):
            paused.append(seconds)
            if len(paused) == 2:
                gate.every = None

        assert setup.set_up(lambda: 300 - 100 * len(paused), pause)
    require(opensearch)
    assert paused == [10.0, 10.0]


def test_settings_that_cannot_work_are_told_to_the_stack(ask, monkeypatch):
    """Every problem with the parameters stands in the stack's events, at once."""
    from shipper_function import setup

    monkeypatch.setenv("TRACEJOIN_PREFIX", "Not this")
    monkeypatch.setenv("TRACEJOIN_REDACT_PATTERNS", "(")
    answer = ask(setup.handler, "Create", seconds=300)
    assert answer["Status"] == "FAILED"
    assert "TRACEJOIN_PREFIX" in answer["Reason"]
    assert "TRACEJOIN_REDACT_PATTERNS" in answer["Reason"]


def test_a_bug_is_answered_too(ask, monkeypatch):
    """Whatever breaks, the stack does not wait for its time limit."""
    from shipper_function import setup

    def breaks(remaining):
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(setup, "set_up", breaks)
    assert ask(setup.handler, "Create")["Reason"] == "ZeroDivisionError: nobody thought of this"


def test_an_answer_that_does_not_get_through_is_sent_again(ask, cloudformation, opensearch):
    """The bucket behind the URL is away for a moment."""
    from shipper_function import setup

    cloudformation.failures = 2
    assert ask(setup.handler, "Delete")["Status"] == "SUCCESS"


@pytest.fixture
def subscribe(aws, ask, monkeypatch):
    """The subscribe function for /aws/lambda/* with the tag ship=yes, on a local AWS; without its pauses."""
    from shipper_function import subscribe

    for name, value in {"AWS_ENDPOINT_URL": aws, "TRACEJOIN_LOG_GROUPS": "/aws/lambda/*,!/aws/lambda/noisy-*", "TRACEJOIN_LOG_GROUP_TAG": "ship=yes",
                        "TRACEJOIN_FILTER_NAME": "tracejoin-ship", "TRACEJOIN_FILTER_PATTERN": "?a ?b", "TRACEJOIN_SHIP_ARN": SHIP,
                        "TRACEJOIN_EXCLUDED_LOG_GROUPS": "/aws/lambda/tracejoin-ship"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    for cached in (subscribe.settings, subscribe.log_groups):
        cached.cache_clear()
    monkeypatch.setattr(subscribe.log_groups(), "_pause", lambda seconds: None)
    yield subscribe
    for cached in (subscribe.settings, subscribe.log_groups):
        cached.cache_clear()


@pytest.fixture
def logs(aws):
    """boto3's client for the local CloudWatch Logs, which is empty before and afterwards: other modules share it."""
    client = boto3.client("logs", endpoint_url=aws, region_name=REGION, aws_access_key_id="local", aws_secret_access_key="local")
    empty(client)
    yield client
    empty(client)
    client.close()


def empty(logs):
    """Deletes every log group."""
    for name in names(logs):
        logs.delete_log_group(logGroupName=name)


def names(logs):
    """All log groups, page by page."""
    return [group["logGroupName"] for page in logs.get_paginator("describe_log_groups").paginate() for group in page["logGroups"]]


def subscribed(logs):
    """The log groups with our filter."""
    return {name for name in names(logs) for each in logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
            if (each["filterName"], each["destinationArn"], each["filterPattern"]) == ("tracejoin-ship", SHIP, "?a ?b")}  # fmt: skip


def test_a_stack_subscribes_what_its_parameters_choose_and_takes_it_back(ask, subscribe, logs, capsys):
    """Through real clients: by name and tag, over several pages, never the pipeline's own; deleting the stack undoes all of it."""
    for number in range(60):
        logs.create_log_group(logGroupName=f"/aws/lambda/f{number:02}", tags={"ship": "yes"})
    for name, tags in {"/aws/lambda/untagged": {}, "/aws/lambda/noisy-1": {"ship": "yes"}, "/ecs/x": {"ship": "yes"},
                       "/aws/lambda/tracejoin-ship": {"ship": "yes"}, "/aws/lambda/other-ship": {"ship": "yes", PIPELINE_TAG: "other"}}.items():  # fmt: skip
        logs.create_log_group(logGroupName=name, tags=tags)
    theirs = {"filterName": "theirs", "filterPattern": "", "destinationArn": SHIP}
    logs.put_subscription_filter(logGroupName="/aws/lambda/f00", **theirs)
    told = ask(subscribe.handler, "Create", LogicalResourceId="Setup")
    assert (told["Status"], told["Data"]["subscribed"]) == ("SUCCESS", 60)
    assert subscribed(logs) == {f"/aws/lambda/f{number:02}" for number in range(60)}
    assert '"log_groups_subscribed":[60.0]' in capsys.readouterr().out
    told = ask(subscribe.handler, "Delete", LogicalResourceId="Setup")
    assert (told["Status"], told["Data"]["removed"]) == ("SUCCESS", 60)
    assert subscribed(logs) == set()
    assert [each["filterName"] for each in logs.describe_subscription_filters(logGroupName="/aws/lambda/f00")["subscriptionFilters"]] == [
        "theirs"
    ]


def test_a_new_log_group_is_subscribed_by_cloudtrail_s_word_and_by_the_schedule(subscribe, logs):
    """Either way is enough, and both come to the same."""
    logs.create_log_group(logGroupName="/aws/lambda/a", tags={"ship": "yes"})
    logs.create_log_group(logGroupName="/aws/lambda/b", tags={"ship": "yes"})
    word = {"source": "aws.logs", "detail": {"eventName": "CreateLogGroup", "requestParameters": {"logGroupName": "/aws/lambda/a"}}}
    assert subscribe.handler(word, context())["subscribed"] == 1
    assert subscribed(logs) == {"/aws/lambda/a"}
    done = {"subscribed": 1, "removed": 0, "unchanged": 1, "left": 0, "refused": 0}
    assert subscribe.handler({}, context()) == done
    assert subscribed(logs) == {"/aws/lambda/a", "/aws/lambda/b"}


def test_what_the_scheduler_sends_of_its_own_accord_is_a_round(subscribe, logs):
    """Without an input of ours its event has a `detail` that is text."""
    logs.create_log_group(logGroupName="/aws/lambda/a", tags={"ship": "yes"})
    event = {"version": "0", "id": "a", "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": ACCOUNT, "region": REGION,
             "time": "2026-11-25T10:00:00Z", "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/x"], "detail": "{}"}  # fmt: skip
    assert subscribe.handler(event, context())["subscribed"] == 1


@pytest.mark.parametrize("detail", [{"eventName": "CreateLogGroup", "errorCode": "AccessDenied", "requestParameters": None}, {}])
def test_a_log_group_that_was_not_made_starts_no_round(subscribe, logs, detail):
    """CloudTrail also tells of calls that were refused, and of these without a name."""
    logs.create_log_group(logGroupName="/aws/lambda/a", tags={"ship": "yes"})
    assert subscribe.handler({"source": "aws.logs", "detail": detail}, context())["subscribed"] == 0
    assert subscribed(logs) == set()


@pytest.mark.parametrize(("status", "number"), [("UPDATE_COMPLETE", 1), ("DELETE_IN_PROGRESS", 0), ("DELETE_COMPLETE", 0)])
def test_a_round_subscribes_nothing_while_the_stack_goes(subscribe, logs, cloudformation, monkeypatch, status, number):
    """Deleting the stack takes filters away; a round that is late must not put them back."""
    monkeypatch.setenv("TRACEJOIN_STACK_ID", STACK)
    subscribe.settings.cache_clear()
    cloudformation.status = status
    logs.create_log_group(logGroupName="/aws/lambda/a", tags={"ship": "yes"})
    assert subscribe.handler({}, context())["subscribed"] == number


def test_settings_that_cannot_work_do_not_keep_filters(ask, subscribe, logs, monkeypatch):
    """A stack with a bad pattern fails, and on its way back nothing stands in the way of taking filters away."""
    logs.create_log_group(logGroupName="/aws/lambda/a", tags={"ship": "yes"})
    ask(subscribe.handler, "Create", LogicalResourceId="Setup")
    monkeypatch.setenv("TRACEJOIN_LOG_GROUPS", "!/aws/lambda/noisy")
    subscribe.settings.cache_clear()
    told = ask(subscribe.handler, "Update", LogicalResourceId="Setup")
    assert (told["Status"], "TRACEJOIN_LOG_GROUPS" in told["Reason"]) == ("FAILED", True)
    assert ask(subscribe.handler, "Delete", LogicalResourceId="Setup")["Status"] == "SUCCESS"
    assert subscribed(logs) == set()


def test_a_delete_that_runs_out_of_time_says_so_and_the_next_one_goes_on(ask, subscribe, logs):
    """A stack that is gone while log groups still send to it would be no end; CloudFormation shows how many are left."""
    for name in "abc":
        logs.create_log_group(logGroupName=f"/aws/lambda/{name}", tags={"ship": "yes"})
    ask(subscribe.handler, "Create", LogicalResourceId="Setup")
    told = ask(subscribe.handler, "Delete", seconds=19, LogicalResourceId="Setup")
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith("3 log groups may still be subscribed: delete the stack once more")
    assert ask(subscribe.handler, "Delete", LogicalResourceId="Setup")["Data"]["removed"] == 3


def test_calls_are_paced(subscribe, logs, monkeypatch):
    """Five calls a second at most, so that others' calls get through."""
    waits = []
    monkeypatch.setattr(subscribe.log_groups(), "_pause", waits.append)
    logs.create_log_group(logGroupName="/aws/lambda/a", tags={"ship": "yes"})
    subscribe.handler({}, context())
    # its filters, its tags as they are now, its new filter
    assert waits == [0.2, 0.2, 0.2]
