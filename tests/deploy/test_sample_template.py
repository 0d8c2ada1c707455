"""The sample application's SAM template, without AWS."""

import graphlib
import json
import os
import re
import subprocess

import pytest

from pipeline.local import application
from tests.support import template as templates
from tests.support.paths import ROOT
from tests.support.stores import left_out
from tests.support.template import of_type, statements

SAMPLE = ROOT / "examples"
SAM = ROOT / ".cache" / "sam" / "bin" / "sam"
# it empties the bucket when the stack is deleted, and is no part of the application
HOUSEKEEPING = "EmptyBucketFunction"


@pytest.fixture(scope="module")
def template():
    """The template, parsed."""
    return templates.load("examples/template.yaml")


def functions(template):
    """The functions of the application, by the end of their name on AWS."""
    found = {properties["FunctionName"]["Sub"].removeprefix("${AWS::StackName}-"): (id_, properties)
             for id_, properties in of_type(template, "AWS::Serverless::Function").items()}  # fmt: skip
    del found["empty-bucket"]
    return found


def references(resource, ids):
    """The logical ids that a resource refers to: as a whole string in Ref, GetAtt or DependsOn, or within one by Sub."""
    text = json.dumps(resource)
    return {id_ for id_ in ids if f'"{id_}"' in text or re.search(rf"\$\{{{id_}[.}}]", text)}


