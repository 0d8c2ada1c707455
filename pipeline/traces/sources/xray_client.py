"""Calls of X-Ray: within the budget, with failures mapped to our errors."""

import time
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError, UnavailableError
from pipeline.traces.sources.budget import CallBudget

_THROTTLED = frozenset({"ThrottledException", "ThrottlingException", "TooManyRequestsException"})
_REFUSED = frozenset({"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
                      "ExpiredTokenException", "InvalidClientTokenId"})  # fmt: skip
# seconds; somebody may switch Transaction Search on while a worker lives
_DESTINATION_LIFE = 300.0
_INVALID = frozenset({"InvalidRequestException", "ResourceNotFoundException", "ValidationException"})


class XRayClient:
    """boto3's `xray` client within a budget.

    Args:
        client: its own retries should be few, since a throttled id is simply asked again later.
        budget: what it may spend.

    Attributes:
        calls: how many look-ups X-Ray was asked for.
        enough: whether the last call was not made, or throttled.
    """

    def __init__(self, client: Any, budget: CallBudget) -> None:
        self._client = client
        self._budget = budget
        self._destination = ""
        self._asked_at = float("-inf")
        self.calls = 0
        self.enough = False

    def call(self, operation: str, *, go_on: bool = False, **request: Any) -> dict[str, Any] | None:
        """One answer; None where the budget or X-Ray says that it is enough for now.

        Args:
            operation: the method of boto3's client.
            go_on: it is a further page of what was begun, which may overdraw the budget: half an answer is none.
            request: its arguments.

        Raises UnavailableError where X-Ray does not answer, MisconfiguredError where it refuses these credentials, and BadInputError
        where it refuses the request itself, now and ever.
        """
        self.enough = not self._budget.take(overdraw=go_on)
        if self.enough:
            return None
        self.calls += 1
        try:
            answer = getattr(self._client, operation)(**request)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) in _THROTTLED:
                self._budget.throttled()
                self.enough = True
                return None
            raise mapped(error) from error
        self._budget.taken()
        return cast("dict[str, Any]", answer)

    def goes_to_cloudwatch(self) -> bool | None:
        """Whether Transaction Search is on: then "You cannot find traces through this API" (BatchGetTraces' API reference).

        None where X-Ray throttles the question. A role that may not ask gets its traces all the same: False.
        """
        now = time.monotonic()
        if now - self._asked_at > _DESTINATION_LIFE:
            try:
                self._destination = str(self._client.get_trace_segment_destination().get("Destination"))
            except (ClientError, BotoCoreError) as error:
                if code_of(error) in _THROTTLED:
                    return None
                if code_of(error) not in _REFUSED:
                    raise mapped(error) from error
                self._destination = ""
            self._asked_at = now
        return self._destination == "CloudWatchLogs"


def code_of(error: ClientError | BotoCoreError) -> str:
    """The error's code, as the service names it; empty where the service was not reached."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def mapped(error: ClientError | BotoCoreError) -> TracejoinError:
    """A failure of boto3's as ours."""
    if code_of(error) in _REFUSED:
        return MisconfiguredError([f"X-Ray refuses these credentials: {error}"])
    if code_of(error) in _INVALID or isinstance(error, ParamValidationError):
        return BadInputError(f"X-Ray refuses the request: {error}")
    return UnavailableError(f"X-Ray does not answer: {error}")


def searches_transactions(client: Any, budget: CallBudget) -> bool:
    """Whether this account's traces go to CloudWatch (Transaction Search), so that BatchGetTraces finds nothing.

    Args:
        client: boto3's `xray` client.
        budget: what the question is taken from.

    Raises UnavailableError where X-Ray throttles the question: a guess would last as long as the worker.
    """
    answer = XRayClient(client, budget).goes_to_cloudwatch()
    if answer is None:
        raise UnavailableError("X-Ray throttles the question whether Transaction Search is on")
    return answer
