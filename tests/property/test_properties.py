"""What holds for any input and any order."""

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.errors import BadInputError
from pipeline.logs.correlate import correlate_batch
from pipeline.logs.decode import LogBatch, LogEvent, decode_event
from pipeline.logs.extract.read_lines import extract
from pipeline.model.durable import DurableFact
from pipeline.model.facts import InvocationMarks, KeyFact, LookupFact, RequestFact, SegmentFact, SignalFact
from pipeline.model.trace_ids import parse_header, parse_trace_id, to_xray
from pipeline.model.trace_state import EMPTY, TraceState, holds, merge
from pipeline.settings import Settings
from pipeline.ship import read
from pipeline.store.log_writer import BulkItems, bodies
from pipeline.traces.xray_segments import read_document

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
KEYS = [
    "level",
    "message",
    "traceId",
    "xray_trace_id",
    "requestId",
    "correlation_id",
    "sampled",
    "record",
    "type",
    "spanId",
    "stack",
    "status",
]
lines = st.text(max_size=200) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), json_values, max_size=6).map(json.dumps)
ids = st.sampled_from([f"{number:016x}" for number in range(1, 6)])
durable = st.builds(
    DurableFact, execution_arn=st.sampled_from(["", "e", "f"]), execution_status=st.sampled_from(["", "FAILED", "SUCCEEDED"]),
    invocation_status=st.sampled_from(["", "PENDING", "FAILED"]), operation_id=st.sampled_from(["", "o"]), attempt=st.none() | st.integers(1, 2),
    operation_status=st.sampled_from(["", "FAILED", "SUCCEEDED"]), attempt_outcome=st.sampled_from(["", "FAILED", "SUCCEEDED"]),
)  # fmt: skip
segments = st.builds(
    SegmentFact, id=ids, parent_id=ids | st.just(""), name=st.sampled_from("ab"), origin=st.sampled_from(["", "AWS::Lambda", "AWS::Lambda::Function"]),
    start=st.none() | st.integers(1, 10**18), end=st.none() | st.integers(1, 10**18), in_progress=st.booleans(), fault=st.booleans(),
    error=st.booleans(), cause=st.booleans(), status=st.sampled_from([None, 200, 202, 404, 500]), subsegment=st.booleans(),
    function_error=st.sampled_from(["", "Unhandled"]), traced=st.booleans(), durable=st.none() | durable,
)  # fmt: skip
request_ids = st.sampled_from(["", "r1", "r2"])
groups = st.sampled_from(["/a", "/b"])
spots = st.lists(st.sampled_from(["1.1", "1.2", "3.1"]), max_size=2, unique=True).map(lambda found: tuple(sorted(found)))
runs = st.dictionaries(st.sampled_from(["s", "t"]), st.builds(InvocationMarks, starts=spots, ends=spots, json=st.booleans()), max_size=2)
requests = st.builds(
    RequestFact, request_id=request_ids, log_group=groups, platform=st.booleans(), segment_id=ids | st.just(""),
    sampled=st.sampled_from([None, True, False]), claimed_sampled=st.sampled_from([None, True, False]), first_at=st.integers(0, 5),
    last_at=st.integers(0, 5), elsewhere=st.booleans(), runs=runs, went_on_at=st.integers(0, 5),
).map(lambda fact: fact if fact.request_id else replace(fact, log_group="", elsewhere=False))  # fmt: skip
# a line belongs to one request for good
signals = st.builds(
    lambda number, text, durable: SignalFact(line_id=str(number), signals=("timeout", "error"), request_id=f"r{number % 3}", log_group="/a",
                                             text=text, at=number, durable=durable),
    st.integers(1, 5), st.sampled_from(["a", "b"]), st.none() | durable,
)  # fmt: skip
shown = st.builds(KeyFact, method=st.sampled_from(["correlation id", "tracing header"]), line_id=ids)
request_keys = st.builds(lambda id_, group: RequestFact(request_id=id_, log_group=group).key, request_ids, groups)
keys = st.dictionaries(st.sampled_from(["order-1", "order-2"]), st.dictionaries(request_keys, shown, min_size=1, max_size=2), max_size=2)
lookups = st.builds(LookupFact, at=st.integers(1, 5), outcome=st.sampled_from(["found", "absent", "limitExceeded", "sourceDisabled"]))
states = st.builds(
    TraceState,
    segments=st.lists(segments, max_size=4).map(lambda facts: {fact.id: fact for fact in facts}),
    requests=st.lists(requests, max_size=3).map(lambda facts: {fact.key: fact for fact in facts}),
    signals=st.lists(signals, max_size=3).map(lambda facts: {fact.line_id: fact for fact in facts}),
    lookups=st.lists(lookups, max_size=3).map(lambda facts: {str(fact.at): fact for fact in facts}),
    keys=keys,
    # more than a record keeps
    places=st.lists(st.sampled_from([f"{number:012d}:eu-west-1" for number in range(30)]), max_size=25, unique=True).map(tuple),
).map(merge)  # fmt: skip


