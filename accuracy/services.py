"""Services: makes what leave a container with the X-Ray SDK, which embeds its subsegments, and a state machine of Step Functions."""

import json
from types import TracebackType
from typing import Any, Self

from accuracy.calls import flags, http_call
from accuracy.transaction import Document, Transaction


class Container:
    """A web service on ECS, as a context manager; its log lines name its trace.

    Attributes:
        status: what it answers.
    """

    def __init__(self, tx: Transaction, name: str, parent_id: str = "", *, status: int = 200) -> None:
        self.tx, self.name, self.status = tx, name, status
        parent = {"parent_id": parent_id} if parent_id else {}
        self.segment = tx.segment(name, origin="AWS::ECS::Container", **parent)
        self.subsegments: list[Document] = []
        tx.wait(0.003)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        http = {"request": {"method": "POST", "url": f"https://{self.name}.internal/orders"}, "response": {"status": self.status}}
        self.tx.close(self.segment, {"http": http, "subsegments": self.subsegments, **flags(self.status)})

    def made(self, call: Document) -> Document:
        """Embeds a call that the container made, and returns it."""
        self.subsegments.append(call)
        return call

    def say(self, level: str, message: str, **keys: Any) -> None:
        """Logs a line of JSON."""
        line = {"time": self.tx.iso(), "level": level, "msg": message, "trace_id": self.tx.trace_id, "span_id": self.segment["id"], **keys}
        self.tx.log(f"/ecs/{self.name}", json.dumps(line))


def call_of_container(tx: Transaction, name: str, *, status: int, inside: str = "") -> Document:
    """Returns a call to a container with a segment of its own; ``inside`` names a host that this calls, and that fails."""
    call = tx.subsegment(f"{name}.internal", namespace="remote", http={"request": {"method": "POST", "url": f"https://{name}.internal/orders",
                                                                                  "traced": True}})  # fmt: skip
    with Container(tx, name, call["id"], status=status) as container:
        if inside:
            container.made(http_call(tx, inside, status=503))
    call["http"]["response"] = {"status": status}
    tx.close(call, flags(status))
    return call


class StateMachine:
    """An execution of Step Functions, as a context manager: on success its documents carry an empty cause."""

    def __init__(self, tx: Transaction, parent_id: str = "") -> None:
        self.tx = tx
        parent = {"parent_id": parent_id} if parent_id else {}
        self.segment = tx.segment("checkout", origin="AWS::StepFunctions::StateMachine",
                                  resource_arn="arn:aws:states:eu-west-1:123456789012:stateMachine:checkout", **parent)  # fmt: skip
        self._failure: Document = {"cause": {}}
        self.subsegments: list[Document] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.tx.close(self.segment, {"http": {"response": {"status": 200}}, "subsegments": self.subsegments, **self._failure})

    def state(self, name: str, *, why: Document | None = None) -> None:
        """Adds a task that ran; ``why`` is the cause if it failed."""
        task = self.tx.subsegment(name, namespace="aws", aws={"operation": "Invoke", "resource_names": [name]})
        self.tx.wait(0.05)
        self.tx.close(task, {"fault": True, "cause": why} if why else {"cause": {}})
        self.subsegments.append(task)

    def fails(self, why: Document) -> None:
        """Lets the execution end as FAILED, with the cause ``why``."""
        self._failure = {"fault": True, "cause": why}
