"""What code writes into its log, runtime by runtime: one function a kind of line."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench.truth import Invocation, LogStream
from pipeline.model.trace_ids import to_xray

Writer = Callable[[LogStream, Invocation], str]

_TRACEBACK = 'Traceback (most recent call last):\n  File "/var/task/app.py", line 17, in handler\n    raise ValueError("no lines")\n'
_STACK = ("java.lang.IllegalStateException: no lines", "\tat com.example.Orders.check(Orders.java:42)",
          "\tat com.example.Handler.handleRequest(Handler.java:17)", "Caused by: java.io.IOException: closed", "\t... 8 more")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What the code of one runtime writes.

    Attributes:
        format: of the platform's own lines.
        lines: kinds of line, each with its writer.
        init: what it writes before its first invocation.
        uncaught: the lines of an exception that nobody caught, each an event.
    """

    format: str
    lines: dict[str, Writer]
    init: Callable[[LogStream], str]
    uncaught: Callable[[LogStream, Invocation], tuple[str, ...]]

    def write(self, stream: LogStream, invocation: Invocation) -> None:
        """Writes one line of the invocation."""
        kinds = [kind for kind in self.lines if kind != "stale id" or (invocation.stale and invocation.trace_id)]
        kind = stream.rng.choice(kinds)
        truth = invocation.truth
        if kind == "stale id":
            truth = replace(truth, stale_trace_id=invocation.stale)
        elif kind == "named trace":
            truth = replace(truth, trace_id=invocation.named)
        stream.write(kind, self.lines[kind](stream, invocation), truth)

    def fail(self, stream: LogStream, invocation: Invocation) -> None:
        """Writes the exception that nobody caught."""
        for message in self.uncaught(stream, invocation):
            stream.write("uncaught", message, invocation.truth)


def _print(stream: LogStream, _: Invocation) -> str:
    return stream.rng.choice(("order accepted", "pool: 3 of 50 in use", "> GET /orders/17", "{not json", "  indented", "1-2-3 go"))


def _json_print(stream: LogStream, _: Invocation) -> str:
    return json.dumps({"event": {"order": stream.rng.randrange(10**6)}, "ok": True})


def _header_print(_: LogStream, invocation: Invocation) -> str:
    return f"calling stock with X-Amzn-Trace-Id: Root={to_xray(invocation.named)}"


def _python(stream: LogStream, invocation: Invocation) -> str:
    return f"[INFO]\t{stream.iso}\t{invocation.request_id}\torder accepted\n"


def _node(stream: LogStream, invocation: Invocation) -> str:
    return f"{stream.iso}\t{invocation.request_id}\tINFO\torder accepted\n"


def _node_many(stream: LogStream, invocation: Invocation) -> str:
    return f"{stream.iso}\t{invocation.request_id}\tWARN\tslow call {{\n  ms: 912,\n  to: 'stock'\n}}\n"


def _node_error(stream: LogStream, invocation: Invocation) -> tuple[str, ...]:
    error = json.dumps({"errorType": "Error", "errorMessage": "no lines", "stack": ["Error: no lines", "    at handler (index.mjs:3:9)"]},
                       indent=4)  # fmt: skip
    return (f"{stream.iso}\t{invocation.request_id}\tERROR\tInvoke Error \t{error}\n",)


def _log4j(stream: LogStream, invocation: Invocation) -> str:
    return f"{stream.iso[:19].replace('T', ' ')} {invocation.request_id} INFO  com.example.Handler:20 - order accepted\n"


def _aws_error(stream: LogStream, _: Invocation) -> str:
    # the id of a call to another service: this line is the open request's all the same
    other = uuid.UUID(int=stream.rng.getrandbits(128), version=4)
    return f"software.amazon.awssdk.services.lambda.model.LambdaException: no (Service: Lambda, Status Code: 429, Request ID: {other})"


def _powertools(stream: LogStream, invocation: Invocation, trace_id: str | None, **more: Any) -> str:
    content = {"level": "INFO", "location": "handler:17", "message": "order accepted", "timestamp": stream.iso, "service": "orders"}
    content |= {"correlation_id": f"order-{stream.rng.randrange(10**6)}", "function_request_id": invocation.request_id} | more
    return json.dumps(content | ({"xray_trace_id": to_xray(trace_id)} if trace_id else {}))


def _powertools_own(stream: LogStream, invocation: Invocation) -> str:
    return _powertools(stream, invocation, invocation.trace_id)


def _powertools_stale(stream: LogStream, invocation: Invocation) -> str:
    return _powertools(stream, invocation, invocation.stale)


