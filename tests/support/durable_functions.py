"""Durable functions for tests, run by AWS' own SDK and local runner in a process of their own: `python -m tests.support.durable_functions`.

The runner stands for Lambda: it invokes the function again after each wait and before each retry. What the SDK and its OpenTelemetry plugin
write is theirs. The process is its own, since the SDK logs by the root logger, and the runner leaves event loops and sockets open.
"""

import itertools
import json
import logging
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import aws_durable_execution_sdk_python_otel as otel
from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.execution import durable_execution
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner
from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_RUNNER = "aws_durable_execution_sdk_python_testing"
_VIEWS = {"execution": "ExecutionOtelPlugin", "invocation": "InvocationOtelPlugin"}
Handler = Callable[..., Any]


def _order(*, failures: int = 0, attempts: int = 3, caught: bool = False, swallowed: bool = False) -> Handler:
    """Charges a card, waits and sends: the card's service is down for the first ``failures`` attempts."""
    tries = itertools.count(1)
    strategy = create_retry_strategy(RetryStrategyConfig(max_attempts=attempts, initial_delay=Duration.from_seconds(1)))

    def charge(step: Any) -> str:
        step.logger.info("charging")
        if next(tries) <= failures:
            step.logger.error("the card service is down")
            if not swallowed:
                raise ConnectionError("card service down")
        return "paid"

    def handler(_event: Any, context: Any) -> Any:
        logging.getLogger("app").warning("handler called")
        context.logger.info("order taken")
        try:
            context.step(charge, name="charge", config=StepConfig(retry_strategy=strategy))
        except Exception:
            if not caught:
                raise
        context.logger.info("order charged")
        context.wait(Duration.from_seconds(1), name="cool-off")
        context.run_in_child_context(_deliver, name="delivery")
        logging.getLogger("app").warning("order sent")
        return {"ok": True}

    return handler


def _deliver(child: Any) -> None:
    child.logger.info("packing")
    child.step(lambda step: step.logger.info("sending"), name="send")


FUNCTIONS: dict[str, Callable[[], Handler]] = {
    "well after two attempts": lambda: _order(failures=2),
    "failed": lambda: _order(failures=9, attempts=2),
    "caught": lambda: _order(failures=9, attempts=2, caught=True),
    "swallowed": lambda: _order(failures=1, swallowed=True),
}
"""The functions by name. Each is made anew for an execution."""


class _Recorder(logging.Handler):
    """Takes what a function prints, logs and traces, invocation by invocation."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.arn = ""
        self.invocations: list[dict[str, Any]] = []
        self._exporter = InMemorySpanExporter()
        self._plugins: list[Any] = []

    def trace(self, view: str) -> None:
        """Takes the plugin for OpenTelemetry with this view, if any."""
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        config = otel.OtelPluginConfig(tracer_provider=provider)
        # version 2 of the plugin takes what makes plugins, version 1 the plugins
        kind = getattr(otel, f"{_VIEWS[view]}Factory", None) or getattr(otel, _VIEWS[view]) if view else None
        self._plugins = [kind(config)] if kind else []

    def handler_of(self, function: Handler) -> Handler:
        """The durable function as Lambda calls it."""
        durable = durable_execution(function, plugins=self._plugins)

        def handler(event: Any, context: Any) -> Any:
            self.arn = getattr(event, "durable_execution_arn", "") or event["DurableExecutionArn"]
            self.invocations.append({"request_id": str(uuid.uuid4()), "began": _now(), "lines": [], "spans": []})
            try:
                with redirect_stdout(self):  # type: ignore[type-var]
                    return durable(event, context)
            finally:
                self.invocations[-1]["ended"] = _now()
                self.invocations[-1]["spans"] = list(map(_span, self._exporter.get_finished_spans()))
                self._exporter.clear()

        return handler

    def write(self, text: str) -> int:
        """Takes what is printed."""
        self.invocations[-1]["lines"] += [[_now(), line] for line in text.splitlines() if line.strip()]
        return len(text)

    def emit(self, record: logging.LogRecord) -> None:
        """Takes what is logged, but for the runner's own lines, some of which are the root logger's."""
        if self.invocations and _RUNNER not in record.pathname:
            record.aws_request_id = self.invocations[-1]["request_id"]
            self.invocations[-1]["lines"].append([int(record.created * 1000), self.format(record).rstrip()])


def _now() -> int:
    return int(time.time() * 1000)


def _span(span: ReadableSpan) -> dict[str, Any]:
    """A span as `aws/spans` has it."""
    assert span.context
    return {
        "resource": {"attributes": {"service.name": "orders", "cloud.platform": "aws_lambda"}},
        "traceId": f"{span.context.trace_id:032x}", "spanId": f"{span.context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "", "name": span.name, "kind": span.kind.name,
        "startTimeUnixNano": span.start_time, "endTimeUnixNano": span.end_time,
        "status": {"code": span.status.status_code.name, "message": span.status.description or ""},
        "attributes": dict(span.attributes or {}),
        "events": [{"name": event.name, "attributes": dict(event.attributes or {})} for event in span.events],
        "links": [{"traceId": f"{link.context.trace_id:032x}", "spanId": f"{link.context.span_id:016x}"} for link in span.links],
    }  # fmt: skip


def _run(function: Handler, view: str) -> dict[str, Any]:
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    recorder = _Recorder()
    # a plugin adds its filter to the handlers that are there
    root.handlers[:] = [recorder]
    recorder.trace(view)
    with DurableFunctionTestRunner(handler=recorder.handler_of(function)) as runner:
        result = runner.run(input=json.dumps({"id": "o-7"}))
    return {"arn": recorder.arn, "status": result.status.value, "invocations": recorder.invocations}


if __name__ == "__main__":
    name, view = sys.argv[1:]
    written = json.dumps(_run(FUNCTIONS[name](), view), indent=1)
    # where things are installed is this machine's
    for path, on_lambda in ((sys.prefix, "/var/lang"), (sys.base_prefix, "/var/lang"), (str(Path.cwd()), "/var/task")):
        written = written.replace(path, on_lambda)
    print(written)
