"""The generator of log streams: what the measure of attribution stands on."""

from bench.comparison import Comparison
from bench.runtimes import RUNTIMES
from bench.streams import before_midnight, log_streams, segments_of, subscription_events
from bench.truth import NOBODY
from pipeline.logs.extract.read_lines import extract

BEGAN = before_midnight(1_780_000_000_000)
LINES = 3000
ID_DIGITS = 56


def test_the_same_seed_makes_the_same_lines():
    """A measurement can be repeated, and another seed is another measurement."""
    one, same, other = (log_streams(seed, LINES, BEGAN) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert subscription_events(one, 1) == subscription_events(same, 1)


def test_event_ids_are_cloudwatchs():
    """Decimal, 56 digits, ascending within a stream, also where several events share a millisecond; no two are alike."""
    streams = log_streams(1, LINES, BEGAN)
    ids = [line.event_id for stream in streams for line in stream.lines]
    assert {len(id_) for id_ in ids} == {ID_DIGITS}
    assert len(set(ids)) == len(ids)
    for stream in streams:
        assert [line.event_id for line in stream.lines] == sorted(line.event_id for line in stream.lines)
        assert [line.timestamp for line in stream.lines] == sorted(line.timestamp for line in stream.lines)
    assert any(len({line.timestamp for line in stream.lines}) < len(stream.lines) for stream in streams)


def test_the_batches_of_a_stream_are_all_of_it():
    """Cuts are contiguous and lose nothing; several batches hold only a part of an invocation."""
    streams = log_streams(1, LINES, BEGAN)
    pieces = {}
    for event in subscription_events(streams, 1):
        pieces.setdefault(event["logStream"], {})[event["logEvents"][0]["id"]] = [line["id"] for line in event["logEvents"]]
    for stream in streams:
        mine = pieces[stream.name]
        assert [id_ for first in sorted(mine) for id_ in mine[first]] == [line.event_id for line in stream.lines]
    assert sum(map(len, pieces.values())) > 2 * len(streams)


def test_every_case_is_there():
    """Every runtime, every way to end, stale and named ids, unsampled and untraced invocations, and lines of nobody occur."""
    streams = log_streams(1, LINES, BEGAN)
    lines = [line for stream in streams for line in stream.lines]
    invocations = [invocation for stream in streams for invocation in stream.invocations]
    assert {stream.runtime for stream in streams} == {*RUNTIMES, "container"}
    assert {invocation.outcome for invocation in invocations} == {"success", "error", "crash", "timeout", "out-of-memory"}
    assert {"init", "extension", "between", "bare", "stale id", "named trace", "uncaught", "aws error"} <= {line.kind for line in lines}
    assert {line.truth.sampled for line in lines} == {True, False, None}
    assert {invocation.trace_id is None for invocation in invocations} == {True, False}
    assert {line.runtime for line in lines if line.kind == "bare" and line.truth == NOBODY} >= {"managed"}


def test_interleaved_streams_interleave():
    """In a stream of Lambda Managed Instances a second request opens before the first is closed, and each line of the code's has its own."""
    for stream in log_streams(1, LINES, BEGAN):
        if stream.runtime != "managed":
            continue
        opened = [line.truth.request_id for line in stream.lines if line.kind in {"start", "report"}]
        assert opened[0] != opened[1]
        assert all(extract(line.message).request_id == line.truth.request_id for line in stream.lines)


def test_only_sampled_traces_have_segments():
    """X-Ray has what was sampled, and nothing else."""
    streams = log_streams(1, LINES, BEGAN)
    sampled = {one.trace_id for stream in streams for one in stream.invocations if one.sampled and one.trace_id}
    assert set(segments_of(streams)) == sampled


def test_the_truth_itself_passes():
    """Documents that say the truth are all right: the gate can be passed."""
    streams = log_streams(1, LINES, BEGAN)
    lines = [(stream.name, line) for stream in streams for line in stream.lines]
    documents = {
        (stream, line.event_id): {"traceId": line.truth.trace_id, "requestId": line.truth.request_id, "sampled": line.truth.sampled,
                                  "staleTraceId": line.truth.stale_trace_id}
        for stream, line in lines
    }  # fmt: skip
    comparison = Comparison(lines, documents)
    assert (comparison.share, comparison.wrong, comparison.passed) == (1, 0, True)