def _powertools_named(stream: LogStream, invocation: Invocation) -> str:
    return _powertools(stream, invocation, invocation.named)


def _powertools_error(stream: LogStream, invocation: Invocation) -> tuple[str, ...]:
    more = {"level": "ERROR", "exception_name": "ValueError", "exception": _TRACEBACK}
    return (_powertools(stream, invocation, invocation.trace_id, **more), f"[ERROR] ValueError: no lines\n{_TRACEBACK}")


def _no_context(stream: LogStream, invocation: Invocation) -> str:
    # a logger without inject_lambda_context knows the trace, from the environment, and not the request
    trace = {"xray_trace_id": to_xray(invocation.trace_id)} if invocation.trace_id else {}
    return json.dumps({"level": "INFO", "message": "order accepted", "timestamp": stream.iso, "service": "orders"} | trace)


def _runtime_json(stream: LogStream, invocation: Invocation) -> str:
    content = {"timestamp": stream.iso, "level": "INFO", "message": "order accepted", "logger": "root", "requestId": invocation.request_id}
    return json.dumps(content)


def _runtime_json_error(stream: LogStream, invocation: Invocation) -> tuple[str, ...]:
    content = {"timestamp": stream.iso, "level": "ERROR", "errorMessage": "no lines", "errorType": "ValueError",
               "requestId": invocation.request_id, "stackTrace": ['  File "/var/task/app.py", line 17, in handler\n']}  # fmt: skip
    return (json.dumps(content),)


def _node_json(stream: LogStream, invocation: Invocation) -> str:
    return json.dumps({"timestamp": stream.iso, "level": "INFO", "requestId": invocation.request_id, "message": "order accepted"})


def _python_error(_: LogStream, __: Invocation) -> tuple[str, ...]:
    return (f"[ERROR] ValueError: no lines\n{_TRACEBACK}",)


def _panic(_: LogStream, __: Invocation) -> tuple[str, ...]:
    return ("panic: no lines", "goroutine 17 [running]:", "main.handler(0x0)", "\t/build/main.go:17 +0x1d")


def _stack(_: LogStream, __: Invocation) -> tuple[str, ...]:
    return _STACK


def _plain_init(_: LogStream) -> str:
    return "loading the configuration"


def _python_init(stream: LogStream) -> str:
    return f"[INFO]\t{stream.iso}\t\tloading the configuration\n"


def _node_init(stream: LogStream) -> str:
    return f"{stream.iso}\tundefined\tINFO\tloading the configuration\n"


def _json_init(stream: LogStream) -> str:
    return json.dumps({"timestamp": stream.iso, "level": "INFO", "message": "loading the configuration", "logger": "root"})


_POWERTOOLS: dict[str, Writer] = {"powertools": _powertools_own, "named trace": _powertools_named, "stale id": _powertools_stale,
                                  "no context": _no_context, "print": _print, "json print": _json_print}  # fmt: skip
RUNTIMES = {
    "python text": Runtime(format="text", init=_python_init, uncaught=_python_error,
                           lines={"logger": _python, "print": _print, "json print": _json_print, "named trace": _header_print}),
    "powertools text": Runtime(format="text", init=_json_init, uncaught=_powertools_error, lines=_POWERTOOLS),
    "node text": Runtime(format="text", init=_node_init, uncaught=_node_error,
                         lines={"logger": _node, "multi-line": _node_many, "print": _print}),
    "java text": Runtime(format="text", init=_plain_init, uncaught=_stack,
                         lines={"log4j": _log4j, "print": _print, "aws error": _aws_error}),
    "go text": Runtime(format="text", init=_plain_init, uncaught=_panic, lines={"print": _print, "named trace": _header_print}),
    "python json": Runtime(format="json", init=_json_init, uncaught=_runtime_json_error, lines={"logger": _runtime_json, "print": _print}),
    "powertools json": Runtime(format="json", init=_json_init, uncaught=_powertools_error, lines=_POWERTOOLS),
    "node json": Runtime(format="json", init=_json_init, uncaught=_runtime_json_error, lines={"logger": _node_json, "print": _print}),
    "go json": Runtime(format="json", init=_plain_init, uncaught=_panic, lines={"print": _print, "json print": _json_print}),
    "managed": Runtime(format="interleaved", init=_json_init, uncaught=_runtime_json_error,
                       lines={"logger": _runtime_json, "powertools": _powertools_own, "named trace": _powertools_named,
                              "stale id": _powertools_stale}),
}  # fmt: skip
"""By name; ``interleaved`` is what Lambda Managed Instances write, where each line of the code's carries its request."""