@given(states, states, states)
def test_merge_is_a_join(one, two, three):
    """Commutative, associative, idempotent, with nothing as its neutral element: the laws that convergence rests on."""
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))
    assert merge(one, one) == merge(one, EMPTY) == merge(EMPTY, one)
    assert merge(merge(one, two), two) == merge(one, two)
    assert holds(merge(one, two), two)
    assert holds(one, two) == (merge(one, two) == one)


@given(st.lists(states, min_size=1, max_size=4))
def test_the_verdict_does_not_depend_on_order(parts):
    """Any order of arrival ends with the same verdict, and no state makes the judge raise."""
    verdicts = []
    for order in itertools.islice(itertools.permutations(parts), 6):
        whole = EMPTY
        for part in order:
            whole = merge(whole, part)
        verdicts.append(evaluate(whole, rules=default_rules(), give_up_after_ms=3))
    assert all(verdict == verdicts[0] for verdict in verdicts)


@given(st.from_regex(r"[0-9a-f]{32}", fullmatch=True).filter(lambda id_: set(id_) != {"0"}), st.booleans())
def test_ids_round_trip(id_, sampled):
    """An id survives each of its renderings."""
    assert parse_trace_id(to_xray(id_)) == parse_trace_id(id_.upper()) == id_
    assert parse_header(f"Sampled={int(sampled)};Root={to_xray(id_)}").trace_id == id_


@given(st.lists(lines, max_size=8))
def test_no_line_raises_and_no_line_breaks_the_body(messages):
    """Whatever the lines hold, the bulk body has two lines of valid JSON for each, and the addresses are the batch's alone."""
    batch = LogBatch(
        "DATA_MESSAGE",
        "1",
        "g",
        "s",
        [LogEvent(str(number), number, message) for number, message in enumerate(messages)],
    )
    items = read(batch, Settings())
    for run, body in bodies(items):
        from isal import igzip

        rows = igzip.decompress(body).decode().split("\n")
        assert len(rows) == 2 * len(run) + 1
        actions = [json.loads(row)["create"] for row in rows[:-1:2]]
        assert {action["_index"] for action in actions} == {"tracejoin-logs-1970.01.01"}
        assert [json.loads(row)["eventId"] for row in rows[1::2]] == [line.event_id for _, line in run]


@given(st.lists(lines, max_size=8))
def test_attribution_never_loses_a_line(messages):
    """Every line ends with a word on how it got its trace or its request, and only a line with a trace has one that says how it got that."""
    found = [extract(message) for message in messages]
    correlate_batch(found)
    assert all(line.id_source in ({"none", "stream"} if line.trace_id is None else {"inline", "request", "stream"}) for line in found)


@given(json_values | st.fixed_dictionaries({"awslogs": st.fixed_dictionaries({"data": st.text(max_size=80)})}))
def test_no_event_makes_unpack_raise(event):
    """What is no event is a bad envelope."""
    unpacked = decode_event(event, max_bytes=1000)
    assert unpacked.batches or unpacked.bad_envelopes or unpacked.control_messages or unpacked.bad_events


@given(st.dictionaries(st.sampled_from(["id", "name", "start_time", "end_time", "http", "aws", "cause", "subsegments", "parent_id", "links",
                                        "annotations", "in_progress", "fault"]), json_values, max_size=8))  # fmt: skip
def test_no_segment_raises(content):
    """Any JSON object with a trace is read."""
    assert read_document(content, trace_id="5759e988bd862e3fe1be46a994272793")


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_document_raises_anything_else(text):
    """Bytes that are no document are refused with our own error."""
    try:
        read_document(text)
    except BadInputError:
        pass


@given(st.lists(st.integers(1, 400), max_size=30), st.integers(100, 2000))
def test_bodies_hold_every_item_once(sizes, limit):
    """However large the lines are, the runs hold each item once, in order."""
    batch = LogBatch("DATA_MESSAGE", "1", "g", "s", [LogEvent(str(number), 0, "x" * size) for number, size in enumerate(sizes)])
    items = read(batch, Settings())
    assert [line.event_id for run, _ in bodies(items, max_body=limit) for _, line in run] == [line.event_id for _, line in items]
    assert list(bodies(BulkItems())) == []
