"""Stack: reads the stack from CloudFormation."""

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.resources import Resource, Stack


def read_stack(calls: Calls, name: str) -> Stack | None:
    """The stack ``name`` with its resources; None where the region has none of this name."""
    # CloudFormation has no error code for a missing stack
    answer = calls.find("cloudformation", "describe_stacks", ("does not exist",), StackName=name)
    if not answer or not answer.get("Stacks"):
        return None
    found = answer["Stacks"][0]
    _, partition, _, region, account, *_ = found["StackId"].split(":")
    # DescribeStackResources returns a hundred at most (AWS CloudFormation API reference)
    listed = calls.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
    return Stack(
        name=found["StackName"],
        region=region,
        account=account,
        partition=partition,
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        version=next((output["OutputValue"] for output in found.get("Outputs", ()) if output["OutputKey"] == "Version"), ""),
        parameters={each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", ())},
        # a resource that is not created yet has no physical id
        resources={
            each["LogicalResourceId"]: Resource(type=each["ResourceType"], id=each.get("PhysicalResourceId") or "") for each in listed
        },
    )
