"""What the doctor looks at in tests: the stack in the local AWS, the local X-Ray and OpenSearch, each behind a gatekeeper."""

import boto3

from pipeline.doctor.account import Account
from pipeline.doctor.check import diagnose
from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.registry import CHECKS
from pipeline.provision.install import documents
from pipeline.settings import Settings
from tests.support.deployed import REGION, STACK

GREEN = {"status": "green", "cluster_name": "c", "unassigned_shards": 0}
POLICY = dict(documents("policies", "doctor", 14))["retention"] | {"_id": "doctor-retention", "_seq_no": 1, "_primary_term": 1}
SAMPLING = {"SamplingRuleRecords": [{"SamplingRule": {"RuleName": "Default", "FixedRate": 1.0, "ReservoirSize": 1, "Priority": 10000,
            "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "ResourceARN": "*", "Version": 1}}]}  # fmt: skip


class World:
    """Everything that the doctor looks at, with nothing wrong; what a test breaks, it mends."""

    def __init__(self, stack, aws, xray, local_xray, opensearch):
        self.stack = stack
        self.aws = aws
        self.xray = xray
        self.local_xray = local_xray
        self.opensearch = opensearch
        # one for all: each reads botocore's models anew
        self.calls = Calls(boto3.Session("a", "b", region_name=REGION))
        self.variables = {"AWS_ENDPOINT_URL": aws.endpoint, "AWS_ENDPOINT_URL_XRAY": xray.endpoint,
                          "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}  # fmt: skip

    def mend(self):
        """Takes back what gatekeepers were told to answer: the world is as it should be."""
        for gate in (self.aws, self.xray, self.opensearch):
            gate.answers.clear()
            gate.seen.clear()
            gate.every = None
        self.aws.answers |= {"DescribeAccountPolicies": (200, {"accountPolicies": []}), "GetResources": self._tags}
        self.xray.answers |= {"/GetSamplingRules": (200, SAMPLING), "/GetIndexingRules": (200, {"IndexingRules": []})}
        self.opensearch.answers |= {"/_cluster/health": (200, GREEN), "/_plugins/_ism/policies/doctor-retention": (200, POLICY),
                                    "/_cat/allocation": (200, [{"node": "n1", "disk.percent": "40"}])}  # fmt: skip

    def _tags(self, _body):
        """What ministack does not say of log groups by GetResources, out of what it says by ListTagsForResource."""
        arns = [
            group["logGroupArn"] for page in self.stack.logs.get_paginator("describe_log_groups").paginate() for group in page["logGroups"]
        ]
        tags = {arn: self.stack.logs.list_tags_for_resource(resourceArn=arn)["tags"] for arn in arns}
        listed = [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in own.items()]} for arn, own in tags.items() if own
        ]
        return 200, {"PaginationToken": "", "ResourceTagMappingList": listed}

    def findings(self, *names, stack=STACK, own=None, endpoint=""):
        """What these checks find."""
        return list(diagnose(self.account(stack, own, endpoint), [check for check in CHECKS if check.name in names]))

    def account(self, stack=STACK, own=None, endpoint=""):
        """The account as the command would make it."""
        return Account(self.calls, name=stack, own=own or Settings(), endpoint=endpoint)
