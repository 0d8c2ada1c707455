"""X-Ray client: calls X-Ray within the budget, and maps its failures to our errors."""

import time
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError, UnavailableError
from pipeline.traces.sources.budget import CallBudget

_THROTTLED = frozenset({"ThrottledException", "ThrottlingException", "TooManyRequestsException"})
_REFUSED = frozenset({"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
                      "ExpiredTokenException", "InvalidClientTokenId"})  # fmt: skip
# seconds; Transaction Search may be switched on while a worker lives
_DESTINATION_LIFE = 300.0
_INVALID = frozenset({"InvalidRequestException", "ResourceNotFoundException", "ValidationException"})


class XRayClient:
    """boto3's `xray` client within a budget.

    Args:
        client: boto3's; it should retry little, since a throttled id is asked for again later.
        budget: the calls that it may make.

    Attributes:
        calls: how many calls were made so far.
        put_off: whether the budget refused the last call, or X-Ray throttled it.
    """

    def __init__(self, client: Any, budget: CallBudget) -> None:
        self._client = client
        self._budget = budget
        self._destination = ""
        self._asked_at = float("-inf")
        self.calls = 0
        self.put_off = False

    def call(self, operation: str, *, next_page: bool = False, **request: Any) -> dict[str, Any] | None:
        """Makes a call and gives its answer; None if the budget refuses it or X-Ray throttles it.

        Args:
            operation: the method of boto3's client.
            next_page: whether it asks for a further page, which may overdraw the budget: half an answer is none.
            request: its arguments.

        Raises UnavailableError if X-Ray does not answer, MisconfiguredError if it refuses these credentials, and BadInputError if it
        refuses this request for good.
        """
        self.put_off = not self._budget.take(overdraw=next_page)
        if self.put_off:
            return None
        self.calls += 1
        try:
            answer = getattr(self._client, operation)(**request)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) in _THROTTLED:
                self._budget.throttled()
                self.put_off = True
                return None
            raise mapped_error(error) from error
        self._budget.taken()
        return cast("dict[str, Any]", answer)

    def goes_to_cloudwatch(self) -> bool | None:
        """Whether Transaction Search is on; None if X-Ray throttles the call, False for a role that may not make it.

        While it is on, "You cannot find traces through this API" (AWS X-Ray API reference, BatchGetTraces).
        """
        now = time.monotonic()
        if now - self._asked_at > _DESTINATION_LIFE:
            try:
                self._destination = str(self._client.get_trace_segment_destination().get("Destination"))
            except (ClientError, BotoCoreError) as error:
                if code_of(error) in _THROTTLED:
                    return None
                if code_of(error) not in _REFUSED:
                    raise mapped_error(error) from error
                self._destination = ""
            self._asked_at = now
        return self._destination == "CloudWatchLogs"


def code_of(error: ClientError | BotoCoreError) -> str:
    """Gives the service's code of an error; empty if the service was not reached."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def mapped_error(error: ClientError | BotoCoreError) -> TracejoinError:
    """Maps an error of boto3 to one of tracejoin's."""
    if code_of(error) in _REFUSED:
        return MisconfiguredError([f"X-Ray refuses these credentials: {error}"])
    if code_of(error) in _INVALID or isinstance(error, ParamValidationError):
        return BadInputError(f"X-Ray refuses the request: {error}")
    return UnavailableError(f"X-Ray does not answer: {error}")


def searches_transactions(client: Any, budget: CallBudget) -> bool:
    """Whether this account's traces go to CloudWatch (Transaction Search), so that BatchGetTraces finds nothing.

    Args:
        client: boto3's `xray` client.
        budget: the calls that may be made.

    Raises UnavailableError if X-Ray throttles the call: a guess would last as long as the worker.
    """
    answer = XRayClient(client, budget).goes_to_cloudwatch()
    if answer is None:
        raise UnavailableError("X-Ray throttles the question whether Transaction Search is on")
    return answer
