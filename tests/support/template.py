"""A SAM template as plain values, for the tests that hold the code to it."""

import re

import yaml

from tests.support.paths import ROOT

# Lambda's Python runtime brings these
RUNTIME = {"boto3", "botocore", "jmespath", "s3transfer", "simplejson"}
# the command needs these, and no function
ON_A_COMPUTER = {"click", "graphlay", "jinja2", "rich", "starlette", "tomlkit", "uvicorn"}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, kept as plain values."""


_Loader.add_multi_constructor(
    "!",
    lambda loader, suffix, node: {
        suffix: loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else loader.construct_scalar(node)
    },
)


def load(path="template.yaml"):
    """The template, parsed; the stack's own or another."""
    return yaml.load((ROOT / path).read_text(), _Loader)


def of_type(template, kind):
    """The properties of every resource of this type, by logical id."""
    return {name: resource.get("Properties", {}) for name, resource in template["Resources"].items() if resource["Type"] == kind}


def statements(template, function):
    """What the role of this function allows; a policy of its own belongs to those that it names in any case."""
    role = of_type(template, "AWS::Serverless::Function")[function]["Role"]["GetAtt"].removesuffix(".Arn")
    policies = [*of_type(template, "AWS::IAM::Role")[role]["Policies"]]
    policies += [policy for policy in of_type(template, "AWS::IAM::Policy").values() if f"'Ref': '{role}'" in str(policy["Roles"])]
    return [entry["If"][1] if "If" in entry else entry for policy in policies for entry in policy["PolicyDocument"]["Statement"]]


def variables(template):
    """The environment that all functions share."""
    return template["Globals"]["Function"]["Environment"]["Variables"]


def own_variables(template, function):
    """What this function's environment has of its own."""
    return of_type(template, "AWS::Serverless::Function")[function].get("Environment", {}).get("Variables", {})


def paths(template, function, prefix):
    """What a signed request of this function may ask a domain for, method by method: patterns of paths, as IAM matches them."""
    allowed = {}
    for statement in statements(template, function):
        for action in statement["Action"]:
            if action.startswith("es:ESHttp"):
                resources = [resource["Sub"][0].removeprefix("${Arn}") for resource in statement["Resource"]]
                allowed[action.removeprefix("es:ESHttp").upper()] = [path.replace("${Prefix}", prefix) for path in resources]
    return allowed


def evaluated(value, parameters):
    """What CloudFormation makes of Ref, Split and Join."""
    if not isinstance(value, dict):
        return value
    ((function, argument),) = value.items()
    if function == "Ref":
        return parameters[argument]
    separator, rest = argument
    rest = evaluated(rest, parameters)
    return rest.split(separator) if function == "Split" else separator.join(rest)


def pins(file):
    """The versions in a requirements file, by normalised name; its hashes are left out."""
    lines = (line.strip(" \\") for line in (ROOT / file).read_text().splitlines())
    found = (line.split("==") for line in lines if line and not line.startswith(("#", "--hash=")))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}
