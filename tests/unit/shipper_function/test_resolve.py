"""The resolve function as Lambda calls it."""

import pytest

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.local.lambda_runtime import Context
from shipper_function import resolve as resolve_module
from tests.support.handlers import FakeQueue, FakeResolver, failed, record, trace_id


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
