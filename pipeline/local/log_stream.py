"""A stream of CloudWatch Logs, whoever writes it, and what a subscribed function gets of it."""

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
    """The log events of one stream."""

    group: str
    name: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def write(self, message: str) -> None:
        """Adds an event, now."""
        self.events.append({"id": str(next(_event_ids)), "timestamp": int(time.time() * 1000), "message": message})

    def subscription_event(self) -> dict[str, Any]:
        """The stream's events as CloudWatch Logs would hand them to a subscribed Lambda function."""
        document = {"messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": self.group, "logStream": self.name,
                    "subscriptionFilters": ["tracejoin"], "logEvents": self.events}  # fmt: skip
        return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()}}
