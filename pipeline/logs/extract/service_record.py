"""Service record: reads a JSON line of a service that writes one record for each of its steps: EventBridge, Step Functions."""

from pipeline.logs.extract.event_bus_record import read_event_bus_record
from pipeline.logs.extract.log_line import JsonLine
from pipeline.logs.extract.states_record import read_states_record


def read_service_record(line: JsonLine, message: str) -> JsonLine | None:
    """The service's line that the JSON ``message`` is, made of ``line``, which was read from it; None if it is no service's."""
    return read_event_bus_record(line, message) or read_states_record(line, message)
