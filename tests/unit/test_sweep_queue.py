"""The messages that ask for sweeps: how long they wait, which of several counts, and what is no such message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sweep_queue import MOST_ROUNDS, PERIOD, SOON, SweepQueue, SweepRequest


class Fifo:
    """A client of SQS that keeps what is sent within a period, each deduplication id once."""

    def __init__(self):
        self.sent = {}

    def send_message(self, QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId):  # noqa: N803
        """As boto3's `sqs`."""
        assert (QueueUrl, MessageGroupId) == ("u", "sweep")
        self.sent.setdefault(MessageDeduplicationId, MessageBody)


def queue(fifo, now=0.0):
    """A queue of this client."""
    return SweepQueue(fifo, "u", lambda: now)


def rounds_until(left):
    """How often a message goes through the queue until the sweep after so many that left work."""
    fifo, rounds, due = Fifo(), 1, None
    queue(fifo).ask_again(left)
    while due is None:
        (body,) = fifo.sent.values()
        fifo.sent.clear()
        due = queue(fifo).due([body])
        rounds += due is None
    assert fifo.sent == {}
    assert due.left == min(left, SOON + 3)
    return rounds


def test_the_wait_doubles_to_its_bound():
    """Soon at first, then two, four and seven rounds, for ever."""
    assert [rounds_until(left) for left in range(1, SOON + 6)] == [*[1] * SOON, 2, 4, *[MOST_ROUNDS] * 3]


def test_new_work_waits_for_nothing():
    """In the same period and the same batch, too: no message is taken for another one, and the sweep counts from the beginning."""
    fifo = Fifo()
    queue(fifo).ask_again(100)
    queue(fifo).ask()
    queue(fifo).ask_again(1)
    assert len(fifo.sent) == 3
    assert queue(Fifo()).due(fifo.sent.values()) == SweepRequest()


def test_those_that_have_waited_equally_long_become_one():
    """Two that meet in a period; a later period has its own."""
    fifo = Fifo()
    for now in (0, PERIOD - 1, PERIOD):
        queue(fifo, now).ask_again(100)
    assert len(fifo.sent) == 2


def test_of_several_that_wait_the_first_one_is_kept():
    """One message goes on, for the sweep that is due first."""
    fifo = Fifo()
    assert queue(fifo).due(['{"left":9,"rounds":6}', '{"left":8,"rounds":2}', '{"left":9,"rounds":3}']) is None
    assert [json.loads(body) for body in fifo.sent.values()] == [{"left": 8, "rounds": 1}]


@pytest.mark.parametrize("body", ["sweep", "", "null", "[]", '{"left": -1}', '{"rounds": 7}', '{"left": 1, "rounds": "many"}',
                                  '{"left": 1000000, "rounds": 1}', "[" * 100_000, "\ud800"])  # fmt: skip
def test_what_is_no_such_message_asks_for_a_sweep(body):
    """Nobody can have the sweep wait longer than an hour."""
    assert queue(Fifo()).due([body]) == SweepRequest()


@given(st.lists(st.text(max_size=40) | st.builds(lambda left, rounds: json.dumps({"left": left, "rounds": rounds}),
                                                 st.integers(-1, 20), st.integers(-1, 9)), min_size=1, max_size=10))  # fmt: skip
def test_any_messages_end_in_a_sweep(bodies):
    """Whatever comes, a sweep follows after seven rounds at most, and no more than one message waits for it."""
    fifo = Fifo()
    due = queue(fifo).due(bodies)
    for _ in range(MOST_ROUNDS - 1):
        if due is None:
            (body,) = fifo.sent.values()
            fifo.sent.clear()
            due = queue(fifo).due([body])
    assert due is not None
    assert fifo.sent == {}
