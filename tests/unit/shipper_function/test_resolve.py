"""The resolve function as Lambda calls it."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest

from pipeline.alert.dispatch import Dispatch
from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.hint_queue import Queue
from pipeline.local.lambda_runtime import Context
from pipeline.resolution import Resolution
from pipeline.sweep_queue import SweepRequest
from shipper_function import queues as queues_module
from shipper_function import resolve as resolve_module
from tests.support.handlers import SETTINGS, FakeQueue, FakeResolver, failed, record, trace_id


def test_the_traces_of_a_batch_are_looked_at_together(resolve):
    """Ten messages with one trace each make one resolve, so that five traces share a call to X-Ray."""
    resolver = FakeResolver()
    assert failed(resolve([record(n, ids=[trace_id(n)]) for n in range(10)], resolver)) == []
    assert resolver.asked == [tuple(trace_id(n) for n in range(10))]


def test_what_is_not_settled_comes_back_after_the_next_delay_until_the_last(resolve):
    """Each trace moves one delay on from its own hint; after the last delay the sweep is left to find it."""
    queue = FakeQueue()
    resolver = FakeResolver(unsettled=[trace_id(0), trace_id(1), trace_id(2)])
    resolve([record(n, ids=[trace_id(n), trace_id(n + 10)], attempt=n) for n in range(3)], resolver, queue)
    assert sorted(queue.sent) == [((trace_id(0),), 1, 30), ((trace_id(1),), 2, 120)]


@pytest.mark.parametrize("at", ["X-Ray", "SQS"])
def test_where_a_service_is_away_every_hint_comes_again_and_the_log_says_why(resolve, caplog, at):
    """Nothing is acknowledged that was not done, and an operator can read the reason; what is no hint is gone all the same."""
    away = UnavailableError(f"{at} does not answer")
    resolver = FakeResolver(failure=away) if at == "X-Ray" else FakeResolver(unsettled=[trace_id(0)])
    answer = resolve([record(n, ids=[trace_id(n)]) for n in range(3)] + [record(3, body="no hint")], resolver, FakeQueue(away))
    assert failed(answer) == ["m0", "m1", "m2"]
    assert f"{at} does not answer" in [getattr(logged, "reason", "") for logged in caplog.records]


def test_one_refused_trace_holds_only_its_own_message_back(resolve):
    """The neighbours of a trace that OpenSearch refuses are settled, message by message."""
    resolver = FakeResolver(bad=[trace_id(1)])
    assert failed(resolve([record(n, ids=[trace_id(n)]) for n in range(3)], resolver)) == ["m1"]
    assert resolver.asked[1:] == [(trace_id(0),), (trace_id(1),), (trace_id(2),)]


def full(number):
    """The ids of a full message."""
    return [trace_id(100 * number + place) for place in range(100)]


class Clock:
    """Lambda's context with a clock of its own: each resolved batch takes some seconds."""

    def __init__(self, seconds):
        self.left = seconds * 1000
        self.function_name = "f"
        self.memory_limit_in_mb = 512
        self.invoked_function_arn = "arn"
        self.aws_request_id = "r"

    def get_remaining_time_in_millis(self):
        return self.left


class SlowResolver(FakeResolver):
    """Takes ten seconds for a batch; with an ``answer`` it does something else for the batches that hold the given traces."""

    def __init__(self, clock, answers=None):
        super().__init__()
        self.clock, self.answers = clock, answers or {}

    def resolve(self, trace_ids, total, held):
        self.asked.append(tuple(trace_ids))
        self.clock.left -= 10_000
        for id_, answer in self.answers.items():
            if id_ in trace_ids:
                answer()


def test_what_there_is_no_time_for_is_handed_on(resolve):
    """Of ten full messages four are resolved within a minute; all are acknowledged, and the others come again at once as they were."""
    clock, queue = Clock(60), FakeQueue()
    resolver = SlowResolver(clock)
    assert failed(resolve([record(n, ids=full(n), attempt=2) for n in range(10)], resolver, queue, context=clock)) == []
    assert resolver.asked == [tuple(full(n)) for n in range(4)]
    assert queue.sent == [(tuple(full(n)), 2, 0) for n in range(4, 10)]


def test_what_cannot_be_handed_on_comes_again(resolve):
    """SQS is away: the messages that were resolved are done, since nothing of them is open; the others stay in the queue."""
    clock = Clock(60)
    queue = FakeQueue(UnavailableError("SQS does not take messages"))
    assert failed(resolve([record(n, ids=full(n)) for n in range(6)], SlowResolver(clock), queue, context=clock)) == ["m4", "m5"]


def test_one_batch_is_resolved_however_little_time_there_is(resolve):
    """Else a function with a short limit would hand everything on for ever."""
    clock = Clock(12)
    resolver = SlowResolver(clock)
    assert failed(resolve([record(n, ids=full(n)) for n in range(2)], resolver, context=clock)) == []
    assert len(resolver.asked) == 1


def test_a_message_that_is_too_large_is_sent_on_in_parts(resolve):
    """A mebibyte of ids is no work for one run: each goes out once, a hundred a message, and its neighbour is resolved."""
    sent = []

    class Client:
        def send_message_batch(self, QueueUrl, Entries):  # noqa: N803
            sent.extend(json.loads(entry["MessageBody"]) for entry in Entries)
            return {}

    ids = [trace_id(number) for number in range(28_000)]
    resolver = FakeResolver()
    records = [record(0, ids=[*ids, *ids[:50]], attempt=1), record(1, ids=[trace_id(28_001)])]
    assert failed(resolve(records, resolver, Queue(Client(), "https://sqs.example/q"))) == []
    assert resolver.asked == [(trace_id(28_001),)]
    assert [id_ for hint in sent for id_ in hint["traceIds"]] == ids
    assert {(hint["attempt"], len(hint["traceIds"])) for hint in sent} == {(1, 100)}


