"""Lambda runtime: a runtime client for Python functions, used on computers that AWS' `awslambdaric` has no wheel for.

It runs as `python -m pipeline.local.lambda_runtime MODULE.FUNCTION` in the folder of the handler, as `awslambdaric` does.
"""

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Final

_INVOCATION: Final = "/2018-06-01/runtime/invocation"
_FRAME_TYPE: Final = 0xA55A0003
"""Of a frame on the telemetry pipe that holds text (`FramedTelemetryLogSink` in `awslambdaric`)."""


class Context:
    """The context object of a handler (AWS Lambda developer guide, "Python context object")."""

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
        """The milliseconds until the time limit."""
        return max(int((self._deadline - time.time()) * 1000), 0)


def main(name: str) -> None:
    """Loads the handler ``name``, and runs invocations until the Runtime API closes the connection."""
    module, _, function = name.rpartition(".")
    handler = getattr(importlib.import_module(module), function)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    while True:
        try:
            headers, event = _call("GET", f"{_INVOCATION}/next", b"")
        except (http.client.HTTPException, ConnectionError):
            return
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        os.environ["LOCAL_FUNCTION_ARN"] = headers["Lambda-Runtime-Invoked-Function-Arn"]
        context = Context(request_id, int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000)
        try:
            body = json.dumps(handler(json.loads(event), context)).encode()
        except Exception as error:  # noqa: BLE001  # Lambda's runtime catches whatever a handler raises, too
            _log(f"[ERROR] {type(error).__name__}: {error}\n{traceback.format_exc()}")
            content = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()
            _call("POST", f"{_INVOCATION}/{request_id}/error", content, {"Lambda-Runtime-Function-XRay-Error-Cause": _cause(error)})
        else:
            _call("POST", f"{_INVOCATION}/{request_id}/response", body)


def _call(method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[http.client.HTTPMessage, bytes]:
    """Calls the Runtime API; returns the headers and the body of its response."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return response.headers, response.read()
    finally:
        connection.close()


def _log(message: str) -> None:
    """Writes one log event, which may have several lines, to the telemetry pipe."""
    content = message.encode()
    header = _FRAME_TYPE.to_bytes(4, "big") + len(content).to_bytes(4, "big") + (time.time_ns() // 1000).to_bytes(8, "big")
    os.write(int(os.environ["_LAMBDA_TELEMETRY_LOG_FD"]), header + content)


def _cause(error: Exception) -> str:
    """Returns an exception with its type, message and stack, as JSON in the form of X-Ray's `cause`."""
    frames = traceback.extract_tb(error.__traceback__)
    stack = [{"label": frame.name, "path": frame.filename, "line": frame.lineno} for frame in frames]
    return json.dumps({"exceptions": [{"type": type(error).__name__, "message": str(error), "stack": stack}]})


if __name__ == "__main__":
    main(sys.argv[1])
