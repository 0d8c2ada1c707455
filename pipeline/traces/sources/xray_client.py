"""X-Ray client: calls X-Ray within the budget, and maps its failures to our errors."""

import time
from collections.abc import Mapping
from typing import Any, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError, UnavailableError
from pipeline.traces.sources.budget import CallBudget

_THROTTLED = frozenset({"ThrottledException", "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
_TOO_MANY = 429
_TRACES = "Traces"
# AWS X-Ray API reference, "Common errors", with and without the ending that JSON protocols add
_MAY_NOT = frozenset({"AccessDeniedException", "AccessDenied"})
_REFUSED = _MAY_NOT | {"UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "ExpiredToken",
                       "InvalidClientTokenId", "IncompleteSignature", "MissingAuthenticationToken", "NotAuthorized", "OptInRequired",
                       "RequestExpired"}  # fmt: skip
_REFUSING = frozenset({401, 403, 407})
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError)
# the last ones: botocore's readers of an answer that is none of X-Ray's
_FAILURES = (ClientError, BotoCoreError, ResponseParserError, ValueError, TypeError, AttributeError, KeyError)
# seconds; Transaction Search may be switched on while a worker lives
_DESTINATION_LIFE = 300.0
# of one answer, and of those the ones in a row that bring nothing: an answer that goes on has no end
_MOST_PAGES = 1000
_MOST_EMPTY = 50
_SERVER_ERROR = 500
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
        self._pages = self._empty = 0
        self.calls = 0
        self.put_off = False

    def call(self, operation: str, *, needs: str, next_page: bool = False, **request: Any) -> dict[str, Any] | None:
        """Makes a call and gives its answer; None if the budget refuses it or X-Ray throttles it.

        Args:
            operation: the method of boto3's client.
            needs: what every answer holds; one without it comes from somebody else.
            next_page: whether it asks for a further page, which may overdraw the budget: half an answer is none.
            request: its arguments.

        Raises UnavailableError if X-Ray does not answer or its pages have no end, MisconfiguredError if it refuses these credentials, and
        BadInputError if it refuses this request for good.
        """
        self.put_off = not self._budget.take(overdraw=next_page)
        if self.put_off:
            return None
        self.calls += 1
        try:
            answer = _checked(getattr(self._client, operation)(**request), needs)
        except _FAILURES as error:
            if _is_throttle(error):
                self._budget.throttled()
                self.put_off = True
                return None
            raise mapped_error(error) from error
        self._budget.taken()
        self._turn(answer, next_page=next_page)
        return answer

    def _turn(self, answer: Mapping[str, Any], *, next_page: bool) -> None:
        """Counts the pages of an answer. Raises UnavailableError where they have no end, as a failure that may be that of these traces."""
        if not next_page:
            self._pages = self._empty = 0
        self._pages += 1
        self._empty = 0 if answer.get(_TRACES) else self._empty + 1
        if self._pages > _MOST_PAGES or self._empty > _MOST_EMPTY:
            error = UnavailableError(f"X-Ray's answer has no end: {self._pages} pages, the last {self._empty} of them without a trace")
            error.status = _SERVER_ERROR
            raise error

    def goes_to_cloudwatch(self) -> bool | None:
        """Whether Transaction Search is on; None if X-Ray throttles the call, False for a role that may not make it.

        While it is on, "You cannot find traces through this API" (AWS X-Ray API reference, BatchGetTraces).

        Raises UnavailableError if X-Ray does not answer, MisconfiguredError if it refuses these credentials altogether.
        """
        now = time.monotonic()
        if now - self._asked_at > _DESTINATION_LIFE:
            try:
                self._destination = str(_checked(self._client.get_trace_segment_destination(), "Destination")["Destination"])
            except _FAILURES as error:
                if _is_throttle(error):
                    return None
                if code_of(error) not in _MAY_NOT:
                    raise mapped_error(error) from error
                self._destination = ""
            self._asked_at = now
        return self._destination == "CloudWatchLogs"


def code_of(error: Exception) -> str:
    """Gives the service's code of an error; empty if the service was not reached."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def mapped_error(error: Exception) -> TracejoinError:
    """Maps an error of boto3 to one of tracejoin's, with the HTTP status of X-Ray's answer if there was one."""
    mapped: TracejoinError
    if code_of(error) in _REFUSED or _status(error) in _REFUSING or isinstance(error, _NO_CREDENTIALS):
        mapped = MisconfiguredError([f"X-Ray refuses these credentials: {error}"])
    elif code_of(error) in _INVALID or isinstance(error, ParamValidationError):
        mapped = BadInputError(f"X-Ray refuses the request: {error}")
    elif isinstance(error, ClientError | BotoCoreError):
        mapped = UnavailableError(f"X-Ray does not answer: {error}")
    else:
        mapped = UnavailableError(f"X-Ray answers what boto3 can't read: {error!r}: does the call lead to X-Ray, or to a proxy's page?")
    mapped.status = _status(error)
    return mapped


def _checked(answer: Any, needs: str) -> dict[str, Any]:
    # boto3 makes an empty answer of a page of HTML
    if not isinstance(answer.get(needs), list if needs == _TRACES else str):
        raise TypeError(f"there is no {needs} in it")
    for trace in answer.get(_TRACES) or ():
        documents = trace.get("Segments") or trace.get("Spans") or ()
        if not isinstance(trace["Id"], str) or not all(isinstance(part["Document"], str) for part in documents):
            raise TypeError("a trace in it has no id, or no documents")
    return cast("dict[str, Any]", answer)


def _is_throttle(error: Exception) -> bool:
    return code_of(error) in _THROTTLED or _status(error) == _TOO_MANY


def _status(error: Exception) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) if isinstance(error, ClientError) else 0
