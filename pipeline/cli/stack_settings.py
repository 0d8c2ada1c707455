"""Stack settings: the settings with which a stack's ship runs, for a command that ships in its place."""

from dataclasses import replace

from pipeline.cli.aws_session import aws_session
from pipeline.cli.context import CommandContext
from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.deployment import Deployment
from pipeline.errors import MisconfiguredError
from pipeline.settings import Settings


def stack_settings(app: CommandContext, name: str) -> Settings:
    """The settings of the stack's ship, so that what it would filter, redact or cut is not shipped otherwise from here.

    Raises MisconfiguredError where the stack is not there, or AWS takes no calls.
    """
    endpoint = app.options.get("endpoint", "")
    deployment = Deployment(Calls(aws_session(app)), name=name, own=app.settings, endpoint=endpoint, named=True)
    if (stack := deployment.found_stack()) is None:
        raise MisconfiguredError([f"there is no stack {name} in {deployment.region}: check its name and the region"])
    # the rule file and the policy of the stack are in its package: this machine's own count
    own = app.settings
    return replace(deployment.settings(), rules_file=own.rules_file, policy_file=own.policy_file, parked_bucket=stack.id_of("ParkedEvents"))
