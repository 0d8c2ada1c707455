"""The stack's event sources in simulated time: its schedules and queues call the real handlers when AWS would, without anybody waiting.

Which there are, and how they are set, is read from the template. SQS is a stand-in with what the Amazon SQS developer guide says of delays,
deduplication ("Exactly-once processing": five minutes), message groups (one batch at a time) and visibility after a failure.
"""

import heapq
import itertools
import re
import time

from pipeline.local.lambda_runtime import Context
from tests.support.stack import Stack

_DEDUPLICATION = 300
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
# these fire when somebody makes a log group, or sends a message about a fault or an alarm
_BY_OTHERS = {"NewLogGroup"}


class StackTime:
    """A stack whose time a test lets pass.

    Args:
        handlers: by logical id of a function, its handler.
        parameters: those of the stack.

    Attributes:
        now: seconds since the epoch.
        fired: what called a handler: the logical id of a schedule or a queue, with the time.
        lost: queues whose messages get lost.
        failures: what handlers raised.
    """

    def __init__(self, handlers, **parameters):
        self.stack = Stack(**parameters)
        self.now = time.time()
        self.fired, self.lost, self.failures = [], set(), []
        self._handlers = handlers
        self._order = itertools.count()
        self._due = []
        self._dedup = {}
        self._queues = {f"https://sqs.eu-west-1.amazonaws.com/1/{name}{'.fifo' if about['Properties'].get('FifoQueue') else ''}": name
                        for name, about in self.stack.resources.items() if about["Type"] == "AWS::SQS::Queue"}  # fmt: skip
        self._rates = {
            name: (_seconds(about["Properties"]["ScheduleExpression"]), _function(about["Properties"]["Target"]["Arn"]))
            for name, about in self.stack.resources.items()
            if about["Type"] == "AWS::Scheduler::Schedule"
        }
        self._sources = self._event_sources()
        rules = {name for name, about in self.stack.resources.items() if about["Type"] == "AWS::Events::Rule"}
        assert rules <= _BY_OTHERS, "this knows every source of events"
        for name, (rate, _) in self._rates.items():
            self._put(self.now + rate, name, None)

    def url(self, queue):
        """The URL of a queue, by its logical id."""
        return next(url for url, name in self._queues.items() if name == queue)

    def clock(self):
        """Seconds since the epoch."""
        return self.now

    def send_message(self, QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId):  # noqa: N803
        """As boto3's `sqs`, for a FIFO queue: a second message of an id is taken for the first one."""
        sent = self._dedup.get((QueueUrl, MessageDeduplicationId))
        if sent is None or self.now - sent >= _DEDUPLICATION:
            self._dedup[QueueUrl, MessageDeduplicationId] = self.now
            self._send(QueueUrl, MessageBody, self._about(QueueUrl)["DelaySeconds"])

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803
        """As boto3's `sqs`."""
        for entry in Entries:
            self._send(QueueUrl, entry["MessageBody"], entry.get("DelaySeconds", self._about(QueueUrl).get("DelaySeconds", 0)))
        return {}

    def call(self, function, event):
        """Calls a function now, as whoever sends it events does."""
        return self._handlers[function](event, Context("52fdfc07-2182-454f-963f-5f0f9a621d72", time.time() + 60))

    def pass_(self, seconds):
        """Lets time pass, and everything fire that is due."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            at, _, source, body = heapq.heappop(self._due)
            self.now = max(self.now, at)
            if body is None:
                self._fire_schedule(source)
            else:
                self._deliver(source, body)
        self.now = end

    def _fire_schedule(self, name):
        rate, function = self._rates[name]
        self._put(self.now + rate, name, None)
        self._invoke(name, function, {})

    def _deliver(self, url, body):
        name = self._queues[url]
        record = {"messageId": f"m{next(self._order)}", "body": body, "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": "1"},
                  "messageAttributes": {}, "receiptHandle": "r", "md5OfBody": "", "awsRegion": "eu-west-1",
                  "eventSourceARN": f"arn:aws:sqs:eu-west-1:1:{url.rpartition('/')[2]}"}  # fmt: skip
        answer, failed = self._invoke(name, self._sources[name], {"Records": [record]})
        if failed or (answer or {}).get("batchItemFailures"):
            self._put(self.now + self._about(url)["VisibilityTimeout"], url, body)

    def _invoke(self, name, function, event):
        self.fired.append((name, self.now))
        try:
            return self.call(function, event), False
        except Exception as error:  # noqa: BLE001  # Lambda takes any
            self.failures.append(error)
            return None, True

    def _send(self, url, body, delay):
        if self._queues[url] not in self.lost and self._queues[url] in self._sources:
            self._put(self.now + delay, url, body)

    def _put(self, at, source, body):
        heapq.heappush(self._due, (at, next(self._order), source, body))

    def _about(self, url):
        return self.stack.resources[self._queues[url]]["Properties"]

    def _event_sources(self):
        """The function behind each queue."""
        found = {_name(about["Properties"]["EventSourceArn"]): _function(about["Properties"]["FunctionName"])
                 for about in self.stack.resources.values() if about["Type"] == "AWS::Lambda::EventSourceMapping"}  # fmt: skip
        for name, about in self.stack.resources.items():
            for source in about["Properties"].get("Events", {}).values():
                assert source["Type"] == "SQS"
                found[_name(source["Properties"]["Queue"])] = name
        return found


def _seconds(rate):
    number, unit = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", rate).groups()
    return int(number) * _UNITS[unit]


def _name(reference):
    """The logical id in what the evaluated template has for a Ref or a GetAtt."""
    return reference.strip("<>").removesuffix(".Arn")


_function = _name
