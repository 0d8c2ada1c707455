"""Request ids: finds Lambda's request id in a JSON line of a logger that gives it a name of its own, or puts it one level down.

Sources: aws-lambda-java-log4j2 (AWSRequestId; Log4j's JSON layouts put it into contextMap, Logback's encoders into mdc), OpenTelemetry's
semantic conventions (faas.invocation_id, earlier faas.execution), lambda_runtime for Rust (the span of an invocation), New Relic's
decorator (aws.lambda_request_id), and the loggers' own names for the field of Lambda's context object.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pipeline.logs.extract.json_keys import DECODE_ERRORS
from pipeline.model.trace_ids import UUID

_UUID = re.compile(UUID, re.IGNORECASE | re.ASCII)
_BETWEEN_WORDS = re.compile(r"[._-]")
# the names in small letters, without what is between their words
_NAMES: Final = frozenset({
    "awsrequestid", "lambdarequestid", "awslambdarequestid", "functionrequestid", "faasinvocationid", "faasexecution",
})  # fmt: skip
# where loggers put the fields of their context
_CONTEXTS: Final = ("contextMap", "mdc", "context", "ctx", "attributes", "labels", "extra", "fields", "resource", "aws")
# where a bare "requestId" is Lambda's
_OF_LAMBDA: Final = ("span", "spans", "lambda", "lambdaContext", "lambda_context", "faas")
_NAMES_OF_LAMBDA: Final = _NAMES | {"requestid", "invocationid", "execution"}
_MOST_SPANS = 20


def find_request_id(message: str) -> str | None:
    """Returns the request id that a JSON ``message`` names at its top or one level down; None if there is none."""
    try:
        content = msgspec.json.decode(message)
    except DECODE_ERRORS:
        return None
    return next(_ids(content), None) if isinstance(content, dict) else None


def _ids(content: dict[str, Any]) -> Iterator[str]:
    yield from _named(content, _NAMES)
    for holder in _CONTEXTS:
        yield from _named(content.get(holder), _NAMES)
    for holder in _OF_LAMBDA:
        value = content.get(holder)
        for entry in value[:_MOST_SPANS] if isinstance(value, list) else [value]:
            yield from _named(entry, _NAMES_OF_LAMBDA)


def _named(fields: object, names: frozenset[str]) -> Iterator[str]:
    for name, value in fields.items() if isinstance(fields, dict) else ():
        if isinstance(value, str) and _BETWEEN_WORDS.sub("", name).lower() in names and _UUID.fullmatch(value):
            yield value
