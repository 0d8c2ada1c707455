"""Three sources of traces, against the local X-Ray and its `aws/spans`: each ends with the same verdict."""

from dataclasses import replace

import pytest

from pipeline.configure import trace_source_for
from pipeline.local.aws_spans import spans_of, subscription_event
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.explain_trace import explain_traces
from pipeline.search.query import SearchQuery
from pipeline.search.search import search, transaction
from pipeline.settings import Settings
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.budget import CallBudget
from pipeline.traces.sources.spans_subscription import SpansSubscription
from pipeline.traces.sources.trace_retrieval import TraceRetrieval
from tests.support.events import NOW, OTHER, REQUEST, TRACE, Traces, call, edge, function, lambda_event, powertools, report, service
from tests.support.shipping import adds_up, shipped

LATER = NOW / 1000 + 60
DOCUMENTS = (
    edge(),
    service(parent_id="bbbbbbbbbbbbbbbb", error=True),
    function(
        error=True,
        cause={"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]},
        annotations={"path": "/orders", "items": 3, "vip": True},
        subsegments=[call("mail", "c" * 16)],
    ),
)

BOTH = ("edge-ok-downstream-fault", "service-ok-function-failed")


@pytest.fixture
def clock():
    """A clock to be set."""
    return [LATER]


@pytest.fixture
def xray(clock):
    """A local X-Ray with Transaction Search on, whose retrievals take five seconds."""
    with LocalXRay(retrieval=5, clock=lambda: clock[0]) as xray:
        xray.destination = "CloudWatchLogs"
        yield xray


def retrieval(client, clock, **more):
    """The retrieving source, which waits on the test's clock."""

    def sleep(seconds):
        clock[0] += seconds

    return TraceRetrieval(client, CallBudget(1000), clock=lambda: clock[0], sleep=sleep, **more)


def settled(store, settings, source, *, at=LATER):
    """Resolves the trace; returns its documents by kind."""
    Resolver(store=store, source=source, settings=settings, clock=lambda: at).resolve([TRACE], force=True)
    store.refresh()
    found = transaction(TRACE, store)
    return [[document for document in found if document["doc"]["kind"] == kind] for kind in ("log", "span")]


@pytest.mark.parametrize("trace_format", ["XRAY", "OTEL"])
def test_a_retrieval_settles_a_trace(store, settings, client, xray, clock, trace_format):
    """While BatchGetTraces finds nothing, a retrieval does, in either format, with the same verdict."""
    shipped(lambda_event([powertools("paid"), report()]), store, settings)
    xray.put(DOCUMENTS)
    lines, spans = settled(store, settings, retrieval(client, clock, trace_format=trace_format))
    assert {document["trace"]["state"] for document in (*lines, *spans)} == {"complete"}
    assert {tuple(document["trace"]["rules"]) for document in lines} == {BOTH}
    assert {document["name"] for document in spans} >= {"orders", "mail"}
    assert {(document["segment"]["id"], document["segment"]["status"]) for document in lines} == {("17e84e76450d1777", 200)}
    assert xray.calls["StartTraceRetrieval"] == 1


def test_a_retrieval_that_takes_longer_is_not_started_again(client, xray, clock):
    """What is not complete in time is left unanswered, and asked for by its token next time."""
    xray.put(DOCUMENTS)
    source = retrieval(client, clock, patience=1.0)
    assert source.look_up({TRACE: NOW}) == {}
    clock[0] += 10
    found = source.look_up({TRACE: NOW, OTHER: NOW})
    assert found[TRACE].outcome == "found"
    clock[0] += 10
    assert source.look_up({OTHER: NOW})[OTHER].outcome == "absent"
    assert xray.calls["StartTraceRetrieval"] == 2, "one for each trace"


def test_a_hundred_ids_a_retrieval_and_its_pages(client, xray, clock):
    """A hundred and one traces take two retrievals, and an answer's pages are followed."""
    ids = {f"{NOW // 1000:08x}{number:024x}": NOW for number in range(1, 102)}
    xray.put([service(trace_id=to_xray(id_)) for id_ in ids])
    found = retrieval(client, clock).look_up(ids)
    assert {answer.outcome for answer in found.values()} == {"found"}
    assert len(found) == 101
    assert xray.calls["StartTraceRetrieval"] == 2


def test_a_retrieval_that_ends_otherwise(client, xray, clock):
    """A cancelled one leaves its ids unprocessed, and they may be asked for again."""
    source = retrieval(client, clock, patience=1.0)
    source.look_up({TRACE: NOW})
    client.cancel_trace_retrieval(RetrievalToken=next(iter(source._running)))
    assert source.look_up({TRACE: NOW})[TRACE].outcome == "unprocessed"
    xray.throttle(1)
    assert source.look_up({TRACE: NOW}) == {}


@pytest.mark.parametrize("kind", ["BatchGetTraces", "StartTraceRetrieval"])
def test_an_id_that_xray_refuses_does_not_stop_its_neighbours(client, xray, clock, kind):
    """The request with it is refused as a whole; the others are asked for without it, and it is notFound, in words."""
    xray.destination = "XRay"
    ids = [f"{NOW // 1000:08x}{number:024x}" for number in range(1, 5)]
    xray.put([service(trace_id=to_xray(id_)) for id_ in ids])
    xray.invalid = {ids[1]}
    source = BatchGetTraces(client, CallBudget(100)) if kind == "BatchGetTraces" else retrieval(client, clock)
    found = {id_: answer.outcome for id_, answer in source.look_up(dict.fromkeys(ids, NOW)).items()}
    assert found == dict.fromkeys(ids, "found") | {ids[1]: "refused"}


def test_a_retrieval_speaks_of_the_time_when_it_began(store, settings, client, xray, clock):
    """What was retrieved too early and read late is no word on what came since: the trace is asked for again, and found."""
    shipped(lambda_event([powertools("paid"), report()]), store, settings)
    source = retrieval(client, clock, patience=1.0)
    worker = Resolver(store=store, source=source, settings=settings, clock=lambda: clock[0])
    worker.resolve([TRACE])
    clock[0] += 700
    assert worker.resolve([TRACE]).unsettled == (TRACE,)
    xray.put(DOCUMENTS)
    for _ in range(2):
        clock[0] += 10
        worker.resolve([TRACE], force=True)
    store.refresh()
    assert {document["trace"]["state"] for document in transaction(TRACE, store)} == {"complete"}


def test_pages_survive_a_throttle_and_answers_an_absence(client, xray, clock):
    """A retrieval goes on from its page, and an answer that came while nobody asked is kept: each trace is paid for once."""
    ids = {f"{NOW // 1000:08x}{number:024x}": NOW for number in range(1, 21)}
    xray.put([service(trace_id=to_xray(id_)) for id_ in ids])
    source = retrieval(client, clock, patience=1.0)
    assert source.look_up(ids) == {}
    clock[0] += 10
    first = next(iter(ids))
    answer, pages = xray.answer, []

    def answering(path, request):
        if request.get("NextToken") == "10" and pages.count("10") == 0:
            xray.throttle(1)
        pages.append(request.get("NextToken"))
        return answer(path, request)

    xray.answer = answering
    assert source.look_up({first: NOW}) == {}
    source._client._budget._left = 10
    assert list(source.look_up({first: NOW})) == [first]
    assert len(source.look_up({id_: at for id_, at in ids.items() if id_ != first})) == 19
    assert xray.calls["StartTraceRetrieval"] == 1
    assert pages == [None, "5", "10", "10", "15"]


def test_a_throttle_at_the_start_is_no_answer(client, xray):
    """Which source it is, is asked again rather than guessed, and the look-up is put off."""
    xray.throttle(2)
    source = trace_source_for(Settings(), lambda: client)
    assert source.look_up({TRACE: NOW}) == {}
    source.look_up({TRACE: NOW})
    assert source.name == "StartTraceRetrieval"


def test_a_token_that_is_no_longer_good(client, xray, clock):
    """Its traces are asked for anew, and nothing fails for ever."""
    xray.put(DOCUMENTS)
    source = retrieval(client, clock, patience=1.0)
    source.look_up({TRACE: NOW})
    xray._retrievals.clear()
    assert source.look_up({TRACE: NOW})[TRACE].outcome == "unprocessed"
    clock[0] += 10
    source.look_up({TRACE: NOW})
    clock[0] += 10
    assert source.look_up({TRACE: NOW})[TRACE].outcome == "found"


def test_transaction_search_without_another_source_says_so(store, settings, client):
    """BatchGetTraces alone ends as sourceDisabled, with the remedy in the reason, and is not asked again."""
    shipped(lambda_event([powertools("paid"), report()]), store, settings)
    source = BatchGetTraces(client, CallBudget(100))
    for _ in range(2):
        lines, spans = settled(store, settings, source)
    assert {document["trace"]["state"] for document in lines} == {"sourceDisabled"}
    assert "aws/spans" in lines[0]["trace"]["stateReason"]
    assert "TRACEJOIN_TRACE_SOURCE" in lines[0]["trace"]["stateReason"]
    assert (spans, source.calls) == ([], 1)


@pytest.mark.parametrize("spans_first", [True, False])
def test_spans_come_by_themselves(store, settings, client, xray, spans_first):
    """Spans of aws/spans are indexed, judged, and reach their log lines, whichever is there first; nobody is asked."""
    xray.put(DOCUMENTS)
    events = xray.spans_events()
    deliveries = [*events, lambda_event([powertools("paid"), report()])]
    hints = [shipped(event, store, settings).unsettled for event in (deliveries if spans_first else deliveries[::-1])]
    assert set(hints) == {(TRACE,)}
    lines, spans = settled(store, settings, SpansSubscription())
    assert {document["trace"]["state"] for document in (*lines, *spans)} == {"complete"}
    assert {tuple(document["trace"]["rules"]) for document in lines} == {BOTH}
    assert {document["segment"]["id"] for document in lines} == {"17e84e76450d1777"}
    root = next(document for document in spans if document["spanId"] == "a" * 16)
    assert (root["parentSpanId"], root["kind"], {document["traceGroup"] for document in spans}) == ("", "SPAN_KIND_SERVER", {"api/prod"})
    failed = next(document for document in spans if document["spanId"] == "17e84e76450d1777")
    assert failed["events"][0]["attributes"]["exception.type"] == "ValueError"
    found = search(SearchQuery(annotations=("path=/orders", "items=3", "vip=true")), store)
    assert {document["doc"]["kind"] for document in found} == {"log", "span"}
    assert len(found) == 3
    assert sum(xray.calls[name] for name in ("BatchGetTraces", "StartTraceRetrieval")) == 0


def test_the_ledger_counts_spans(store, settings):
    """A redelivered span is a duplicate, what is no span goes to the dead letters, and its neighbours go through."""
    spans = [span for document in DOCUMENTS for span in spans_of(document)]
    event = subscription_event([*spans, {"no": "span"}, {"traceId": "0" * 32, "spanId": "1" * 16}], at=NOW)
    first, again = (shipped(event, store, settings).ledger for _ in range(2))
    assert (first.received, first.indexed, first.dead_lettered) == (len(spans) + 2, len(spans), 2)
    assert (again.indexed, again.duplicate) == (0, len(spans))
    assert adds_up(first)
    assert adds_up(again)


def test_the_choice(client, xray):
    """By setting, or by what X-Ray says of itself."""
    chosen = {
        name: trace_source_for(Settings(trace_source=name), lambda: client).name
        for name in ("BatchGetTraces", "StartTraceRetrieval", "auto")
    }
    assert chosen == {"BatchGetTraces": "BatchGetTraces", "StartTraceRetrieval": "StartTraceRetrieval", "auto": "StartTraceRetrieval"}
    xray.destination = "XRay"
    assert trace_source_for(Settings(), lambda: client).name == "BatchGetTraces"
    assert trace_source_for(replace(Settings(), trace_source="aws/spans"), lambda: pytest.fail("nobody is asked")).name == "aws/spans"


def test_lines_of_two_functions_carry_their_own_segment(store, settings):
    """In one trace, each line shows the status of the invocation that wrote it."""
    other = "52fdfc07-2182-454f-963f-000000000002"
    shipped(lambda_event([powertools("one"), report()]), store, settings)
    shipped(
        lambda_event([powertools("two", request=other), report(other).replace("0285bf1261be05ff", "2" * 16)], first=50), store, settings
    )
    documents = [service(), function(subsegments=[call("second", "d" * 16)]),
                 service("2" * 16, parent_id="d" * 16, name="second", aws={"request_id": other}, http={"response": {"status": 200}}),
                 function("3" * 16, "2" * 16, name="second", fault=True)]  # fmt: skip
    lines, _ = settled(store, settings, Traces(*documents))
    assert {(document["requestId"], document["segment"]["name"], document["segment"]["fault"]) for document in lines} == {
        (REQUEST, "orders", False),
        (other, "second", True),
    }


@pytest.mark.opensearch
def test_a_span_that_was_cut_down_is_a_duplicate_when_it_comes_again(store, settings):
    """What OpenSearch refused of it makes it no other span: a redelivery writes nothing, and asks for nothing once it is settled."""
    span = next(iter(spans_of(service())))
    span["links"] = [{"traceId": OTHER, "spanId": f"{number:016x}"} for number in range(1, 10_050)]
    event = subscription_event([span], at=NOW)
    first, again = (shipped(event, store, settings).ledger for _ in range(2))
    assert (first.indexed, again.indexed, again.duplicate) == (1, 0, 1)


def test_why_tells_of_spans_alone(store, settings):
    """A trace of which only spans came, and nobody has looked yet, is known."""
    shipped(subscription_event(spans_of(service()), at=NOW), store, settings)
    store.refresh()
    (told,) = explain_traces(TRACE, store)
    assert (told.state, told.final, told.lines) == ("pending", False, {})
