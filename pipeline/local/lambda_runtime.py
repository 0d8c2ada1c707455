"""The Lambda runtime of the local platform: one process, one function, one invocation at a time.

Runs as `python -m pipeline.local.lambda_runtime FILE`. It reads an invocation a line on stdin and writes frames to stdout, a JSON object
a line: `{"log": text}` for each log event, `{"result": …}` or `{"error": …}` at the end of an invocation.
"""

import importlib.util
import json
import os
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO


class _LogStream:
    """Stands in for stdout and stderr: each line that is written becomes a log event."""

    def __init__(self, frames: TextIO) -> None:
        self._frames = frames
        self._rest = ""

    def write(self, text: str) -> int:
        """Takes text; whole lines leave at once."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            send(self._frames, {"log": line + "\n"})
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back but the rest of a line."""


class Context:
    """The context object that Lambda gives to a handler (AWS Lambda developer guide, "Python context object")."""

    def __init__(self, request_id: str, deadline: float) -> None:
        name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.aws_request_id = request_id
        self.function_name = name
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = 128
        self.invoked_function_arn = os.environ["LOCAL_FUNCTION_ARN"]
        self.log_group_name = f"/aws/lambda/{name}"
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time limit."""
        return max(int((self._deadline - time.time()) * 1000), 0)


def send(frames: TextIO, frame: dict[str, Any]) -> None:
    """Writes one frame."""
    frames.write(json.dumps(frame) + "\n")
    frames.flush()


def main(path: str) -> None:
    """Serves invocations until stdin ends."""
    frames = sys.stdout
    sys.stdout = sys.stderr = _LogStream(frames)
    module = _load(path)
    send(frames, {"ready": True})
    for line in sys.stdin:
        invocation = json.loads(line)
        os.environ["_X_AMZN_TRACE_ID"] = invocation["traceHeader"]
        context = Context(invocation["requestId"], invocation["deadline"])
        try:
            send(frames, {"result": module.handler(invocation["event"], context)})
        except Exception as error:  # noqa: BLE001  # Lambda's runtime catches whatever a handler raises, too
            send(frames, {"log": f"[ERROR] {type(error).__name__}: {error}\n{traceback.format_exc()}"})
            send(frames, {"error": _fault(error)})


def _load(path: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location("app", path)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _fault(error: Exception) -> dict[str, Any]:
    """An error as X-Ray's `cause` names it."""
    frames = traceback.extract_tb(error.__traceback__)
    stack = [{"label": frame.name, "path": Path(frame.filename).name, "line": frame.lineno} for frame in frames]
    return {"type": type(error).__name__, "message": str(error), "stack": stack}


if __name__ == "__main__":
    main(sys.argv[1])