@pytest.fixture(scope="module")
def made_after():
    """What AWS makes of the template: every resource with all those that it is made after. Fails where that is a circle."""
    try:
        from samtranslator.translator.transform import transform
        from samtranslator.yaml_helper import yaml_parse
    except ImportError:
        left_out("aws-sam-translator is missing")
    template = yaml_parse((SAMPLE / "template.yaml").read_text())
    for resource in template["Resources"].values():
        resource["Properties"] |= {key: "s3://bucket/key" for key in ("CodeUri", "ContentUri") if key in resource["Properties"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        made = transform(template, {}, type("NoPolicies", (), {"load": staticmethod(dict)}))["Resources"]
    direct = {id_: references(resource, made) for id_, resource in made.items()}
    found = {}
    for id_ in graphlib.TopologicalSorter(direct).static_order():
        found[id_] = direct[id_].union(*(found[earlier] for earlier in direct[id_]))
    return found


def test_sam_and_cfn_lint_find_nothing():
    """`sam validate --lint` has nothing to say."""
    if not SAM.exists():
        left_out("the SAM CLI is not built: make validate")
    run = subprocess.run([SAM, "validate", "--lint", "--region", "eu-west-1", "--template", SAMPLE / "template.yaml"],
                         capture_output=True, text=True, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False)  # fmt: skip
    assert (run.returncode, "is a valid SAM Template" in run.stdout) == (0, True), run.stdout + run.stderr


def test_the_demo_s_functions_are_deployed(template):
    """The same handlers under the same names as in `make demo`, and none beside them."""
    deployed = {name: SAMPLE / properties["CodeUri"] / "app.py" for name, (_, properties) in functions(template).items()}
    assert deployed == {function.name: function.handler for function in application._FUNCTIONS}
    assert all(path.exists() for path in (*deployed.values(), SAMPLE / "empty_bucket" / "app.py"))
    shared = template["Globals"]["Function"]
    assert (shared["Runtime"], shared["Handler"], shared["Architectures"]) == ("python3.13", "app.handler", [{"Ref": "Architecture"}])
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"


def test_service_a_finds_what_it_needs(template):
    """Its environment holds each variable that its handler reads, and no other; all but cached-segment name their service."""
    source = (SAMPLE / "functions" / "service_a" / "app.py").read_text()
    environments = {
        name: set(properties.get("Environment", {}).get("Variables", {})) for name, (_, properties) in functions(template).items()
    }
    assert environments["service-a"] == set(re.findall(r'"([A-Z][A-Z_]+)"', source)) | {"POWERTOOLS_SERVICE_NAME"}
    assert {name for name, environment in environments.items() if "POWERTOOLS_SERVICE_NAME" not in environment} == {"cached-segment"}


def test_every_permission_is_narrow(template):
    """Each statement has a name, single actions and one resource, but for X-Ray's, which AWS knows no resource for."""
    for id_ in of_type(template, "AWS::Serverless::Function"):
        allowed = statements(template, id_)
        assert len({statement["Sid"] for statement in allowed}) == len(allowed)
        for statement in allowed:
            assert not any("*" in action for action in statement["Action"])
            assert not isinstance(statement["Resource"], list)
            assert (statement["Resource"] == "*") == (statement["Sid"] == "SendOwnTrace")


def test_no_function_may_do_what_it_does_not_do(template):
    """The actions of each role, beside writing its own log and trace, are those that its handler calls."""
    basic = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    deployed = of_type(template, "AWS::Serverless::Function")
    actions = {id_: {action for statement in statements(template, id_) for action in statement["Action"]} for id_ in deployed}
    assert {id_: found - basic for id_, found in actions.items() if found - basic} == {
        "ServiceAFunction": {
            "sns:Publish",
            "s3:PutObject",
            "s3:GetObject",
            "dynamodb:PutItem",
            "dynamodb:GetItem",
            "lambda:InvokeFunction",
        },
        "ConsumerFunction": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
        HOUSEKEEPING: {"s3:ListBucket", "s3:DeleteObject"},
    }
    assert basic - actions[HOUSEKEEPING] == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def test_no_role_holds_more_than_its_statements(template):
    """No managed policy comes in by the side, and no two functions share a role."""
    deployed = of_type(template, "AWS::Serverless::Function").values()
    assert len({properties["Role"]["GetAtt"] for properties in deployed}) == len(deployed)
    assert not any("Policies" in properties for properties in deployed)
    assert not any("ManagedPolicyArns" in role for role in of_type(template, "AWS::IAM::Role").values())


def test_everything_is_traced(template):
    """Lambda and the REST API trace; the function that is no part of the application does not."""
    deployed = of_type(template, "AWS::Serverless::Function")
    assert template["Globals"]["Function"]["Tracing"] == "Active"
    assert [id_ for id_, properties in deployed.items() if properties.get("Tracing", "Active") != "Active"] == [HOUSEKEEPING]
    assert of_type(template, "AWS::Serverless::Api")["RestApi"]["TracingEnabled"] is True


def test_each_log_has_a_group_of_its_own(template):
    """Named after the function or API, kept as long as the parameter says, deleted with the stack, and told in the outputs."""
    groups = of_type(template, "AWS::Logs::LogGroup")
    named = {id_: properties["LogGroupName"]["Sub"] for id_, properties in groups.items()}
    for properties in of_type(template, "AWS::Serverless::Function").values():
        assert named[properties["LoggingConfig"]["LogGroup"]["Ref"]] == f"/aws/lambda/{properties['FunctionName']['Sub']}"
    assert set(named.values()) - {name for name in named.values() if name.startswith("/aws/lambda/${AWS::StackName}-")} == {
        "/aws/apigateway/${AWS::StackName}-api",
        "/aws/apigateway/${AWS::StackName}-http-api",
        "API-Gateway-Execution-Logs_${RestApi}/prod",
    }
    assert all(properties["RetentionInDays"] == {"Ref": "RetentionDays"} for properties in groups.values())
    assert template["Parameters"]["RetentionDays"]["Default"] == 3
    told = str(template["Outputs"]["LogGroupNames"])
    assert {id_ for id_ in groups if id_ not in told} == {"EmptyBucketLogGroup"}


def test_access_logs_are_in_the_documented_formats(template):
    """Both APIs write what docs/api-gateway.md says to paste; the format after theirs is that of WebSocket APIs."""
    documented = [block.strip() for block in re.findall(r"```\n(.*?)```", (ROOT / "docs" / "api-gateway.md").read_text(), re.DOTALL)]
    rest = of_type(template, "AWS::Serverless::Api")["RestApi"]["AccessLogSetting"]["If"][1]
    http = of_type(template, "AWS::ApiGatewayV2::Stage")["HttpApiStage"]["AccessLogSettings"]
    assert [rest["Format"], http["Format"]] == documented[:2]
    assert [set(re.findall(r"connectionId", each)) for each in documented] == [set(), set(), {"connectionId"}]


def test_every_path_leads_to_the_function_that_allows_it(template):
    """The REST API names its functions by name, so that a circle is avoided: each path has its function, and that function's event."""
    paths = of_type(template, "AWS::Serverless::Api")["RestApi"]["DefinitionBody"]["paths"]
    called = {
        path: re.search(r"function:(\S+)/invocations", methods["get"]["x-amazon-apigateway-integration"]["uri"]["Sub"])[1]
        for path, methods in paths.items()
    }
    allowed = {properties["Events"]["Get"]["Properties"]["Path"]: properties["FunctionName"]["Sub"]
               for _, properties in functions(template).values() if "Get" in properties.get("Events", {})}  # fmt: skip
    assert called == allowed
    assert set(called) == {"/service-a", "/service-b", "/cached-segment", "/error", "/timeout"}


def test_nothing_runs_in_a_circle(made_after):
    """What SAM makes of the template has an order, whatever cfn-lint takes SAM's API for; it is also the order that deletion reverses."""
    assert {"RestApiAccessLogGroup", "RestApiExecutionLogGroup"} <= made_after["RestApiprodStage"]
    assert {"EmptiedBucket", "OrdersBucket", "RestApi"} <= made_after["ServiceAFunction"]
    assert {"EmptyBucketFunction", "EmptyBucketRole", "EmptyBucketLogGroup", "OrdersBucket"} <= made_after["EmptiedBucket"]


def test_nothing_stays_when_the_stack_goes(template):
    """No resource is retained: neither by a policy, nor by the default that SAM has for layers."""
    assert not [id_ for id_, resource in template["Resources"].items() if resource.get("DeletionPolicy", "Delete") != "Delete"]
    assert of_type(template, "AWS::Serverless::LayerVersion")["DependenciesLayer"]["RetentionPolicy"] == "Delete"


def test_orders_are_kept_safe_and_shortly(template):
    """The bucket is encrypted, closed to the public and forgets after a day; the queue fits its function and has dead letters."""
    bucket = of_type(template, "AWS::S3::Bucket")["OrdersBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"] and [rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"]] == [1]
    queue = of_type(template, "AWS::SQS::Queue")["OrdersQueue"]
    assert queue["VisibilityTimeout"] >= 6 * template["Globals"]["Function"]["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"GetAtt": "OrdersDeadLetters.Arn"}
    consumer = of_type(template, "AWS::Serverless::Function")["ConsumerFunction"]
    assert consumer["Events"]["Orders"]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert of_type(template, "AWS::DynamoDB::Table")["OrdersTable"]["BillingMode"] == "PAY_PER_REQUEST"
