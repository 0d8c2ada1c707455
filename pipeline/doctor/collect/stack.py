"""The edge to CloudFormation."""

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.resources import Resource, Stack


def read_stack(calls: Calls, name: str) -> Stack | None:
    """The stack of this name; None where there is none in the region."""
    # CloudFormation has no error code of its own for it
    answer = calls.find("cloudformation", "describe_stacks", ("does not exist",), StackName=name)
    if not answer or not answer.get("Stacks"):
        return None
    found = answer["Stacks"][0]
    _, partition, _, region, account, *_ = found["StackId"].split(":")
    # DescribeStackResources ends after a hundred (AWS CloudFormation API reference)
    listed = calls.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
    return Stack(
        name=found["StackName"],
        region=region,
        account=account,
        partition=partition,
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        version=next((output["OutputValue"] for output in found.get("Outputs", ()) if output["OutputKey"] == "Version"), ""),
        # what is not made yet has no id
        resources={
            each["LogicalResourceId"]: Resource(type=each["ResourceType"], id=each.get("PhysicalResourceId") or "") for each in listed
        },
    )
