"""Runtime lines: makes the lines that a function's code and its runtime write: Python and Node.js in text, Python in JSON, Powertools.

Sources: awslambdaric (`bootstrap.py`, `lambda_runtime_log_utils.py`), aws-lambda-ric of Node.js (`index.mjs`), Powertools for AWS Lambda
(Python) as measured and as its documentation shows it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

Error = tuple[str, str]
"""The type and the message of an exception."""
NO_KEYS: Final[Mapping[str, Any]] = {}
_ACCOUNT_ARN: Final = "arn:aws:lambda:eu-west-1:123456789012:function"
_FRAMES: Final[Sequence[str]] = ['  File "/var/task/app.py", line 31, in handler\n    charge(order)\n',
                                 '  File "/var/task/app.py", line 48, in charge\n    raise failure\n']  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LineContext:
    """When and in which invocation a line is written.

    Attributes:
        iso: the time, ISO 8601, UTC.
        trace_id: in X-Ray's form; None if the code knows none.
    """

    iso: str
    request_id: str
    trace_id: str | None
    function: str


class Runtime(Protocol):
    """A way to write lines: ``structured`` if a line is a JSON object with keys, ``json_platform`` if Lambda's own lines are JSON."""

    structured: bool
    json_platform: bool

    def line(self, at: LineContext, level: str, message: object, keys: Mapping[str, Any] = NO_KEYS) -> str:
        """Returns a line of the code's logger; ``keys`` are added to its message."""

    def caught(self, at: LineContext, level: str, message: str, error: Error) -> str:
        """Returns a line with the exception that the code has caught."""

    def uncaught(self, at: LineContext, error: Error) -> str:
        """Returns the runtime's line on an exception that nobody caught."""


class PythonText:
    """Python's runtime, text format."""

    structured, json_platform = False, False

    def line(self, at: LineContext, level: str, message: object, keys: Mapping[str, Any] = NO_KEYS) -> str:
        """Returns `[LEVEL]`, time, request id and message; keys follow as Python prints a dictionary."""
        return f"[{level}]\t{at.iso}\t{at.request_id}\t{message}{f' {dict(keys)!r}' if keys else ''}\n"

    def caught(self, at: LineContext, level: str, message: str, error: Error) -> str:
        """Returns what `logger.log(level, message, exc_info=True)` writes."""
        return f"{self.line(at, level, message)}{traceback(error)}\n"

    def uncaught(self, at: LineContext, error: Error) -> str:
        """Returns the runtime's line, which has no time and no request id."""
        del at
        return f"[ERROR] {error[0]}: {error[1]}\n{traceback(error).rpartition(chr(10))[0]}\n"


class NodeText:
    """Node.js' runtime, text format."""

    structured, json_platform = False, False

    def line(self, at: LineContext, level: str, message: object, keys: Mapping[str, Any] = NO_KEYS) -> str:
        """Returns time, request id, LEVEL and message; keys follow as JSON."""
        word = "WARN" if level == "WARNING" else "FATAL" if level == "CRITICAL" else level
        shown = message if isinstance(message, str) else json.dumps(message)
        return f"{at.iso}\t{at.request_id}\t{word}\t{shown}{f' {json.dumps(dict(keys))}' if keys else ''}\n"

    def caught(self, at: LineContext, level: str, message: str, error: Error) -> str:
        """Returns what `console.error(message, error)` writes."""
        return self.line(at, level, f"{message} {error[0]}: {error[1]}\n    at charge (/var/task/index.js:41:11)")

    def uncaught(self, at: LineContext, error: Error) -> str:
        """Returns the runtime's `Invoke Error` line."""
        stack = [f"{error[0]}: {error[1]}", "    at Runtime.handler (/var/task/index.js:12:9)"]
        return self.line(at, "ERROR", f"Invoke Error \t{json.dumps({'errorType': error[0], 'errorMessage': error[1], 'stack': stack})}")


class PythonJson:
    """Python's runtime, Lambda's JSON format."""

    structured, json_platform = True, True

    def line(self, at: LineContext, level: str, message: object, keys: Mapping[str, Any] = NO_KEYS) -> str:
        """Returns an object without a trace id: the platform events have it."""
        return json.dumps({"timestamp": at.iso, "level": level, "message": message, "logger": "root", "requestId": at.request_id, **keys})

    def caught(self, at: LineContext, level: str, message: str, error: Error) -> str:
        """Returns an object with `stackTrace`, `errorType` and `errorMessage`."""
        return self.line(at, level, message, {"stackTrace": _FRAMES, "errorType": error[0], "errorMessage": error[1],
                                              "location": "/var/task/app.py:handler:31"})  # fmt: skip

    def uncaught(self, at: LineContext, error: Error) -> str:
        """Returns the runtime's own object."""
        return json.dumps({"timestamp": at.iso, "level": "ERROR", "errorMessage": error[1], "errorType": error[0],
                           "requestId": at.request_id, "stackTrace": _FRAMES})  # fmt: skip


class Powertools:
    """Powertools' logger for Python, beside platform lines in text or JSON."""

    structured = True

    def __init__(self, *, json_platform: bool) -> None:
        self.json_platform = json_platform

    def line(self, at: LineContext, level: str, message: object, keys: Mapping[str, Any] = NO_KEYS) -> str:
        """Returns an object with request id and, if there is one, trace id."""
        trace = {"xray_trace_id": at.trace_id} if at.trace_id else {}
        return json.dumps({
            "level": level, "location": "handler:27", "message": message,
            "timestamp": at.iso.replace("T", " ").replace(".", ",").replace("Z", "+0000"), "service": at.function, "cold_start": False,
            "function_name": at.function, "function_memory_size": "128", "function_arn": f"{_ACCOUNT_ARN}:{at.function}",
            "function_request_id": at.request_id, **keys, **trace,
        })  # fmt: skip

    def caught(self, at: LineContext, level: str, message: str, error: Error) -> str:
        """Returns what `logger.exception` writes: the exception as text and, as the logger may be told to, as an object."""
        frames = [{"file": "/var/task/app.py", "line": 31, "function": "handler"}]
        stack = {"type": error[0], "value": error[1], "module": "app", "frames": frames}
        return self.line(at, level, message, {"exception": traceback(error), "exception_name": error[0], "stack_trace": stack})

    def uncaught(self, at: LineContext, error: Error) -> str:
        """Returns the runtime's line: Powertools writes none."""
        return (PythonJson() if self.json_platform else PythonText()).uncaught(at, error)


RUNTIMES: Final[tuple[Runtime, ...]] = (
    PythonText(),
    NodeText(),
    PythonJson(),
    Powertools(json_platform=False),
    Powertools(json_platform=True),
)


def traceback(error: Error) -> str:
    """Returns the exception as Python prints it."""
    return f"Traceback (most recent call last):\n{''.join(_FRAMES)}{error[0]}: {error[1]}"
