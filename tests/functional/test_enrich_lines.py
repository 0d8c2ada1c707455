"""EnrichLines: with `notable` the lines of complete, healthy traces stay as they were shipped, and everything answers as with `all`."""

import json
from dataclasses import replace

import pytest

from pipeline.hint_queue import Hint
from pipeline.join.held_traces import HeldTraces
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.explain_trace import explain_traces, in_words
from pipeline.search.export import exported_documents
from pipeline.search.hit_pages import read_page
from pipeline.search.otlp import otlp_lines
from pipeline.search.overview import overview
from pipeline.search.pipeline_health import pipeline_health
from pipeline.search.query import SearchQuery
from pipeline.search.question import parse_question, search_query
from pipeline.search.search import clause_for, search
from pipeline.search.transaction_view import transaction_view
from tests.support.counted_writes import requests_of
from tests.support.events import (
    NOW,
    OTHER,
    OTHER_REQUEST,
    REQUEST,
    TRACE,
    Traces,
    end,
    function,
    lambda_event,
    powertools,
    report,
    service,
    start,
)
from tests.support.shipping import resolver, shipped
from tests.support.stores import both_kinds, installed

WHOLE = [start(), powertools("paid", correlation_id="order-17"), "bare print", end(), report()]
THIRD = OTHER[:-1] + "5"
FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
ANNOTATED = function(annotations={"path": "/orders"})


@pytest.fixture
def notable(settings):
    """The settings of a stack with EnrichLines: notable."""
    return replace(settings, enrich_lines="notable")


def stored(store, trace_id=TRACE):
    """The lines of a trace as OpenSearch holds them, by their text."""
    store.refresh()
    hits = store.scan({"term": {"traceId": trace_id}}, index=f"{store.prefix}-logs-*")
    return {hit.source["body"][:10]: hit for hit in hits}


def states(store, trace_id=TRACE):
    """The states that OpenSearch holds of a trace's lines."""
    return {hit.source["trace"]["state"] for hit in stored(store, trace_id).values()}


def shown(store, trace_id=TRACE):
    """The states that a search shows of a trace's lines."""
    store.refresh()
    return {document["trace"]["state"] for document in search(SearchQuery(trace_id=trace_id, kind="log"), store)}


def record(store, trace_id=TRACE):
    """The stored record of a trace."""
    (hit,) = store.get_many([(f"{store.prefix}-traces", trace_id)])
    return hit and hit.source


@both_kinds
def test_lines_of_a_healthy_trace_are_written_once(store, notable):
    """Neither their documents nor their versions change, and the trace settles all the same."""
    shipped(lambda_event(WHOLE), store, notable)
    before = stored(store)
    assert resolver(store, notable, service(), ANNOTATED)[0].resolve([TRACE]).settled == 1
    assert stored(store) == before
    assert {(hit.source["trace"]["state"], hit.source["trace"]["version"]) for hit in before.values()} == {("inRecord", 0)}
    assert (record(store)["settled"], record(store)["trace"]["state"]) == (True, "complete")


def test_hints_with_lines_leave_them_too(store, notable):
    """A whole invocation settles without a search, and without writing its lines."""
    shipment = shipped(lambda_event(WHOLE), store, replace(notable, queue_url="https://sqs.example/1/hints"))
    before = stored(store)
    held = HeldTraces([(Hint(shipment.unsettled, 0, shipment.lines).trace_ids, shipment.lines)])
    assert resolver(store, notable, service(), function())[0].resolve(shipment.unsettled, held=held).settled == 1
    assert stored(store) == before


@pytest.mark.parametrize(
    ("documents", "lines", "state"),
    [
        ([service(error=True), function(**FAILED)], WHOLE, "complete"),
        ([service(), function()], [start(), powertools("failed", level="ERROR"), end(), report()], "complete"),
        ([], WHOLE, "notFound"),
        ([], [start(), powertools("paid"), end(), report(sampled=False)], "unsampled"),
        ([service()], [*WHOLE, powertools("calls", request=OTHER_REQUEST), report(OTHER_REQUEST)], "incomplete"),
    ],
    ids=["a fault", "an error line behind a 200", "not found", "unsampled", "incomplete"],
)
def test_lines_of_a_notable_trace_carry_its_verdict(store, notable, documents, lines, state):
    """Whatever is notable about a trace stands in all of its lines."""
    now = [NOW / 1000 + 60]
    shipped(lambda_event(lines), store, notable)
    for _ in range(6):
        Resolver(store=store, source=Traces(*documents), settings=notable, clock=lambda: now[0]).sweep()
        now[0] += 650
    assert states(store) == {state}
    assert record(store)["settled"]
    assert "left" not in record(store)


