"""What holds of the verdict on any documents and lines, however odd, and what it costs."""

import json
import sys
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.engine import RULES
from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.detect.verdict import Verdict
from pipeline.errors import BadInputError
from pipeline.model.facts import InvocationMarks, LookupFact, RequestFact, SegmentFact, SignalFact
from pipeline.model.trace_state import TraceState, merge
from pipeline.offline.classify_traces import facts_of_lines, read_traces
from pipeline.offline.explain_lines import read
from pipeline.traces.segment import facts_of_segments
from tests.support.events import NOW, OTHER_REQUEST, REQUEST, TRACE, end, lambda_event, powertools, report, start

ids = st.sampled_from([f"{number:016x}" for number in range(1, 8)])
texts = st.text(max_size=20) | st.sampled_from(["\ud800", "\0", "", "a" * 3000, "[bold]", "\x1b[31m", "ValueError: no"])
times = st.none() | st.sampled_from([0, -1, 1e30, "soon", True, NOW / 1000, NOW / 1000 + 1]) | st.integers(NOW // 1000, NOW // 1000 + 9)
flags = st.booleans() | st.none() | st.just("true")
statuses = st.sampled_from([None, 200, 202, 304, 400, 404, 429, 500, 502, "500", 1e9, -1, True])
causes = st.sampled_from([None, {}, "0123456789abcdef", 7, []]) | st.builds(
    lambda type_, message: {"exceptions": [{"type": type_, "message": message}, None]}, texts, texts
)
http = st.builds(
    lambda status, url: {"request": {"method": "GET", "url": url}, "response": {"status": status}},
    statuses,
    st.sampled_from(["https://a/x", "https://b/x"]),
)
aws = st.fixed_dictionaries(
    {},
    optional={
        "request_id": st.sampled_from([REQUEST, OTHER_REQUEST, ""]),
        "operation": st.sampled_from(["Invoke", "PutRecords"]),
        "function_error": texts,
        "failed_count": st.integers(-1, 3),
        "table_name": texts,
    },
)
fields = {
    "name": texts, "start_time": times, "end_time": times, "in_progress": flags, "fault": flags, "error": flags, "throttle": flags,
    "cause": causes, "http": http, "aws": aws, "inferred": flags, "namespace": st.sampled_from(["aws", "remote", "local"]),
    "origin": st.sampled_from(["AWS::Lambda", "AWS::Lambda::Function", "AWS::ApiGateway::Stage", "AWS::StepFunctions::StateMachine"]),
    "type": st.just("subsegment"), "traced": flags, "parent_id": ids,
}  # fmt: skip
parts = st.recursive(
    st.fixed_dictionaries({"id": ids}, optional=fields),
    lambda inner: st.fixed_dictionaries({"id": ids, "subsegments": st.lists(inner, max_size=3)}, optional=fields),
    max_leaves=4,
)
documents = parts.map(lambda part: part | {"trace_id": TRACE})
messages = (
    texts.map(lambda text: powertools(text, level="ERROR"))
    | texts.map(lambda text: powertools("failed", level="ERROR", request=OTHER_REQUEST, exception=text, exception_name="ValueError"))
    | texts.map(lambda text: f"[ERROR]\t2026-01-01T00:00:00.000Z\t{REQUEST}\t{text}")
    | st.sampled_from(
        [
            powertools('{"statusCode": 500, "body": "x"}'), powertools('response {"batchItemFailures": [{"itemIdentifier": "1"}]}'),
            f"2026-01-01T00:00:00.000Z {REQUEST} Task timed out after 3.00 seconds", report(), report(sampled=False),
            f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed",
        ]
    )
)  # fmt: skip


def verdict_on(*states: TraceState) -> Verdict:
    """The verdict on all that these states know, long after."""
    looked_up = TraceState(lookups={str(NOW + 10**7): LookupFact(at=NOW + 10**7, outcome="found")})
    return evaluate(merge(*states, looked_up), rules=default_rules(), give_up_after_ms=1000)


@given(st.lists(documents, min_size=1, max_size=6), st.lists(messages, max_size=6), st.randoms(use_true_random=False))
def test_any_documents_and_lines_get_a_verdict(found, said, random):
    """Nothing raises; every finding is whole, and none is an alert where the caller saw an error; order and parts make no difference."""
    try:
        segments, _ = read_traces(json.dumps(found).encode(), max_bytes=10**6)
    except BadInputError:
        return
    lines = [line for _, line in read(json.dumps(lambda_event([start(), *said, end()])).encode(), max_bytes=10**6)]
    states = [facts_of_segments([segment]).get(TRACE, TraceState()) for segment in segments]
    states += list(facts_of_lines(lines, segments).values())
    verdict = verdict_on(*states)
    assert verdict_on(*random.sample(states, len(states))) == verdict
    assert verdict_on(merge(*states[::2]), merge(*states[1::2])) == verdict
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
    known = {segment.fact.id: segment.fact for segment in segments}
    for finding in verdict.findings:
        assert finding.rule in RULES
        assert finding.path
        assert 0 <= finding.depth < len(known)
        assert len(finding.path) <= finding.depth + 1
        assert not finding.span_id or finding.path[-1] == merge(*states).segments[finding.span_id].name
        if verdict.client_saw == "error" and finding.rule != "edge-error-trace-ok":
            assert finding.severity == "notice"


T = 1_700_000_000_000_000_000


def segment(number: int, parent: int, **more) -> SegmentFact:
    """A segment that begins after the ones with lower numbers; 0 is none."""
    return SegmentFact(**{"id": f"{number:016x}", "parent_id": f"{parent:016x}" if parent else "", "name": f"n{number}", "start": T + number,
                          "end": T + 10**9, "subsegment": bool(parent)} | more)  # fmt: skip


def deep(size: int) -> TraceState:
    """Each fails below the one before."""
    return of([segment(1, 0, status=200), *(segment(number, number - 1, fault=True) for number in range(2, size))])


def nested(size: int) -> TraceState:
    """Each invokes the next one, and each fails."""
    names = ("AWS::Lambda", "AWS::Lambda::Function")
    return of([segment(number, number - 1, origin=names[(number + 1) % 2], status=200 if number % 2 else None, error=True, subsegment=False,
                       function_error="Unhandled", request_id=f"r{number}") for number in range(1, size)])  # fmt: skip


def ring(size: int) -> TraceState:
    """Nobody is the first."""
    return of([segment(number, number - 1 or size - 1, fault=True, function_error="Unhandled", status=200) for number in range(1, size)])


def tried(size: int) -> TraceState:
    """One event with very many attempts, and as many lines."""
    functions = [segment(number, 1, origin="AWS::Lambda::Function", error=number % 2 == 0) for number in range(2, size)]
    return of([segment(1, 0, origin="AWS::Lambda", status=202, request_id="r"), *functions], lines(size, request_id="r"))


def repeated(size: int) -> TraceState:
    """Calls that fail and are made again, with a line for each."""
    calls = [segment(number, 1, name="c", operation="PutRecords", target=str(number // 2), fault=number % 2 == 0, start=T + number * 10**7,
                     end=T + number * 10**7 + 1) for number in range(2, size)]  # fmt: skip
    return of([segment(1, 0, origin="AWS::Lambda", status=200, request_id="r"), *calls], lines(size, request_id="r"))


def unnamed(size: int) -> TraceState:
    """Lines without a request."""
    return of([segment(1, 0, status=200)], lines(size))


def requested(size: int) -> TraceState:
    """Requests that ran twice and were answered 500."""
    signals = [SignalFact(line_id=f"{number}", signals=("error",), request_id=f"r{number}", at=1) for number in range(size)]
    runs = {"s": InvocationMarks(starts=("1.1", "3.1"), ends=("4.1",))}
    found = [RequestFact(request_id=f"r{number}", status=500, runs=runs) for number in range(size)]
    return of([segment(number, number > 1, status=200) for number in range(1, size)], signals, found)


def lines(size: int, request_id: str = "") -> list[SignalFact]:
    """Lines of all kinds, by as many services."""
    return [SignalFact(line_id=f"{number}", signals=("error", "crash", "timeout", "partial-failure", "function-error"), at=T // 10**6 + number,
                       request_id=request_id, service_name=f"s{number}", text="ValueError: no") for number in range(size)]  # fmt: skip


def of(segments, signals=(), requests=()) -> TraceState:
    """All of these."""
    return TraceState(segments={fact.id: fact for fact in segments}, signals={fact.line_id: fact for fact in signals},
                      requests={fact.key: fact for fact in requests})  # fmt: skip


def steps(state: TraceState) -> int:
    """How many calls the verdict takes, which unlike time is the same each time."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        verdict_on(state)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("shape", [deep, nested, ring, tried, repeated, unnamed, requested])
def test_twice_as_much_costs_about_twice(shape):
    """No shape of a trace makes the judge's work grow with its square."""
    assert steps(shape(400)) < 2.5 * steps(shape(200))


@pytest.mark.parametrize("shape", [deep, nested, ring])
def test_a_very_deep_trace_is_judged(shape):
    """Five thousand levels: a path that can be read, the depth as it is, and the same in any order."""
    state = shape(5000)
    shuffled = list(state.segments.items())
    Random(1).shuffle(shuffled)
    verdict = verdict_on(state)
    assert verdict.findings
    assert verdict_on(msgspec.structs.replace(state, segments=dict(shuffled))) == verdict
    assert all(len(finding.path) <= 64 for finding in verdict.findings)
