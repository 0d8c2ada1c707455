"""A stack and its log groups as the doctor's checks get them."""

from pipeline.doctor.resources import Resource, Stack
from pipeline.provision.subscriptions.log_groups import LogGroup

STACK = Stack(name="s", region="eu-west-1", account="123456789012", resources={
    "ShipFunction": Resource(type="AWS::Lambda::Function", id="s-ship"),
    "HintQueue": Resource(type="AWS::SQS::Queue", id="https://sqs.eu-west-1.amazonaws.com/123456789012/s-hints"),
    "ResolveFunction": Resource(type="AWS::Lambda::Function", id="s-resolve")})  # fmt: skip


def groups(*names, **more):
    """Log groups by name."""
    return {name: LogGroup(name=name, **more) for name in names}


def statuses(findings):
    """The statuses of findings with their resources."""
    return [(finding.status, finding.resource) for finding in findings]
