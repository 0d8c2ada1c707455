"""Event bus record: reads a line of the log of an EventBridge event bus: one step in the delivery of one event.

Source: Amazon EventBridge user guide, "Amazon EventBridge event bus log schema". The record names the PutEvents request and the event. The
first joins it to the trace whose span called PutEvents; the second, as a correlation id, joins that trace to those of the targets, whose
lines name the event.
"""

from typing import Any, Final

import msgspec

from pipeline.logs.extract.json_keys import decode_part
from pipeline.logs.extract.log_line import EventBusLine, JsonLine
from pipeline.logs.extract.severity import read_severity
from pipeline.model.json_values import as_text
from pipeline.model.trace_ids import parse_correlation_id, parse_request_id

_key = msgspec.field
_LONGEST_NAME: Final = 256
_LONGEST_ERROR: Final = 500
_BUS: Final = ":event-bus/"
# the event or the target is given up: a failure that is retried is none yet
_FAILED: Final = frozenset({"EVENT_INGEST_FAILURE", "INVOCATION_ATTEMPT_PERMANENT_FAILURE", "INVOCATION_FAILURE", "INVOCATION_DLQ"})


class _Details(msgspec.Struct, gc=False):
    source: Any = None
    detail_type: Any = None
    target_arn: Any = None


class _Error(msgspec.Struct, gc=False):
    error_message: Any = None
    aws_service: Any = None
    request_id: Any = None


class _Record(msgspec.Struct, gc=False):
    resource_arn: Any = None
    request_id: Any = None
    event_id: Any = None
    message_type: Any = None
    log_level: Any = None
    details: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_record = msgspec.json.Decoder(_Record)
_details = msgspec.json.Decoder(_Details)
_error = msgspec.json.Decoder(_Error)


def read_event_bus_record(line: JsonLine, message: str) -> EventBusLine | None:
    """The line of an event bus' log that the JSON ``message`` is, made of ``line``, which was read from it; None if it is another's."""
    record = decode_part(_record, message)
    step, bus = as_text(record.message_type), as_text(record.resource_arn).partition(_BUS)[2]
    event_id = parse_correlation_id(as_text(record.event_id))
    if not (step and bus):
        return None
    details, error = decode_part(_details, record.details), decode_part(_error, record.error)
    read = EventBusLine(event_name=f"eventbridge.{step}"[:_LONGEST_NAME], service_name=bus[:_LONGEST_NAME], attributes=line.attributes)
    read.body = _body(step, details, error)
    read.request_id = parse_request_id(as_text(record.request_id))
    read.integration_request_id = parse_request_id(as_text(error.request_id))
    read.correlation_ids = tuple(dict.fromkeys((*([event_id] if event_id else []), *line.correlation_ids)))
    level = as_text(record.log_level)
    read.severity = read_severity(level) if level else None
    read.signals = ("error",) if step in _FAILED else ()
    read.propagated_trace_ids = line.propagated_trace_ids
    return read


def _body(step: str, details: _Details, error: _Error) -> str:
    """The record in words: the step, the event's source and type or the target, and the error."""
    event = " ".join(filter(None, (as_text(details.source), as_text(details.detail_type).strip())))
    target = as_text(details.target_arn)
    words = [step, event, f"→ {target}" if target else ""]
    failure = ": ".join(filter(None, (as_text(error.aws_service), as_text(error.error_message)[:_LONGEST_ERROR])))
    return " ".join(filter(None, words)) + (f" — {failure}" if failure else "")
