"""The Lambda service of the local platform: environments, invocations, and what only the platform writes.

Log lines and segments have the shapes of the AWS Lambda developer guide ("Using CloudWatch Logs with Lambda", "Visualize Lambda
function invocations using AWS X-Ray") and of recorded traces. Simulated: none of this is AWS.
"""

import contextlib
import json
import queue
import secrets
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pipeline.errors import UnavailableError
from pipeline.local.environment import ACCOUNT, REGION, local_environment
from pipeline.local.log_stream import LogStream
from pipeline.local.tracing_headers import link_to, new_span_id, render
from pipeline.local.xray import LocalXRay
from pipeline.model.timestamps import iso
from pipeline.model.trace_ids import TraceHeader, to_xray

_START_LIMIT: Final = 30.0
_LAST_WORDS: Final = 2.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an invocation came to: a result, or an error as X-Ray's `cause` names it."""

    request_id: str = ""
    result: Any = None
    error: dict[str, Any] | None = None


class _Environment:
    """One process that runs one function."""

    def __init__(self, function: Function, variables: Mapping[str, str]) -> None:
        self.function = function
        self.log = LogStream(f"/aws/lambda/{function.name}", f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}")
        self.cold = True
        self.busy = False
        own = {
            "AWS_LAMBDA_FUNCTION_NAME": function.name, "AWS_LAMBDA_LOG_STREAM_NAME": self.log.name,
            "LAMBDA_TASK_ROOT": str(function.handler.parent), "LOCAL_FUNCTION_ARN": function.arn,
            "POWERTOOLS_SERVICE_NAME": function.name, "PYTHONWARNINGS": "ignore",
        }  # fmt: skip
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "pipeline.local.lambda_runtime", str(function.handler)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=local_environment({**variables, **own}),
        )  # fmt: skip
        self._frames: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Blocks until the handler is loaded."""
        try:
            ready = self._next(_START_LIMIT).get("ready")
        except queue.Empty:
            ready = False
        if not ready:
            raise UnavailableError(f"the environment of {self.function.name} did not start: does its handler load?")

    def run(self, invocation: dict[str, Any], deadline: float) -> Outcome | None:
        """The outcome of an invocation, or None where its time ran out, which ends the environment."""
        assert self._process.stdin
        self.busy = True
        self._process.stdin.write(json.dumps(invocation) + "\n")
        self._process.stdin.flush()
        while True:
            try:
                frame = self._next(max(deadline - time.time(), 0))
            except queue.Empty:
                self.stop()
                return None
            if "log" in frame:
                self.log.write(frame["log"])
            elif "exited" in frame:
                return self._crashed(invocation["requestId"])
            else:
                self.busy = False
                return Outcome(result=frame.get("result"), error=frame.get("error"))

    def _crashed(self, request_id: str) -> Outcome:
        """What Lambda says of a runtime that ended in the middle of an invocation."""
        message = f"Runtime exited with error: exit status {self._process.wait()}"
        self.log.write(f"RequestId: {request_id} Error: {message}\nRuntime.ExitError\n")
        self.stop()
        return Outcome(error={"type": "Runtime.ExitError", "message": message})

    def stop(self) -> None:
        """Ends the process: of itself where it waits for an invocation, by force where it runs one."""
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(0 if self.busy else _LAST_WORDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def stopped(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def _next(self, patience: float) -> dict[str, Any]:
        return self._frames.get(timeout=patience)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._frames.put(json.loads(line))
        self._frames.put({"exited": True})


class LambdaService:
    """Invokes functions, writes their START, END and REPORT lines, and sends their segments to the local X-Ray."""

    def __init__(self, functions: list[Function], variables: Mapping[str, str], xray: LocalXRay) -> None:
        self._functions = {function.name: function for function in functions}
        self._variables = variables
        self._xray = xray
        self._locks = {function.name: threading.Lock() for function in functions}
        self._environments = {function.name: _Environment(function, variables) for function in functions}
        self.logs = [environment.log for environment in self._environments.values()]

    @property
    def names(self) -> frozenset[str]:
        """The functions that there are."""
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
        """A function's ARN. Raises KeyError where there is none of that name."""
        return self._functions[name].arn

    def invoke(self, name: str, event: object, caller: TraceHeader, links: Sequence[TraceHeader] = ()) -> Outcome:
        """Invokes a function synchronously. Raises KeyError where there is none of that name.

        Args:
            caller: the trace to go on with; its parent is the span that calls.
            links: the spans, of other traces, that sent what the function is invoked with.
        """
        with self._locks[name]:
            return _Invocation(self._environment(name), caller, links, self._xray).run(event)

    def _environment(self, name: str) -> _Environment:
        environment = self._environments[name]
        if environment.stopped:
            environment = self._environments[name] = _Environment(self._functions[name], self._variables)
            self.logs.append(environment.log)
            environment.wait_until_ready()
        return environment


