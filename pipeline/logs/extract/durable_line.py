"""Durable line: reads what a line says of a durable execution of Lambda, as the SDKs for durable functions write it.

Sources: AWS Durable Execution documentation, "Logging" (the keys, by language and version); `aws-durable-execution-sdk-python` 3.0.0, whose
`execution.py` and `operation/*.py` log that an execution, an operation or an attempt failed, without the keys; AWS Lambda developer guide,
"Monitoring durable functions" (the event "Durable Execution Status Change").
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from pipeline.logs.extract.json_keys import DECODE_ERRORS, decode_part, without_half_pairs
from pipeline.logs.extract.log_line import JsonLine, LogLine
from pipeline.model.durable import DurableFact, attempt_in, execution_name_in, is_execution_arn
from pipeline.model.json_values import as_text

_LONGEST_NAME: Final = 256
_MOST_DIGITS: Final = 9
_LONGEST_EXCERPT: Final = 320
_ATTEMPT_FAILED: Final = re.compile(r"failed step for id: ([0-9A-Za-z_-]{1,128}), name: ([^\r\n]{0,256})")
_OPERATION_FAILED: Final = re.compile(
    r"(?:serdes failed for step id|wait_for_condition failed for id): ([0-9A-Za-z_-]{1,128}), name: ([^\r\n]{0,256})"
)
# behind Lambda's prefix, where the log format is text
_EXECUTION_FAILED: Final = re.compile(r"(?:[^\r\n]{0,120}\t)?Execution failed(?![^\r\n])|[^\r\n]{0,300}Must fail execution\b")
# the logger's name, or the file in a frame of the stack trace
_SDK: Final = "aws_durable_execution_sdk_python"
_PLUGIN_FAILED: Final = re.compile(r"Plugin [^\r\n]{1,300} (?:exception|failure|plugin) ignored(?![^\r\n])")
_NO_NAME: Final = "None"
_FAILED: Final = "FAILED"
_key = msgspec.field


class _Keys(msgspec.Struct, gc=False):
    """The keys that the SDKs write; `durable…` and `context…` are those of version 1 for Java."""

    execution_arn: Any = _key(name="executionArn", default=None)
    durable_execution_arn: Any = _key(name="durableExecutionArn", default=None)
    operation_id: Any = _key(name="operationId", default=None)
    context_id: Any = _key(name="contextId", default=None)
    operation_name: Any = _key(name="operationName", default=None)
    context_name: Any = _key(name="contextName", default=None)
    parent_id: Any = _key(name="parentId", default=None)
    attempt: Any = None
    replay: Any = None
    is_replay: Any = _key(name="isReplay", default=None)
    is_replaying: Any = _key(name="isReplaying", default=None)
    detail: msgspec.Raw = msgspec.Raw()


class _Detail(msgspec.Struct, gc=False):
    """The detail of an event of EventBridge about an execution."""

    execution_arn: Any = _key(name="durableExecutionArn", default=None)
    status: Any = None


class _Exception(msgspec.Struct, gc=False):
    """The keys of an exception in Lambda's JSON format for Python."""

    error_type: Any = _key(name="errorType", default=None)
    error_message: Any = _key(name="errorMessage", default=None)


_keys = msgspec.json.Decoder(_Keys)
_detail = msgspec.json.Decoder(_Detail)
_exception = msgspec.json.Decoder(_Exception)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_KEPT_ONCE: Final = ("executionArn", "durableExecutionArn", "operationId", "operationName", "parentId", "attempt")


def add_durable(lines: Sequence[LogLine], texts: Sequence[str], marked: Iterable[int]) -> None:
    """Adds to ``lines``, read from ``texts``, what they say of a durable execution; ``marked`` holds the indices of those that may.

    The ARN becomes a line's first correlation id, which joins all invocations of the execution. A line of the SDK that tells that an
    execution failed gets the signal `durable-execution-failed`; one that tells that a plugin failed, such as that for OpenTelemetry, has
    none: the execution goes on.
    """
    for number in marked:
        _add(lines[number], texts[number])


