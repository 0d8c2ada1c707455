"""Firehose: what a Lambda transformation of a Firehose stream must return."""

from collections.abc import Mapping
from typing import Any


def is_firehose(event: Mapping[str, Any]) -> bool:
    """Whether ``event`` is a Firehose stream's request for a transformation."""
    return "deliveryStreamArn" in event


def unchanged_records(event: Mapping[str, Any]) -> dict[str, Any]:
    """The response that hands every record on as it came, so that the stream's own destination gets all of them.

    What has no `recordId` is no record, and Firehose waits for none.

    Source: Amazon Data Firehose developer guide, "Required parameters for data transformation".
    """
    records = event.get("records")
    known = [record for record in records if isinstance(record, Mapping) and "recordId" in record] if isinstance(records, list) else []
    return {"records": [{"recordId": record["recordId"], "result": "Ok", "data": record.get("data", "")} for record in known]}
