"""Runtimes: what the code of each runtime writes into its log, one writer for each kind of line."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from bench.truth import Invocation, LogStream
from pipeline.local.runtime_lines import LineContext, NodeText, Powertools, PythonJson, PythonText, Runtime, traceback
from pipeline.model.trace_ids import to_xray

Writer = Callable[[LogStream, Invocation], str]
Uncaught = Callable[[LogStream, Invocation], tuple[str, ...]]

_ERROR = ("ValueError", "no lines")
_STACK = ("java.lang.IllegalStateException: no lines", "\tat com.example.Orders.check(Orders.java:42)",
          "\tat com.example.Handler.handleRequest(Handler.java:17)", "Caused by: java.io.IOException: closed", "\t... 8 more")  # fmt: skip
_PANIC = ("panic: no lines", "goroutine 17 [running]:", "main.handler(0x0)", "\t/build/main.go:17 +0x1d")
_ACCEPTED, _LOADING = "order accepted", "loading the configuration"
_PYTHON, _NODE, _JSON, _POWERTOOLS = PythonText(), NodeText(), PythonJson(), Powertools(json_platform=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeWriter:
    """What the code of one runtime writes.

    Attributes:
        format: of Lambda's own lines.
        lines: the kinds of line, each with its writer.
        init: what the code writes before its first invocation.
        uncaught: the lines of an exception that nobody caught, each an event.
    """

    format: str
    lines: dict[str, Writer]
    init: Callable[[LogStream], str]
    uncaught: Uncaught

    def write(self, stream: LogStream, invocation: Invocation) -> None:
        """Writes one line of the invocation, of a random kind."""
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


def _at(stream: LogStream, invocation: Invocation, trace_id: str | None = None) -> LineContext:
    trace = to_xray(trace_id) if trace_id else None
    return LineContext(iso=stream.iso(), request_id=invocation.request_id, trace_id=trace, function="orders")


def _logger(runtime: Runtime, stream: LogStream, invocation: Invocation) -> str:
    return runtime.line(_at(stream, invocation), "INFO", _ACCEPTED)


def _error(runtime: Runtime, stream: LogStream, invocation: Invocation) -> tuple[str, ...]:
    return (runtime.uncaught(_at(stream, invocation), _ERROR),)


def _lines(lines: tuple[str, ...], _: LogStream, __: Invocation) -> tuple[str, ...]:
    return lines


def _print(stream: LogStream, _: Invocation) -> str:
    return stream.rng.choice((_ACCEPTED, "pool: 3 of 50 in use", "> GET /orders/17", "{not json", "  indented", "1-2-3 go"))


def _json_print(stream: LogStream, _: Invocation) -> str:
    return json.dumps({"event": {"order": stream.rng.randrange(10**6)}, "ok": True})


def _header_print(_: LogStream, invocation: Invocation) -> str:
    return f"calling stock with X-Amzn-Trace-Id: Root={to_xray(invocation.named)}"


def _node_many(stream: LogStream, invocation: Invocation) -> str:
    return _NODE.line(_at(stream, invocation), "WARNING", "slow call {\n  ms: 912,\n  to: 'stock'\n}")


def _node_json(stream: LogStream, invocation: Invocation) -> str:
    return json.dumps({"timestamp": stream.iso(), "level": "INFO", "requestId": invocation.request_id, "message": _ACCEPTED})


def _log4j(stream: LogStream, invocation: Invocation) -> str:
    return f"{stream.iso()[:19].replace('T', ' ')} {invocation.request_id} INFO  com.example.Handler:20 - {_ACCEPTED}\n"


def _aws_error(stream: LogStream, _: Invocation) -> str:
    # the id of a call to another service: this line is the open request's all the same
    other = uuid.UUID(int=stream.rng.getrandbits(128), version=4)
    return f"software.amazon.awssdk.services.lambda.model.LambdaException: no (Service: Lambda, Status Code: 429, Request ID: {other})"


def _powertools(names: Callable[[Invocation], str | None], stream: LogStream, invocation: Invocation) -> str:
    keys = {"correlation_id": f"order-{stream.rng.randrange(10**6)}"}
    return _POWERTOOLS.line(_at(stream, invocation, names(invocation)), "INFO", _ACCEPTED, keys)


def _powertools_error(stream: LogStream, invocation: Invocation) -> tuple[str, ...]:
    at = _at(stream, invocation, invocation.trace_id)
    keys = {"correlation_id": f"order-{stream.rng.randrange(10**6)}", "exception_name": _ERROR[0], "exception": traceback(_ERROR)}
    return (_POWERTOOLS.line(at, "ERROR", _ACCEPTED, keys), _PYTHON.uncaught(at, _ERROR))


def _no_context(stream: LogStream, invocation: Invocation) -> str:
    # a logger without inject_lambda_context knows the trace, from the environment, and not the request
    trace = {"xray_trace_id": to_xray(invocation.trace_id)} if invocation.trace_id else {}
    return json.dumps({"level": "INFO", "message": _ACCEPTED, "timestamp": stream.iso(), "service": "orders"} | trace)


def _plain_init(_: LogStream) -> str:
    return _LOADING


def _python_init(stream: LogStream) -> str:
    return f"[INFO]\t{stream.iso()}\t\t{_LOADING}\n"


def _node_init(stream: LogStream) -> str:
    return f"{stream.iso()}\tundefined\tINFO\t{_LOADING}\n"


def _json_init(stream: LogStream) -> str:
    return json.dumps({"timestamp": stream.iso(), "level": "INFO", "message": _LOADING, "logger": "root"})


_own: Writer = partial(_powertools, lambda invocation: invocation.trace_id)
_named: Writer = partial(_powertools, lambda invocation: invocation.named)
_stale: Writer = partial(_powertools, lambda invocation: invocation.stale)
_json: Writer = partial(_logger, _JSON)
_panic, _stack = partial(_lines, _PANIC), partial(_lines, _STACK)
_json_error: Uncaught = partial(_error, _JSON)
_POWERTOOLS_LINES: dict[str, Writer] = {"powertools": _own, "named trace": _named, "stale id": _stale, "no context": _no_context,
                                        "print": _print, "json print": _json_print}  # fmt: skip
RUNTIMES = {
    "python text": RuntimeWriter(
        format="text", init=_python_init, uncaught=partial(_error, _PYTHON),
        lines={"logger": partial(_logger, _PYTHON), "print": _print, "json print": _json_print, "header print": _header_print}),
    "powertools text": RuntimeWriter(format="text", init=_json_init, uncaught=_powertools_error, lines=_POWERTOOLS_LINES),
    "node text": RuntimeWriter(format="text", init=_node_init, uncaught=partial(_error, _NODE),
                               lines={"logger": partial(_logger, _NODE), "multi-line": _node_many, "print": _print}),
    "java text": RuntimeWriter(format="text", init=_plain_init, uncaught=_stack,
                               lines={"log4j": _log4j, "print": _print, "aws error": _aws_error}),
    "go text": RuntimeWriter(format="text", init=_plain_init, uncaught=_panic, lines={"print": _print, "header print": _header_print}),
    "python json": RuntimeWriter(format="json", init=_json_init, uncaught=_json_error, lines={"logger": _json, "print": _print}),
    "powertools json": RuntimeWriter(format="json", init=_json_init, uncaught=_powertools_error, lines=_POWERTOOLS_LINES),
    "node json": RuntimeWriter(format="json", init=_json_init, uncaught=_json_error, lines={"logger": _node_json, "print": _print}),
    "go json": RuntimeWriter(format="json", init=_plain_init, uncaught=_panic, lines={"print": _print, "json print": _json_print}),
    "managed": RuntimeWriter(format="interleaved", init=_json_init, uncaught=_json_error,
                             lines={"logger": _json, "powertools": _own, "named trace": _named, "stale id": _stale}),
}  # fmt: skip
"""By name; ``interleaved`` is what Lambda Managed Instances write, where each line of the code carries its request."""
