"""The doctor against the local AWS: every check is silent where nothing is wrong, and speaks where something is.

What is real: ministack (CloudFormation, Lambda, CloudWatch Logs and its subscriptions, tags, SQS, S3, CloudWatch, API Gateway), the local X-Ray
(where segments go), OpenSearch (embedded, and the real one where the test says `store`). What is recorded, in a gatekeeper in front of them:
DescribeAccountPolicies, which ministack does not know; GetResources, made of ministack's own tags of log groups; X-Ray's sampling and indexing rules; what OpenSearch says of its health, its disks and its
lifecycle policy, and each way in which it refuses; every denied call.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from pipeline.configure import store_for
from pipeline.doctor.account import Account
from pipeline.doctor.check import diagnose
from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.collect.metrics import read_oldest, read_traffic
from pipeline.doctor.registry import CHECKS
from pipeline.doctor.resources import Traffic
from pipeline.local.environment import local_environment
from pipeline.local.ministack import local_aws
from pipeline.local.xray import LocalXRay
from pipeline.provision.install import install
from pipeline.provision.saved_objects import NOWHERE
from pipeline.settings import Settings
from tests.support.broken import SCENARIOS, log_group, setting
from tests.support.command import rows, tracejoin
from tests.support.deployed import ACCOUNT, REGION, SHIP, STACK, Deployed
from tests.support.gatekeeper import Gatekeeper
from tests.support.healthy import World
from tests.support.paths import UNMEASURED
from tests.support.secrets import SECRET
from tests.support.stores import both_kinds

NAMES = [check.name for check in CHECKS]


@pytest.fixture(scope="module")
def parts(embedded_endpoint):
    """The stack, behind gatekeepers that tests use to answer as something else."""
    with (
        local_aws(UNMEASURED) as aws,
        LocalXRay() as xray,
        Gatekeeper(aws) as gate,
        Gatekeeper(xray.endpoint) as xray_gate,
        Gatekeeper(embedded_endpoint) as search,
    ):
        deployed = Deployed(aws, search.endpoint)
        store = store_for(Settings(endpoint=embedded_endpoint, prefix="doctor"))
        install(store, retention_days=14, monitors=False)
        yield World(deployed, gate, xray_gate, xray, search)
        store.close()


@pytest.fixture
def world(parts, monkeypatch):
    """The world as it should be, for one test."""
    for key, value in (local_environment({}) | parts.variables).items():
        if key.startswith("AWS_"):
            monkeypatch.setenv(key, value)
    parts.mend()
    return parts


# these have tests of their own below
ALONE = {"stack-status", "stack-functions", "stack-version", "opensearch-templates", "opensearch-old-indices", "opensearch-dead-letters",
         "opensearch-overdue", "opensearch-dashboards", "sweep"}  # fmt: skip


def test_every_check_is_tested():
    """Each check of the registry has its scenario here, and there is no scenario of a check that is gone."""
    assert set(SCENARIOS) | ALONE == set(NAMES)


def test_nothing_is_wrong(world):
    """With everything in order every check says so, and nothing else; only reading calls are made."""
    found = world.findings(*NAMES)
    # nobody said where Dashboards is
    left = [("opensearch-dashboards", "unknown", NOWHERE)]
    assert [(finding.check, finding.status, finding.message) for finding in found if finding.status != "ok"] == left
    assert [finding.check for finding in found] == NAMES
    assert [name for name in world.aws.seen if name.startswith(("Put", "Create", "Delete", "Update", "Add", "Remove", "Set", "Send"))] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_check_fires_and_names_the_remedy(name, world):
    """While one thing is broken: the resource, the status, a remedy that names it. Afterwards: no word on it (before: `test_nothing_is_wrong`)."""
    with SCENARIOS[name](world) as (resource, status, named):
        found = world.findings(name)
        about = [finding for finding in found if finding.resource == resource]
        assert [(finding.check, finding.status) for finding in about] == [(name, status)], found
        assert named in about[0].remedy
    assert [(finding.status, finding.resource) for finding in world.findings(name)] == [("ok", "")]


def test_what_is_excluded_is_not_missed(world):
    """A pattern with a `!`, and the stack's own log groups, are not wanted; what the account's policy covers is not missing."""
    policy = {"policyName": "all", "policyDocument": json.dumps({"DestinationArn": SHIP}), "selectionCriteria": ""}
    with log_group(world, "/aws/lambda/app-quiet-1"), log_group(world, "/aws/lambda/else"):
        assert [finding.status for finding in world.findings("subscription-missing")] == ["ok"]
    with log_group(world, "/aws/lambda/app-covered"):
        assert [finding.status for finding in world.findings("subscription-missing")] == ["problem"]
        world.aws.answers["DescribeAccountPolicies"] = (200, {"accountPolicies": [policy]})
        assert [finding.status for finding in world.findings("subscription-missing")] == ["ok"]


def test_a_tag_chooses(world):
    """With a tag set, only the log groups that carry it are wanted."""
    with setting(world, "subscribe", TRACEJOIN_LOG_GROUP_TAG="ship=yes"), log_group(world, "/aws/lambda/app-a", tags={"ship": "no"}):
        assert [finding.status for finding in world.findings("subscription-missing")] == ["ok"]
        with log_group(world, "/aws/lambda/app-b", tags={"ship": "yes"}) as name:
            assert [finding.resource for finding in world.findings("subscription-missing")] == [name]


@pytest.mark.parametrize(("setting_", "destination", "status"), [
    ("auto", "CloudWatchLogs", "ok"), ("BatchGetTraces", "XRay", "ok"), ("StartTraceRetrieval", "XRay", "problem"),
    ("StartTraceRetrieval", "CloudWatchLogs", "ok"), ("aws/spans", "XRay", "problem"), ("aws/spans", "CloudWatchLogs", "ok")])  # fmt: skip
def test_the_source_of_traces(setting_, destination, status, world, monkeypatch):
    """Each source against each place where X-Ray may put segments; without a stack the remedy is the setting."""
    monkeypatch.setattr(world.local_xray, "destination", destination)
    (found,) = world.findings("trace-source", stack="none", own=Settings(trace_source=setting_))
    assert found.status == status
    assert status == "ok" or "update-trace-segment-destination" in found.remedy


def test_an_alarm_that_tells_of_faults_is_no_fault_of_the_pipeline(world):
    """The alarm of hidden faults leads to `tracejoin faults`, not to exit status 1."""
    name = world.stack.id_of("HiddenFaultsAlarm")
    world.stack.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="x")
    (found,) = world.findings("alarms")
    world.stack.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="x")
    assert (found.status, found.resource, "tracejoin faults" in found.remedy) == ("warning", name, True)


def test_metrics_are_read(world):
    """The last hour of a function and the age of a queue out of CloudWatch itself, by namespace, name and dimension."""
    put, calls = world.stack.cloudwatch.put_metric_data, world.calls
    for metric, value in (("Invocations", 2), ("Errors", 2), ("Throttles", 1)):
        put(
            Namespace="AWS/Lambda",
            MetricData=[{"MetricName": metric, "Dimensions": [{"Name": "FunctionName", "Value": "busy"}], "Value": value}],
        )
    named = {"MetricName": "ApproximateAgeOfOldestMessage", "Dimensions": [{"Name": "QueueName", "Value": "slow"}]}
    put(Namespace="AWS/SQS", MetricData=[named | {"Value": 1000}])
    assert read_traffic(calls, ["idle", "busy"]) == {"idle": Traffic(), "busy": Traffic(invocations=2, errors=2, throttles=1)}
    assert (read_oldest(calls, "slow"), read_oldest(calls, "empty")) == (1000, 0)


def test_a_stack_that_lost_a_function(world):
    """A function that was deleted behind the stack's back is named; a version that is older, too."""
    world.aws.answers[f"/2015-03-31/functions/{STACK}-resolve/configuration"] = (
        404,
        {"__type": "ResourceNotFoundException", "message": "gone"},
    )
    found = [finding for finding in world.findings("stack-functions", "stack-status", "stack-version") if finding.status != "ok"]
    assert [(finding.check, finding.status, finding.resource) for finding in found] == [("stack-functions", "problem", f"{STACK}-resolve")]
    assert STACK in found[0].remedy


