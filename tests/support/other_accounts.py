"""Two accounts on a local AWS: the X-Ray of each account and region, behind one endpoint that goes by who signed a request for which region."""

import json
import re
from collections import Counter

import boto3
from botocore.config import Config

from pipeline.local.xray import LocalXRay
from tests.support.http_server import Forwarder, HttpServer
from tests.support.paths import ROOT

HOME, MEMBER = "111111111111", "222222222222"
REGION, ELSEWHERE = "eu-west-1", "ap-southeast-2"
ROLE = "arn:aws:iam::{account}:role/tracejoin-trace-reader"
EXTERNAL_ID = "tracejoin-17"
_SIGNED = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/")


def client_as(service, endpoint, key, secret="secret", token=None):
    """boto3's client of an account: for the local AWS a key of 12 digits is that account's root."""
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret,
                        aws_session_token=token, config=Config(proxies={}))  # fmt: skip


def resolve_role_credentials(endpoint):
    """The credentials of resolve's role in the central account, as Lambda has them; it may assume the role of any member."""
    iam = client_as("iam", endpoint, HOME)
    iam.create_user(UserName="lambda")
    key = iam.create_access_key(UserName="lambda")["AccessKey"]
    iam.put_user_policy(UserName="lambda", PolicyName="all", PolicyDocument=_allowing("*"))
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="tracejoin-ResolveRole-1", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="tracejoin-ResolveRole-1", PolicyName="read", PolicyDocument=_allowing(ROLE.format(account="*")))
    sts = client_as("sts", endpoint, key["AccessKeyId"], key["SecretAccessKey"])
    return role, sts.assume_role(RoleArn=role, RoleSessionName="resolve")["Credentials"]


def deploy_member(endpoint, resolve_role):
    """Deploys examples/organization/member.yaml in the member account, without the policy that the local AWS does not know."""
    parameters = {"ResolveRoleArn": resolve_role, "ExternalId": EXTERNAL_ID}
    cloudformation = client_as("cloudformation", endpoint, MEMBER)
    cloudformation.create_stack(
        StackName="member", TemplateBody=(ROOT / "examples/organization/member.yaml").read_text(), Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )  # fmt: skip
    cloudformation.get_waiter("stack_create_complete").wait(StackName="member", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    trust(endpoint, EXTERNAL_ID)


def trust(endpoint, external_id):
    """Sets which external id the member's role demands.

    Its condition on aws:PrincipalArn is left out: AWS has the role there, the local AWS has the session.
    """
    iam = client_as("iam", endpoint, MEMBER)
    policy = iam.get_role(RoleName="tracejoin-trace-reader")["Role"]["AssumeRolePolicyDocument"]
    (statement,) = policy["Statement"]
    statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    iam.update_assume_role_policy(RoleName="tracejoin-trace-reader", PolicyDocument=json.dumps(policy))


class AccountsXRay(HttpServer):
    """The X-Ray of each account and region, over HTTP.

    Attributes:
        of: the local X-Ray by account and region.
        asked: the number of calls by account and region.
        away: whether none answers.
    """

    def __init__(self, aws):
        self._aws = client_as("sts", aws, HOME)
        self._accounts = {account: account for account in (HOME, MEMBER)}
        self.of = {(account, region): LocalXRay() for account in (HOME, MEMBER) for region in (REGION, ELSEWHERE)}
        self.asked = Counter()
        self.away = False
        super().__init__(self._answer)

    def _answer(self, request):
        key, region = _SIGNED.search(request.headers["authorization"]).groups()
        if key not in self._accounts:
            self._accounts[key] = self._aws.get_access_key_info(AccessKeyId=key)["Account"]
        self.asked[self._accounts[key], region] += 1
        if self.away:
            return 500, {}
        return Forwarder(self.of[self._accounts[key], region].endpoint)(request)

    def __enter__(self):
        for xray in self.of.values():
            xray.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        for xray in self.of.values():
            xray.__exit__(None, None, None)


def _allowing(resource):
    return _policy({"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": resource})


def _policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
