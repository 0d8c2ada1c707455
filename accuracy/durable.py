"""Durable: makes what the execution of a durable function leaves: its invocations, and the lines and spans that the SDK writes.

Source: `aws-durable-execution-sdk-python` 3.0.0 and the execution view of its OpenTelemetry plugin 2.0.0, as its local runner ran them
(tests/support/durable_functions.py). An invocation ends where the execution waits or a step is to be tried again.
"""

import json
from types import TracebackType
from typing import Any, Final, Self

from accuracy.functions import Function
from accuracy.otel import Otel
from accuracy.transaction import ACCOUNT, REGION, Document, Transaction
from pipeline.local.runtime_lines import Error

_SDK: Final = "aws_durable_execution_sdk_python"


class Execution:
    """One execution of a durable function.

    Args:
        tx: the transaction.
        otel: its trace, where the function has the OpenTelemetry plugin; None where its lines alone tell of the execution.
        name: of the function.
    """

    def __init__(self, tx: Transaction, otel: Otel | None, name: str = "orders") -> None:
        self.tx, self.otel, self.name = tx, otel, name
        id_ = tx.request_id()
        self.arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:$LATEST/durable-execution/order-{tx.rng.randrange(100)}/{id_}"
        self._workflow = tx.span_id()
        self._operations: dict[str, str] = {}
        self._begun = tx.now

    def invocation(self) -> "Invocation":
        """Returns the next invocation."""
        self.tx.wait(self.tx.rng.choice((0.5, 30.0)))
        return Invocation(self)

    def operation_id(self, name: str) -> str:
        """Returns the id of an operation, which is the same in each invocation."""
        return self._operations.setdefault(name, f"{self.tx.rng.getrandbits(256):064x}")

    def span(self, name: str, attributes: Document, *, parent_id: str = "") -> Document:
        """Returns a span that starts now and is sent when it ends; without ``parent_id`` it is below that of the execution."""
        assert self.otel
        given = {"durable.execution.arn": self.arn, **attributes}
        return self.otel.begin(name, "INTERNAL", self.name, parent_id or self._workflow, given)

    def end(self, status: str, error: Error | None = None) -> None:
        """Sends the span of the execution: it is over."""
        if self.otel:
            workflow = self.otel.begin(
                "Workflow", "INTERNAL", self.name, "", {"durable.execution.arn": self.arn, "durable.execution.status": status}
            )
            workflow["spanId"], workflow["startTimeUnixNano"] = self._workflow, round(self._begun * 1_000_000) * 1000
            self.otel.end(workflow, code="ERROR" if error else "OK")
            workflow["status"]["message"] = error[1] if error else ""


class Invocation(Function):
    """One invocation of a durable function, as a context manager.

    Attributes:
        outcome: PENDING, SUCCEEDED or FAILED.
    """

    def __init__(self, execution: Execution) -> None:
        super().__init__(execution.tx, execution.name)
        self.execution, self.outcome = execution, "PENDING"
        self._failed: Error | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        of = self.execution
        first = {"durable.invocation.first": self.tx.rng.random() < 0.5}
        self._span = of.span("Invocation", first, parent_id=self.function["id"]) if of.otel else None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        of = self.execution
        if of.otel and self._span:
            code = "ERROR" if self.outcome == "FAILED" else "OK"
            of.otel.end(self._span, {"durable.invocation.status": self.outcome}, code=code)
            self._span["status"]["message"] = self._failed[1] if self._failed else ""
        super().__exit__(kind, error, trace)
        if self.outcome != "PENDING":
            of.end(self.outcome, self._failed)

    def logs_durable(self, level: str, message: str, *, step: str = "", attempt: int = 0) -> None:
        """Logs a line by the SDK's logger, in the code of the handler or of an attempt of a step."""
        keys: dict[str, Any] = {"executionArn": self.execution.arn}
        if step:
            keys |= {"operationName": step, "attempt": attempt, "operationId": self.execution.operation_id(step)}
        self._line(level, message, "root", keys)

    def attempt(self, step: str, number: int, *, error: Error | None = None, logged: str = "", last: bool = False) -> None:
        """Runs a step once.

        Args:
            step: its name.
            number: of the attempt, from 1.
            error: the exception that it ends by.
            logged: what its code logs as an error.
            last: whether the operation ends with it.
        """
        of = self.execution
        named = {"durable.operation.id": of.operation_id(step), "durable.operation.type": "STEP", "durable.operation.name": step}
        operation = of.span(step, named) if of.otel and last else None
        parent = operation["spanId"] if operation else of.operation_id(step)[:16]
        span = of.span(f"{step} attempt {number}", named | {"durable.attempt.number": number}, parent_id=parent) if of.otel else None
        self.logs_durable("INFO", f"{step} begins", step=step, attempt=number)
        if logged:
            self.logs_durable("ERROR", logged, step=step, attempt=number)
        self.tx.wait(0.02)
        outcome = "FAILED" if error else "SUCCEEDED"
        if of.otel and span:
            of.otel.end(span, {"durable.attempt.outcome": outcome}, code="OK", raised=error)
        if error:
            self._line(
                "ERROR", f"❌ failed step for id: {of.operation_id(step)}, name: {step}", f"{_SDK}.operation.step", _exception(error)
            )
        if of.otel and operation:
            of.otel.end(operation, {"durable.operation.status": outcome}, code="OK", raised=error)

    def fails_for_good(self, error: Error) -> None:
        """Ends the execution by an exception that nobody catches; Lambda answers the invocation with success."""
        self.outcome, self._failed = "FAILED", error
        self._line("ERROR", "Execution failed", f"{_SDK}.execution", _exception(error))

    def _line(self, level: str, message: str, logger: str, keys: Document) -> None:
        line = {"timestamp": f"{self.tx.iso()[:19]}Z", "level": level, "message": message, "logger": logger, "requestId": self.request_id}
        self._log(json.dumps(line | keys, ensure_ascii=False))


def _exception(error: Error) -> Document:
    frames = [f'  File "/var/task/{_SDK}/execution.py", line 297, in invoke_handler\n', '  File "/var/task/app.py", line 31, in handler\n']
    return {"stackTrace": frames, "errorType": error[0], "errorMessage": error[1]}
