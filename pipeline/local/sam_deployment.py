"""SAM templates on a local AWS: built for the Python that runs there, deployed by the SAM CLI as a user deploys them, and deleted."""

import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.local.environment import REGION, local_client, local_environment

ROOT: Final = Path(__file__).parents[2]
SAM: Final = ROOT / ".cache" / "sam" / "bin" / "sam"
_ARCHITECTURE: Final = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
_TELLS: Final = 3000
_PATIENCE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack on a local AWS.

    Attributes:
        endpoint: of the local AWS.
        name: of the stack.
    """

    endpoint: str
    name: str

    def deploy(self, template: Path, parameters: Mapping[str, str]) -> None:
        """Creates the stack, or brings it up to date.

        Args:
            template: as `build` made it.
            parameters: of the template; the others keep their defaults or what they were.

        Raises UnavailableError with what CloudFormation or the SAM CLI says, where it does not come to be.
        """
        given = {"Architecture": _ARCHITECTURE, **parameters}
        try:
            _sam("deploy", "--template-file", str(template), "--stack-name", self.name, "--region", REGION, "--resolve-s3",
                 "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar", "--capabilities", "CAPABILITY_IAM",
                 "--parameter-overrides", *(f"{name}={value}" for name, value in given.items()), folder=template.parent,
                 endpoint=self.endpoint)  # fmt: skip
        except UnavailableError as error:
            # what the SAM CLI says at the end is about the way back
            raise UnavailableError("; ".join(self._failures()) or str(error)) from error

    def _failures(self) -> list[str]:
        """What failed in the stack's last change, in CloudFormation's words, the first one first."""
        client = self.client("cloudformation")
        pages = client.get_paginator("describe_stack_events").paginate(StackName=self.name)
        try:
            events = [event for page in pages for event in page["StackEvents"]]
        except ClientError:
            # it did not even begin
            return []
        failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("_FAILED")]
        return [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}" for event in failed]

    def delete(self) -> str:
        """Deletes the stack; returns its last status. `sam delete` does the same, but looks every half minute only."""
        client = self.client("cloudformation")
        # a stack that is gone is known by its id alone
        stack = client.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"]
        client.delete_stack(StackName=stack)
        deadline = time.monotonic() + _PATIENCE
        while True:
            status: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
                return status
            time.sleep(0.1)

    def client(self, service: str) -> Any:
        """boto3's client for a service of the local AWS."""
        return local_client(service, self.endpoint)

    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        stack = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    def resources(self) -> dict[str, str]:
        """The physical id of each resource of the stack, by its logical id."""
        found = self.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def build(folder: Path, template: Path = ROOT / "template.yaml") -> Path:
    """Builds a template's functions for this machine and the Python that runs them here, where AWS has a Python 3.13 of its own.

    Args:
        folder: where to.
        template: what of.

    Returns the built template. Raises MisconfiguredError where the SAM CLI is missing, UnavailableError where it fails.
    """
    if not SAM.exists():
        raise MisconfiguredError(["the SAM CLI is missing: `make validate` installs it"])
    _sam("build", "--template-file", str(template), "--build-dir", str(folder.absolute()), folder=template.parent)
    return folder / "template.yaml"


def _sam(*arguments: str, folder: Path, endpoint: str = "") -> None:
    runtime = {"ARCHITECTURE": _ARCHITECTURE, "PYTHON_VERSION": "{}.{}".format(*sys.version_info[:2]), "SAM_CLI_TELEMETRY": "0"}
    environment = local_environment({**runtime, **({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})})
    run = subprocess.run([SAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True,  # noqa: S603
                         stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    if run.returncode:
        raise UnavailableError(f"sam {arguments[0]} failed: {(run.stdout + run.stderr)[-_TELLS:]}")
