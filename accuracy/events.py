"""Events: makes asynchronous invocations, which Lambda accepts with 202 and runs later, up to three times.

Sources: AWS X-Ray developer guide, "AWS Lambda and AWS X-Ray" (Dwell Time, Attempt #n); AWS Lambda developer guide, "Asynchronous
invocation".
Whether the function's segment stands below the service's or below the attempt, and whether an attempt has flags, is documented nowhere:
every shape is made.
"""

from types import TracebackType
from typing import Self

from accuracy.functions import Function, service_segment
from accuracy.transaction import Transaction

MOST_ATTEMPTS = 3


class Event:
    """An asynchronous invocation, as a context manager; `attempt` runs its function."""

    def __init__(self, tx: Transaction, name: str, parent_id: str = "") -> None:
        self.tx, self.name = tx, name
        self.request_id = tx.request_id()
        self._parent_id = parent_id
        self._below_attempt = tx.rng.random() < 0.5
        parent = {"parent_id": parent_id} if parent_id else {}
        self.service = service_segment(tx, name, self.request_id, **parent)
        dwell = tx.subsegment("Dwell Time")
        tx.wait(0.05)
        tx.close(dwell)
        self.service["subsegments"] = [dwell]

    def attempt(self) -> Function:
        """Returns the next attempt: one minute after the first one, two minutes after the second one."""
        number = len(self.service["subsegments"])
        self.tx.wait(60.0 * (number - 1))
        attempt = self.tx.subsegment(f"Attempt #{number}", http={"response": {"status": 200}})
        self.service["subsegments"].append(attempt)
        under = attempt["id"] if self._below_attempt else ""
        return _Attempt(self.tx, self.name, self._parent_id, service=self.service, request_id=self.request_id,
                        under=under)  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.tx.close(self.service, {"http": {"response": {"status": 202}}})


class _Attempt(Function):
    """One attempt: its subsegment shows, too, how it ended; the service's segment shows that only of the last one."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        attempts = self.service["subsegments"]
        self.tx.close(attempts[-1], {"error": True} if self.end != "success" and self.tx.rng.random() < 0.5 else {})
        if self.end != "success" and len(attempts) <= MOST_ATTEMPTS:
            self.service.pop("error", None)
            self.service.pop("fault", None)