def test_statuses_and_versions_out_of_cloudformation(world):
    """What CloudFormation says of the status and the output is what the checks judge."""
    answer = f"""<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>{STACK}</StackName><StackStatus>UPDATE_FAILED</StackStatus>
      <StackStatusReason>no rights</StackStatusReason><StackId>arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1</StackId>
      <Outputs><member><OutputKey>Version</OutputKey><OutputValue>0.0.9</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult>
      </DescribeStacksResponse>"""
    world.aws.answers["DescribeStacks"] = (200, answer.encode())
    found = world.findings("stack-status", "stack-version")
    assert [(finding.status, finding.resource) for finding in found] == [("problem", STACK), ("warning", STACK)]
    assert all(STACK in finding.remedy for finding in found)
    assert "no rights" in found[0].message


def test_the_sweep_by_need_out_of_cloudformation_and_cloudwatch(world):
    """A schedule that keeps a sleeping generation awake is a warning; a sweep that was asked for long ago a problem."""
    given = {"OpenSearch": "serverless", "CollectionGeneration": "nextgen", "SweepBy": "schedule"}
    members = "".join(
        f"<member><ParameterKey>{key}</ParameterKey><ParameterValue>{value}</ParameterValue></member>" for key, value in given.items()
    )
    stack = f"""<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>{STACK}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>
      <StackId>arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1</StackId><Parameters>{members}</Parameters></member></Stacks>
      </DescribeStacksResult></DescribeStacksResponse>"""
    world.aws.answers["DescribeStacks"] = (200, stack.encode())
    assert [(finding.status, "SweepBy=need" in finding.remedy) for finding in world.findings("sweep")] == [("warning", True)]
    world.aws.answers["DescribeStacks"] = (200, stack.replace("schedule", "need").encode())
    queue = """<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries><member><LogicalResourceId>SweepQueue</LogicalResourceId>
      <PhysicalResourceId>https://sqs/1/sweep.fifo</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType></member></StackResourceSummaries>
      </ListStackResourcesResult></ListStackResourcesResponse>"""
    world.aws.answers["ListStackResources"] = (200, queue.encode())
    for age, status in ((600.0, "ok"), (2000.0, "problem")):
        answer = {"MetricDataResults": [{"Id": "q0", "Label": "q0", "Timestamps": [], "Values": [age], "StatusCode": "Complete"}]}
        world.aws.answers["GetMetricData"] = (200, answer)
        assert [finding.status for finding in world.findings("sweep")] == [status]


