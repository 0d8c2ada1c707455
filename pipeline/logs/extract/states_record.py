"""States record: reads a line of a state machine's log: one event in the history of a Step Functions execution.

Sources: AWS Step Functions developer guide, "Using CloudWatch Logs to log execution history" (id, type, details, previous_event_id,
event_timestamp, execution_arn, redrive_count); API reference, "HistoryEvent" (the types and their details). The execution's ARN is a
correlation id: it joins the history to whatever logs it.
"""

from typing import Any, Final

import msgspec

from pipeline.logs.extract.json_keys import decode_part
from pipeline.logs.extract.log_line import JsonLine, StatesLine
from pipeline.model.facts import Signal
from pipeline.model.json_values import as_text

_LONGEST_NAME: Final = 256
_LONGEST_CAUSE: Final = 500
# arn:aws:states:REGION:ACCOUNT:execution:STATE-MACHINE:NAME; of an express one `express`, and an id at the end
_STATE_MACHINE: Final = 6
_SERVICE: Final = "states"
_FAILED: Final = ("Failed", "TimedOut")
_OF_EXECUTION: Final = "Execution"


class _Record(msgspec.Struct, gc=False):
    type: Any = None
    execution_arn: Any = None
    details: msgspec.Raw = msgspec.Raw()


class _Details(msgspec.Struct, gc=False):
    name: Any = None
    resource: Any = None
    resource_type: Any = msgspec.field(name="resourceType", default=None)
    error: Any = None
    cause: Any = None


_record = msgspec.json.Decoder(_Record)
_details = msgspec.json.Decoder(_Details)


def read_states_record(line: JsonLine, message: str) -> StatesLine | None:
    """The line of a state machine's log that the JSON ``message`` is, made of ``line``, which was read from it; None if it is another's."""
    record = decode_part(_record, message)
    event, arn = as_text(record.type), as_text(record.execution_arn)
    parts = arn.split(":")
    if not event or len(parts) <= _STATE_MACHINE or parts[2] != _SERVICE:
        return None
    read = StatesLine(event_name=f"states.{event}"[:_LONGEST_NAME], service_name=parts[_STATE_MACHINE][:_LONGEST_NAME],
                      attributes=line.attributes)  # fmt: skip
    # an express execution's is longer than other correlation ids
    read.correlation_ids = tuple(dict.fromkeys((*([arn] if len(arn) <= _LONGEST_NAME else []), *line.correlation_ids)))
    read.propagated_trace_ids = line.propagated_trace_ids
    read.body = _body(event, decode_part(_details, record.details))
    read.signals = _signals(event)
    return read


def _body(event: str, details: _Details) -> str:
    """An event in words, such as "TaskFailed lambda invoke — ValueError: no lines"."""
    resource = " ".join(filter(None, (as_text(details.resource_type), as_text(details.resource))))
    failure = ": ".join(filter(None, (as_text(details.error), as_text(details.cause)[:_LONGEST_CAUSE])))
    return " ".join(filter(None, (event, as_text(details.name), resource))) + (f" — {failure}" if failure else "")


def _signals(event: str) -> tuple[Signal, ...]:
    if not event.endswith(_FAILED):
        return ()
    # a state that failed may be retried or caught; an execution is not
    return ("error", "state-machine-failed") if event.startswith(_OF_EXECUTION) else ("error",)
