"""Firehose's side of ship: what a transformation of a Firehose stream must return."""

from typing import Any


def is_firehose(event: dict[str, Any]) -> bool:
    """Whether a Firehose stream asks for a transformation."""
    return "deliveryStreamArn" in event


def handed_on(event: dict[str, Any]) -> dict[str, Any]:
    """Every record as it came, so that the stream's own destination gets all of them.

    Source: Amazon Data Firehose developer guide, "Required parameters for data transformation".
    """
    return {"records": [{"recordId": record["recordId"], "result": "Ok", "data": record["data"]} for record in event["records"]]}
