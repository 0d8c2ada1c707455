"""Who holds a login, who is let in, and from where OpenSearch is reached: the template with different parameters."""

import json

import pytest

from pipeline.settings import Settings
from tests.support.secrets import PARAMETER, SECRET
from tests.support.stack import Stack
from tests.support.template import load

PASSWORD = 'Hunter2-"at\\home"'
ENDPOINT = "https://search-logs-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com"
DOMAIN = "arn:aws:es:eu-west-1:123456789012:domain/logs"
LOGIN = {"OpenSearchUsername": "ad\\min", "OpenSearchPassword": PASSWORD}
OTHER = {"OpenSearch": "existing", "OpenSearchEndpoint": "https://search.example.com"}
OWN_DOMAIN = {"OpenSearch": "existing", "OpenSearchEndpoint": ENDPOINT, "OpenSearchDomainArn": DOMAIN}
FUNCTIONS = {
    "SetupFunction": "SetupRole",
    "ShipFunction": "ShipRole",
    "ResolveFunction": "ResolveRole",
    "SubscribeFunction": "SubscribeRole",
}
ALL = {"SetupFunction", "ShipFunction", "ResolveFunction"}
IN_VPC = {"OpenSearchVpcId": "vpc-0a1b2c3d", "SubnetIds": "subnet-1,subnet-2,subnet-3", "SecurityGroupIds": "sg-1,sg-2"}


@pytest.mark.parametrize(("parameters", "holders", "signers", "arn"), [
    ({}, set(), ALL, ""),
    (LOGIN, {"SetupFunction"}, ALL - {"SetupFunction"}, "<Login.Id>"),
    ({"OpenSearchUsername": "admin"}, {"SetupFunction"}, ALL - {"SetupFunction"}, "<Login.Id>"),
    ({"OpenSearchSecretArn": SECRET}, {"SetupFunction"}, ALL - {"SetupFunction"}, SECRET),
    (OWN_DOMAIN, set(), ALL, ""),
    (OWN_DOMAIN | {"OpenSearchSecretArn": PARAMETER}, {"SetupFunction"}, ALL - {"SetupFunction"}, PARAMETER),
    (OTHER, set(), set(), ""),
    (OTHER | LOGIN, ALL, set(), "<Login.Id>"),
    (OTHER | {"OpenSearchSecretArn": SECRET}, ALL, set(), SECRET),
    (OTHER | {"OpenSearchSecretArn": PARAMETER}, ALL, set(), PARAMETER),
    ({"OpenSearch": "serverless"}, set(), set(), ""),
], ids=["domain", "domain-password", "domain-user", "domain-secret", "existing-domain", "existing-domain-secret", "other", "other-password", "other-secret",
        "other-parameter", "serverless"])  # fmt: skip
def test_a_login_is_known_to_those_alone_who_need_it(parameters, holders, signers, arn):
    """By its ARN: in no environment, output or property of a resource stands a password, and each permission is for that ARN."""
    stack = Stack(**parameters)
    assert stack.broken == []
    assert [password for password in map(str, (stack.outputs, *map(stack.environment, FUNCTIONS))) if "Hunter2" in password] == []
    for function, role in FUNCTIONS.items():
        environment, allowed = stack.environment(function), stack.allowed(role)
        assert environment["TRACEJOIN_OPENSEARCH_SECRET"] == (arn if function in holders else "")
        assert not {"TRACEJOIN_USERNAME", "TRACEJOIN_PASSWORD"} & set(environment)
        reads = {action: statement["Resource"] for sid, statement in allowed.items() if "Login" in sid for action in statement["Action"]}
        own = {"secretsmanager:GetSecretValue": arn, **({"ssm:GetParameter": arn} if arn.startswith("arn:") else {})}
        assert reads == (own if function in holders else {})
        assert any(action.startswith("es:") for statement in allowed.values() for action in statement["Action"]) == (function in signers)
    mapped = "<ShipRole.Arn>,<ResolveRole.Arn>" if holders == {"SetupFunction"} else ""
    assert stack.environment("SetupFunction")["TRACEJOIN_FUNCTION_ROLES"] == mapped
    assert stack.environment("ShipFunction")["TRACEJOIN_FUNCTION_ROLES"] == ""
    assert ("LoginSecretArn" in stack.outputs) == (arn == "<Login.Id>")


