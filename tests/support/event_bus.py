"""Records of an EventBridge event bus' log for tests, as its user guide documents them."""

import json
from typing import Any

EVENT = "b95ee2d0-5e1b-4ad2-9d62-0f1c6a7e3f11"
PUT = "3f7c1fd0-9a0b-4d52-8a8e-2f0a3b1c9d22"
TARGET = "arn:aws:lambda:eu-west-1:123456789012:function:pay"


def record(step: str, **more: Any) -> str:
    """The record of one step in the delivery of an event."""
    return json.dumps({
        "resource_arn": "arn:aws:events:eu-west-1:123456789012:event-bus/orders-bus", "message_timestamp_ms": 1763978400000,
        "event_id": EVENT, "request_id": PUT, "message_type": step, "log_level": "INFO", "details": {},
        **more,
    })  # fmt: skip