def test_a_trace_that_turns_faulty_writes_all_its_lines(store, notable):
    """A late error line makes a healthy trace notable."""
    worker, _ = resolver(store, notable, service(), function())
    shipped(lambda_event(WHOLE), store, notable)
    worker.sweep()
    assert states(store) == {"inRecord"}
    shipped(lambda_event([powertools("failed", level="ERROR")], first=500), store, notable)
    worker.sweep()
    assert {hit.source["trace"]["hiddenFault"] for hit in stored(store).values()} == {True}
    assert len(stored(store)) == 6


def test_a_trace_that_turns_healthy_corrects_its_lines(store, notable):
    """It was not found, so its lines say so; then its segments come, and every line says that it is complete."""
    shipped(lambda_event(WHOLE), store, notable)
    clock = lambda: NOW / 1000 + 700  # noqa: E731
    for _ in range(3):
        Resolver(store=store, source=Traces(), settings=notable, clock=clock).sweep(force=True)
    assert states(store) == {"notFound"}
    shipped(lambda_event([powertools("late")], at=NOW + 705_000, first=500), store, notable)
    Resolver(store=store, source=Traces(service(), function()), settings=notable, clock=lambda: NOW / 1000 + 720).sweep(force=True)
    assert shown(store) == {"complete"}
    assert {hit.source["trace"]["state"] for text, hit in stored(store).items()} == {"complete"}


def test_a_lost_hint_is_found_by_the_opened_record(store, notable):
    """Nothing of a trace is pending, yet the sweep finds it, once its lines are old enough to have had their hint."""
    shipped(lambda_event(WHOLE), store, notable)
    store.refresh()
    assert record(store)["settled"] is False
    worker, source = resolver(store, notable, service(), function(), clock=lambda: NOW / 1000 + 5)
    assert (worker.sweep(min_age=10).settled, source.calls) == (0, 0)
    worker, _ = resolver(store, notable, service(), function())
    assert worker.sweep(min_age=10).settled == 1
    assert worker.sweep(min_age=10).unsettled == ()


@both_kinds
@pytest.mark.parametrize(
    "late", [powertools("late"), powertools("failed", level="ERROR"), report(sampled=False)], ids=["same", "error", "report"]
)
def test_a_late_line_of_which_nobody_was_told(store, notable, monkeypatch, late):
    """`ship` dies once the line is written, and the event never comes again: the record of the settled trace is open, so the sweep looks."""
    worker, _ = resolver(store, notable, service(), function())
    shipped(lambda_event(WHOLE[:-1]), store, notable)
    worker.sweep()
    store.refresh()
    assert record(store)["settled"]

    def dies(*_):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr("pipeline.ship.catch_up", dies)
        with pytest.raises(ConnectionError):
            shipped(lambda_event([late], first=500), store, notable)
    assert not record(store)["settled"]
    worker.sweep()
    store.refresh()
    assert (record(store)["settled"], shown(store)) == (True, {"complete"})
    assert record(store)["trace"]["hiddenFault"] == ("ERROR" in late)
    assert stored(store)["paid"].source["trace"]["state"] == ("complete" if "ERROR" in late else "inRecord")


def test_a_late_line_is_told_of(store, notable):
    """The hint of a late line lets its trace settle again, and changes nothing else."""
    worker, _ = resolver(store, notable, service(), function())
    shipped(lambda_event(WHOLE), store, notable)
    worker.sweep()
    before = stored(store)
    unsettled = shipped(lambda_event([powertools("late")], first=500), store, notable).unsettled
    assert unsettled == (TRACE,)
    assert worker.resolve(unsettled).settled == 1
    assert before.items() <= stored(store).items()
    assert states(store) == {"inRecord"}


ERROR = powertools("failed", level="ERROR")
BOTH = [lambda_event(WHOLE), lambda_event([ERROR], first=500)]


