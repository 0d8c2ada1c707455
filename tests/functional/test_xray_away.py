"""X-Ray is away or refuses: everything that follows from log lines happens all the same, and the look-ups are put off, counted and explained."""

import json
import socket
import time
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config

from pipeline.configure import trace_source_for
from pipeline.local.environment import REGION
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.explain_trace import explain_traces, in_words
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.budget import CallBudget
from pipeline.traces.sources.source import LookupResult
from tests.support.events import NOW, OTHER, OTHER_REQUEST, REQUEST, TRACE, Traces, function, lambda_event, powertools, report, service
from tests.support.http_server import Forwarder, HttpServer
from tests.support.shipping import lines_of, resolver, shipped

LATER = NOW / 1000 + 60
THIRD, THIRD_REQUEST = f"{NOW // 1000:08x}{3:024x}", "33333333-2182-454f-963f-5f0f9a621d72"
FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}


def refusal(status, code, message="no"):
    """An error as X-Ray's protocol has it."""
    return status, {"message": message}, {"x-amzn-ErrorType": code}


def page(status):
    """A proxy's page."""
    return status, b"<html><body>Please log in</body></html>", {"Content-Type": "text/html"}


AWAY = {
    "denied": (refusal(403, "AccessDeniedException", "User: r is not authorized to perform: xray:BatchGetTraces"), "denied"),
    "expired": (refusal(403, "ExpiredTokenException", "The security token included in the request is expired"), "denied"),
    "unknown key": (refusal(403, "UnrecognizedClientException"), "denied"),
    "broken": (refusal(500, "InternalFailure"), "unreachable"),
    "page 200": (page(200), "unreachable"),
    "page 502": (page(502), "unreachable"),
    "list": ((200, [1, 2]), "unreachable"),
    "text": ((200, {"Traces": "none", "RetrievalToken": {}, "Destination": 5, "RetrievalStatus": "COMPLETE"}), "unreachable"),
    "refused connection": (None, "unreachable"),
    "hang": ("hang", "unreachable"),
}
SOURCES = ("BatchGetTraces", "StartTraceRetrieval", "auto")


class Told:
    """A topic that keeps what it is told."""

    def __init__(self):
        self.messages = []

    def publish(self, subject, text, attributes):
        self.messages.append(text)


class Away:
    """A source that is away, as a source of its own kind says so; it counts how often it was asked."""

    name, calls = "BatchGetTraces", 0

    def __init__(self, outcome="unreachable"):
        self.asked = 0
        self.outcome = outcome

    def look_up(self, wanted):
        self.asked += 1
        return dict.fromkeys(wanted, LookupResult(self.outcome, reason="X-Ray is out"))


