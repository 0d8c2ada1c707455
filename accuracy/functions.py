"""Functions: makes what an invocation of a Lambda function leaves: its two segments, its subsegments and its log.

Source: AWS X-Ray developer guide, "AWS Lambda and AWS X-Ray". Which flags AWS writes on which of the two segments when a function fails is
documented nowhere, so every shape is made.
"""

import json
from types import TracebackType
from typing import Any, Literal, Self

from accuracy.calls import cause, inferred, invoke_call, local_work
from accuracy.transaction import ACCOUNT, REGION, Document, Transaction
from pipeline.local.lambda_lines import Invocation, JsonFormat, Lines, Outcome, TextFormat
from pipeline.local.runtime_lines import RUNTIMES, Error, LineContext, Runtime

Shape = Literal["error on both", "fault on both", "cause alone", "service alone", "function alone"]
SHAPES: tuple[Shape, ...] = ("error on both", "fault on both", "cause alone", "service alone", "function alone")
_RUNTIME_DONE = 0.7
ERRORS: tuple[Error, ...] = (("ValueError", "no stock"), ("KeyError", "'orderId'"), ("PaymentError", "the card was declined"))


class Function:
    """One invocation of a Lambda function, as a context manager.

    Args:
        tx: the transaction.
        name: of the function.
        parent_id: the segment or subsegment that invoked it; empty if it is the entry.
        runtime: how its code logs; a random one if None.
        service: the segment of Lambda's service, if it has begun already, as for an event.
        request_id: of an event, whose attempts share it.
        under: the subsegment of the service that is the parent of the function's segment.

    Attributes:
        status: what Lambda's service answers.
        logs: whether the function's log is subscribed.
    """

    def __init__(self, tx: Transaction, name: str, parent_id: str = "", *, runtime: Runtime | None = None, service: Document | None = None,
                 request_id: str = "", under: str = "") -> None:  # fmt: skip
        self.tx, self.name = tx, name
        self.status, self.logs = 200, True
        self.runtime = runtime or tx.runtimes.setdefault(name, tx.rng.choice(RUNTIMES))
        self.request_id = request_id or tx.request_id()
        self.arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        self.error: Error | None = None
        self.calls: list[Document] = []
        self._own = service is None
        parent = {"parent_id": parent_id} if parent_id else {}
        self.service = service or service_segment(tx, name, self.request_id, **parent)
        tx.wait(0.002)
        self.function = tx.segment(name, parent_id=under or self.service["id"], origin="AWS::Lambda::Function",
                                   aws={"account_id": ACCOUNT, "function_arn": self.arn, "resource_names": [name]})  # fmt: skip
        self._cold, self._lost = tx.rng.random() < 0.3, False
        self.end: Outcome = "success"
        self._terse = False
        self._format = JsonFormat() if self.runtime.json_platform else TextFormat()
        self._caller_id = parent_id or tx.span_id()

    def __enter__(self) -> Self:
        self._begun = self.tx.now
        if self.logs:
            if self._cold:
                self._log_platform(self._format.begin(self.tx.iso))
            self._log_platform(self._format.open(self._invocation(), self.tx.iso))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._lost:
            return
        if self.logs:
            self._log_platform(self._format.close(self._invocation(), self.tx.iso, self.tx.rng))
        arn = {"function_arn": self.arn}
        phases = [("Initialization", self._begun, self._begun)] if self._cold else []
        phases += [("Invocation", self._begun, self.tx.now), ("Overhead", self.tx.now, self.tx.now)]
        inside = [{"id": self.tx.span_id(), "name": name, "start_time": start, "end_time": end, "aws": arn} for name, start, end in phases]
        self.tx.close(self.function, {"subsegments": inside})
        self.tx.wait(0.001)
        if self._own:
            self.tx.close(self.service, {"http": {"response": {"status": self.status}}})

    def say(self, level: str, message: object, **keys: Any) -> None:
        """Logs a line."""
        self._log(self.runtime.line(self._at(), level, message, keys))

    def caught(self, level: str, message: str, error: Error) -> None:
        """Logs an exception that the code has caught."""
        self._log(self.runtime.caught(self._at(), level, message, error))

    def prints(self, text: str) -> None:
        """Prints: in the text format that is a line without any id."""
        self._log(self.runtime.line(self._at(), "INFO", text, {}) if self.runtime.json_platform else f"{text}\n")

    def shows(self, message: str, payload: object, level: str = "INFO", *, key: str = "response") -> None:
        """Logs data in any of the ways that people log data; ``key`` names it in structured lines."""
        texts = [f"{message}: {json.dumps(payload)}", f"{message}: {payload!r}"]
        objects: list[dict[str, Any]] = [{key: payload}, {key: json.dumps(payload)}]
        way = self.tx.rng.randrange(4)
        if way < len(texts) or not self.runtime.structured:
            self.say(level, texts[way % len(texts)])
        elif self.tx.rng.random() < 0.3:
            self.say(level, {"note": message, **objects[way - len(texts)]})
        else:
            self.say(level, message, **objects[way - len(texts)])

    def made(self, call: Document) -> Document:
        """Sends a call that this function made, as a subsegment of its own, and returns it; X-Ray may infer a segment of the callee."""
        self.calls.append(call)
        document = {"type": "subsegment", "trace_id": self.tx.xray_id, "parent_id": self.function["id"], **call}
        if self.tx.sampled:
            self.tx.documents.append(document)
            if call.get("namespace") == "aws" and call["name"].lower() == "dynamodb" and self.tx.rng.random() < 0.3:
                inferred(self.tx, call, name="DynamoDB", origin="AWS::DynamoDB::Table")
        return call

    def begin_invoke(self, name: str, **fields: Any) -> Document:
        """Returns an Invoke of another function that has begun; `end_invoke` ends it once that function has run."""
        return invoke_call(self.tx, name, **fields)

    def end_invoke(self, call: Document) -> None:
        """Ends an Invoke: its answer has come."""
        self.tx.close(call)
        self.made(call)
        self.tx.wait(0.002)

    def fails(self, error: Error | None = None, *, shape: Shape | None = None, logged: bool = True, traced: bool = True) -> None:
        """Ends the invocation by an exception that nobody catches.

        Args:
            error: its type and message.
            shape: where AWS writes flags and cause.
            logged: whether its line is in the log.
            traced: whether the segments show it.
        """
        found = error or self.tx.rng.choice(ERRORS)
        self.error, self.end = found, "error"
        if logged:
            self._log(self.runtime.uncaught(self._at(), found))
        if traced:
            if self.tx.rng.random() < 0.3:
                # Powertools' Tracer, around the handler
                why = {"fault": True, "cause": cause(self.tx, *found)}
                self.made(local_work(self.tx, "## handler", annotations={"ColdStart": self._cold, "Service": self.name}, **why))
            self.flag(self.tx.rng.choice(SHAPES) if shape is None else shape, cause(self.tx, *found))

    def flag(self, shape: Shape, why: Document | None = None) -> None:
        """Flags the segments as failed, and writes the cause ``why`` if there is one."""
        known = {"cause": why} if why else {}
        kind = {self.tx.rng.choice(("error", "fault")): True}
        if shape in {"error on both", "fault on both"}:
            both = {shape.partition(" ")[0]: True}
            self.service |= both
            self.function |= both | known
        elif shape == "service alone":
            self.service |= kind
        elif shape == "function alone":
            self.function |= kind
        else:
            self.function |= known or kind

    def stops(self, end: Outcome, *, terse: bool = False) -> None:
        """Lets Lambda end the invocation; the segments show an error without a cause. ``terse``: only REPORT says how it ended."""
        self.tx.wait(3.0 if end == "timeout" else 0.2)
        self.end, self._terse = end, terse
        self.flag(self.tx.rng.choice(("error on both", "fault on both", "function alone")))

    def is_lost(self) -> None:
        """Leaves both segments open for ever."""
        self._lost = True
        for document in (self.service, self.function):
            document["in_progress"] = True

    def _at(self) -> LineContext:
        return LineContext(iso=self.tx.iso(), request_id=self.request_id, trace_id=self.tx.xray_id, function=self.name)

    def _invocation(self) -> Invocation:
        return Invocation(request_id=self.request_id, trace_id=self.tx.trace_id, segment_id=self.service["id"], parent_id=self._caller_id,
                          sampled=self.tx.sampled, outcome=self.end, milliseconds=(self.tx.now - self._begun) * 1000,
                          terse=self._terse)  # fmt: skip

    def _log_platform(self, lines: Lines) -> None:
        for kind, message in lines:
            # the log group's level decides on runtimeDone
            if kind != "runtimeDone" or self.tx.rng.random() < _RUNTIME_DONE:
                self._log(message)

    def _log(self, message: str) -> None:
        if self.logs:
            self.tx.log(f"/aws/lambda/{self.name}", message)


def service_segment(tx: Transaction, name: str, request_id: str, **fields: Any) -> Document:
    """Returns the segment of Lambda's service; its status is the service's, not the function's."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    return tx.segment(name, origin="AWS::Lambda", resource_arn=arn, aws={"request_id": request_id}, **fields)
