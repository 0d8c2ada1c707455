"""Function environment: runs one Python function of the local platform on AWS' `awslambdaric` or, if that is not installed, our own client.

`awslambdaric` has wheels for Linux alone.
"""

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from pipeline.errors import UnavailableError
from pipeline.local import lambda_lines
from pipeline.local.log_stream import LogStream
from pipeline.local.runtime_api import InvocationRequest, InvocationResult
from pipeline.local.runtime_environment import InvocationEnd, RuntimeCommand, RuntimeEnvironment

EXITED: Final = "Runtime.ExitError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an invocation: a result, or an error as X-Ray's `cause` names it."""

    request_id: str = ""
    result: Any = None
    error: dict[str, Any] | None = None


class FunctionEnvironment:
    """The execution environment of one function, and its log stream; its process starts at once.

    Args:
        name: of the function.
        handler: the file that defines `handler`.
        variables: the environment variables of the function.
    """

    def __init__(self, name: str, handler: Path, variables: Mapping[str, str]) -> None:
        self.log = LogStream(f"/aws/lambda/{name}", f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}")
        self.cold = True
        self._name = name
        self._end: InvocationEnd | None = None
        own = {
            "AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log.group, "AWS_LAMBDA_LOG_STREAM_NAME": self.log.name,
            "LAMBDA_TASK_ROOT": str(handler.parent), "POWERTOOLS_SERVICE_NAME": name, "PYTHONWARNINGS": "ignore",
        }  # fmt: skip
        # both clients find the handler's module in the folder that they run in
        arguments = [sys.executable, "-m", _client(), f"{handler.stem}.handler"]
        command = RuntimeCommand(arguments=arguments, folder=handler.parent, variables={**variables, **own})
        self._environment = RuntimeEnvironment(command, self)
        self._environment.start()

    def wait_until_ready(self) -> None:
        """Blocks until the handler is loaded. Raises UnavailableError if it does not load."""
        self._environment.wait_until_ready()
        if self.stopped:
            raise UnavailableError(f"the environment of {self._name} did not start: does its handler load?")

    def run(self, request: InvocationRequest) -> Outcome | None:
        """Returns the outcome of an invocation, or None if its time ran out. Each but the first of these may end the environment."""
        self._environment.invoke(request)
        end = self._end
        assert end
        if end.status == "timeout":
            return None
        if end.result is None:
            reason = "signal: killed" if end.exit_status < 0 else f"exit status {end.exit_status}"
            self.log.write(lambda_lines.exited(request.request_id, reason))
            return Outcome(error={"type": EXITED, "message": f"Runtime exited with error: {reason}"})
        if end.result.failed:
            return Outcome(error=_error_of(end.result))
        return Outcome(result=json.loads(end.result.body))

    def stop(self) -> None:
        """Kills the process."""
        self._environment.stop()

    @property
    def stopped(self) -> bool:
        """Whether the process has ended."""
        return self._environment.stopped

    # what the environment reports

    def init_started(self) -> None:
        """Writes nothing: the local platform shows no cold start."""

    def init_ended(self, seconds: float, error_type: str) -> None:
        """Writes nothing."""

    def opened(self, request: InvocationRequest) -> None:
        """Writes nothing: the Lambda service writes START."""

    def wrote(self, message: str) -> None:
        """Writes what the function wrote."""
        self.log.write(message)

    def closed(self, request: InvocationRequest, end: InvocationEnd) -> None:
        """Keeps how the invocation ended."""
        del request
        self._end = end

    def other(self, path: str, body: bytes) -> None:
        """Ignores it."""


def _client() -> str:
    """Returns the module of the runtime client; the native half of AWS' one is the module `runtime_client`."""
    return "awslambdaric" if find_spec("awslambdaric") and find_spec("runtime_client") else "pipeline.local.lambda_runtime"


def _error_of(result: InvocationResult) -> dict[str, Any]:
    """Returns the type, message and stack of an error, with the names of files instead of their paths."""
    content = json.loads(result.body)
    error = {"type": content.get("errorType", ""), "message": content.get("errorMessage", "")}
    exceptions = json.loads(result.cause).get("exceptions") if result.cause else None
    if not exceptions:
        return error
    stack = [frame | {"path": Path(frame["path"]).name} for frame in exceptions[0].get("stack", [])]
    return error | ({"stack": stack} if stack else {})
