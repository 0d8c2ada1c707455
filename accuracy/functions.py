"""A Lambda function at work: its two segments, its subsegments and its log.

Source: AWS X-Ray developer guide, "AWS Lambda and AWS X-Ray". Which flags AWS writes on which of the two segments when a function fails is
documented nowhere, so every shape is made.
"""

import json
from types import TracebackType
from typing import Any, Literal, Self

from accuracy.calls import cause, inferred, invoke_call, local_work
from accuracy.platform import End, Platform
from accuracy.runtimes import RUNTIMES, Place, Runtime
from accuracy.transaction import ACCOUNT, REGION, Document, Transaction

Shape = Literal["error on both", "fault on both", "cause alone", "service alone", "function alone"]
SHAPES: tuple[Shape, ...] = ("error on both", "fault on both", "cause alone", "service alone", "function alone")
Error = tuple[str, str]
ERRORS: tuple[Error, ...] = (("ValueError", "no stock"), ("KeyError", "'orderId'"), ("PaymentError", "the card was declined"))


class Function:
    """One invocation of a Lambda function, as a context manager.

    Args:
        tx: the transaction.
        name: of the function.
        parent_id: the segment or subsegment that invoked it; empty where it is the entry.
        runtime: how its code logs; any where none is named.
        service: the segment of Lambda's service, where it has been begun already, as for an event.
        request_id: of an event, whose attempts share it.
        under: the subsegment of the service that the function's segment stands below.

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
        self.end: End = "success"
        self.platform = Platform(tx, f"/aws/lambda/{name}", self.request_id, self.service["id"], parent_id or tx.span_id(),
                                 self.runtime.json_platform)  # fmt: skip

    def __enter__(self) -> Self:
        self._begun = self.tx.now
        if self.logs:
            self.platform.start(cold=self._cold)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._lost:
            return
        if self.logs:
            self.platform.end(self.end, self.tx.now - self._begun)
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
        self._log(self.runtime.line(self._place, level, message, keys))

    def caught(self, level: str, message: str, error: Error) -> None:
        """Logs an exception that the code has caught."""
        self._log(self.runtime.caught(self._place, level, message, error))

    def prints(self, text: str) -> None:
        """Prints, where the log's format leaves a print as it is: in text a line without any id."""
        self._log(self.runtime.line(self._place, "INFO", text, {}) if self.runtime.json_platform else f"{text}\n")

    def shows(self, message: str, payload: object, level: str = "INFO", *, key: str = "response") -> None:
        """Logs data, in any of the ways that people log data; ``key`` is what structured lines call it."""
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
        """A call that this function made: the SDK sends it as a subsegment of its own; X-Ray may infer who was called."""
        self.calls.append(call)
        document = {"type": "subsegment", "trace_id": self.tx.xray_id, "parent_id": self.function["id"], **call}
        if self.tx.sampled:
            self.tx.documents.append(document)
            if call.get("namespace") == "aws" and call["name"].lower() == "dynamodb" and self.tx.rng.random() < 0.3:
                inferred(self.tx, call, name="DynamoDB", origin="AWS::DynamoDB::Table")
        return call

    def begin_invoke(self, name: str, **fields: Any) -> Document:
        """An Invoke of another function, to be ended with `end_invoke` once that has run."""
        return invoke_call(self.tx, name, **fields)

    def end_invoke(self, call: Document) -> None:
        """The answer of an Invoke has come."""
        self.tx.close(call)
        self.made(call)
        self.tx.wait(0.002)

    def fails(self, error: Error | None = None, *, shape: Shape | None = None, logged: bool = True, traced: bool = True) -> None:
        """An exception that nobody catches.

        Args:
            error: its type and message.
            shape: where AWS writes flags and cause.
            logged: whether its line is there.
            traced: whether the segments show it.
        """
        found = error or self.tx.rng.choice(ERRORS)
        self.error, self.end = found, "error"
        if logged:
            self._log(self.runtime.uncaught(self._place, found))
        if traced:
            if self.tx.rng.random() < 0.3:
                # Powertools' Tracer, around the handler
                why = {"fault": True, "cause": cause(self.tx, *found)}
                self.made(local_work(self.tx, "## handler", annotations={"ColdStart": self._cold, "Service": self.name}, **why))
            self.flag(self.tx.rng.choice(SHAPES) if shape is None else shape, cause(self.tx, *found))

    def flag(self, shape: Shape, why: Document | None = None) -> None:
        """Writes the flags of a failure, and its cause where there is one."""
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

    def stops(self, end: End, *, terse: bool = False) -> None:
        """The platform ends it: what that looks like in the segments is an error without a cause."""
        self.tx.wait(3.0 if end == "timeout" else 0.2)
        self.end, self.platform.terse = end, terse
        self.flag(self.tx.rng.choice(("error on both", "fault on both", "function alone")))

    def is_lost(self) -> None:
        """Nobody ever hears of it again: both segments stay open."""
        self._lost = True
        for document in (self.service, self.function):
            document["in_progress"] = True

    @property
    def _place(self) -> Place:
        return Place(self.tx.iso, self.request_id, self.tx.xray_id, self.name)

    def _log(self, message: str) -> None:
        if self.logs:
            self.tx.log(self.platform.group, message)


def service_segment(tx: Transaction, name: str, request_id: str, **fields: Any) -> Document:
    """The segment of Lambda's service; its status is the service's, not the function's."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    return tx.segment(name, origin="AWS::Lambda", resource_arn=arn, aws={"request_id": request_id}, **fields)
