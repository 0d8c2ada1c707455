"""Who may invoke a function, by its policy."""

from pipeline.doctor.collect.functions import permissions_of
from pipeline.doctor.resources import Permission

EVE = "arn:aws:iam::123456789012:user/eve"


def test_permissions_of_a_policy():
    """Statements of services that may invoke, one string or several; what denies, or is for a person, is none."""
    statement = {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "lambda:InvokeFunction"}
    sources = {"ArnLike": {"AWS:SourceArn": ["a", "b"]}, "StringEquals": {"aws:SourceAccount": "1"}}
    policy = {"Statement": [statement | {"Condition": sources}, statement | {"Effect": "Deny"}, statement | {"Principal": "*"},
                            statement | {"Action": ["lambda:GetFunction"]}, statement | {"Principal": {"AWS": EVE}}]}  # fmt: skip
    assert list(permissions_of(policy)) == [Permission(service="logs.amazonaws.com", source_arn=arn, source_account="1") for arn in "ab"]
