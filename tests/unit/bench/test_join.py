"""The bench of the join: what it stands on. That it runs as a whole, CI's stage shows."""

import random

import pytest

from bench.join.functions import Functions
from bench.join.growth import Growth
from bench.join.meters import Cost
from bench.join.shapes import bare_lines, events_of, large_trace
from bench.join.table import Row, print_table
from bench.join.workload import LINES, SPANS, invocations, log_event, message_bytes
from pipeline.logs.decode import decode_event

BEGAN = 1_796_000_000.0
MESSAGE_BYTES = 429
MAX_BYTES = 1 << 25


def segments_in(documents):
    """How many segments and subsegments there are in these documents."""
    return sum(1 + segments_in(document.get("subsegments", ())) for document in documents)


def test_the_workload_is_what_the_table_says():
    """Ten lines of 429 bytes on average and ten spans an invocation, the same each time, and no id twice."""
    made = invocations(0, 200, BEGAN)
    assert made == invocations(0, 200, BEGAN)
    assert {len(each.messages()) for each in made} == {LINES}
    assert {segments_in(each.segments()) for each in made} == {SPANS}
    assert abs(message_bytes(made) - MESSAGE_BYTES) < 1
    assert len({each.trace_id for each in made} | {each.request_id for each in made}) == 2 * len(made)


def test_a_batch_holds_whole_invocations_in_order():
    """What ship gets is what CloudWatch Logs sends: every line once, ids and times ascending."""
    made = invocations(30, 10, BEGAN)
    (batch,) = decode_event(log_event(made), max_bytes=MAX_BYTES).batches
    assert [event.message for event in batch.events] == [message for each in made for message in each.messages()]
    assert [event.id for event in batch.events] == sorted({event.id for event in batch.events})


@pytest.mark.parametrize("count", [2, 10, 51, 1000])
def test_a_large_trace_has_as_many_segments_as_asked_for(count):
    """The unit that growth is told by is counted right."""
    assert segments_in(large_trace(random.Random(1), BEGAN, 10).segments(count)) == count


def test_a_stream_of_bare_lines_goes_on_where_it_ended():
    """Later lines of a stream follow the earlier ones: their ids and times go on, and are not stored as duplicates."""
    traces = [large_trace(random.Random(number), BEGAN, 1) for number in range(3)]
    messages = bare_lines(traces)
    events = [*events_of("s", BEGAN, messages), *events_of("s", BEGAN, ["late"], len(messages))]
    first, late = (decode_event(event, max_bytes=MAX_BYTES).batches[0].events for event in events)
    assert len(first) == len(messages)
    assert late[0].timestamp > first[-1].timestamp


def test_the_queue_takes_no_more_than_sqs():
    """A hint that SQS would refuse fails the bench, too."""
    functions = Functions()
    functions.send_message_batch(Entries=[{"Id": "0", "MessageBody": "a" * 1000}])
    assert len(functions.waiting) == 1
    with pytest.raises(ValueError, match="1 MiB"):
        functions.send_message_batch(Entries=[{"Id": "0", "MessageBody": "a" * (1 << 20)}, {"Id": "1", "MessageBody": "a"}])


def test_a_measure_is_missed_beyond_the_slack_alone(capsys):
    """The gate lets noise through, but not a fifth more than the target, nor anything where the target is none at all."""
    rows = [Row("a", 2.3, 1, "cpu over final"), Row("b", 2.5, 1, "cpu over final"), Row("c", 0.01, 0, "refreshes"), Row("d", 99)]
    assert [row.missed for row in rows] == [False, True, True, False]
    print_table(rows)
    assert capsys.readouterr().out.count("over") == 2


def test_a_count_that_grows_is_seen_and_no_time():
    """CI's gate: what was reached counts where it is not the target yet, and other work on the machine does not."""
    rows = [
        Row("a", 99, 1, "cpu over final"),
        Row("b", 8, 1, "resolve requests"),
        Row("c", 9, 1, "resolve requests"),
        Row("d", 40, 1, "gets"),
    ]
    assert [row.has_grown for row in rows] == [False, False, True, True]


def test_a_unit_grows_dearer_by_whichever_cost_grows_more():
    """A case that costs OpenSearch the same, but us three times as much, is seen."""
    first = Growth("k", 10, 100, Cost(opensearch=1, own=1))
    assert Growth("k", 100, 200, Cost(opensearch=2, own=6)).dearer(first) == 3
