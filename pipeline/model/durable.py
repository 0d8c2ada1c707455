"""Durable: what one line or span says of a durable execution of Lambda: its ARN, the operation, the attempt, and how they ended.

An execution is many invocations of one function: it suspends at a wait or before a retry, and is invoked again, up to a year later. The
code then runs from the start (a replay) and takes the results of finished operations from their checkpoints.

Sources: AWS Lambda API reference, "Execution" (the ARN, the name, the statuses); AWS Durable Execution documentation, "Logging"
(`executionArn`, `operationId`, `operationName`, `attempt`; `durableExecutionArn` in version 1 for Java); the OpenTelemetry plugin
of `aws-durable-execution-sdk-python` 3.0.0 (the attributes `durable.…`).
"""

import re
from decimal import Decimal
from typing import Final

import msgspec

LONGEST_ARN: Final = 512
"""The longest ARN that is read, in characters: the parts of one may have 64 each. AWS allows 1024."""

FAILED_STATUSES: Final = frozenset({"FAILED", "TIMED_OUT"})
"""The statuses of an execution or an operation that failed. One that is STOPPED was stopped on purpose."""

_ENDED: Final = FAILED_STATUSES | {"SUCCEEDED", "STOPPED"}
EXECUTION_ARN: Final = (
    r"arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:function:[a-zA-Z0-9_-]{1,140}:(?:\$LATEST(?:\.PUBLISHED)?|\d{1,20})"
    r"/durable-execution/(?P<name>[a-zA-Z0-9_-]{1,64})/[a-zA-Z0-9_-]{1,64}"
)
"""A regular expression for the ARN of a durable execution, with a group for the execution's name (AWS Lambda API reference)."""


class DurableFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, rename="camel"):
    """What one line or span says of a durable execution. What it does not say is empty, or None.

    Attributes:
        execution_arn: the ARN of the execution; a local runner may write another text.
        execution_name: the name in the ARN, which whoever invoked the function may choose.
        execution_status: SUCCEEDED, FAILED, TIMED_OUT or STOPPED, on what tells of the execution's end; else RUNNING or empty.
        invocation_status: how this invocation ended: SUCCEEDED, FAILED, PENDING (it suspended the execution) or RETRYING.
        first_invocation: whether it is the first invocation of the execution; any other one replays.
        operation_id: the same in each invocation, and in each execution of the function that takes the same way.
        operation_name: the name that the code gives the operation.
        operation_type: STEP, WAIT, CONTEXT, CALLBACK or CHAINED_INVOKE.
        operation_status: how the operation ended, or STARTED.
        parent_id: the operation around it; on a line the child context whose code wrote it.
        attempt: the number of the attempt of a step, from 1.
        attempt_outcome: SUCCEEDED or FAILED, on what tells of an attempt's end.
        replayed: whether the writer says that it was written in a replay.
    """

    execution_arn: str = ""
    execution_name: str = ""
    execution_status: str = ""
    invocation_status: str = ""
    first_invocation: bool | None = None
    operation_id: str = ""
    operation_name: str = ""
    operation_type: str = ""
    operation_status: str = ""
    parent_id: str = ""
    attempt: int | None = None
    attempt_outcome: str = ""
    replayed: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it tells that the execution ended."""
        return self.execution_status in _ENDED or self.invocation_status in _ENDED

    @property
    def execution_failed(self) -> bool:
        """Whether it tells that the execution failed."""
        return self.execution_status in FAILED_STATUSES or self.invocation_status == "FAILED"

    @property
    def is_of_handler(self) -> bool:
        """Whether the code outside all operations wrote it."""
        return bool(self.execution_arn) and not (self.operation_id or self.parent_id or self.execution_status)


_LOCAL: Final = (
    r"arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:durable-execution(?::[a-zA-Z0-9_.-]{1,140}){3}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:/[a-zA-Z0-9_-]{1,64})?"
)
"""A regular expression for what AWS' local runner writes in place of an ARN, and for the form that it means to write."""

_EITHER: Final = f"{EXECUTION_ARN}|{_LOCAL}"
_LARGEST_ATTEMPT: Final = 10**9


def is_execution_arn(text: str) -> bool:
    """Whether ``text`` is the ARN of a durable execution, or what AWS' local runner writes in its place.

    Anything else joins nothing: who has no ARN may log `unknown` for it, and executions of Step Functions have ARNs of their own.
    """
    return len(text) <= LONGEST_ARN and re.fullmatch(_EITHER, text, re.ASCII) is not None


def attempt_in(value: object) -> int | None:
    """Returns the number of an attempt, from 1; None where ``value`` is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value) if 0 < value < _LARGEST_ATTEMPT else None


def execution_name_in(arn: str) -> str:
    """Returns the name of a durable execution, out of its ARN; empty where ``arn`` is none."""
    # compiled on first use: a cold start should not wait for it
    found = re.fullmatch(EXECUTION_ARN, arn, re.ASCII)
    return found["name"] if found else ""
