"""Failure: turns what opensearch-py raises into our errors, with the root cause in words and without the login."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec
from opensearchpy.exceptions import (
    AuthenticationException,
    AuthorizationException,
    ImproperlyConfigured,
    SerializationError,
    TransportError,
)
from opensearchpy.exceptions import ConnectionError as NoConnectionError

from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError, UnavailableError
from pipeline.store.refusal import ILLEGAL, NOT_FOUND, is_curable, is_page, read_error
from pipeline.store.tls_fault import tls_fault

# opensearch-py reads the error out of any JSON, and fails with AttributeError where that is no object
RAISED: Final = (TransportError, ImproperlyConfigured, SerializationError, OSError, AttributeError, RecursionError)
"""What a request of opensearch-py raises."""

NO_JSON: Final = "answers what is no JSON: does the endpoint lead to OpenSearch, or to a proxy's page?"
_NO_HANDLER: Final = "no handler found for uri"
_LONGEST: Final = 1000
_LONGEST_CAUSE: Final = 300

Mask = Callable[[str], str]


class NotFoundError(BadInputError):
    """Raised where OpenSearch has no such index or document."""


def failure_of(error: Exception, *, endpoint: str, access: str, mask: Mask) -> TracejoinError:
    """Returns our error for one that opensearch-py raised, with the answer that caused it.

    Args:
        error: one of `RAISED`.
        endpoint: where the request went.
        access: what gives access, for a refused login.
        mask: takes the login out of a text.
    """
    failure = _failure_of(error, endpoint, access, mask)
    if isinstance(error, TransportError) and isinstance(error.status_code, int):
        failure.status = error.status_code
        failure.answer = mask(msgspec.json.encode(error.info).decode() if error.info else str(error.error))
        failure.kind = read_error(error.info)[0]
    return failure


def _failure_of(error: Exception, endpoint: str, access: str, mask: Mask) -> TracejoinError:
    where = f"OpenSearch at {endpoint}"
    if isinstance(error, SerializationError | AttributeError | RecursionError):
        return UnavailableError(f"{where} {NO_JSON}")
    if fault := tls_fault(error):
        return UnavailableError(f"{where} {fault}")
    if isinstance(error, NoConnectionError) or not isinstance(error, TransportError):
        return UnavailableError(f"{where} does not answer: is it running, and is the endpoint right? ({_cause(error, mask)})")
    kind, reason = read_error(error.info)
    if isinstance(error, AuthenticationException) or (isinstance(error, AuthorizationException) and _denies(kind, error)):
        return MisconfiguredError([f"{where} refuses these credentials ({error.status_code}): {access}"])
    if not error.info and is_page(str(error.error)):
        return UnavailableError(f"{where} {NO_JSON} (status {error.status_code})")
    told = mask(reason or str(error.info or error.error))[:_LONGEST]
    if _NO_HANDLER in told and (path := urlsplit(endpoint).path):
        told += f": it may be no OpenSearch, or the path {path} of the endpoint is wrong"
    if error.status_code == NOT_FOUND:
        return NotFoundError(f"{where} has no such thing: {told}")
    # a request of ours that is wrong in itself has this type, too
    if kind != ILLEGAL and is_curable(int(error.status_code), kind, reason):
        return UnavailableError(f"{where} answered {error.status_code}: {told}")
    return BadInputError(f"{where} refused the request ({error.status_code}): {told}")


def _denies(kind: str, error: TransportError) -> bool:
    """Whether an answer with status 403 is about who asks: not a block of the cluster, which has that status, too, nor a proxy's page."""
    return "block" not in kind if kind else not is_page(str(error.error))


def _cause(error: Exception, mask: Mask) -> str:
    cause = error.info if isinstance(error, TransportError) and error.info else error
    return mask(str(cause).splitlines()[0])[:_LONGEST_CAUSE] if str(cause) else type(cause).__name__
