"""Durable executions in tests: what the SDK, its plugin and the local runner wrote, as log events and as spans of `aws/spans`.

START, END and REPORT are Lambda's, which the runner does not write.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pipeline.local.aws_spans import subscription_event
from tests.support.events import NOW, document, end, packed, report, start
from tests.support.paths import ROOT, UNMEASURED

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:$LATEST/durable-execution/order-7/0b8f6a0e-33f2-3cf1-a0d6-8b1c1f4f3c11"
_RECORDED = ROOT / "tests" / "cases" / "durable"
_BEFORE_NOW_MS = 60_000
_GROUP = "/aws/lambda/orders"
_OTEL_KEYS = {"traceId", "spanId", "otelTraceSampled"}


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation: its request, its lines in order, each with its time, and the spans that were exported in it.

    Times are milliseconds since the epoch.
    """

    request_id: str
    began: int
    ended: int
    lines: list[list[Any]]
    spans: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution: how it ended, and its invocations in order."""

    status: str
    invocations: tuple[Invocation, ...]

    @property
    def trace_id(self) -> str:
        """The trace of the spans."""
        return str(self.invocations[0].spans[0]["traceId"])

    def first(self, number: int) -> "Execution":
        """The execution as far as it came in its first invocations: it is suspended."""
        return Execution("PENDING", self.invocations[:number])

    def without_otel(self) -> "Execution":
        """The execution as a function without the OpenTelemetry plugin writes it."""
        return Execution(self.status, tuple(
            replace(each, lines=[[at, _without_otel(line)] for at, line in each.lines], spans=[]) for each in self.invocations
        ))  # fmt: skip

    def with_a_trace_each(self, *traces: str) -> "Execution":
        """The execution whose plugin begins a trace with each invocation."""
        own = self.trace_id
        return Execution(self.status, tuple(
            replace(each, lines=[[at, line.replace(own, trace)] for at, line in each.lines], spans=[span | {"traceId": trace} for span in each.spans])
            for each, trace in zip(self.invocations, traces, strict=True)
        ))  # fmt: skip

    def log_events(self, *traces: str) -> list[dict[str, Any]]:
        """The subscription events of the function's log, one for each invocation.

        ``traces`` are those in which Lambda says that the invocations ran: one for all of them, or one for each.
        """
        found = []
        for number, each in enumerate(self.invocations):
            told = report(each.request_id, traces[number % len(traces)], sampled=False)
            lines = [[each.began, start(each.request_id)], *each.lines, [each.ended, end(each.request_id)], [each.ended, told]]
            content = document([], group=_GROUP)
            content["logEvents"] = [{"id": f"{1000 * number + place:056d}", "timestamp": at, "message": line}
                                    for place, (at, line) in enumerate(lines, 1)]  # fmt: skip
            found.append({"awslogs": {"data": packed(content)}})
        return found

    def span_events(self) -> list[dict[str, Any]]:
        """The events of `aws/spans`, one for each invocation."""
        return [subscription_event(each.spans, at=NOW) for each in self.invocations if each.spans]


@cache
def run_durable(name: str, view: str, arn: str = ARN) -> Execution:
    """Runs the function ``name`` of `durable_functions` as a durable function until its execution ends.

    Args:
        name: of the function.
        view: of the OpenTelemetry plugin: ``execution`` or ``invocation``; empty for none.
        arn: that of the execution, in the place of what the runner makes up.
    """
    command = [sys.executable, "-m", "tests.support.durable_functions", name, view]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | UNMEASURED, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return _read_execution(done.stdout, arn)


@cache
def recorded(name: str, view: str) -> Execution:
    """What the function ``name`` wrote with newer versions of the SDK: the README of `tests/cases/durable` says how."""
    return _read_execution((_RECORDED / f"{name.replace(' ', '-')}-{view}.json").read_text(), ARN)


def _read_execution(text: str, arn: str) -> Execution:
    found = json.loads(text)
    # what the runner makes up has no character that JSON escapes
    invocations = json.loads(json.dumps(found["invocations"]).replace(found["arn"], arn))
    later = NOW - _BEFORE_NOW_MS - invocations[-1]["ended"]
    return Execution(found["status"], tuple(_moved(Invocation(**each), later) for each in invocations))


def _moved(invocation: Invocation, later: int) -> Invocation:
    """The invocation so many milliseconds later."""
    nanos = {"startTimeUnixNano", "endTimeUnixNano"}
    spans = [{key: value + later * 1_000_000 if key in nanos else value for key, value in span.items()} for span in invocation.spans]
    return replace(invocation, began=invocation.began + later, ended=invocation.ended + later,
                   lines=[[at + later, line] for at, line in invocation.lines], spans=spans)  # fmt: skip


def _without_otel(line: str) -> str:
    keys = json.loads(line) if line.startswith("{") else None
    return line if keys is None else json.dumps({name: value for name, value in keys.items() if name not in _OTEL_KEYS})