@both_kinds
def test_old_lines_pending_templates_and_dead_letters(store, settings, world):
    """A laptop's OpenSearch, embedded and real: in order all is well; then each thing goes wrong and is named."""
    names = ["opensearch-access", "opensearch-templates", "opensearch-old-indices", "opensearch-dead-letters", "opensearch-overdue"]

    def look():
        return world.findings(*names, stack="none", own=settings)

    now = datetime.now(UTC)
    fresh = now - timedelta(minutes=20)
    line = {"doc": {"kind": "log"}, "traceId": "a" * 32, "trace": {"state": "pending", "version": 0}}
    store.write([{"create": {"_index": f"{store.prefix}-logs-{fresh:%Y.%m.%d}", "_id": "1"}}, line | {"@timestamp": fresh.isoformat()}])
    store.refresh()
    assert [(finding.check, finding.status) for finding in look()] == [(name, "ok") for name in names]
    old, ancient = now - timedelta(hours=1), now - timedelta(days=30)
    settled = {"traceId": "c" * 32, "settled": False, "@timestamp": old.isoformat(), "lastSeenAt": old.isoformat()}
    store.write([
        {"create": {"_index": f"{store.prefix}-logs-{old:%Y.%m.%d}", "_id": "2"}}, line | {"@timestamp": old.isoformat(), "traceId": "b" * 32},
        {"create": {"_index": f"{store.prefix}-logs-{ancient:%Y.%m.%d}", "_id": "3"}}, {"@timestamp": ancient.isoformat()},
        {"create": {"_index": f"{store.prefix}-traces", "_id": "c" * 32}}, settled,
        {"create": {"_index": f"{store.prefix}-dead-letters", "_id": "4"}}, {"@timestamp": old.isoformat(), "reason": "r"},
    ])  # fmt: skip
    store.refresh()
    store.request("DELETE", f"/_index_template/{store.prefix}-logs")
    expected = [("ok", "", ""), ("problem", f"{store.prefix}-logs", f"TRACEJOIN_PREFIX={store.prefix} tracejoin setup --endpoint {store.endpoint}"),
                ("warning", f"{store.prefix}-logs-{ancient:%Y.%m.%d}", f"{store.endpoint}/{store.prefix}-logs-{ancient:%Y.%m.%d}"),
                ("warning", f"{store.prefix}-dead-letters", f"{store.prefix}-dead-letters"),
                ("problem", "b" * 32, f"tracejoin resolve --endpoint {store.endpoint}")]  # fmt: skip
    found = look()
    assert [(finding.status, finding.resource) for finding in found] == [(status, resource) for status, resource, _ in expected]
    assert all(named in finding.remedy for finding, (_, _, named) in zip(found, expected, strict=True))
    assert "1 lines and spans are pending and 1 traces are not settled" in found[-1].message


