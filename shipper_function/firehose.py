"""Firehose: what a Lambda transformation of a Firehose stream must return."""

from typing import Any


def is_firehose(event: dict[str, Any]) -> bool:
    """Whether ``event`` is a Firehose stream's request for a transformation."""
    return "deliveryStreamArn" in event


def unchanged_records(event: dict[str, Any]) -> dict[str, Any]:
    """The response that hands every record on as it came, so that the stream's own destination gets all of them.

    Source: Amazon Data Firehose developer guide, "Required parameters for data transformation".
    """
    return {"records": [{"recordId": record["recordId"], "result": "Ok", "data": record["data"]} for record in event["records"]]}
