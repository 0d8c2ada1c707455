"""The doctor's checks as functions: facts in, findings out; and what docs/doctor.md says of them."""

import json
import shlex
from datetime import date
from pathlib import Path

import pytest

from pipeline.cli.doctor import told
from pipeline.doctor.access_denied import explain_denial
from pipeline.doctor.account import MOST_CALLS
from pipeline.doctor.cached import Cached, cached_read
from pipeline.doctor.check import Check, diagnose
from pipeline.doctor.check_result import CheckResult, problem
from pipeline.doctor.collect.calls import PERMISSIONS
from pipeline.doctor.collect.functions import permissions_of
from pipeline.doctor.collect.logs import policy_of
from pipeline.doctor.collect.opensearch import Overdue
from pipeline.doctor.formats import access_log_format, access_logs, lacks, levels, rest_tracing
from pipeline.doctor.log_loops import account_policies
from pipeline.doctor.opensearch import disks, health, old_indices, overdue, templates
from pipeline.doctor.queues import alarms, oldest, traffic
from pipeline.doctor.registry import CHECKS
from pipeline.doctor.resources import Alarm, Function, Permission, Resource, Sampling, Stack, Stage, Traffic
from pipeline.doctor.retention import own
from pipeline.doctor.shell_commands import aws, curl, setup
from pipeline.doctor.stack import functions, package, status
from pipeline.doctor.subscription_state import AccountPolicy, Selection, Subscriptions
from pipeline.doctor.subscriptions import missing, permissions, targets
from pipeline.doctor.traces import sampling, spans_group, tracing
from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.provision.desired_state import Change
from pipeline.provision.subscriptions.log_groups import LogGroup, SubscriptionFilter
from pipeline.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
SHIP = "arn:aws:lambda:eu-west-1:123456789012:function:s-ship"
STACK = Stack(name="s", region="eu-west-1", account="123456789012", resources={
    "ShipFunction": Resource(type="AWS::Lambda::Function", id="s-ship"),
    "HintQueue": Resource(type="AWS::SQS::Queue", id="https://sqs.eu-west-1.amazonaws.com/123456789012/s-hints"),
    "ResolveFunction": Resource(type="AWS::Lambda::Function", id="s-resolve")})  # fmt: skip
ALL = Selection(wants=lambda _name, _tags: True, filter_name="s-ship", filter_pattern="?ERROR")
EVE = "arn:aws:iam::123456789012:user/eve"


def groups(*names, **more):
    """Log groups by name."""
    return {name: LogGroup(name=name, **more) for name in names}


def statuses(findings):
    """The statuses of findings with their resources."""
    return [(finding.status, finding.resource) for finding in findings]


def test_the_page_lists_every_check():
    """docs/doctor.md has the checks of the registry, in their order, in their words; names are unique."""
    table = (DOCS / "doctor.md").read_text().partition("<!-- checks -->")[2].partition("<!-- /checks -->")[0]
    listed = [[cell.strip() for cell in row.split("|")[1:4]] for row in table.splitlines() if row.startswith("| `")]
    assert [row[:2] for row in listed] == [[f"`{check.name}`", check.holds] for check in CHECKS]
    assert all(row[2] for row in listed)
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_page_has_every_permission():
    """The policy of docs/doctor.md allows exactly what is called, each only reading, beside OpenSearch's own."""
    text = (DOCS / "doctor.md").read_text()
    policy = json.loads(text.partition("<!-- policy -->")[2].partition("```json")[2].partition("```")[0])
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert allowed == set(PERMISSIONS.values()) | {"es:ESHttpGet", "es:ESHttpPost"}
    assert all(action.partition(":")[2].startswith(("Describe", "Get", "List", "GET", "ESHttp")) for action in allowed)
    assert all(method.startswith(("describe_", "get_", "list_")) for _, method in PERMISSIONS)
    assert len({statement["Sid"] for statement in policy["Statement"]}) == len(policy["Statement"])
    assert f"{MOST_CALLS:,}" in text


def test_the_formats_are_those_of_the_page():
    """What a remedy sets is what docs/api-gateway.md says, and lacks nothing itself."""
    page = (DOCS / "api-gateway.md").read_text()
    for kind in ("REST", "HTTP"):
        assert access_log_format(kind) in page
        assert lacks(Stage(kind=kind, api_id="a", api_name="", name="p", format=access_log_format(kind))) == []


