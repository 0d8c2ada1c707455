"""Stack: checks that the CloudFormation stack is deployed, complete and of this version."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Final

from pipeline.doctor.account import Account
from pipeline.doctor.check import Check
from pipeline.doctor.check_result import CheckResult, problem, unknown, warning
from pipeline.doctor.resources import Function, Stack
from pipeline.doctor.shell_commands import aws
from pipeline.errors import MisconfiguredError


def status(stack: Stack) -> Iterator[CheckResult]:
    """Reports a stack whose last deployment failed or is in progress."""
    shown = aws(stack.region, "cloudformation", "describe-stack-events", "--stack-name", stack.name, "--max-items", "20")
    message = f"its status is {stack.status}{f': {stack.reason}' if stack.reason else ''}"
    if stack.status == "ROLLBACK_COMPLETE":
        delete = aws(stack.region, "cloudformation", "delete-stack", "--stack-name", stack.name)
        yield problem(stack.name, f"{message}; it was never made", f"Find out why, then delete it ({delete}) and deploy it again: {shown}")
    elif stack.status == "UPDATE_ROLLBACK_COMPLETE":
        yield warning(stack.name, f"{message}; its last deployment was undone", f"Find out why: {shown}")
    elif stack.status.endswith("_IN_PROGRESS"):
        wait = "stack-create-complete" if stack.status.startswith("CREATE") else "stack-update-complete"
        yield warning(stack.name, message, aws(stack.region, "cloudformation", "wait", wait, "--stack-name", stack.name))
    elif not stack.status.endswith("_COMPLETE"):
        yield problem(stack.name, message, f"Find out why: {shown}")


def functions(stack: Stack, found: Mapping[str, Function | None]) -> Iterator[CheckResult]:
    """Reports functions of the stack that are missing or can't run; ``found`` holds them by name, None for one that was deleted."""
    if not stack.id_of("ShipFunction"):
        yield problem(stack.name, "it has no ShipFunction: it is not a stack of tracejoin", "Name the right one with --stack NAME.")
    for name, function in found.items():
        if function is None:
            message = "the stack has this function, and it is gone"
            yield problem(
                name, message, f"Delete the stack and deploy it again: CloudFormation does not see what was deleted behind {stack.name}."
            )
        elif function.state == "Failed":
            message = f"Lambda can't run it: {function.reason}"
            yield problem(name, message, aws(stack.region, "lambda", "get-function-configuration", "--function-name", name))


def package(stack: Stack, here: str) -> Iterator[CheckResult]:
    """Warns where the stack's output `Version` is older than ``here``, the version of this command."""
    if not stack.version:
        yield unknown(stack.name, "the stack does not say its version (it has no output Version)")
    elif _parts(stack.version) < _parts(here):
        message = f"version {stack.version} is deployed, and this command is {here}"
        yield warning(stack.name, message, f"make build && sam deploy --stack-name {stack.name}")


def _parts(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)]


def _look_status(it: Account) -> Iterator[CheckResult]:
    found = it.found_stack()
    if found is None:
        where = f"there is no stack {it.name} in {it.region}: what is AWS' is left out"
        yield (problem if it.named else unknown)(
            it.name, where, "Name the stack with --stack NAME and its region with --region or AWS_REGION."
        )
        return
    yield from status(found)


def _look_settings(it: Account) -> Iterator[CheckResult]:
    it.stack()
    try:
        it.settings()
    except MisconfiguredError as error:
        for text in error.problems:
            yield problem(it.stack().id_of("ShipFunction"), text, f"Deploy {it.name} again with the parameter set right.")


CHECKS: Final = (
    Check("stack-status", "The stack is deployed.", _look_status),
    Check("stack-functions", "The stack's functions are there and can run.", lambda it: functions(it.stack(), it.own_functions())),
    Check("stack-settings", "The functions' settings can be read.", _look_settings),
    Check("stack-version", "What is deployed is no older than this command.", lambda it: package(it.stack(), version("tracejoin"))),
)  # fmt: skip