@both_kinds
def test_how_a_cluster_is(settings, store, world):
    """Health and disks, as each kind of OpenSearch says it; the lifecycle policy is missing where there is no plugin for it."""
    assert store.endpoint == settings.endpoint
    health, disk, policy = world.findings("opensearch-health", "opensearch-disk", "retention-opensearch", stack="none", own=settings)
    assert health.status in {"ok", "warning"}
    assert disk.status in {"ok", "warning", "problem", "unknown"}
    assert (policy.status, policy.resource) == ("warning", f"{settings.prefix}-retention")


def test_where_nothing_is_installed_nothing_is_well(world, embedded_endpoint):
    """Dead letters and what is overdue are not known, and the missing templates are problems."""
    own = Settings(endpoint=embedded_endpoint, prefix="nosuch")
    found = {
        finding.check: finding
        for finding in world.findings(
            "opensearch-templates", "opensearch-dead-letters", "opensearch-overdue", own=own, endpoint=embedded_endpoint, stack="nope"
        )
    }
    assert {name: finding.status for name, finding in found.items()} == {
        "opensearch-templates": "problem",
        "opensearch-dead-letters": "unknown",
        "opensearch-overdue": "unknown",
    }
    assert "nothing is installed" in found["opensearch-overdue"].message


def test_an_older_template_is_only_a_warning(world):
    """A template that differs works for now."""
    path = "/_component_template/doctor-settings"
    world.opensearch.answers[path] = (200, {"component_templates": [{"name": "doctor-settings", "component_template": {"template": {}}}]})
    (found,) = world.findings("opensearch-templates")
    assert (found.status, found.resource) == ("warning", "doctor-settings")


def test_opensearch_serverless_has_no_shards_of_ours(world, embedded_endpoint):
    """A collection has no health, disks or lifecycle policy to look at: that is said, not asked."""
    account = world.account("none", Settings(endpoint=embedded_endpoint, prefix="doctor"))
    account.store().endpoint = "https://x.eu-west-1.aoss.amazonaws.com"
    names = ["opensearch-health", "opensearch-disk", "opensearch-old-indices", "retention-opensearch"]
    found = list(diagnose(account, [check for check in CHECKS if check.name in names]))
    assert [(finding.check, finding.status) for finding in found] == [("opensearch-health", "ok"), ("opensearch-disk", "ok"),
            ("opensearch-old-indices", "unknown"), ("retention-opensearch", "ok")]  # fmt: skip
    assert all("Serverless" in finding.message for finding in found if finding.check != "opensearch-disk")


def test_sampling_with_transaction_search(world, monkeypatch):
    """The hint tells how much of the spans is indexed, as X-Ray says it (recorded)."""
    rule = {"Name": "Default", "Rule": {"Probabilistic": {"DesiredSamplingPercentage": 1.0}}}
    monkeypatch.setattr(world.local_xray, "destination", "CloudWatchLogs")
    world.xray.answers["/GetIndexingRules"] = (200, {"IndexingRules": [rule]})
    with SCENARIOS["trace-sampling"](world):
        (found,) = world.findings("trace-sampling")
    assert (found.status, "the 1 % of spans" in found.message) == ("ok", True)


@pytest.mark.parametrize(("operation", "check", "answer", "said"), [
    ("DescribeAccountPolicies", "loop-policy", (400, {"__type": "ExpiredTokenException", "message": "Old"}), "does not take these credentials: Old"),
    ("DescribeAccountPolicies", "loop-policy", (400, {"__type": "InvalidParameterException", "message": "odd"}), "was refused: odd"),
    ("DescribeAccountPolicies", "loop-policy", (400, {"__type": "OperationAbortedException", "message": "odd"}), "go through: OperationAbortedException"),
    ("DescribeStacks", "stack-status", (200, b"<html>a proxy's page"), "did not go through")])  # fmt: skip
