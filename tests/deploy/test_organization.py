"""The templates of examples/organization, the parameters that go with them, and the template without its transform; all without AWS."""

import json
import re
import subprocess

import pytest
import yaml

from pipeline.local.environment import local_environment
from pipeline.local.sam_deployment import SAM
from pipeline.settings import Settings
from tests.support import template as templates
from tests.support.paths import ROOT
from tests.support.stores import left_out
from tests.support.template import evaluated, of_type, statements, variables

ORGANIZATION = ROOT / "examples/organization"
ROLE = "arn:aws:iam::{account}:role/tracejoin-trace-reader"


@pytest.fixture(scope="module")
def member():
    """The template for member accounts."""
    return templates.load("examples/organization/member.yaml")


@pytest.fixture(scope="module")
def stack():
    """The stack's template."""
    return templates.load()


def test_a_member_has_a_role_and_a_policy_alone(member):
    """Nothing that runs, and no transform, which a StackSet with service-managed permissions does not take; each part is somebody's choice."""
    assert "Transform" not in member
    assert sorted((resource["Type"], resource["Condition"]) for resource in member["Resources"].values()) == [
        ("AWS::IAM::Role", "ReadsTraces"), ("AWS::Logs::AccountPolicy", "SendsLogs")]  # fmt: skip
    for parameter in member["Parameters"].values():
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), parameter["Default"])


def test_the_role_may_do_what_resolve_may_do_at_home_and_nothing_else(member, stack):
    """The calls of the look-up; only resolve's role may assume it, with the external id where there is one."""
    (role,) = of_type(member, "AWS::IAM::Role").values()
    (statement,) = (each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"])
    (own,) = (each for each in statements(stack, "ResolveFunction") if each["Sid"] == statement["Sid"])
    assert statement == own
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["ArnLike"] == {"aws:PrincipalArn": {"Ref": "ResolveRoleArn"}}
    assert trust["Condition"]["StringEquals"]["If"][1] == {"sts:ExternalId": {"Ref": "ExternalId"}}
    name = member["Parameters"]["ReaderRoleName"]["Default"]
    assert Settings.from_environment({"TRACEJOIN_TRACE_READER_ROLE_ARN": ROLE}).trace_reader_role_arn.endswith(f"/{name}")


@pytest.mark.parametrize("pattern", ["", "ERROR", '{ $.level = "ERROR" }', '"a\\b" ?"c"'])
def test_any_filter_pattern_fits_into_a_member_s_policy(member, pattern):
    """Quotes and backslashes come out as they went in."""
    (policy,) = of_type(member, "AWS::Logs::AccountPolicy").values()
    text, names = policy["PolicyDocument"]["Sub"]
    escaped = evaluated(names["Escaped"], {"FilterPattern": pattern})
    found = json.loads(text.replace("${DestinationArn}", "arn").replace("${Escaped}", escaped))
    assert (found["DestinationArn"], found["FilterPattern"]) == ("arn", pattern)


def test_resolve_may_assume_the_role_only_where_it_is_named(stack):
    """In any account, by the pattern; without the parameter there is no such statement, and without other accounts none about links."""
    role = of_type(stack, "AWS::Serverless::Function")["ResolveFunction"]["Role"]["GetAtt"].removesuffix(".Arn")
    (policy,) = of_type(stack, "AWS::IAM::Role")[role]["Policies"]
    conditional = {entry["If"][1]["Sid"]: entry["If"] for entry in policy["PolicyDocument"]["Statement"] if "If" in entry}
    condition, statement, otherwise = conditional["LookUpTracesInOtherAccounts"]
    assert (condition, otherwise) == ("AssumesTraceReader", {"Ref": "AWS::NoValue"})
    assert statement["Action"] == ["sts:AssumeRole"]
    assert evaluated(statement["Resource"], {"TraceReaderRoleArn": ROLE}) == "arn:aws:iam::*:role/tracejoin-trace-reader"
    assert {conditional[name][0] for name in ("FindSinks", "FindLinkedAccounts")} == {"TakesOtherAccounts"}


@pytest.mark.parametrize(
    ("arn", "is_right"),
    [(ROLE, True), ("arn:aws-cn:iam::{account}:role/path/name-{account}", True), ("", True),
     ("arn:aws:iam::111111111111:role/tracejoin-trace-reader", False), ("arn:aws:iam::{account}:user/x", False), ("{account}", False),
     ("arn:aws:iam::{account}:role/", False), ("arn:aws:iam::{account}:role/*", False), ("arn:aws:iam::{account}:role/a b", False),
     ("arn:aws:iam::{account}:role/{region}", False), (f"{ROLE}\n", False)],
)  # fmt: skip
def test_template_and_setting_take_the_same_roles(stack, arn, is_right):
    """The ARN of a role, with the placeholder for the account; what is wrong is said with an example."""
    pattern = stack["Parameters"]["TraceReaderRoleArn"]["AllowedPattern"].removesuffix("$").replace("^$|^", "|")
    assert bool(re.fullmatch(pattern, arn)) == is_right
    given = {"TRACEJOIN_TRACE_READER_ROLE_ARN": arn}
    if is_right or arn != arn.strip():
        assert Settings.from_environment(given).trace_reader_role_arn == arn.strip()
    else:
        with pytest.raises(Exception, match=r"TRACEJOIN_TRACE_READER_ROLE_ARN=.*with \{account\} for the account: arn:aws:iam::"):
            Settings.from_environment(given)


def test_every_setting_reaches_the_functions(stack):
    """By parameters of the same meaning."""
    assert variables(stack)["TRACEJOIN_TRACE_READER_ROLE_ARN"] == {"Ref": "TraceReaderRoleArn"}
    assert variables(stack)["TRACEJOIN_TRACE_READER_EXTERNAL_ID"] == {"Ref": "TraceReaderExternalId"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What `make template` prints, as a file."""
    if not SAM.exists():
        left_out("the SAM CLI is missing: `make validate` installs it")
    path = tmp_path_factory.mktemp("template") / "template.yaml"
    command = [SAM.parent / "python", "-m", "supply_chain.expanded_template", "template.yaml"]
    path.write_bytes(subprocess.run(command, cwd=ROOT, env=local_environment({}), capture_output=True, check=True).stdout)
    return path


def test_the_expanded_template_is_the_same_without_a_transform(plain, stack):
    """Each function takes its code from the bucket of two parameters; no parameter's default stands in place of its reference."""
    found = yaml.safe_load(plain.read_text())
    assert "Transform" not in found
    assert not [name for name, resource in found["Resources"].items() if resource["Type"].startswith("AWS::Serverless")]
    functions = of_type(found, "AWS::Lambda::Function")
    assert set(functions) == set(of_type(stack, "AWS::Serverless::Function"))
    for function in functions.values():
        assert function["Code"] == {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}}
        assert function["Environment"]["Variables"]["TRACEJOIN_PREFIX"] == {"Ref": "Prefix"}
    assert set(found["Parameters"]) == {*stack["Parameters"], "CodeBucket", "CodeKey"}
    assert set(stack["Resources"]) <= set(found["Resources"])
    assert set(found["Outputs"]) == set(stack["Outputs"])


def test_cfn_lint_takes_them_all(plain):
    """The expanded template, and those of an organization."""
    command = [SAM.parent / "cfn-lint", "--regions", "eu-west-1", "--template", plain, *sorted(ORGANIZATION.glob("*.yaml"))]
    done = subprocess.run(command, env=local_environment({}), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
