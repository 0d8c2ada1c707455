"""The lines that Lambda itself writes around an invocation, as text and as JSON.

Sources: AWS Lambda developer guide, "Sending Lambda function logs to CloudWatch Logs", "Telemetry API Event schema reference".
"""

import json
from typing import Any

from bench.truth import Invocation, LogStream
from pipeline.model.trace_ids import to_xray

_ENDS = {"crash": "exit status 1", "memory": "signal: killed"}
_ERROR_TYPES = {"error": "ValueError", "crash": "Runtime.ExitError", "memory": "Runtime.OutOfMemory"}
_STATUSES = {"success": "success", "error": "error", "crash": "failure", "timeout": "timeout", "memory": "failure"}
_VERSION_ARN = "arn:aws:lambda:eu-west-1::runtime:7b620fc2e66107a1046b140b9d320295811af3ad5d4c6a011fad1fa65127e9e6"


class TextPlatform:
    """START, END, REPORT and what goes with them."""

    def begin(self, stream: LogStream) -> None:
        """A cold start, up to the code's own initialization."""
        stream.write("init", f"INIT_START Runtime Version: {stream.runtime}.v12\tRuntime Version ARN: {_VERSION_ARN}\n")

    def ready(self, stream: LogStream) -> None:
        """The end of a cold start: extensions; a slow one is reported."""
        if stream.rng.random() < 0.5:
            stream.write("extension", "EXTENSION\tName: collector\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n")
        if stream.rng.random() < 0.3:
            stream.write("init", "INIT_REPORT Init Duration: 10004.31 ms\tPhase: init\tStatus: timeout\n")

    def open(self, stream: LogStream, invocation: Invocation) -> None:
        """The first line of an invocation."""
        stream.write("start", f"START RequestId: {invocation.request_id} Version: $LATEST\n", invocation.truth)

    def close(self, stream: LogStream, invocation: Invocation) -> None:
        """The last lines of an invocation; its last words come before END or after REPORT, both are seen."""
        last_words_first = stream.rng.random() < 0.5
        if last_words_first:
            last_words(stream, invocation)
        stream.write("end", f"END RequestId: {invocation.request_id}\n", invocation.truth)
        stream.write("report", _report(stream, invocation), invocation.truth)
        if not last_words_first:
            last_words(stream, invocation)

    def idle(self, stream: LogStream) -> None:
        """What an extension writes between two invocations."""
        stream.write("between", "[collector] flushed 12 records to the backend\n")


class JsonPlatform:
    """platform.* records; which of them show the tracing, and whether there is a runtimeDone, is the log group's configuration."""

    def __init__(self, *, runtime_done: bool, tracing_everywhere: bool) -> None:
        self._runtime_done = runtime_done
        self._tracing_everywhere = tracing_everywhere

    def begin(self, stream: LogStream) -> None:
        """A cold start, up to the code's own initialization."""
        content = {
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": f"{stream.runtime}.v12",
            "runtimeVersionArn": _VERSION_ARN,
        }
        stream.write("init", _record(stream, "platform.initStart", content))

    def ready(self, stream: LogStream) -> None:
        """The end of a cold start, in records that carry no request."""
        if stream.rng.random() < 0.5:
            stream.write("extension", _record(stream, "platform.extension", {"name": "collector", "state": "Ready", "events": ["INVOKE"]}))
        content = {"initializationType": "on-demand", "phase": "init", "status": "success"}
        if self._runtime_done:
            stream.write("init", _record(stream, "platform.initRuntimeDone", content))
        stream.write("init", _record(stream, "platform.initReport", content | {"metrics": {"durationMs": 214.77}}))

    def open(self, stream: LogStream, invocation: Invocation) -> None:
        """The first record of an invocation."""
        content = {"requestId": invocation.request_id, "version": "$LATEST"} | self._tracing(invocation)
        stream.write("start", _record(stream, "platform.start", content), invocation.truth)

    def close(self, stream: LogStream, invocation: Invocation) -> None:
        """The last records of an invocation, after its last words."""
        last_words(stream, invocation)
        content: dict[str, Any] = {"requestId": invocation.request_id, "status": _STATUSES[invocation.outcome]}
        if invocation.outcome in _ERROR_TYPES:
            content["errorType"] = _ERROR_TYPES[invocation.outcome]
        if self._runtime_done:
            stream.write("runtimeDone", _record(stream, "platform.runtimeDone", content | self._tracing(invocation)), invocation.truth)
        content |= {"metrics": {"durationMs": 46.84, "billedDurationMs": 47, "memorySizeMB": 192, "maxMemoryUsedMB": 72}}
        stream.write("report", _record(stream, "platform.report", content | _tracing(invocation)), invocation.truth)

    def idle(self, stream: LogStream) -> None:
        """What the platform writes between two invocations."""
        stream.write(
            "between", _record(stream, "platform.logsDropped", {"reason": "a slow subscriber", "droppedRecords": 3, "droppedBytes": 9})
        )

    def _tracing(self, invocation: Invocation) -> dict[str, Any]:
        return _tracing(invocation) if self._tracing_everywhere else {}


def last_words(stream: LogStream, invocation: Invocation) -> None:
    """What Lambda says of an invocation that did not come to its end; text in either format."""
    if invocation.outcome == "timeout":
        stream.write("timeout", f"{stream.iso} {invocation.request_id} Task timed out after 3.00 seconds\n\n", invocation.truth)
    elif end := _ENDS.get(invocation.outcome):
        message = f"RequestId: {invocation.request_id} Error: Runtime exited with error: {end}\nRuntime.ExitError\n"
        stream.write(invocation.outcome, message, invocation.truth)


def _report(stream: LogStream, invocation: Invocation) -> str:
    status = ""
    if invocation.outcome == "timeout":
        status = "Status: timeout\t"
    elif invocation.outcome in _ENDS:
        status = f"Status: error\tError Type: {_ERROR_TYPES[invocation.outcome]}\t"
    message = (f"REPORT RequestId: {invocation.request_id}\tDuration: 46.84 ms\tBilled Duration: 47 ms \tMemory Size: 192 MB\t"
               f"Max Memory Used: 72 MB\t{status}\n")  # fmt: skip
    if invocation.trace_id is not None:
        message += (f"XRAY TraceId: {to_xray(invocation.trace_id)}\tSegmentId: {invocation.segment_id}\t"
                    f"Sampled: {str(invocation.sampled).lower()}\t\n")  # fmt: skip
    return message.replace("\t", "    ") if stream.rng.random() < 0.2 else message


def _tracing(invocation: Invocation) -> dict[str, Any]:
    if invocation.trace_id is None:
        return {}
    header = f"Root={to_xray(invocation.trace_id)};Parent={invocation.parent_id};Sampled={int(invocation.sampled)}"
    return {"tracing": {"spanId": invocation.segment_id, "type": "X-Amzn-Trace-Id", "value": header}}


def _record(stream: LogStream, kind: str, content: dict[str, Any]) -> str:
    return json.dumps({"time": stream.iso, "type": kind, "record": content})
