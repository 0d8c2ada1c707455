"""The SAM template and the package, without AWS."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from pipeline.provision.subscriptions.selector import PIPELINE_TAG
from pipeline.settings import Settings
from tests.support import template as templates
from tests.support.paths import ROOT
from tests.support.stores import left_out
from tests.support.template import ON_A_COMPUTER, RUNTIME, evaluated, of_type, own_variables, pins, statements, variables

# AWS's service authorization reference knows no resources for X-Ray's actions, and none for the list of an account's sinks
RESOURCE_FREE = {"LookUpTraces", "SendOwnTrace", "FindSinks"}
COLD_START = """
import sys
before = set(sys.modules)
import botocore.session, shipper_function.notify, shipper_function.resolve, shipper_function.ship
files = {name.partition(".")[0] for name in set(sys.modules) - before if getattr(sys.modules[name], "__file__", None)}
print(*files - sys.stdlib_module_names)
"""
FUNCTIONS = ("SetupFunction", "ShipFunction", "SubscribeFunction", "ResolveFunction", "NotifyFunction")


@pytest.fixture(scope="module")
def template():
    """The template, parsed."""
    return templates.load()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package as `sam build` makes it."""
    if shutil.which("make") is None:
        left_out("make is missing")
    folder = tmp_path_factory.mktemp("package")
    build = subprocess.run(["make", "--no-print-directory", "build-ShipFunction", f"ARTIFACTS_DIR={folder}"], cwd=ROOT, capture_output=True, text=True,
                           env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, check=False)  # fmt: skip
    assert build.returncode == 0, build.stderr
    return folder


def test_handlers_are_there(template):
    """Each function's handler is a function in the repository, and package.mk knows how to build it."""
    functions = of_type(template, "AWS::Serverless::Function")
    assert set(functions) == set(FUNCTIONS)
    for name, properties in functions.items():
        module, _, handler = properties["Handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), handler))
        assert template["Resources"][name]["Metadata"]["BuildMethod"] == "makefile"
        assert f"build-{name}" in (ROOT / "package.mk").read_text()


def test_every_function_is_traced_and_none_feeds_on_its_own_spans(template):
    """Lambda records each invocation; but where aws/spans is shipped, that would be shipped again, for ever."""
    assert template["Globals"]["Function"]["Tracing"] == {"If": ["FromSpans", "PassThrough", "Active"]}
    for function in FUNCTIONS:
        assert "Tracing" not in of_type(template, "AWS::Serverless::Function")[function]
        assert "SendOwnTrace" in {statement["Sid"] for statement in statements(template, function)}


class Recorded(dict):
    """An environment that keeps the names that are asked for."""

    def __init__(self, values=()):
        super().__init__(values)
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)


def test_environment_is_what_settings_read(template):
    """The template sets every variable that the settings read of their own, and no other; AWS's are set by Lambda."""
    environment = Recorded()
    Settings.from_environment(environment)
    given = {*variables(template), *(name for function in FUNCTIONS for name in own_variables(template, function))}
    # a function never has them: it reads the secret, and checks certificates by the system's authorities
    own = {"TRACEJOIN_USERNAME", "TRACEJOIN_PASSWORD", "TRACEJOIN_CA", "TRACEJOIN_INSECURE"}
    assert {name for name in environment.names if name.startswith("TRACEJOIN_")} - own == given
    assert all(name in Settings.__doc__ for name in environment.names)


def test_parameters_default_to_what_the_settings_default_to(template):
    """A stack without choices runs as a laptop does, and the defaults pass the template's own patterns."""
    parameters = template["Parameters"]
    defaults = {name: str(parameters[value["Ref"]]["Default"]) for name, value in variables(template).items()
                if isinstance(value, dict) and "Default" in parameters.get(value.get("Ref"), {})}  # fmt: skip
    assert Settings.from_environment(defaults) == Settings()
    assert len(defaults) == 24


