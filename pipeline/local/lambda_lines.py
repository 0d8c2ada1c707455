"""Lambda lines: makes the lines that Lambda itself writes into a function's log, in its text and its JSON format.

Sources: AWS Lambda developer guide, "Using CloudWatch Logs with Lambda", "Sending Lambda function logs to CloudWatch Logs", "Telemetry API
Event schema reference"; log events recorded by Datadog's forwarder (REPORT with its X-Ray half).
"""

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pipeline.model.trace_ids import to_xray

Outcome = Literal["success", "error", "crash", "timeout", "out-of-memory"]
Lines = Iterator[tuple[str, str]]
"""Pairs of a line's kind, such as ``report``, and its text."""
Clock = Callable[[], str]
"""Gives the time as ISO 8601 text, UTC. It is read for the line that comes next, so time may pass between two lines."""

_RUNTIME: Final = "python:3.13.v12"
_RUNTIME_ARN: Final = "arn:aws:lambda:eu-west-1::runtime:7b620fc2e66107a1046b140b9d320295811af3ad5d4c6a011fad1fa65127e9e6"
INIT_TIMED_OUT: Final = "INIT_REPORT Init Duration: 10004.31 ms\tPhase: init\tStatus: timeout\n"
"""The line on an initialization that ran into its limit of ten seconds."""
_MEMORY_MB, _USED_MB = 128, 72
_OFTEN, _SOMETIMES, _SELDOM = 0.5, 0.3, 0.2
_EXITS: Final[Mapping[Outcome, tuple[str, str]]] = {"crash": ("exit status 1", "Runtime.ExitError"),
                                                    "out-of-memory": ("signal: killed", "Runtime.OutOfMemory")}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation as Lambda's own lines show it.

    Attributes:
        trace_id: 32 hex digits; None if tracing is off.
        segment_id: of the segment of Lambda's service.
        parent_id: of the tracing header.
        milliseconds: its duration.
        timeout: the function's time limit in seconds.
        terse: only the REPORT line or record shows how the invocation ended, not a line of its own.
    """

    request_id: str
    trace_id: str | None = None
    segment_id: str = ""
    parent_id: str = ""
    sampled: bool = True
    outcome: Outcome = "success"
    milliseconds: float = 46.84
    timeout: float = 3.0
    terse: bool = False

    @property
    def billed(self) -> int:
        """The billed duration: whole milliseconds, rounded up."""
        return math.ceil(self.milliseconds)


def start(request_id: str) -> str:
    """Returns the START line of an invocation."""
    return f"START RequestId: {request_id} Version: $LATEST\n"


def end(request_id: str) -> str:
    """Returns the END line of an invocation."""
    return f"END RequestId: {request_id}\n"


def report(invocation: Invocation) -> str:
    """Returns the REPORT line of an invocation, with its X-Ray half if tracing is on."""
    status = "Status: timeout\t" if invocation.outcome == "timeout" else ""
    if exit_ := _EXITS.get(invocation.outcome):
        status = f"Status: error\tError Type: {exit_[1]}\t"
    line = (f"REPORT RequestId: {invocation.request_id}\tDuration: {invocation.milliseconds:.2f} ms\t"
            f"Billed Duration: {invocation.billed} ms\tMemory Size: {_MEMORY_MB} MB\tMax Memory Used: {_USED_MB} MB\t"
            f"{status}\n")  # fmt: skip
    if invocation.trace_id is None:
        return line
    sampled = str(invocation.sampled).lower()
    return f"{line}XRAY TraceId: {to_xray(invocation.trace_id)}\tSegmentId: {invocation.segment_id}\tSampled: {sampled}\t\n"


def timed_out(seconds: float) -> str:
    """Returns Lambda's words on an invocation that ran into its limit of ``seconds``."""
    return f"Task timed out after {seconds:.2f} seconds"


def exited(request_id: str, reason: str) -> str:
    """Returns the line on a runtime that ended within an invocation; ``reason`` is such as ``exit status 1``."""
    return f"RequestId: {request_id} Error: Runtime exited with error: {reason}\nRuntime.ExitError\n"


def _ending(invocation: Invocation, now: Clock) -> Lines:
    """Yields the line on an invocation that did not come to its end, which is text in either format."""
    if invocation.terse:
        return
    if invocation.outcome == "timeout":
        yield "timeout", f"{now()} {invocation.request_id} {timed_out(invocation.timeout)}\n\n"
    elif exit_ := _EXITS.get(invocation.outcome):
        yield invocation.outcome.rpartition("-")[2], exited(invocation.request_id, exit_[0])


