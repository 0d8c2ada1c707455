"""Waiting: how long tests wait for what must come. Only a test that hangs waits so long: no test fails since the machine is busy."""

import time

PATIENCE = 600.0
"""Seconds."""


def until(found, pause=0.1):
    """Calls ``found`` again and again until it returns something true, and returns that; fails after `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := found()):
        assert time.monotonic() < deadline, f"{found} never came true"
        time.sleep(pause)
    return seen


def stack_status(cloudformation, name):
    """Waits for a stack of CloudFormation, and returns its status when nothing is in progress any more."""

    def status():
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        return "" if found.endswith("_IN_PROGRESS") else found

    return until(status)
