"""Checks for log groups that feed on themselves."""

import json
import shlex

from pipeline.doctor.collect.logs import policy_of
from pipeline.doctor.log_loops import account_policies
from tests.support.doctor_facts import STACK

SHIP = "arn:aws:lambda:eu-west-1:123456789012:function:s-ship"


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
