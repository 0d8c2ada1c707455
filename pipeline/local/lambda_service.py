"""Lambda service: runs functions in environments of the local platform, and writes the log lines and segments that Lambda itself writes.

Segments have the shapes of the AWS Lambda developer guide ("Visualize Lambda function invocations using AWS X-Ray") and of recorded traces.
Simulated: none of this is AWS.
"""

import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.local import lambda_lines
from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.function_environment import EXITED, FunctionEnvironment, Outcome
from pipeline.local.runtime_api import InvocationRequest
from pipeline.local.tracing_headers import link_to, new_span_id, render
from pipeline.local.xray import LocalXRay
from pipeline.model.timestamps import iso
from pipeline.model.trace_ids import TraceHeader, to_xray


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function to run: the file of its handler, and its time limit in seconds."""

    name: str
    handler: Path
    timeout: float = 3.0

    @property
    def arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"


class LambdaService:
    """Invokes functions, writes their START, END and REPORT lines, and sends their segments to the local X-Ray."""

    def __init__(self, functions: list[Function], variables: Mapping[str, str], xray: LocalXRay) -> None:
        self._functions = {function.name: function for function in functions}
        self._variables = variables
        self._xray = xray
        self._locks = {function.name: threading.Lock() for function in functions}
        self._environments = {function.name: self._start(function) for function in functions}
        self.logs = [environment.log for environment in self._environments.values()]

    @property
    def names(self) -> frozenset[str]:
        """The names of all functions."""
        return frozenset(self._functions)

    def wait_until_ready(self) -> None:
        """Blocks until every function can be invoked."""
        for environment in self._environments.values():
            environment.wait_until_ready()

    def stop(self) -> None:
        """Ends every environment."""
        for environment in self._environments.values():
            if not environment.stopped:
                environment.stop()

    def arn(self, name: str) -> str:
        """Returns a function's ARN. Raises KeyError if there is no function of that name."""
        return self._functions[name].arn

    def invoke(self, name: str, event: object, caller: TraceHeader, links: Sequence[TraceHeader] = ()) -> Outcome:
        """Invokes a function synchronously. Raises KeyError if there is no function of that name.

        Args:
            caller: the trace to continue; its parent is the span that calls.
            links: the spans, of other traces, that sent the messages of this event.
        """
        with self._locks[name]:
            return _Invocation(self._functions[name], self._environment(name), caller, links, self._xray).run(event)

    def _start(self, function: Function) -> FunctionEnvironment:
        return FunctionEnvironment(function.name, function.handler, self._variables)

    def _environment(self, name: str) -> FunctionEnvironment:
        environment = self._environments[name]
        if environment.stopped:
            environment = self._environments[name] = self._start(self._functions[name])
            self.logs.append(environment.log)
            environment.wait_until_ready()
        return environment


class _Invocation:
    """One invocation: its ids, its lines, its two segments."""

    def __init__(self, function: Function, environment: FunctionEnvironment, caller: TraceHeader, links: Sequence[TraceHeader],
                 xray: LocalXRay) -> None:  # fmt: skip
        self._environment = environment
        self._function = function
        self._caller = caller
        self._links = links
        self._xray = xray
        self._request_id = str(uuid.uuid4())
        self._service_id = new_span_id()
        self._function_id = new_span_id()

    def run(self, event: object) -> Outcome:
        log, function = self._environment.log, self._function
        begun = time.time()
        deadline = begun + function.timeout
        header = TraceHeader(self._caller.trace_id, self._function_id, self._caller.sampled)
        log.write(lambda_lines.start(self._request_id))
        outcome = self._environment.run(InvocationRequest(request_id=self._request_id, event=event, deadline=deadline,
                                                          function_arn=function.arn, trace_header=render(header)))  # fmt: skip
        ended = time.time()
        for _, line in lambda_lines.TextFormat().close(self._closed(ended - begun, outcome), lambda: iso(datetime.now(UTC))):
            log.write(line)
        if self._caller.sampled:
            self._xray.put(self._segments(begun, ended, outcome))
            self._link_senders(begun)
        self._environment.cold = False
        message = f"RequestId: {self._request_id} Error: {lambda_lines.timed_out(function.timeout)}"
        return replace(outcome or Outcome(error={"type": "Sandbox.Timedout", "message": message}), request_id=self._request_id)

    def _closed(self, seconds: float, outcome: Outcome | None) -> lambda_lines.Invocation:
        """Returns the invocation as its closing lines show it. If the runtime exited, the environment has written so already."""
        exited = outcome is not None and outcome.error is not None and outcome.error["type"] == EXITED
        return lambda_lines.Invocation(
            request_id=self._request_id, trace_id=self._caller.trace_id, segment_id=self._service_id, sampled=bool(self._caller.sampled),
            outcome="timeout" if outcome is None else "crash" if exited else "success", milliseconds=seconds * 1000,
            timeout=self._function.timeout, terse=exited,
        )  # fmt: skip

    def _link_senders(self, begun: float) -> None:
        """Puts the other half of each link, which the sender's function shows, into X-Ray: awslabs/aws-iatk recorded it."""
        own = TraceHeader(self._caller.trace_id, self._service_id)
        attributes = {"names": [self._function.name], "type": "AWS::Lambda", "received_event_end_time": begun, "dwell_end_time": begun}
        for sender in self._links:
            self._xray.link(sender, link_to(own, "child", **attributes))

    def _segments(self, begun: float, ended: float, outcome: Outcome | None) -> list[dict[str, Any]]:
        """Returns the service's segment, which says 200 whatever happened, and the function's segment."""
        function = self._function
        failure: dict[str, Any] = {} if outcome and outcome.error is None else {"error": True}
        cause = {"cause": {"exceptions": [{"id": new_span_id(), **outcome.error}]}} if outcome and outcome.error else {}
        common = {"name": function.name, "trace_id": to_xray(self._caller.trace_id), "start_time": begun, "end_time": ended}
        service = common | failure | {
            "id": self._service_id, "origin": "AWS::Lambda", "resource_arn": function.arn,
            "http": {"response": {"status": 200}}, "aws": {"request_id": self._request_id},
        }  # fmt: skip
        if self._caller.parent_id:
            service["parent_id"] = self._caller.parent_id
        # the environment was ready before it was asked, so its start takes no time of the request
        phases = [("Initialization", begun, begun)] if self._environment.cold else []
        phases += [("Invocation", begun, ended), ("Overhead", ended, ended)]
        arn = {"function_arn": function.arn}
        links = {"Invocation": {"links": [link_to(sender, "parent") for sender in self._links]}} if self._links else {}
        return [service, common | failure | cause | {
            "id": self._function_id, "parent_id": self._service_id, "origin": "AWS::Lambda::Function",
            "aws": arn | {"account_id": ACCOUNT, "resource_names": [function.name]},
            "subsegments": [{"id": new_span_id(), "name": name, "start_time": start, "end_time": end, "aws": arn} | links.get(name, {})
                            for name, start, end in phases],
        }]  # fmt: skip
