"""A batch of hints: what comes again, and what never will be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UnavailableError
from pipeline.hint_queue import Hint
from shipper_function import hint_batch as hints_module
from tests.support.handlers import SETTINGS, FakeQueue, FakeResolver, failed, metrics_of, record, trace_id

SECRET = "the-payload-of-a-customer"


class FakeDeadLetters:
    """Keeps what was put aside; refuses where it is told to."""

    def __init__(self, failure=None):
        self.aside = []
        self.failure = failure

    def put_aside(self, bodies, reasons):
        if self.failure:
            raise self.failure
        self.aside += zip(bodies, reasons, strict=True)


def test_of_two_hints_for_one_trace_the_newer_line_counts(resolve):
    """A new line's trace is looked at as often as any other's, though an older hint of it is at its end."""
    queue = FakeQueue()
    records = [record(0, ids=[trace_id(0)], attempt=2), record(1, ids=[trace_id(0)], attempt=0)]
    resolve(records, FakeResolver(unsettled=[trace_id(0)]), queue)
    assert {(ids, attempt) for ids, attempt, _ in queue.sent} == {((trace_id(0),), 1)}


@pytest.mark.parametrize("body", ["", "no hint", '{"traceIds":"x"}', "null", f'{{"{SECRET}":1}}', f'"{SECRET}"'])
def test_what_is_no_hint_is_acknowledged_and_counted_and_never_quoted(resolve, capsys, caplog, body):
    """It would come back for ever; its neighbour is resolved, and the log names the message, not its content."""
    resolver = FakeResolver()
    assert failed(resolve([record(0, body=body), record(1, ids=[trace_id(1)])], resolver)) == []
    assert resolver.asked == [(trace_id(1),)]
    assert metrics_of(capsys.readouterr().out)["bad_hints"] == [1]
    assert [logged.messageId for logged in caplog.records] == ["m0"]
    assert SECRET not in str([vars(logged) for logged in caplog.records])


def test_what_is_no_hint_is_put_aside_at_once_with_its_reason(resolve):
    """It is kept as it came for somebody to look at, and never tried again; its neighbour is resolved."""
    dead_letters, resolver = FakeDeadLetters(), FakeResolver()
    assert failed(resolve([record(0, body="no hint"), record(1, ids=[trace_id(1)])], resolver, dead_letters=dead_letters)) == []
    ((body, reason),) = dead_letters.aside
    assert (body, resolver.asked) == ("no hint", [(trace_id(1),)])
    assert reason.startswith("the message is no hint")


def test_what_could_not_be_put_aside_comes_again(resolve):
    """It is lost at no time: SQS keeps it, and moves it to the dead letters itself after a few more tries."""
    away = FakeDeadLetters(UnavailableError("SQS does not take messages"))
    assert failed(resolve([record(0, body="no hint"), record(1, ids=[trace_id(1)])], FakeResolver(), dead_letters=away)) == ["m0"]


@given(hints=st.lists(st.builds(Hint, st.lists(st.integers(0, 8).map(trace_id), max_size=5).map(tuple), st.integers(0, 4)), max_size=6))
def test_every_open_trace_is_sent_once_or_was_at_its_end(hints):
    """Whatever the hints overlap in: no trace goes out twice, none is forgotten before its last delay, none starts anew."""
    queue, original = FakeQueue(), hints_module.queue
    hints_module.queue = lambda settings: queue
    try:
        open_ = list(dict.fromkeys(id_ for hint in hints for id_ in hint.trace_ids))
        hints_module.send_again(open_, hints, SETTINGS)
    finally:
        hints_module.queue = original
    first = {id_: min(hint.attempt for hint in hints if id_ in hint.trace_ids) for id_ in open_}
    sent = {id_: attempt for ids, attempt, _ in queue.sent for id_ in ids}
    assert sum(len(ids) for ids, _, _ in queue.sent) == len(sent)
    assert sent == {id_: attempt + 1 for id_, attempt in first.items() if attempt + 1 < len(SETTINGS.lookup_delays)}
    assert all(delay == SETTINGS.lookup_delays[attempt] for _, attempt, delay in queue.sent)