def test_a_check_that_fails_stops_no_other():
    """What is denied is unknown with a way out, what does not answer is unknown; a check without a word is ok in its own."""

    def denied(_account):
        raise MisconfiguredError(["sqs:GetQueueAttributes is denied (no)"])

    def away(_account):
        yield problem("r", "m", "x")
        raise UnavailableError("it does not answer")

    found = list(diagnose(None, [Check("a", "A.", denied), Check("b", "B.", away), Check("c", "C.", lambda _account: [])]))
    assert [(finding.check, finding.status, finding.message) for finding in found] == [
        ("a", "unknown", "sqs:GetQueueAttributes is denied (no)"), ("b", "unknown", "it does not answer"), ("c", "ok", "C.")]  # fmt: skip
    assert ["docs/doctor.md" in finding.remedy for finding in found] == [True, False, False]


def test_facts_are_read_once():
    """An answer and a failure are kept; another argument is another fact."""

    class Facts(Cached):
        asked = 0

        @cached_read
        def fact(self, number):
            self.asked += 1
            if number == 2:
                raise UnavailableError("away")
            return number

    facts = Facts()
    assert [facts.fact(1), facts.fact(1)] == [1, 1]
    for _ in range(2):
        with pytest.raises(UnavailableError, match="away"):
            facts.fact(2)
    assert facts.asked == 2


def test_commands_are_safe_to_paste():
    """A name that would be more than a word to a shell is one word."""
    bad = "x; rm -rf ~ '$(id)'"
    assert shlex.split(aws("eu-west-1", "logs", "describe-log-groups", "--log-group-name-prefix", bad))[4] == bad
    (found,) = rest_tracing("eu-west-1", [Stage(kind="REST", api_id="a", api_name="n", name=bad)])
    assert bad in shlex.split(found.remedy)


@pytest.mark.parametrize(("endpoint", "status", "text", "door"), [
    ("https://search-shop-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com", 403, f'{{"Message":"User: {EVE} is not authorized to perform: es:ESHttpPost"}}', "the domain's access policy"),
    ("https://d.es.amazonaws.com", 403, f"User: {EVE} is not authorized to perform: es:ESHttpPost because no identity-based policy allows it", "the IAM policy"),
    ("https://d.es.amazonaws.com", 403, f'{{"error":{{"type":"security_exception","reason":"no permissions for [indices:data/read/search] and User [name={EVE}, backend_roles=[]]"}}}}', "fine-grained"),
    ("https://x.eu-west-1.aoss.amazonaws.com", 403, '{"status":403,"error":{"reason":"403 Forbidden","type":"Forbidden"}}', "data access policy"),
    ("https://own.example.com", 403, '{"Message":"User: anonymous is not authorized to perform: es:ESHttpPost"}', "unsigned"),
    ("https://d.es.amazonaws.com", 403, '{"message":"The security token included in the request is expired"}', "the signature"),
    ("https://own.example.com", 401, "Unauthorized", "the password"), ("https://own.example.com", 403, "<html>", "does not say its name")])  # fmt: skip
def test_which_door_is_shut(endpoint, status, text, door):
    """The answer and the kind of endpoint tell what refused; who was refused is named where the answer says it."""
    found = explain_denial(endpoint, status, text, "eu-west-1")
    assert door in found.door
    assert EVE not in text or EVE in found.remedy
    assert "search-shop" not in endpoint or "--domain-name shop " in found.remedy


def test_permissions_of_a_policy():
    """Statements of services that may invoke, one string or several; what denies, or is for a person, is none."""
    statement = {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "lambda:InvokeFunction"}
    sources = {"ArnLike": {"AWS:SourceArn": ["a", "b"]}, "StringEquals": {"aws:SourceAccount": "1"}}
    policy = {"Statement": [statement | {"Condition": sources}, statement | {"Effect": "Deny"}, statement | {"Principal": "*"},
                            statement | {"Action": ["lambda:GetFunction"]}, statement | {"Principal": {"AWS": EVE}}]}  # fmt: skip
    assert list(permissions_of(policy)) == [Permission(service="logs.amazonaws.com", source_arn=arn, source_account="1") for arn in "ab"]


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


def test_account_level_policies():
    """DescribeAccountPolicies' own words; a policy to somebody else is none of ours."""
    raw = {
        "policyName": "p",
        "policyDocument": json.dumps({"DestinationArn": SHIP}),
        "selectionCriteria": 'LogGroupName NOT IN ["/a", "/b"]',
    }
    policy = policy_of(raw)
    assert policy.left_out == {"/a", "/b"}
    assert list(account_policies(STACK, {"/a", "/b"}, [policy])) == []
    (found,) = account_policies(STACK, {"/a", "/c"}, [policy])
    assert 'LogGroupName NOT IN ["/a", "/b", "/c"]' in shlex.split(found.remedy)
    assert list(account_policies(STACK, {"/c"}, [policy_of(raw | {"policyDocument": "{}"})])) == []