def test_the_stack_keeps_a_given_login_as_json_and_makes_one_that_nobody_knows():
    """Quotes and backslashes come out as they went in; without a password the stack makes it, and the domain takes it from the secret."""
    given = Stack(**LOGIN)
    assert json.loads(given.resources["Login"]["Properties"]["SecretString"]) == {"username": "ad\\min", "password": PASSWORD}
    assert "GenerateSecretString" not in given.resources["Login"]["Properties"]
    made = Stack(OpenSearchUsername="admin")
    assert "SecretString" not in made.resources["Login"]["Properties"]
    template = made.resources["Login"]["Properties"]["GenerateSecretString"]
    assert (json.loads(template["SecretStringTemplate"]), template["GenerateStringKey"]) == ({"username": "admin"}, "password")
    master = made.resources["Domain"]["Properties"]["AdvancedSecurityOptions"]["MasterUserOptions"]
    assert master == {"MasterUserName": "admin", "MasterUserPassword": "{{resolve:secretsmanager:<Login.Id>:SecretString:password}}"}
    theirs = Stack(OpenSearchSecretArn=SECRET).resources["Domain"]["Properties"]["AdvancedSecurityOptions"]["MasterUserOptions"]
    assert theirs["MasterUserName"] == f"{{{{resolve:secretsmanager:{SECRET}:SecretString:username}}}}"
    assert "Login" not in Stack(OpenSearchSecretArn=SECRET).resources


def test_the_password_goes_to_the_secret_and_the_domain_alone():
    """No function, no custom resource and no output refers to the parameter, which CloudFormation shows to nobody."""
    template = load()
    assert template["Parameters"]["OpenSearchPassword"]["NoEcho"] is True
    assert {name for name, about in template["Resources"].items() if "OpenSearchPassword" in str(about)} == {"Domain", "Login"}
    assert "OpenSearchPassword" not in str((template["Globals"], template["Outputs"]))


def test_a_key_of_ones_own_is_used_by_these_services_alone():
    """kms:Decrypt on that key, and only where Secrets Manager or SSM asks for it."""
    key = "arn:aws:kms:eu-west-1:123456789012:key/1a2b"
    stack = Stack(**OTHER, OpenSearchSecretArn=SECRET, OpenSearchSecretKeyArn=key)
    statement = stack.allowed("ShipRole")["DecryptTheLogin"]
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt"], key)
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": ["secretsmanager.eu-west-1.amazonaws.com", "ssm.eu-west-1.amazonaws.com"]}
    }
    assert "DecryptTheLogin" not in Stack(**OTHER, OpenSearchSecretArn=SECRET).allowed("ShipRole")


@pytest.mark.parametrize(("parameters", "said"), [
    (LOGIN | {"OpenSearchSecretArn": SECRET}, "both name a login"), ({"OpenSearch": "serverless", "OpenSearchSecretArn": SECRET}, "signed requests alone"),
    ({"OpenSearch": "serverless", **LOGIN}, "signed requests alone"), (OTHER | {"OpenSearchUsername": "u"}, "go together"), ({"OpenSearchPassword": "p"}, "go together"),
    ({"OpenSearchSecretKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1a2b"}, "is the key of OpenSearchSecretArn"),
    (OTHER | IN_VPC, "an existing one is where it is"), ({"OpenSearchVpcId": "vpc-1"}, "needs SubnetIds"), (IN_VPC | {"SecurityGroupIds": ""}, "need SecurityGroupIds")])  # fmt: skip
