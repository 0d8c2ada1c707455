"""How code writes its lines: Lambda's runtimes in text and in JSON, and Powertools.

Sources: awslambdaric (`bootstrap.py`, `lambda_runtime_log_utils.py`), aws-lambda-ric of Node.js (`index.mjs`), Powertools for AWS Lambda
(Python) as measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_ACCOUNT_ARN = "arn:aws:lambda:eu-west-1:123456789012:function"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line is written: in which invocation, and when."""

    iso: str
    request_id: str
    trace_id: str
    function: str


class Runtime(Protocol):
    """A way to write lines; ``structured`` where a line is a JSON object with keys of its own."""

    structured: bool
    json_platform: bool

    def line(self, place: Place, level: str, message: object, keys: Mapping[str, Any]) -> str:
        """A line of the code's logger."""

    def caught(self, place: Place, level: str, message: str, error: tuple[str, str]) -> str:
        """A line with the exception, type and message, that the code has caught."""

    def uncaught(self, place: Place, error: tuple[str, str]) -> str:
        """The runtime's line on an exception that nobody caught."""


class PythonText:
    """Python's runtime, text format."""

    structured, json_platform = False, False

    def line(self, place: Place, level: str, message: object, keys: Mapping[str, Any]) -> str:
        """As `[LEVEL]`, time, request id, message; keys follow as a dictionary is printed."""
        return f"[{level}]\t{place.iso}\t{place.request_id}\t{message}{f' {dict(keys)!r}' if keys else ''}\n"

    def caught(self, place: Place, level: str, message: str, error: tuple[str, str]) -> str:
        """`logger.log(level, message, exc_info=True)`."""
        return f"[{level}]\t{place.iso}\t{place.request_id}\t{message}\n{_traceback(error)}\n"

    def uncaught(self, place: Place, error: tuple[str, str]) -> str:
        """Without time and request id."""
        del place
        return f"[ERROR] {error[0]}: {error[1]}\n{_traceback(error).rpartition(chr(10))[0]}\n"


class NodeText:
    """Node.js' runtime, text format."""

    structured, json_platform = False, False

    def line(self, place: Place, level: str, message: object, keys: Mapping[str, Any]) -> str:
        """As time, request id, LEVEL, message."""
        word = "WARN" if level == "WARNING" else "FATAL" if level == "CRITICAL" else level
        shown = message if isinstance(message, str) else json.dumps(message)
        return f"{place.iso}\t{place.request_id}\t{word}\t{shown}{f' {json.dumps(dict(keys))}' if keys else ''}\n"

    def caught(self, place: Place, level: str, message: str, error: tuple[str, str]) -> str:
        """`console.error(message, error)`."""
        return self.line(place, level, f"{message} {error[0]}: {error[1]}\n    at charge (/var/task/index.js:41:11)", {})

    def uncaught(self, place: Place, error: tuple[str, str]) -> str:
        """The runtime's `Invoke Error`."""
        stack = [f"{error[0]}: {error[1]}", "    at Runtime.handler (/var/task/index.js:12:9)"]
        told = json.dumps({"errorType": error[0], "errorMessage": error[1], "stack": stack})
        return f"{place.iso}\t{place.request_id}\tERROR\tInvoke Error \t{told}\n"


class PythonJson:
    """Python's runtime, Lambda's JSON format."""

    structured, json_platform = True, True

    def line(self, place: Place, level: str, message: object, keys: Mapping[str, Any]) -> str:
        """No trace id: the platform's records name it."""
        return json.dumps(
            {"timestamp": place.iso, "level": level, "message": message, "logger": "root", "requestId": place.request_id, **keys}
        )

    def caught(self, place: Place, level: str, message: str, error: tuple[str, str]) -> str:
        """With `stackTrace`, `errorType` and `errorMessage`."""
        return self.line(place, level, message, {"stackTrace": _frames(), "errorType": error[0], "errorMessage": error[1],
                                                 "location": "/var/task/app.py:handler:31"})  # fmt: skip

    def uncaught(self, place: Place, error: tuple[str, str]) -> str:
        """The runtime's own record."""
        return json.dumps({"timestamp": place.iso, "level": "ERROR", "errorMessage": error[1], "errorType": error[0],
                           "requestId": place.request_id, "stackTrace": _frames()})  # fmt: skip


class Powertools:
    """Powertools' logger for Python, on top of a text or JSON platform."""

    structured = True

    def __init__(self, *, json_platform: bool) -> None:
        self.json_platform = json_platform

    def line(self, place: Place, level: str, message: object, keys: Mapping[str, Any]) -> str:
        """With request id and trace id."""
        return json.dumps({
            "level": level, "location": "handler:27", "message": message, "timestamp": place.iso.replace("T", " ").replace(".", ","),
            "service": place.function, "cold_start": False, "function_name": place.function, "function_memory_size": "128",
            "function_arn": f"{_ACCOUNT_ARN}:{place.function}", "function_request_id": place.request_id, **keys,
            "xray_trace_id": place.trace_id,
        })  # fmt: skip

    def caught(self, place: Place, level: str, message: str, error: tuple[str, str]) -> str:
        """`logger.exception`: the exception as text and, where asked for, as an object."""
        stack = {
            "type": error[0],
            "value": error[1],
            "module": "app",
            "frames": [{"file": "/var/task/app.py", "line": 31, "function": "handler"}],
        }
        return self.line(place, level, message, {"exception": _traceback(error), "exception_name": error[0], "stack_trace": stack})

    def uncaught(self, place: Place, error: tuple[str, str]) -> str:
        """What nobody caught is the runtime's to tell, not Powertools'."""
        return (PythonJson() if self.json_platform else PythonText()).uncaught(place, error)


RUNTIMES: tuple[Runtime, ...] = (PythonText(), NodeText(), PythonJson(), Powertools(json_platform=False), Powertools(json_platform=True))


def _frames() -> list[str]:
    return [
        '  File "/var/task/app.py", line 31, in handler\n    charge(order)\n',
        '  File "/var/task/app.py", line 48, in charge\n    raise failure\n',
    ]


def _traceback(error: tuple[str, str]) -> str:
    return f"Traceback (most recent call last):\n{''.join(_frames())}{error[0]}: {error[1]}"
