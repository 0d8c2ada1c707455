"""CloudWatch Logs as its API reference describes it: pages that may be empty, tokens, throttling; and the subscriptions of the same events."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from pipeline.logs.decode import decode_event
from tests.support.http_server import Answer, HttpServer, Request

ACCOUNT = "123456789012"
_MOST = 32 * 1024 * 1024


class CloudWatchLogs:
    """A server of the calls that a backfill makes.

    Args:
        deliveries: subscription events, whose log events it holds with the same ids.
        page: the most events a page; every third page is empty, as the API may answer.
        throttle_each: every so many calls one is throttled; 0 for never.
        called: is told the number of each call of FilterLogEvents before it is answered.
    """

    def __init__(
        self, deliveries: list[Any], *, page: int = 10_000, throttle_each: int = 0, called: Callable[[int], None] = lambda _: None
    ):
        self.groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for delivery in deliveries:
            for batch in decode_event(delivery, max_bytes=_MOST).batches:
                self.groups[batch.log_group] += [
                    {"eventId": event.id, "timestamp": event.timestamp, "message": event.message, "logStreamName": batch.log_stream}
                    for event in batch.events
                ]
        self.tags: dict[str, dict[str, str]] = {}
        self.page, self.throttle_each, self.called = page, throttle_each, called
        self.calls, self.throttled, self.denied = 0, 0, False
        self.asked: list[dict[str, Any]] = []
        self.expired: set[str] = set()
        self._lock = threading.Lock()
        self._server = HttpServer(self._answer)
        self.endpoint = self._server.endpoint

    def __enter__(self):
        self._server.__enter__()
        return self

    def __exit__(self, *error):
        self._server.__exit__(*error)

    def _answer(self, request: Request) -> Answer:
        operation = request.headers["x-amz-target"].partition(".")[2]
        return getattr(self, f"_{operation}")(json.loads(request.body))

    def _DescribeLogGroups(self, asked):  # noqa: N802
        start = asked.get("logGroupNamePrefix", "")
        return 200, {"logGroups": [self._log_group(name) for name in sorted(self.groups) if name.startswith(start)]}

    def _log_group(self, name):
        events = self.groups[name]
        return {"logGroupName": name, "arn": f"{_arn(name)}:*", "retentionInDays": 30, "storedBytes": 100 * len(events),
                "creationTime": min((event["timestamp"] for event in events), default=0)}  # fmt: skip

    def _GetResources(self, asked):  # noqa: N802
        key = asked["TagFilters"][0]["Key"]
        found = [{"ResourceARN": _arn(name), "Tags": [{"Key": key, "Value": tags[key]}]} for name, tags in self.tags.items() if key in tags]
        return 200, {"ResourceTagMappingList": found}

    def _DescribeLogStreams(self, asked):  # noqa: N802
        names = sorted({event["logStreamName"] for event in self.groups[_name(asked)]})
        return 200, {"logStreams": [{"logStreamName": name} for name in names if name.startswith(asked.get("logStreamNamePrefix", ""))]}

    def _FilterLogEvents(self, asked):  # noqa: N802
        with self._lock:
            self.calls += 1
            number = self.calls
        self.called(number)
        if self.denied:
            return 400, {"__type": "AccessDeniedException", "message": "not authorized"}
        if self.throttle_each and number % self.throttle_each == 0:
            self.throttled += 1
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        token = asked.get("nextToken", "")
        if token in self.expired:
            self.expired.remove(token)
            return 400, {"__type": "InvalidParameterException", "message": "The specified nextToken is invalid."}
        self.asked.append(asked)
        found = sorted((event for event in self.groups[_name(asked)] if asked["startTime"] <= event["timestamp"] <= asked["endTime"]
                        and asked.get("filterPattern", "") in event["message"]), key=lambda event: event["timestamp"])  # fmt: skip
        at, count = map(int, token.split("/")) if token else (0, 1)
        events = [] if count % 3 == 0 else found[at : at + self.page]
        at += len(events)
        return 200, {"events": events, "searchedLogStreams": []} | ({"nextToken": f"{at}/{count + 1}"} if at < len(found) else {})


def _name(asked):
    return asked.get("logGroupName") or asked["logGroupIdentifier"].partition(":log-group:")[2]


def _arn(name):
    return f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{name}"