def test_parameters_that_do_not_go_together_are_refused(parameters, said):
    """Before anything is made, with the reason."""
    assert any(said in reason for reason in Stack(**parameters).broken)


@pytest.mark.parametrize("endpoint", ["https://u:p@search.example.com", "https://search.example.com?password=p", "https://u:p/@h"])
def test_an_endpoint_with_a_login_is_no_value_of_the_parameter(endpoint):
    """It would stand in the functions' environment and in the stack's outputs."""
    with pytest.raises(AssertionError, match="OpenSearchEndpoint"):
        Stack(OpenSearch="existing", OpenSearchEndpoint=endpoint)


@pytest.mark.parametrize("arn", ["search", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:search", "arn:aws:s3:::bucket", '{"password":"p"}',
                                 "arn:aws:ssm:eu-west-1:123456789012:document/x"])  # fmt: skip
def test_what_is_no_whole_arn_of_a_secret_is_no_value(arn):
    """A part of an ARN would be read, and then refused by IAM; the settings take what the template takes."""
    with pytest.raises(AssertionError, match="OpenSearchSecretArn"):
        Stack(OpenSearchSecretArn=arn)
    with pytest.raises(Exception, match="must be the whole ARN"):
        Settings.from_environment({"TRACEJOIN_OPENSEARCH_SECRET": arn})


@pytest.mark.parametrize(
    ("count", "subnets"), [("1", ["subnet-1"]), ("2", ["subnet-1", "subnet-2"]), ("3", ["subnet-1", "subnet-2", "subnet-3"])]
)
def test_a_domain_is_kept_in_the_vpc(count, subnets):
    """One subnet for each availability zone; only the functions' security group gets to its port, and it gets nowhere."""
    stack = Stack(**IN_VPC, DomainInstanceCount=count)
    options = stack.resources["Domain"]["Properties"]["VPCOptions"]
    assert options == {"SubnetIds": subnets, "SecurityGroupIds": ["<OpenSearchSecurityGroup>"]}
    group = stack.resources["OpenSearchSecurityGroup"]["Properties"]
    (rule,) = group["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"], rule["SourceSecurityGroupId"]) == (443, 443, "sg-1")
    assert {rule["CidrIp"] for rule in group["SecurityGroupEgress"]} == {"127.0.0.1/32"}
    assert stack.outputs["OpenSearchSecurityGroupId"] == "<OpenSearchSecurityGroup>"
    assert "CollectionVpcEndpoint" not in stack.resources


def test_a_collection_is_kept_in_the_vpc():
    """Its network policy lets the stack's endpoint in, and nobody from the internet."""
    stack = Stack(**IN_VPC, OpenSearch="serverless")
    (policy,) = json.loads(stack.resources["CollectionNetwork"]["Properties"]["Policy"])
    assert (policy["AllowFromPublic"], policy["SourceVPCEs"]) == (False, ["<CollectionVpcEndpoint>"])
    endpoint = stack.resources["CollectionVpcEndpoint"]["Properties"]
    assert endpoint == {"Name": "tracejoin", "VpcId": "vpc-0a1b2c3d", "SubnetIds": ["subnet-1", "subnet-2", "subnet-3"],
                        "SecurityGroupIds": ["<OpenSearchSecurityGroup>"]}  # fmt: skip


def test_without_a_vpc_nothing_of_it_is_made():
    """The functions alone may be in a VPC, where OpenSearch is there already."""
    for parameters in ({}, {"OpenSearch": "serverless"}, {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}):
        stack = Stack(**parameters)
        assert not {"OpenSearchSecurityGroup", "CollectionVpcEndpoint"} & set(stack.resources)
        assert "VPCOptions" not in stack.resources.get("Domain", {"Properties": ()})["Properties"]
    (policy,) = json.loads(Stack(OpenSearch="serverless").resources["CollectionNetwork"]["Properties"]["Policy"])
    assert (policy["AllowFromPublic"], "SourceVPCEs" in policy) == (True, False)
