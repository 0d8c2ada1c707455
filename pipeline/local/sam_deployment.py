"""SAM deployment: builds, deploys and deletes SAM templates on a local AWS, with the SAM CLI, as users deploy them."""

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
        endpoint: the URL of the local AWS.
        name: the stack's name.
    """

    endpoint: str
    name: str

    def deploy(self, template: Path, parameters: Mapping[str, str]) -> None:
        """Creates or updates the stack.

        Args:
            template: the template that `build` returned.
            parameters: parameters of the template; the others keep their defaults or earlier values.

        Raises UnavailableError with the reason of CloudFormation or the SAM CLI.
        """
        given = {"Architecture": _ARCHITECTURE, **parameters}
        try:
            _sam("deploy", "--template-file", str(template), "--stack-name", self.name, "--region", REGION, "--resolve-s3",
                 "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar", "--capabilities", "CAPABILITY_IAM",
                 "--parameter-overrides", *(f"{name}={value}" for name, value in given.items()), folder=template.parent,
                 endpoint=self.endpoint)  # fmt: skip
        except UnavailableError as error:
            # the SAM CLI's last words are about the rollback
            raise UnavailableError("; ".join(self._failures()) or str(error)) from error

    def _failures(self) -> list[str]:
        """The failures in the stack's events, in CloudFormation's words, the first one first."""
        client = self.client("cloudformation")
        pages = client.get_paginator("describe_stack_events").paginate(StackName=self.name)
        try:
            events = [event for page in pages for event in page["StackEvents"]]
        except ClientError:
            # the deployment did not begin
            return []
        failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("_FAILED")]
        return [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}" for event in failed]

    def delete(self) -> str:
        """Deletes the stack and returns its last status. `sam delete` does the same, but polls every half minute only."""
        client = self.client("cloudformation")
        # a deleted stack is found only by its id
        stack = client.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"]
        client.delete_stack(StackName=stack)
        deadline = time.monotonic() + _PATIENCE
        while True:
            status: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
                return status
            time.sleep(0.1)

    def client(self, service: str) -> Any:
        """The boto3 client for a service of the local AWS."""
        return local_client(service, self.endpoint)

    def outputs(self) -> dict[str, str]:
        """The stack's outputs by key."""
        stack = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    def resources(self) -> dict[str, str]:
        """The physical id of each resource of the stack, by its logical id."""
        found = self.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def build(folder: Path, template: Path = ROOT / "template.yaml") -> Path:
    """Builds the functions of ``template`` into ``folder``, and returns the path of the built template.

    They are built for this machine and for the Python that runs here, which may be another one than Lambda's. Raises
    MisconfiguredError where the SAM CLI is missing, UnavailableError where it fails.
    """
    if not SAM.exists():
        raise MisconfiguredError(["the SAM CLI is missing: `make validate` installs it"])
    _sam("build", "--template-file", str(template), "--build-dir", str(folder.absolute()), folder=template.parent)
    return folder / "template.yaml"


def _sam(*arguments: str, folder: Path, endpoint: str = "") -> None:
    runtime = {"ARCHITECTURE": _ARCHITECTURE, "PYTHON_VERSION": "{}.{}".format(*sys.version_info[:2]), "SAM_CLI_TELEMETRY": "0"}
    environment = local_environment({**runtime, **({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})})
    process = subprocess.run([SAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True,  # noqa: S603
                         stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    if process.returncode:
        raise UnavailableError(f"sam {arguments[0]} failed: {(process.stdout + process.stderr)[-_TELLS:]}")