def test_what_takes_longer_than_lambda_allows_is_given_up_alone(resolve):
    """One message's trace never ends: that message fails, what came before it is done, and what comes after it is handed on."""
    queue = FakeQueue()
    clock = Clock(8.3)
    resolver = SlowResolver(clock, {trace_id(100): lambda: time.sleep(20)})
    resolver.clock = Clock(0)
    clock.get_remaining_time_in_millis = lambda: 8300 if not resolver.asked else 60_000
    began = time.monotonic()
    answer = resolve([record(n, ids=full(n)) for n in range(3)], resolver, queue, context=clock)
    assert failed(answer) == ["m1"]
    assert queue.sent == [(tuple(full(2)), 0, 0)]
    assert time.monotonic() - began < 5


def test_messages_that_failed_before_are_resolved_alone_and_last(resolve):
    """Whichever of them is to blame fails alone, until SQS moves it to the dead letters; fresh ones share a batch before them."""
    resolver = FakeResolver()
    resolve([record(n, ids=[trace_id(n)], received=1 + n % 2) for n in range(5)], resolver)
    assert resolver.asked == [(trace_id(0), trace_id(2), trace_id(4)), (trace_id(1),), (trace_id(3),)]


def test_what_was_done_before_opensearch_went_away_is_acknowledged(resolve):
    """Only the messages that it was needed for come again."""

    def away():
        raise UnavailableError("OpenSearch does not answer")

    resolver = SlowResolver(Clock(1000), {trace_id(100): away})
    assert failed(resolve([record(n, ids=full(n)) for n in range(3)], resolver)) == ["m1", "m2"]


def test_wrong_settings_fail_the_invocation(resolve):
    """They are no fault of any one message: the function's errors must show, not a queue that quietly fills."""
    with pytest.raises(MisconfiguredError):
        resolve([record(0, ids=[trace_id(0)])], FakeResolver(failure=MisconfiguredError(["TRACEJOIN_ENDPOINT is wrong"])))


def test_a_scheduled_event_sweeps(resolve):
    """The schedule's event carries no records; hints of younger lines are left to their messages."""
    resolver = FakeResolver()
    resolve([record(0)], resolver)
    assert resolve_module.handler({"source": "aws.scheduler"}, Context("52fdfc07-2182-454f-963f-5f0f9a621d72", 4e9)) is None
    assert resolver.swept == [10]


class LeavingResolver(FakeResolver):
    """Comes to ``swept`` in a sweep, and leaves work."""

    def __init__(self, swept):
        super().__init__()
        self._swept = swept

    def sweep(self, *, min_age, go_on):
        super().sweep(min_age=min_age, go_on=go_on)
        return self._swept

    def leaves_work(self, swept):
        return True


STUCK, DONE = Resolution(), Resolution(settled=7)
TOLD, NOT_TOLD = (Resolution(alerts=Dispatch(sent=1, failures=failures)) for failures in ((), ("SNS refuses",)))


@pytest.mark.parametrize(("milliseconds", "swept", "body", "asked"), [
    (50_000, STUCK, "sweep", SweepRequest(1)), (50_000, STUCK, '{"left": 3, "rounds": 0}', SweepRequest(4)),
    (50_000, STUCK, '{"left": 6, "rounds": 0}', SweepRequest(7, 1)), (50_000, STUCK, '{"left": 9, "rounds": 0}', SweepRequest(9, 6)),
    (50_000, DONE, '{"left": 9, "rounds": 0}', SweepRequest(9, 6)), (50_000, NOT_TOLD, '{"left": 9, "rounds": 0}', SweepRequest(9, 6)),
    (50_000, TOLD, '{"left": 9, "rounds": 0}', SweepRequest(1)), (19_999, DONE, '{"left": 9, "rounds": 0}', SweepRequest(1)),
    (19_999, STUCK, '{"left": 9, "rounds": 0}', SweepRequest(9, 6)),
])  # fmt: skip
def test_sweeps_wait_longer_where_nothing_moves(lambda_names, monkeypatch, milliseconds, swept, body, asked):
    """A sweep that leaves work asks for the next one: soon where there was more than one sweep does, and later each time where it is stuck."""
    sent = []
    client = SimpleNamespace(send_message=lambda **message: sent.append(message["MessageBody"]))
    settings = replace(SETTINGS, sweep_queue_url="https://sqs.example/s.fifo")
    resolver = LeavingResolver(swept)
    monkeypatch.setattr(resolve_module, "resolver", lambda: resolver)
    monkeypatch.setattr(resolve_module, "settings", lambda: settings)
    monkeypatch.setattr(queues_module, "_client", lambda _: client)
    # the resolver asks for time once, before the time is up
    times = iter([50_000])
    context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="r",
                              get_remaining_time_in_millis=lambda: next(times, milliseconds))  # fmt: skip
    queues_module.sweeps.cache_clear()
    resolve_module.handler({"Records": [record(0, body=body) | {"eventSourceARN": "arn:aws:sqs:eu-west-1:1:s.fifo"}]}, context)
    queues_module.sweeps.cache_clear()
    assert resolver.swept == [10]
    assert [msgspec.json.decode(message, type=SweepRequest) for message in sent] == [asked]
