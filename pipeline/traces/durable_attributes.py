"""Durable attributes: what the attributes of a span say of a durable execution of Lambda.

Source: the OpenTelemetry plugin of `aws-durable-execution-sdk-python` 2.0.0 (`execution_plugin.py`, `invocation_plugin.py`), whose names
those for Node.js and Java share. X-Ray may show them as annotations, whose keys have no dots.
"""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.model.durable import DurableFact, attempt_in, execution_name_in, is_execution_arn
from pipeline.model.json_values import as_text
from pipeline.traces.segment import LONGEST_NAME

_EXECUTION: Final = ("durable.execution.arn", "durable_execution_arn")


def durable_in(attributes: Mapping[str, Any]) -> DurableFact | None:
    """Gives what the attributes of a span, or of the segment that X-Ray made of it, say; None where they name no execution."""
    if not any(name in attributes for name in _EXECUTION):
        return None
    attributes = {name.replace("_", "."): value for name, value in attributes.items() if name.startswith("durable")}
    arn = as_text(attributes.get("durable.execution.arn"))
    if not is_execution_arn(arn):
        return None
    first = attributes.get("durable.invocation.first")
    return DurableFact(
        execution_arn=arn,
        execution_name=execution_name_in(arn),
        execution_status=_text(attributes, "durable.execution.status"),
        invocation_status=_text(attributes, "durable.invocation.status"),
        first_invocation=first if isinstance(first, bool) else None,
        operation_id=_text(attributes, "durable.operation.id"),
        operation_name=_text(attributes, "durable.operation.name"),
        operation_type=_text(attributes, "durable.operation.type"),
        operation_status=_text(attributes, "durable.operation.status"),
        attempt=attempt_in(attributes.get("durable.attempt.number")),
        attempt_outcome=_text(attributes, "durable.attempt.outcome"),
    )


def _text(attributes: Mapping[str, Any], name: str) -> str:
    return as_text(attributes.get(name))[:LONGEST_NAME]