@pytest.mark.parametrize(("is_", "found"), [
    ("CREATE_COMPLETE", []), ("UPDATE_COMPLETE", []), ("UPDATE_IN_PROGRESS", ["warning"]), ("UPDATE_ROLLBACK_COMPLETE", ["warning"]),
    ("ROLLBACK_COMPLETE", ["problem"]), ("CREATE_FAILED", ["problem"]), ("UPDATE_ROLLBACK_FAILED", ["problem"])])  # fmt: skip
def test_statuses_of_the_stack(is_, found):
    """Each kind of status of CloudFormation."""
    assert [finding.status for finding in status(Stack(name="s", region="r", account="1", status=is_))] == found


def test_versions_are_compared_as_numbers():
    """0.10 is newer than 0.9; without a word it is not known."""
    assert [list(package(Stack(name="s", region="r", account="1", version=version), "0.10.0")) for version in ("0.10.0", "1.0")] == [[], []]
    assert [next(package(Stack(name="s", region="r", account="1", version=version), "0.10.0")).status for version in ("0.9.9", "")] == [
        "warning",
        "unknown",
    ]


def test_functions_of_the_stack():
    """One that is gone, one that can't run, and a stack of something else."""
    found = functions(STACK, {"s-ship": None, "s-resolve": Function(name="s-resolve", state="Failed", reason="no key")})
    assert statuses(found) == [("problem", "s-ship"), ("problem", "s-resolve")]
    assert statuses(functions(Stack(name="other", region="r", account="1"), {})) == [("problem", "other")]


def test_health_and_disks():
    """Green is silent, yellow a warning, red a problem; each watermark."""
    assert [[finding.status for finding in health({"status": state, "cluster_name": "c"}, "http://x", Settings())] for state in ("green", "yellow", "red")] == [
        [], ["warning"], ["problem"]]  # fmt: skip
    assert statuses(disks({"a": 84, "b": 85, "c": 90, "d": 95})) == [("warning", "b"), ("problem", "c"), ("problem", "d")]


def test_old_indices():
    """By the day in the name, with two days to spare; names that are no day of ours are left alone."""
    names = ["t-logs-2026.11.08", "t-logs-2026.11.09", "t-spans-2026.13.41", "t-logs-x"]
    found = list(old_indices(names, Settings(), date(2026, 11, 25), "http://x"))
    assert statuses(found) == [("warning", "t-logs-2026.11.08")]
    assert "1 daily indices" in found[0].message


def test_setup_is_called_with_what_matters():
    """Prefix and retention stand before the command where they are not the defaults."""
    assert setup("http://x", Settings()) == "tracejoin setup --endpoint http://x"
    assert setup("http://x", Settings(prefix="p", retention_days=3)).startswith("TRACEJOIN_PREFIX=p TRACEJOIN_RETENTION_DAYS=3 tracejoin")
    changes = [
        Change("policy", "p", "created"),
        Change("index", "i", "unchanged"),
        Change("index", "j", "created"),
        Change("index", "k", "updated"),
    ]
    assert statuses(templates("http://x", changes, Settings())) == [("problem", "j"), ("warning", "k")]


def test_requests_carry_what_opensearch_takes():
    """Amazon's are signed by the shell's own credentials, a user name comes from the shell, a laptop needs nothing; no secret is printed."""
    assert curl("http://localhost:9200", Settings(), "/_cat") == "curl -sS http://localhost:9200/_cat"
    amazon = curl("https://d.eu-west-1.es.amazonaws.com", Settings(region="eu-west-1"), "/i", "DELETE")
    assert amazon.startswith("curl -sS -X DELETE --aws-sigv4 aws:amz:eu-west-1:es ")
    assert "eu-west-1:aoss" in curl("https://d.eu-west-1.aoss.amazonaws.com", Settings(region="eu-west-1"), "/i")
    named = curl("https://own", Settings(username="u", password="secret-word"), "/i")
    assert ("$TRACEJOIN_PASSWORD" in named, "secret-word" in named) == (True, False)


def test_overdue_names_whom_to_ask():
    """With a stack its log, on a laptop the command alone."""
    assert list(overdue(Overdue(), "http://x", "s")) == []
    with_stack, without = (next(overdue(Overdue(lines=1, example="t"), "http://x", stack)) for stack in ("s", ""))
    assert "/aws/lambda/s-resolve" in with_stack.remedy
    assert "aws" not in without.remedy


def test_what_is_held_back_is_not_old():
    """A hint waits for its look-up by design: with a delay of fifteen minutes that is no fault."""
    assert list(oldest(STACK, 901, [10, 900])) == []
    assert statuses(oldest(STACK, 901, [10, 600])) == [("problem", "s-hints")]
    assert statuses(oldest(STACK, 1201, [900])) == [("problem", "s-hints")]