def test_what_aws_may_answer(operation, check, answer, said, world):
    """Each kind of refusal is one line that says what it is, and is not known: it is no problem of the set-up."""
    world.aws.answers[operation] = answer
    (found,) = world.findings(check)
    assert (found.status, said in found.message) == ("unknown", True)


def test_a_service_that_does_not_answer_stops_no_other(world, monkeypatch):
    """X-Ray is away, and CloudFormation answers; without a region it is said what is missing."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", "http://127.0.0.1:1")
    account = Account(Calls(boto3.Session()), name=STACK, own=Settings())
    source, status = (
        next(diagnose(account, [check for check in CHECKS if check.name == name])) for name in ("trace-source", "stack-status")
    )
    assert (source.status, "xray:GetTraceSegmentDestination did not go through" in source.message, status.status) == ("unknown", True, "ok")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    account = Account(Calls(boto3.Session()), name=STACK, own=Settings())
    (found,) = diagnose(account, [check for check in CHECKS if check.name == "alarms"])
    assert (found.status, found.message) == ("unknown", "no AWS region is set: name it with --region or AWS_REGION")


def test_an_older_stack_without_subscribe(world):
    """Where the stack does not say what it wants, the checks of that are left out; those of what is subscribed go on."""
    answer = {"__type": "ResourceNotFoundException", "message": "gone"}
    world.aws.answers[f"/2015-03-31/functions/{STACK}-subscribe/configuration"] = (404, answer)
    found = {
        finding.check: finding
        for finding in world.findings("subscription-missing", "subscription-permission", "loop-own", "retention-groups")
    }
    assert [finding.status for finding in found.values()] == ["unknown", "ok", "ok", "ok"]
    assert "no SubscribeFunction" in found["subscription-missing"].message


def test_opensearch_that_is_away_is_one_problem(world):
    """It is unreachable once; the checks behind it are left out, and say so."""
    found = world.findings(
        "opensearch-access", "opensearch-templates", "opensearch-overdue", stack="none", own=Settings(endpoint="http://127.0.0.1:1")
    )
    assert [finding.status for finding in found] == ["problem", "unknown", "unknown"]
    assert "does not answer" in found[0].message
    assert "http://127.0.0.1:1" in found[0].remedy


def test_denied_calls_are_not_known(world):
    """Where every call is denied, each check of AWS is unknown and names the permission that is missing; nothing stops, nothing is a problem."""
    denied = (403, {"__type": "AccessDeniedException", "message": "User: arn:aws:iam::000000000000:user/eve is not authorized"})
    world.aws.answers.clear()
    # CloudFormation speaks XML
    world.aws.answers["DescribeStacks"] = (
        403,
        b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
    )
    world.aws.every = world.xray.every = denied
    world.xray.answers.clear()
    found = world.findings(*NAMES, own=Settings(endpoint=world.opensearch.endpoint, prefix="doctor"))
    assert {finding.status for finding in found if not finding.check.startswith(("opensearch", "retention-opensearch"))} == {"unknown"}
    assert all("cloudformation:DescribeStacks is denied" in finding.message for finding in found if finding.check.startswith("queue"))
    assert all("docs/doctor.md" in finding.remedy for finding in found if " is denied" in finding.message)


@pytest.mark.parametrize(("operation", "permission", "checks"), [
    ("GetResources", "tag:GetResources", ["subscription-missing", "loop-other"]),
    ("DescribeAccountPolicies", "logs:DescribeAccountPolicies", ["loop-policy"]),
    ("GetMetricData", "cloudwatch:GetMetricData", ["queue-age", "functions-failing"]),
    ("DescribeAlarms", "cloudwatch:DescribeAlarms", ["alarms"]),
    ("GetQueueAttributes", "sqs:GetQueueAttributes", ["queue-dead-letters"]),
    ("DescribeSubscriptionFilters", "logs:DescribeSubscriptionFilters", ["subscription-missing", "loop-own", "tracing-function"]),
    ("/restapis", "apigateway:GET", ["format-rest-stage", "tracing-rest-stage"]),
    (f"/2015-03-31/functions/{STACK}-ship/policy", "lambda:GetPolicy", ["subscription-permission"])])  # fmt: skip
def test_one_denied_call_hides_only_what_needs_it(operation, permission, checks, world):
    """One permission that is missing: the checks that need it are unknown and name it, all others answer."""
    world.aws.answers[operation] = (400, {"__type": "AccessDeniedException", "message": "no"})
    found = {finding.check: finding for finding in world.findings(*NAMES) if finding.status == "unknown" and finding.message != NOWHERE}
    assert set(checks) <= set(found)
    assert all(f"{permission} is denied" in finding.message for finding in found.values())
    assert len(found) < len(NAMES) / 2


def test_the_command_without_fault(world):
    """Exit status 0 and one JSON object a check; for people the groups, and commands that are not broken by the width of the terminal."""
    status, output, errors = tracejoin("doctor", "--stack", STACK, "--json", **world.variables)
    found = rows(output)
    assert (status, errors, [row["check"] for row in found]) == (0, "", NAMES)
    assert all(list(row) == ["check", "status", "resource", "message", "remedy"] for row in found)
    with log_group(world, "/aws/lambda/app-new") as name:
        status, output, _ = tracejoin("doctor", "--stack", STACK, **world.variables | {"COLUMNS": "40"})
        lines = output.splitlines()
        assert status == 1
        assert [line for line in lines if not line.startswith(" ")] == ["ok", "problem", "not known"]
        assert any(f"put-subscription-filter --log-group-name {name}" in line and f"--region {REGION}" in line for line in lines)
        assert [row["status"] for row in rows(tracejoin("doctor", "--stack", STACK, "--json", **world.variables)[1])].count("problem") == 1


def test_the_command_on_a_laptop(world, embedded_endpoint):
    """Without a stack what is AWS' is left out and said so in a line; OpenSearch is looked at; without credentials nothing breaks."""
    place = {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "doctor"}
    status, output, _ = tracejoin("doctor", **world.variables | place)
    assert status == 0
    assert f"there is no stack tracejoin in {REGION}: what is AWS' is left out" in output
    status, output, _ = tracejoin("doctor", "--stack", "nope", **world.variables | place)
    assert status == 1
    assert "stack-status  nope: there is no stack nope" in output
    assert "trace-source  The source of traces that is set answers in this account." in output
    nothing = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}
    status, output, _ = tracejoin("doctor", "--json", **nothing | place)
    found = {row["check"]: row for row in rows(output)}
    assert (status, set(found)) == (0, set(NAMES))
    assert (found["stack-status"]["status"], found["opensearch-templates"]["status"]) == ("unknown", "ok")
    assert "no AWS credentials" in found["stack-status"]["message"]
    status, output, _ = tracejoin("doctor", "--endpoint", "http://127.0.0.1:1", **nothing)
    assert (status, "does not answer" in output) == (1, True)