def held_of(*shipments):
    """The lines in the hints of these shipments."""
    return HeldTraces((shipment.unsettled, shipment.lines) for shipment in shipments)


@both_kinds
@pytest.mark.parametrize("hints", [[0], [1], [0, 1], [1, 0], []], ids=str)
@pytest.mark.parametrize("events", [BOTH, BOTH[::-1]], ids=["error last", "error first"])
def test_a_lost_hint_of_two_loses_no_line(store, notable, events, hints):
    """Two batches open one record; whichever of their hints gets through, nothing settles before the lines of both are known."""
    queued = replace(notable, queue_url="https://sqs.example/1/hints")
    shipments = [shipped(event, store, queued) for event in events]
    worker, _ = resolver(store, queued, service(), function())
    for number in hints:
        worker.resolve(shipments[number].unsettled, held=held_of(shipments[number]))
    worker.sweep()
    assert (record(store)["settled"], record(store)["trace"]["hiddenFault"]) == (True, True)
    assert states(store) == {"complete"}


def test_hints_of_all_batches_need_no_search(store, notable):
    """The lines of both batches are in the two messages of one call."""
    queued = replace(notable, queue_url="https://sqs.example/1/hints")
    shipments = [shipped(event, store, queued) for event in (lambda_event(WHOLE), lambda_event([powertools("late")], first=500))]
    worker, _ = resolver(store, queued, service(), function())
    with requests_of(store) as paths:
        assert worker.resolve([TRACE], held=held_of(*shipments)).settled == 1
    assert not [path for path in paths if "_search" in path or "_refresh" in path]
    assert states(store) == {"inRecord"}


LATE = {"a REPORT": ([], [end(), report()]), "a line of a settled trace": ([end(), report()], [powertools("late")])}


@both_kinds
@pytest.mark.parametrize(("before", "late"), LATE.values(), ids=LATE)
def test_a_late_line_costs_the_same_however_many_there_are(notable, before, late):
    """Its hint brings it along, and the record knows the others: none of these is read again, nor written."""
    requests = []
    for lines in (10, 900):
        queued = replace(notable, prefix=f"{notable.prefix}-{lines}", queue_url="https://sqs.example/1/hints")
        with installed(queued) as store:
            worker, _ = resolver(store, queued, service(), function())
            shipment = shipped(lambda_event([start(), *(powertools(f"line {number}") for number in range(lines)), *before]), store, queued)
            worker.resolve(shipment.unsettled, held=held_of(shipment))
            documents = stored(store)
            shipment = shipped(lambda_event(late, first=5000), store, queued)
            with requests_of(store) as paths:
                assert worker.resolve(shipment.unsettled, held=held_of(shipment)).settled == 1
            requests.append(len(paths))
            assert documents.items() <= stored(store).items()
    assert requests[0] == requests[1]


def test_a_record_from_before_batches_were_noted_is_read_whole(store, notable):
    """An older version left a line that its record lacks, and opened it without a note: a hint of another line does not do."""
    queued = replace(notable, queue_url="https://sqs.example/1/hints")
    worker, _ = resolver(store, queued, service(), function())
    shipped(BOTH[1], store, queued)
    address = (f"{store.prefix}-traces", TRACE)
    document = record(store)
    del document["openedBy"], document["knowsLines"]
    (hit,) = store.get_many([address])
    store.write([store.compare_and_set(*address, hit.seq_no, hit.primary_term), document])
    worker.resolve([TRACE], held=held_of(shipped(BOTH[0], store, queued)))
    worker.sweep()
    assert record(store)["trace"]["hiddenFault"]


def test_a_record_whose_state_can_not_be_read_learns_it_from_the_lines(store, notable):
    """Such as one of another version: the lines that were left as they were shipped are read again."""
    worker, _ = resolver(store, notable, service(), function())
    shipped(lambda_event(WHOLE), store, notable)
    worker.sweep()
    store.write([{"update": {"_index": f"{store.prefix}-traces", "_id": TRACE}}, {"doc": {"settled": False, "state": {"signals": 7}}}])
    store.refresh()
    worker.sweep()
    assert REQUEST in record(store)["requestId"]