@pytest.mark.parametrize(
    ("given", "ids"), [("", []), ("222222222222", ["222222222222"]), ("222222222222, 333333333333", ["222222222222", "333333333333"])]
)
def test_the_stack_s_own_account_is_always_allowed_and_comes_first(template, given, ids):
    """Whatever is given beside it: without a choice it is the only one."""
    assert re.fullmatch(template["Parameters"]["AllowedAccounts"]["AllowedPattern"], given)
    text = (
        variables(template)["TRACEJOIN_ALLOWED_ACCOUNTS"]["Sub"]
        .replace("${AWS::AccountId}", "111111111111")
        .replace("${AllowedAccounts}", given)
    )
    assert Settings.from_environment({"TRACEJOIN_ALLOWED_ACCOUNTS": text}).allowed_accounts == ("111111111111", *ids)


def test_the_defaults_pass_the_template_s_own_patterns(template):
    """Whoever presses return at each question of `sam deploy --guided` gets no error for it."""
    parameters = template["Parameters"]
    for parameter in parameters.values():
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(parameter["Default"]))
        assert parameter["Default"] in parameter.get("AllowedValues", [parameter["Default"]])
        assert parameter["Description"]
    shown = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in shown for name in group["Parameters"]) == sorted(parameters)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_permission_is_narrow(template, function):
    """Each statement has a name, single actions, and one resource, but for those that AWS knows no resource for."""
    allowed = statements(template, function)
    assert len({statement["Sid"] for statement in allowed}) == len(allowed) >= 3
    for statement in allowed:
        assert not any("*" in action for action in statement["Action"])
        assert (statement["Resource"] == "*") == (statement["Sid"] in RESOURCE_FREE)


def test_no_role_holds_more_than_its_statements(template):
    """No managed policy comes in by the side but ours for a VPC: a function with a role of its own gets none from SAM."""
    for properties in of_type(template, "AWS::Serverless::Function").values():
        assert "Policies" not in properties
    in_vpc = {"If": ["InVpc", [{"Ref": "VpcPolicy"}], {"Ref": "AWS::NoValue"}]}
    for name, role in of_type(template, "AWS::IAM::Role").items():
        # the scheduler's role runs nothing
        assert role.get("ManagedPolicyArns") == (None if name == "ScheduleRole" else in_vpc)


def test_the_vpc_is_for_lambda_alone(template):
    """What lets Lambda make network interfaces, on all resources since there are none to name, is denied to the functions' own code."""
    allowed, denied = of_type(template, "AWS::IAM::ManagedPolicy")["VpcPolicy"]["PolicyDocument"]["Statement"]
    assert (allowed["Effect"], denied["Effect"], denied["Resource"]) == ("Allow", "Deny", "*")
    assert set(denied["Action"]) == {action for action in allowed["Action"] if "Describe" not in action}
    assert "SourceFunctionArn" in str(denied["Condition"])


def test_everybody_else_s_permissions_name_who_and_for_whom(template):
    """Resource policies let a service in for this account alone; what a bucket or a topic does not name it refuses."""
    for permission in of_type(template, "AWS::Lambda::Permission").values():
        assert {"SourceAccount", "SourceArn"} <= set(permission)
    topic, mail = of_type(template, "AWS::SNS::TopicPolicy").values()
    assert str(mail).replace("AlarmMailTopic", "AlertTopic") == str(topic)
    (statement,) = topic["PolicyDocument"]["Statement"]
    assert set(statement["Condition"]) == {"StringEquals", "ArnLike"}
    (bucket,) = of_type(template, "AWS::S3::BucketPolicy").values()
    assert [statement["Effect"] for statement in bucket["PolicyDocument"]["Statement"]] == ["Deny"]


def test_ship_may_invoke_itself_and_nobody_else(template):
    """A replay hands its rest on by the function's own name; Lambda would end such a chain after sixteen without RecursiveLoop."""
    ship = of_type(template, "AWS::Serverless::Function")["ShipFunction"]
    invokes = {name: [each for each in statements(template, name) if "lambda:InvokeFunction" in each["Action"]] for name in FUNCTIONS}
    assert {name for name, found in invokes.items() if found} == {"ShipFunction"}
    (statement,) = invokes["ShipFunction"]
    assert statement["Resource"]["Sub"].endswith(f":function:{ship['FunctionName']['Sub']}")
    assert ship["RecursiveLoop"] == "Allow"