def client_of(endpoint, patience=10):
    """boto3's client, which waits for some seconds and does not try again."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=patience)
    return boto3.client("xray", region_name=REGION, endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b", config=config)


def story(store, settings):
    """Ships an unsampled time-out, two traces that share an id, and a line with a stale trace id; returns the traces to resolve."""
    timed_out = f"2026-11-24T10:00:00.000Z {OTHER_REQUEST} Task timed out after 3.00 seconds"
    events = [
        lambda_event([timed_out, report(OTHER_REQUEST, OTHER, sampled=False)]),
        lambda_event([powertools("paid", correlation_id="order-17"), report()], first=20),
        lambda_event([powertools("sent", request=THIRD_REQUEST, trace=THIRD, correlation_id="order-17")], first=40),
        lambda_event([powertools("stale", request=THIRD_REQUEST, trace=TRACE)], first=50),
        lambda_event([report(THIRD_REQUEST, THIRD)], first=60),
    ]
    return list(dict.fromkeys(id_ for event in events for id_ in shipped(event, store, settings).unsettled))


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("how", AWAY)
@pytest.mark.parametrize("run", ["resolve", "sweep"])
def test_what_follows_from_lines_happens_without_xray(store, settings, how, kind, run):
    """Joins, stale ids, an unsampled verdict and its alert come; the look-ups are counted and explained; afterwards all is found."""
    answer, outcome = AWAY[how]
    ids = story(store, settings)
    topic = Told()
    with LocalXRay() as xray:
        xray.put([service(), function(), *(document | {"trace_id": to_xray(THIRD)} for document in (
            service("5" * 16, aws={"request_id": THIRD_REQUEST}), function("6" * 16, "5" * 16)))])  # fmt: skip
        xray.destination = "CloudWatchLogs" if kind == "StartTraceRetrieval" else "XRay"
        away = [True]
        forward = Forwarder(xray.endpoint)

        def reply(request):
            if not away[0]:
                return forward(request)
            if answer == "hang":
                time.sleep(1)
            return answer if answer and answer != "hang" else (500, {})

        with HttpServer(reply) as server:
            client = client_of("http://127.0.0.1:1" if answer is None else server.endpoint, 0.3 if answer == "hang" else 10)
            source = trace_source_for(replace(settings, trace_source=kind), lambda: client)
            now = [LATER]
            worker = Resolver(store=store, source=source, settings=settings, topic=topic, clock=lambda: now[0])
            done = worker.resolve(ids) if run == "resolve" else worker.sweep()
            assert (done.settled, done.failed_lookups, done.put_off, done.stale) == (1, 2, 2, {"orders": 1})
            assert set(done.unsettled) == {TRACE, THIRD}
            assert len(done.lookup_failures) == 1
            assert done.lookup_failures[0].startswith("X-Ray ")
            assert [text.count(to_xray(OTHER)) > 0 for text in topic.messages] == [True]
            assert {document["trace"]["state"] for document in lines_of(store, OTHER)} == {"unsampled"}
            joined = [document for document in (*lines_of(store, TRACE), *lines_of(store, THIRD)) if document["doc"]["kind"] == "log"]
            assert len({document["transactionId"] for document in joined}) == 1
            (told,) = explain_traces(TRACE, store)
            assert (told.state, [entry.outcome for entry in told.lookups]) == ("pending", [outcome])
            said = "refused the credentials" if outcome == "denied" else "did not answer"
            assert said in " ".join(in_words(told))
            # a busy machine may be slower than a client that waits for so short a time
            if answer not in (None, "hang"):
                away[0] = False
                now[0] += 60
                assert worker.sweep(force=True).settled == 2
                assert {document["trace"]["state"] for document in joined_now(store)} == {"complete"}


def joined_now(store):
    """The lines and spans of both sampled traces."""
    return [*lines_of(store, TRACE), *lines_of(store, THIRD)]


def test_a_trace_whose_source_stays_away_ends_so_and_is_found_when_it_is_back(store, settings):
    """It is final, with the reason in words and its alert told; while X-Ray is away each sweep asks once; back again, the trace completes."""
    timed_out = f"2026-11-24T10:00:00.000Z {REQUEST} Task timed out after 3.00 seconds"
    shipped(lambda_event([powertools("a"), timed_out, report()]), store, settings)
    now, topic, away = [LATER], Told(), Away("denied")
    worker = Resolver(store=store, source=away, settings=settings, topic=topic, clock=lambda: now[0])
    assert worker.resolve([TRACE]).unsettled == (TRACE,)
    now[0] += 700
    assert worker.resolve([TRACE]).settled == 1
    (told,) = explain_traces(TRACE, store)
    assert (told.state, told.final) == ("sourceUnavailable", True)
    assert "refused the credentials" in told.state_reason
    assert "looked up again" in in_words(told)[0]
    assert len(topic.messages) == 1
    before = lines_of(store)
    for _ in range(3):
        now[0] += 300
        asked = away.asked
        swept = worker.sweep()
        assert (away.asked - asked, swept.failed_lookups, swept.unsettled) == (1, 1, ())
    assert lines_of(store) == before, "nothing is written for what is no news"
    back = Resolver(store=store, source=Traces(service(), function()), settings=settings, topic=topic, clock=lambda: now[0])
    assert back.sweep().settled == 1
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
    assert back.sweep().calls == 0


def test_a_trace_that_xray_does_not_have_ends_as_not_found_when_it_is_back(store, settings):
    """What was given up is asked for once more, and then never again."""
    shipped(lambda_event([powertools("a")]), store, settings)
    Resolver(store=store, source=Away(), settings=settings, clock=lambda: LATER + 700).resolve([TRACE])
    back, source = resolver(store, settings, clock=lambda: LATER + 800)
    assert (back.sweep().settled, back.sweep().settled, source.calls) == (1, 0, 1)
    assert {document["trace"]["state"] for document in lines_of(store)} == {"notFound"}


def test_many_that_were_given_up_cost_one_call_while_xray_is_away(store, settings):
    """The first five find out; the others wait, however many they are, and all are asked for once it is back."""
    ids = [f"{number:032x}" for number in range(1, 151)]
    shipped(lambda_event([powertools("a", trace=id_) for id_ in ids]), store, settings)
    away = Away()
    given_up = Resolver(store=store, source=away, settings=settings, clock=lambda: LATER + 700)
    assert given_up.sweep().settled == 150
    swept = given_up.sweep()
    assert (swept.failed_lookups, swept.settled) == (5, 0)
    back, _ = resolver(store, settings, clock=lambda: LATER + 900)
    assert back.sweep().settled == 150


def test_an_alert_that_lines_alone_tell_does_not_wait_for_xray(store, settings):
    """A sampled time-out is told once X-Ray did not answer twice in a row, not at its first hiccup; and not again when X-Ray is back."""
    timed_out = f"2026-11-24T10:00:00.000Z {REQUEST} Task timed out after 3.00 seconds"
    shipped(lambda_event([powertools("a"), timed_out, report()]), store, settings)
    now, topic, told = [LATER], Told(), []
    worker = Resolver(store=store, source=Away(), settings=settings, topic=topic, clock=lambda: now[0])
    for seconds in (0, 60, 60):
        now[0] += seconds
        assert worker.resolve([TRACE]).unsettled == (TRACE,)
        told.append(len(topic.messages))
    assert told == [0, 1, 1]
    Resolver(store=store, source=Traces(service(), function()), settings=settings, topic=topic, clock=lambda: now[0]).sweep()
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
    assert len(topic.messages) == 1


def test_what_was_answered_before_a_failure_counts(store, settings):
    """The first of several calls went well: its traces settle, the others are put off, and X-Ray is not asked for more in this run."""
    ids = [f"{NOW // 1000:08x}{number:024x}" for number in range(1, 121)]
    shipped(lambda_event([powertools("a", trace=id_) for id_ in ids]), store, settings)
    calls = []
    with LocalXRay() as xray:
        xray.put(service(trace_id=to_xray(id_), type="subsegment", parent_id="") | {"origin": "AWS::EC2::Instance"} for id_ in ids)
        forward = Forwarder(xray.endpoint)

        def reply(request):
            calls.append(json.loads(request.body))
            return forward(request) if len(calls) == 1 else refusal(403, "AccessDeniedException")

        with HttpServer(reply) as server:
            source = trace_source_for(replace(settings, trace_source="BatchGetTraces"), lambda: client_of(server.endpoint))
            done = Resolver(store=store, source=source, settings=settings, clock=lambda: LATER).resolve(ids)
    assert (done.settled, done.failed_lookups, len(calls)) == (5, 115, 2)


def test_one_trace_that_xray_cannot_answer_does_not_stop_the_others(store, settings):
    """X-Ray breaks at one id: it and those beside it in the call are put off, all others are answered."""
    ids = [f"{NOW // 1000:08x}{number:024x}" for number in range(1, 41)]
    with LocalXRay() as xray:
        xray.put(service(trace_id=to_xray(id_)) for id_ in ids)
        forward = Forwarder(xray.endpoint)

        def reply(request):
            return refusal(500, "InternalFailure") if to_xray(ids[2]).encode() in request.body else forward(request)

        with HttpServer(reply) as server:
            source = trace_source_for(replace(settings, trace_source="BatchGetTraces"), lambda: client_of(server.endpoint))
            found = source.look_up(dict.fromkeys(ids, NOW))
    assert [found[id_].outcome for id_ in ids] == ["unreachable"] * 5 + ["found"] * 35


def test_a_slow_xray_is_not_asked_beyond_its_time(store, settings):
    """A look-up makes no further call after its patience; what it has not asked for is put off."""
    ids = dict.fromkeys((f"{NOW // 1000:08x}{number:024x}" for number in range(1, 41)), NOW)
    with LocalXRay() as xray:
        ticks = iter(range(0, 1000, 4))
        source = BatchGetTraces(client_of(xray.endpoint), CallBudget(1000), patience=10, clock=lambda: next(ticks))
        assert len(source.look_up(ids)) == 15


def test_an_answer_that_lacks_what_every_answer_has_is_none(settings):
    """A trace without an id, a document that is no text: nothing escapes, and it is no absence either."""
    for traces in ([{"Segments": []}], [{"Id": 5}], [{"Id": to_xray(TRACE), "Segments": [{"Id": "a"}]}], [[]], "x", None):
        with HttpServer(lambda _request, traces=traces: (200, {"Traces": traces})) as server:
            source = trace_source_for(replace(settings, trace_source="BatchGetTraces"), lambda server=server: client_of(server.endpoint))
            assert source.look_up({TRACE: NOW})[TRACE].outcome == "unreachable", traces


@pytest.mark.parametrize("token", ["same", "other"])
@pytest.mark.parametrize("source", ["BatchGetTraces", "StartTraceRetrieval"])
def test_pages_without_end_are_no_answer(settings, source, token):
    """Empty pages that name a next one for ever: a few dozen calls, the trace is put off with that reason, and others are asked for all the same."""
    calls = []

    def answer(request):
        calls.append(request.path)
        if "Retrieved" in request.path or (request.path == "/Traces" and to_xray(TRACE).encode() in request.body):
            return 200, {"RetrievalStatus": "COMPLETE", "Traces": [], "NextToken": "t" if token == "same" else str(len(calls))}
        if request.path == "/Traces":
            return 200, {"Traces": [{"Id": to_xray(OTHER), "Segments": [{"Id": "a", "Document": "{}"}]}]}
        return 200, {"RetrievalToken": "r", "Destination": "XRay", "Status": "ACTIVE"}

    with HttpServer(answer) as server:
        asked = trace_source_for(replace(settings, trace_source=source), lambda: client_of(server.endpoint))
        # five ids share a call
        fillers = dict.fromkeys((f"{NOW // 1000:08x}{number:024x}" for number in range(1, 5)), NOW)
        found = asked.look_up({TRACE: NOW} | fillers | {OTHER: NOW})
    assert found[TRACE].outcome == "unreachable"
    assert "no end" in found[TRACE].reason
    assert len(calls) < 100
    assert found[OTHER].outcome == ("found" if source == "BatchGetTraces" else "unreachable")


def test_an_unreachable_answer_to_why_there_is_nothing_is_no_absence(store, settings):
    """X-Ray has nothing and does not say whether Transaction Search is on: the trace is asked for again, not given up as notFound."""
    with LocalXRay() as xray:
        forward = Forwarder(xray.endpoint)
        with HttpServer(lambda request: (500, {}) if "Destination" in request.path else forward(request)) as server:
            source = trace_source_for(replace(settings, trace_source="BatchGetTraces"), lambda: client_of(server.endpoint))
            assert source.look_up({TRACE: NOW})[TRACE].outcome == "unreachable"


def test_auto_chooses_when_xray_is_back(settings):
    """Away when the worker started, it is asked which source it serves with each look-up, until it says so."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = trace_source_for(settings, lambda: client_of(f"http://127.0.0.1:{port}"))
    assert source.look_up({TRACE: NOW})[TRACE].outcome == "unreachable"
    assert (source.name, source.calls) == ("auto", 0)
