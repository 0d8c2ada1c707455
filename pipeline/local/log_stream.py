"""Log stream: a log stream of CloudWatch Logs, and the event that a subscribed function gets from it."""

import base64
import gzip
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.local.environment import ACCOUNT

_event_ids: Final = itertools.count(39_000_000_000_000_000_000 * 10**36)


@dataclass(slots=True)
class LogStream:
    """The log events of one log stream."""

    group: str
    name: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def write(self, message: str) -> None:
        """Adds a log event with the time of now."""
        self.events.append({"id": str(next(_event_ids)), "timestamp": int(time.time() * 1000), "message": message})

    def subscription_event(self) -> dict[str, Any]:
        """The event with these log events that CloudWatch Logs would send to a subscribed Lambda function."""
        document = {"messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": self.group, "logStream": self.name,
                    "subscriptionFilters": ["tracejoin"], "logEvents": self.events}  # fmt: skip
        return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()}}