class TextFormat:
    """The text format: START, END, REPORT and the lines around them."""

    def begin(self, now: Clock) -> Lines:
        """Yields what opens a cold start."""
        del now
        yield "init", f"INIT_START Runtime Version: {_RUNTIME}\tRuntime Version ARN: {_RUNTIME_ARN}\n"

    def ready(self, now: Clock, rng: random.Random) -> Lines:
        """Yields what may end a cold start: an extension, and the report on a slow initialization."""
        del now
        if rng.random() < _OFTEN:
            yield "extension", "EXTENSION\tName: collector\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"
        if rng.random() < _SOMETIMES:
            yield "init", INIT_TIMED_OUT

    def open(self, invocation: Invocation, now: Clock) -> Lines:
        """Yields the first line of an invocation."""
        del now
        yield "start", start(invocation.request_id)

    def close(self, invocation: Invocation, now: Clock, rng: random.Random | None = None) -> Lines:
        """Yields the last lines of an invocation.

        Lambda writes how it ended before END or after REPORT, and REPORT is seen with spaces for tabs: ``rng`` picks.
        """
        ending_first = rng is None or rng.random() < _OFTEN
        if ending_first:
            yield from _ending(invocation, now)
        yield "end", end(invocation.request_id)
        line = report(invocation)
        yield "report", line.replace("\t", "    ") if rng and rng.random() < _SELDOM else line
        if not ending_first:
            yield from _ending(invocation, now)

    def idle(self, now: Clock) -> Lines:
        """Yields what an extension writes between two invocations."""
        del now
        yield "between", "[collector] flushed 12 records to the backend\n"


class JsonFormat:
    """The JSON format: platform events.

    Args:
        runtime_done: whether the log group's level lets runtimeDone events through.
        tracing_everywhere: whether every event of an invocation shows its tracing, not only the report.
    """

    def __init__(self, *, runtime_done: bool = True, tracing_everywhere: bool = True) -> None:
        self._runtime_done = runtime_done
        self._tracing_everywhere = tracing_everywhere

    def begin(self, now: Clock) -> Lines:
        """Yields what opens a cold start."""
        yield "init", _event(now, "initStart", initializationType="on-demand", phase="init", runtimeVersion=_RUNTIME,
                             runtimeVersionArn=_RUNTIME_ARN)  # fmt: skip

    def ready(self, now: Clock, rng: random.Random) -> Lines:
        """Yields what ends a cold start, in events without a request."""
        if rng.random() < _OFTEN:
            yield "extension", _event(now, "extension", name="collector", state="Ready", events=["INVOKE"])
        record = {"initializationType": "on-demand", "phase": "init", "status": "success"}
        if self._runtime_done:
            yield "init", _event(now, "initRuntimeDone", **record)
        yield "init", _event(now, "initReport", **record, metrics={"durationMs": 214.77})

    def open(self, invocation: Invocation, now: Clock) -> Lines:
        """Yields the first event of an invocation."""
        yield "start", _event(now, "start", requestId=invocation.request_id, version="$LATEST", **self._tracing(invocation))

    def close(self, invocation: Invocation, now: Clock, rng: random.Random | None = None) -> Lines:
        """Yields the last lines and events of an invocation."""
        del rng
        yield from _ending(invocation, now)
        record: dict[str, Any] = {"requestId": invocation.request_id, "status": invocation.outcome}
        if exit_ := _EXITS.get(invocation.outcome):
            record |= {"status": "failure", "errorType": exit_[1]}
        if self._runtime_done:
            yield "runtimeDone", _event(now, "runtimeDone", **record, **self._tracing(invocation))
        metrics = {"durationMs": round(invocation.milliseconds, 3), "billedDurationMs": invocation.billed, "memorySizeMB": _MEMORY_MB,
                   "maxMemoryUsedMB": _USED_MB}  # fmt: skip
        yield "report", _event(now, "report", **record, metrics=metrics, **_tracing(invocation))

    def idle(self, now: Clock) -> Lines:
        """Yields what Lambda writes between two invocations."""
        yield "between", _event(now, "logsDropped", reason="a slow subscriber", droppedRecords=3, droppedBytes=9)

    def _tracing(self, invocation: Invocation) -> dict[str, Any]:
        return _tracing(invocation) if self._tracing_everywhere else {}


def _tracing(invocation: Invocation) -> dict[str, Any]:
    if invocation.trace_id is None:
        return {}
    header = f"Root={to_xray(invocation.trace_id)};Parent={invocation.parent_id};Sampled={int(invocation.sampled)}"
    return {"tracing": {"spanId": invocation.segment_id, "type": "X-Amzn-Trace-Id", "value": header}}


def _event(now: Clock, kind: str, **record: Any) -> str:
    return json.dumps({"time": now(), "type": f"platform.{kind}", "record": record})