def test_another_endpoint_is_not_sent_the_stacks_password(world, embedded_endpoint):
    """--endpoint replaces the stack's endpoint, and the credentials are one's own then."""
    with setting(world, "ship", TRACEJOIN_USERNAME="u", TRACEJOIN_PASSWORD="p"):
        account = world.account(endpoint=embedded_endpoint)
        assert (account.settings().endpoint, account.settings().username, account.settings().prefix) == (embedded_endpoint, "", "doctor")
        account = world.account()
        assert account.settings().username == "u"


def test_ones_own_login_is_used_for_the_endpoint_that_it_is_set_beside(world, embedded_endpoint):
    """Where the stack's functions sign, a person may log in: to the stack's OpenSearch, and to no other."""
    beside = Settings(endpoint=world.account().settings().endpoint, opensearch_secret=SECRET)
    for own, secret in ((beside, SECRET), (replace(beside, endpoint=embedded_endpoint), "")):
        account = world.account(own=own)
        assert (account.settings().opensearch_secret, account.settings().prefix) == (secret, "doctor")


def test_wrong_usage():
    """An option that there is not, and a profile that there is not, are exit status 2."""
    assert tracejoin("doctor", "--stak", "x")[0] == 2
    status, output, errors = tracejoin("doctor", AWS_PROFILE="nobody-has-this", AWS_CONFIG_FILE="/dev/null")
    assert (status, output, len(errors.splitlines())) == (2, "", 1)