def test_every_reservation_fits(template):
    """Resolve's reserved concurrency covers what the queue may start and the sweep, and is what the budget of look-ups is shared by."""
    functions = of_type(template, "AWS::Serverless::Function")
    reserved = functions["ResolveFunction"]["ReservedConcurrentExecutions"]["If"][1]
    queue = functions["ResolveFunction"]["Events"]["Hints"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]
    assert reserved == queue + 1 == int(variables(template)["TRACEJOIN_WORKERS"])
    assert all("Reserves" in properties["ReservedConcurrentExecutions"]["If"] for properties in functions.values())


def test_what_the_account_is_asked_for_leaves_the_pipeline_out(template):
    """An account-level policy takes every log group but the functions' own, and spans only where they are the source."""
    (policy,) = of_type(template, "AWS::Logs::AccountPolicy").values()
    criteria, names = policy["SelectionCriteria"]["Sub"]
    assert criteria.startswith('LogGroupName NOT IN ["${')
    own = set(of_type(template, "AWS::Logs::LogGroup"))
    assert {value["Ref"] for key, value in names.items() if key != "Spans"} == own
    assert names["Spans"] == {"If": ["FromSpans", "", ',"aws/spans"']}


def test_every_alarm_tells_and_watches_what_is_there(template):
    """Each alarm goes to the topic, says what to do, watches a metric of ours that a function counts, or one of AWS's own."""
    counted = "".join(path.read_text() for path in (ROOT / "shipper_function").glob("*.py"))
    answered = (ROOT / "docs" / "operating.md").read_text()
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"][0] == {"Ref": "AlertTopic"}
        # an incident that no end of the alarm resolves would swallow the next one
        assert alarm["OKActions"] == [{"Ref": "AlertTopic"}]
        assert alarm["AlarmDescription"]
        assert f"`{name}`" in answered
        ours = alarm["Namespace"] == "tracejoin"
        assert not ours or f'"{alarm["MetricName"]}"' in counted
        # of two stacks each has its own
        assert not ours or alarm["Dimensions"][0]["Value"]["Ref"] in FUNCTIONS


def test_nothing_is_shipped_before_opensearch_is_set_up(template):
    """Whatever sends lines to ship needs ship, and ship waits for setup; what calls subscribe later comes after the subscriptions, and goes before."""
    resources = template["Resources"]
    assert resources["ShipFunction"]["DependsOn"] == resources["ResolveFunction"]["DependsOn"] == ["Setup"]
    for name in ("Round", "NewLogGroup"):
        assert "Subscriptions" in resources[name]["DependsOn"]


def test_the_schedules_send_what_the_functions_expect(template):
    """An empty event each: the scheduler's own has text where others have an object."""
    schedules = of_type(template, "AWS::Scheduler::Schedule")
    assert {schedule["Target"]["Input"] for schedule in schedules.values()} == {"{}"}
    assert len(schedules) == 2


@pytest.mark.parametrize("pattern", ["", "ERROR", '{ $.level = "ERROR" }', '"a\\b" ?"c"', "%\\d+%"])
def test_any_filter_pattern_fits_into_the_account_s_policy(template, pattern):
    """Quotes and backslashes come out as they went in, and nothing of it becomes a key of its own."""
    (policy,) = of_type(template, "AWS::Logs::AccountPolicy").values()
    text, names = policy["PolicyDocument"]["Sub"]
    found = json.loads(
        text.replace("${ShipFunction.Arn}", "arn").replace("${Escaped}", evaluated(names["Escaped"], {"FilterPattern": pattern}))
    )
    assert found == {"DestinationArn": "arn", "FilterPattern": pattern, "Distribution": "Random"}