def test_a_record_that_ship_did_not_open_leaves_no_lines(store, settings, notable):
    """A trace that was settled before the choice changed has all of its lines written, also those that come later."""
    worker, _ = resolver(store, settings, service(), function())
    shipped(lambda_event(WHOLE), store, settings)
    worker.sweep()
    shipped(lambda_event([powertools("late")], first=500), store, notable)
    worker.sweep()
    assert states(store) == {"complete"}


def test_records_that_could_not_go_along_are_opened_alone(store, notable):
    """An event that takes several bulk bodies opens its records after them."""
    lines = [powertools(f"line {number}", trace=f"{int(TRACE, 16) + number % 3:032x}") for number in range(1500)]
    shipped(lambda_event(lines), store, notable)
    assert [record(store, f"{int(TRACE, 16) + number:032x}")["trace"]["version"] for number in range(3)] == [0, 0, 0]


STORY = [
    lambda_event(WHOLE),
    lambda_event([start(OTHER_REQUEST), powertools("failed", level="ERROR", request=OTHER_REQUEST, trace=OTHER, correlation_id="order-17"),
                  end(OTHER_REQUEST), report(OTHER_REQUEST, OTHER)], group="/aws/lambda/mail", stream="t", first=50),
    lambda_event([powertools("stale", trace=THIRD), "whose?"], first=90, stream="u"),
    lambda_event([powertools("nobody knows it", request="", trace=THIRD)], first=700, group="/aws/lambda/lost"),
]  # fmt: skip
AT_ONCE = lambda_event([powertools("just now", request="11111111-2182-454f-963f-5f0f9a621d79", trace=THIRD[:-1] + "9")], first=800)
QUESTIONS = [
    "", "state:complete", "state:pending", "-state:complete", "state:complete state:pending", "state:notFound -level:error", "hidden:yes", "paid",
    "annotation:path=/orders", "-annotation:path=/orders", "correlation:order-17", "exact:yes correlation:order-17", "order-17",
    "exact:yes id:order-17", "-order-17", "kind:log state:complete", f"trace:{to_xray(TRACE)}", f"exact:yes id:{REQUEST}", "kind:span",
    "edge:200", "edge:5xx", "edge:<300 paid", "-edge:2xx", "status:200", "duration:>1ms",
    "state:complete level:error", "annotation:path=/nowhere", "state:complete annotation:path=/orders paid",
]  # fmt: skip


def told(settings, *, settled):
    """What everything answers, after the story was shipped under a prefix of its own."""
    with installed(settings) as store:
        worker, _ = resolver(store, settings, service(), ANNOTATED, clock=lambda: NOW / 1000 + 60)
        for event in STORY:
            shipped(event, store, settings)
        if settled:
            worker.sweep()
        shipped(AT_ONCE, store, settings)
        store.refresh()
        answers = {}
        for text in QUESTIONS:
            query = search_query(parse_question(text), now=None, zone=None)
            clause = clause_for(query, store)
            answers[text] = (
                search(query, store),
                sorted(read_page(clause, store).hits, key=lambda hit: hit["_id"]),
                overview(clause, store),
            )
        view = transaction_view(TRACE, store)
        answers["why"] = [in_words(each) for id_ in (TRACE, OTHER, THIRD) for each in explain_traces(id_, store)] if settled else []
        answers["page"] = [*map(str, view.items), *view.reasons.items()]
        answers["export"] = [document for document in exported_documents("order-17", store) if document["doc"]["kind"] != "trace"]
        answers["otlp"] = list(otlp_lines(exported_documents(TRACE, store)))
        health = pipeline_health(store, delays=(10,), now=NOW / 1000)
        answers["health"] = (health.lines, health.methods)
        return json.loads(json.dumps(answers, default=str).replace(settings.prefix, "…"))


@pytest.mark.parametrize(("endpoint", "settled"), [("embedded", True), ("embedded", False), pytest.param("real", True, marks=pytest.mark.opensearch)],
                         indirect=["endpoint"])  # fmt: skip
def test_both_answer_alike(settings, settled):
    """The same story told with each choice: searches, facets, `why`, the page, exports and the counts of what waits are equal."""
    every = told(replace(settings, prefix=f"{settings.prefix}a"), settled=settled)
    notable = told(replace(settings, prefix=f"{settings.prefix}n", enrich_lines="notable"), settled=settled)
    for name, answer in every.items():
        assert notable[name] == answer, name
    assert not settled or every["state:complete"][0]