def test_alarms_and_traffic():
    """All fail: a problem; some: a warning; throttled: a warning. An alarm without data is silent."""
    assert statuses(alarms(STACK, [Alarm(name="a", state="INSUFFICIENT_DATA"), Alarm(name="b", state="ALARM")])) == [("problem", "b")]
    hours = {
        "a": Traffic(invocations=2, errors=2),
        "b": Traffic(invocations=2, errors=1),
        "c": Traffic(invocations=2, throttles=1),
        "d": Traffic(invocations=9),
    }
    assert statuses(traffic(STACK, hours)) == [("problem", "a"), ("warning", "b"), ("warning", "c")]


def test_levels_and_tracing():
    """Text is fine; JSON is judged by its levels; the pipeline's own functions and those that are not shipped are left alone."""
    pipeline = {"TRACEJOIN_ENDPOINT": "x", "TRACEJOIN_QUEUE_URL": "y"}
    listed = [Function(name="text", log_group="g"), Function(name="json", log_group="g", log_format="JSON", system_level="WARN", application_level="FATAL"),
              Function(name="elsewhere", log_group="h", log_format="JSON", system_level="WARN"),
              Function(name="ours", log_group="g", log_format="JSON", system_level="WARN", environment=pipeline)]  # fmt: skip
    assert statuses(levels("r", listed, {"g"})) == [("warning", "json"), ("warning", "json")]
    assert statuses(tracing("r", listed, {"g"})) == [("warning", "text"), ("warning", "json")]


def test_access_logs():
    """None at all is told with the commands that make one; one that nobody ships is somebody else's; CLF is no JSON."""
    none = Stage(kind="REST", api_id="a1", api_name="shop", name="prod")
    http = Stage(kind="HTTP", api_id="a2", api_name="", name="$default")
    found = list(access_logs(STACK, [none, http], ()))
    assert statuses(found) == [("warning", "shop/prod"), ("warning", "a2/$default")]
    assert all("logs create-log-group --log-group-name /aws/apigateway/a" in finding.remedy for finding in found)
    assert (
        access_log_format("HTTP")
        == json.loads(shlex.split(found[1].remedy)[shlex.split(found[1].remedy).index("--access-log-settings") + 1])["Format"]
    )
    clf = Stage(
        kind="REST",
        api_id="a",
        api_name="",
        name="p",
        destination="arn:aws:logs:r:1:log-group:g",
        format="$context.requestId $context.status",
    )
    assert list(access_logs(STACK, [clf], ())) == []
    assert "no JSON" in next(access_logs(STACK, [clf], {"g"})).message
    assert lacks(Stage(kind="HTTP", api_id="a", api_name="", name="p", format='{"a":"$context.awsEndpointRequestId"}')) == [
        "$context.requestId"
    ]


def test_spans_that_reach_nobody():
    """The log group of spans without a filter, and where there is none; another source needs neither."""
    for names in (groups("aws/spans"), {}):
        found = Subscriptions(groups=names, filters={}, stack=STACK)
        assert statuses(spans_group(STACK, "aws/spans", found, "s-ship")) == [("problem", "aws/spans")]
        assert list(spans_group(STACK, "auto", found, "s-ship")) == []


def test_own_log_groups():
    """One that is missing is a problem, one that is kept for another time a warning."""
    assert statuses(own("r", groups("a", "b", retention_days=14), ["a", "b", "c"], 14)) == [("problem", "c")]
    assert statuses(own("r", groups("a"), ["a"], 14)) == [("warning", "a")]


def test_sampling_is_a_hint():
    """The default rule decides; with Transaction Search the share that is indexed is told, too."""
    few = Sampling(rule="Default", fixed_rate=0.05, reservoir=1)
    assert [finding.status for finding in sampling("r", [few], None)] == ["ok"]
    assert "1 % of spans" in next(sampling("r", [few], 1.0)).message
    assert (
        list(sampling("r", [Sampling(rule="Default", fixed_rate=0.5, reservoir=1), Sampling(rule="a", fixed_rate=0, reservoir=0)], None))
        == []
    )
    assert list(sampling("r", [], None)) == []


def test_what_a_person_reads():
    """Groups in order; ten findings of a check at most; one line for all checks that are not known for one reason."""
    many = [CheckResult("m", "warning", f"r{number}", "text", f"do {number}") for number in range(12)]
    away = [CheckResult(name, "unknown", "", "no credentials") for name in "xyz"]
    lines = list(told([*away, *many, CheckResult("fine", "ok", "", "All well.")]))
    assert [line for line in lines if not line.startswith(" ")] == ["ok", "warning", "not known"]
    assert lines[1] == "  fine  All well."
    assert lines[3:5] == ["  m  r0: text", "      do 0"]
    assert lines[-3] == "  m  and 2 more; --json shows all"
    assert lines[-1] == "  x, y, z  no credentials"