def _add(line: LogLine, message: str) -> None:
    if line.platform or line.outside:
        return
    fact = (_of_keys(message) if isinstance(line, JsonLine) else None) or _of_sdk(line, message)
    if fact is None:
        if _PLUGIN_FAILED.match(line.body) and _is_of_sdk(message, "plugin"):
            line.signals, line.excerpt = (), ""
        return
    line.durable = fact
    if fact.execution_failed and isinstance(line, JsonLine):
        line.excerpt = _exception_in(message) or line.excerpt
    if fact.execution_arn:
        line.correlation_ids = tuple(dict.fromkeys((fact.execution_arn, *line.correlation_ids)))
        _leave_out(line, fact)
    if fact.execution_failed:
        line.signals = tuple(dict.fromkeys((*line.signals, "durable-execution-failed")))


def _of_keys(message: str) -> DurableFact | None:
    """What the keys of a JSON line say; None where they name no durable execution."""
    message = without_half_pairs(message)
    keys = decode_part(_keys, message)
    arn = _arn(keys.execution_arn) or _arn(keys.durable_execution_arn)
    if not arn:
        detail = decode_part(_detail, keys.detail)
        arn = _arn(detail.execution_arn)
        return _fact(arn, execution_status=_name(detail.status)) if arn else None
    return _fact(
        arn,
        operation_id=_name(keys.operation_id) or _name(keys.context_id),
        operation_name=_name(keys.operation_name) or _name(keys.context_name),
        parent_id=_name(keys.parent_id),
        attempt=_attempt(keys.attempt),
        replayed=any(value is True for value in (keys.replay, keys.is_replay, keys.is_replaying)),
    )


def _of_sdk(line: LogLine, message: str) -> DurableFact | None:
    """What a line says by which the SDK for Python tells that something failed; None if it is another's.

    Such a line names no execution: it is that of its request.
    """
    if (found := _ATTEMPT_FAILED.search(line.body)) and _is_of_sdk(message, "operation"):
        return DurableFact(operation_id=found[1], operation_name=_named(found[2]), attempt_outcome=_FAILED)
    if (found := _OPERATION_FAILED.search(line.body)) and _is_of_sdk(message, "operation"):
        return DurableFact(operation_id=found[1], operation_name=_named(found[2]), operation_status=_FAILED)
    if _EXECUTION_FAILED.match(line.body) and _is_of_sdk(message, "execution"):
        return DurableFact(execution_status=_FAILED)
    return None


def _is_of_sdk(message: str, module: str) -> bool:
    """Whether a line names a module of the SDK for Python, as its logger or in its stack trace."""
    return f"{_SDK}.{module}" in message.replace("/", ".")


def _named(name: str) -> str:
    """The name of an operation as the SDK writes it; empty if it has none."""
    return "" if (stripped := name.strip()) == _NO_NAME else stripped


def _fact(arn: str, **more: Any) -> DurableFact:
    return DurableFact(execution_arn=arn, execution_name=execution_name_in(arn), **more)


def _leave_out(line: LogLine, fact: DurableFact) -> None:
    """Takes out of the attributes what ``fact`` holds: OpenSearch would hold it twice."""
    if line.attributes is None:
        return
    held = {fact.execution_arn, fact.operation_id, fact.operation_name, fact.parent_id, fact.attempt, str(fact.attempt)} - {"", None}
    with suppress(*DECODE_ERRORS):
        members = _members.decode(line.attributes)
        names = [name for name in _KEPT_ONCE if name in members and _value(members[name]) in held]
        for name in names:
            del members[name]
        line.attributes = msgspec.Raw(_encode(members))


def _value(raw: msgspec.Raw) -> object:
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str | int) else None


def _exception_in(message: str) -> str:
    """The exception of a JSON line in Lambda's format, such as ``ValueError: no stock``; empty if it names none."""
    keys = decode_part(_exception, without_half_pairs(message))
    return ": ".join(filter(None, (as_text(keys.error_type), as_text(keys.error_message))))[:_LONGEST_EXCERPT]


def _arn(value: object) -> str:
    text = as_text(value).strip() if isinstance(value, str) else ""
    return text if is_execution_arn(text) else ""


def _name(value: object) -> str:
    return as_text(value).strip()[:_LONGEST_NAME] if isinstance(value, str) else ""


def _attempt(value: object) -> int | None:
    """The number of an attempt; loggers for Java write it as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS:
        value = int(value)
    return attempt_in(value)