def test_the_queue_fits_its_function(template):
    """A message that is being worked on is not handed out again, and one that always fails ends in the dead letters."""
    queue = of_type(template, "AWS::SQS::Queue")["HintQueue"]
    resolve = of_type(template, "AWS::Serverless::Function")["ResolveFunction"]
    hints = resolve["Events"]["Hints"]["Properties"]
    # "at least six times the function timeout, plus the value of MaximumBatchingWindowInSeconds" (AWS Lambda developer guide)
    assert queue["VisibilityTimeout"] >= 6 * resolve["Timeout"] + hints["MaximumBatchingWindowInSeconds"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"GetAtt": "HintDeadLetters.Arn"}
    assert hints["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_own_log_groups_are_excluded(template):
    """What the functions log themselves is never shipped."""
    excluded = variables(template)["TRACEJOIN_EXCLUDED_LOG_GROUPS"]["Sub"].split(",")
    groups = of_type(template, "AWS::Logs::LogGroup").values()
    assert sorted(excluded) == sorted(group["LogGroupName"]["Sub"] for group in groups)
    # so that another stack's subscribe leaves them alone, too
    assert all(group["Tags"] == [{"Key": PIPELINE_TAG, "Value": {"Ref": "AWS::StackName"}}] for group in groups)


def test_the_stack_says_which_version_it_is(template):
    """By it the doctor knows a stack that is older than the command."""
    assert template["Outputs"]["Version"]["Value"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_what_is_shipped_is_what_is_tested():
    """The package pins every dependency of the project but the runtime's own, at the versions that the tests run with."""
    shipped, tested = (pins(name) for name in ("requirements.txt", "constraints.txt"))
    wanted = {re.match(r"[\w-]+", entry)[0] for entry in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]}
    assert wanted - RUNTIME - ON_A_COMPUTER == set(shipped) & wanted
    assert not ON_A_COMPUTER & set(shipped)
    assert not RUNTIME & set(shipped)
    assert shipped == {name: tested[name] for name in shipped}


def test_nothing_of_the_laptop_is_in_the_package(package):
    """Library, functions and mappings are there; the demo, the command line and their packages are not."""
    names = {path.name.lower() for path in package.iterdir()}
    assert {"pipeline", "shipper_function", "mappings", "msgspec", "isal", "opensearchpy", "aws_lambda_powertools", "aws_xray_sdk"} <= names
    assert not names & {
        "click",
        "rich",
        "osmem_server",
        "ministack",
        "pytest",
        "grpc",
        "boto3",
        "botocore",
        "hypothesis",
        "tests",
        "examples",
    }
    assert not (package / "pipeline" / "local").exists()
    assert not (package / "pipeline" / "cli").exists()
    assert (package / "mappings" / "indices" / "logs.json").exists()
    assert (package / "pipeline" / "detect" / "default_rules.json").exists()


def test_everything_that_the_functions_import_is_in_the_package(package):
    """Each package that a cold start loads, signing for Amazon's included, is carried along or comes with Lambda's runtime."""
    run = subprocess.run([sys.executable, "-c", COLD_START], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(run.stdout.split())
    assert {"pipeline", "shipper_function", "opensearchpy", "boto3"} <= loaded
    assert loaded - RUNTIME <= {path.name.partition(".")[0] for path in package.iterdir()}


def test_binaries_are_for_arm64(package):
    """Every shared library is built for the functions' architecture and runtime, and the whole is far below Lambda's 250 MB."""
    libraries = list(package.rglob("*.so"))
    assert libraries
    # e_machine of an ELF file: 183 is AArch64
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries} == {183}
    assert all("cpython-313" in path.name or "abi3" in path.name for path in libraries)
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) < 40_000_000


def test_bytecode_is_the_runtime_s_or_not_there(package):
    """Built beside a Python 3.13, each module is compiled for it, whatever its timestamp becomes; else none is."""
    compiled = list(package.rglob("*.pyc"))
    # CPython 3.13's magic number is 3571; flag 1 says that the source is not checked (PEP 552)
    assert {path.read_bytes()[:8] for path in compiled} <= {(3571).to_bytes(2, "little") + b"\r\n\x01\x00\x00\x00"}
    assert len(compiled) in {0, len(list(package.rglob("*.py")))}