class _Invocation:
    """One invocation: its ids, its lines, its two segments."""

    def __init__(self, environment: _Environment, caller: TraceHeader, links: Sequence[TraceHeader], xray: LocalXRay) -> None:
        self._environment = environment
        self._function = environment.function
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
        log.write(f"START RequestId: {self._request_id} Version: $LATEST\n")
        invocation = {
            "event": event,
            "requestId": self._request_id,
            "traceHeader": render(header),
            "deadline": deadline,
        }
        outcome = self._environment.run(invocation, deadline)
        ended = time.time()
        if outcome is None:
            now = iso(datetime.now(UTC)).removesuffix("Z")
            log.write(f"{now}Z {self._request_id} Task timed out after {function.timeout:.2f} seconds\n\n")
        log.write(f"END RequestId: {self._request_id}\n")
        log.write(self._report(ended - begun, timed_out=outcome is None))
        if self._caller.sampled:
            self._xray.put(self._segments(begun, ended, outcome))
            self._link_senders(begun)
        self._environment.cold = False
        message = f"RequestId: {self._request_id} Error: Task timed out after {function.timeout:.2f} seconds"
        return replace(outcome or Outcome(error={"type": "Sandbox.Timedout", "message": message}), request_id=self._request_id)

    def _report(self, seconds: float, *, timed_out: bool) -> str:
        status = "Status: timeout\t" if timed_out else ""
        return (
            f"REPORT RequestId: {self._request_id}\tDuration: {seconds * 1000:.2f} ms\tBilled Duration: {int(seconds * 1000) + 1} ms\t"
            f"Memory Size: 128 MB\tMax Memory Used: 90 MB\t{status}\nXRAY TraceId: {to_xray(self._caller.trace_id)}\t"
            f"SegmentId: {self._service_id}\tSampled: {str(bool(self._caller.sampled)).lower()}\t\n"
        )

    def _link_senders(self, begun: float) -> None:
        """The other half of a link, which the sender's function shows: awslabs/aws-iatk recorded it."""
        own = TraceHeader(self._caller.trace_id, self._service_id)
        told = {"names": [self._function.name], "type": "AWS::Lambda", "received_event_end_time": begun, "dwell_end_time": begun}
        for sender in self._links:
            self._xray.link(sender, link_to(own, "child", **told))

    def _segments(self, begun: float, ended: float, outcome: Outcome | None) -> list[dict[str, Any]]:
        """The service's segment, which says 200 whatever happened, and the function's."""
        function = self._function
        failure: dict[str, Any] = {} if outcome and outcome.error is None else {"error": True}
        cause = {"cause": {"exceptions": [{"id": new_span_id(), **outcome.error}]}} if outcome and outcome.error else {}
        common = {
            "name": function.name,
            "trace_id": to_xray(self._caller.trace_id),
            "start_time": begun,
            "end_time": ended,
        }
        service = common | failure | {
            "id": self._service_id, "origin": "AWS::Lambda", "resource_arn": function.arn,
            "http": {"response": {"status": 200}}, "aws": {"request_id": self._request_id},
        }  # fmt: skip
        if self._caller.parent_id:
            service["parent_id"] = self._caller.parent_id
        # the environment was ready before it was asked, so its start costs the request nothing
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
