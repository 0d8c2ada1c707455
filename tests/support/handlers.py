"""What Lambda's handlers get in tests: queues and resolvers that keep what they are told."""

import json

from pipeline.errors import BadInputError
from pipeline.resolution import Resolution
from pipeline.settings import Settings

SETTINGS = Settings(queue_url="https://sqs.example/q", lookup_delays=(10, 30, 120))


def trace_id(number):
    """A canonical trace id."""
    return f"{number + 1:032x}"


class FakeQueue:
    """Keeps what was sent; refuses where it is told to."""

    def __init__(self, failure=None):
        self.sent = []
        self.failure = failure

    def send(self, trace_ids, *, attempt, delay, lines=None):
        if self.failure:
            raise self.failure
        self.sent.append((tuple(trace_ids), attempt, delay))


class FakeResolver:
    """Leaves ``unsettled`` open, refuses what is ``bad``, and is away where it has a failure."""

    def __init__(self, unsettled=(), bad=(), failure=None):
        self.asked = []
        self.swept = []
        self.unsettled, self.bad, self.failure = unsettled, bad, failure

    def resolve(self, trace_ids, total, held):
        self.asked.append(tuple(trace_ids))
        if self.failure:
            raise self.failure
        if set(trace_ids) & set(self.bad):
            raise BadInputError("OpenSearch did not take a trace")
        left = tuple(id_ for id_ in dict.fromkeys(trace_ids) if id_ in self.unsettled)
        total.settled, total.unsettled, total.calls = len(trace_ids) - len(left), left, 1

    def sweep(self, *, min_age, go_on):
        assert go_on()
        self.swept.append(min_age)
        return Resolution(settled=7)


def record(number, *, ids=(), attempt=0, body=None, received=1):
    """An SQS record as Lambda hands it over."""
    text = json.dumps({"traceIds": list(ids), "attempt": attempt}) if body is None else body
    return {"messageId": f"m{number}", "body": text, "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": str(received)}}


def failed(answer):
    """The message ids that SQS keeps."""
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def metrics_of(text):
    """The embedded metrics that a handler printed."""
    return next(json.loads(line) for line in text.splitlines() if '"_aws"' in line)
