"""Documents of other programs in tracejoin's indices: no trace waits for them, and people see them, whatever form they have."""

import json

import msgspec
import pytest
from isal import igzip

from pipeline.hint_queue import Hint, read_hint
from pipeline.join.held_traces import HeldTraces
from pipeline.model.timestamps import day_of_nanos, iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.search.explain_trace import explain_traces
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from pipeline.store.held_lines import HeldLines
from pipeline.store.own_documents import is_own
from tests.support.events import (
    NOW,
    OTHER,
    OTHER_REQUEST,
    REQUEST,
    TRACE,
    edge,
    end,
    function,
    lambda_event,
    powertools,
    report,
    service,
    start,
)
from tests.support.page import page_server
from tests.support.shipping import lines_of, resolver, shipped
from tests.support.stores import both_kinds

LINES = [start(), powertools("paid", correlation_id="order-17"), "bare print", end(), report()]
# what OpenSearch stores for a mapping that has single texts, numbers and objects there
FOREIGN = {
    "no kind": {"doc": None},
    "another kind": {"doc": {"kind": "metric"}},
    "a time as a number": {"@timestamp": NOW},
    "no trace": {"trace": None},
    "a list of verdicts": {"trace": [{"state": "pending", "version": 0}]},
    "a version as a text": {"trace": {"state": "pending", "version": "0"}},
    "a list of trace ids": {"traceId": [TRACE]},
    "a list of stale ids": {"staleTraceId": [OTHER]},
    "a list of request ids": {"requestId": [REQUEST]},
    "a list of events": {"eventName": ["START"]},
    "a list of log streams": {"aws": [{"logGroup": "/aws/lambda/orders", "logStream": "s", "accountId": "123456789012"}]},
    "a null": {"serviceName": None, "signals": None, "body": None, "eventId": None},
    "a number as a correlation id": {"correlationId": 5},
    "a level as a text": {"signals": ["error"], "severity": {"text": "ERROR", "number": "17"}},
}


def put_foreign(store, trace_id=TRACE, id_="foreign", **fields):
    """Another program's line: pending, in the log stream of the test's events, amid them."""
    document = {"@timestamp": iso_millis(NOW + 2), "doc": {"kind": "log"}, "body": "foreign", "traceId": trace_id,
                "trace": {"state": "pending", "version": 0}, "requestId": REQUEST,
                "aws": {"accountId": "123456789012", "region": "eu-west-1", "logGroup": "/aws/lambda/orders", "logStream": "s"}} | fields  # fmt: skip
    address = {"_index": f"{store.prefix}-logs-{day_of_nanos(NOW * 1_000_000)}", "_id": id_}
    (result,) = store.write([{"create": address}, document])
    assert result.ok, result.described()
    store.refresh()
    return document


def stored_foreign(store):
    """That line as it is stored now."""
    (hit,) = store.get_many([(f"{store.prefix}-logs-{day_of_nanos(NOW * 1_000_000)}", "foreign")])
    return hit.source


@both_kinds
def test_a_trace_settles_beside_documents_of_all_forms(store, settings):
    """All at once: the trace's own lines get the verdict, the foreign lines stay as they are and are named. Each kind of OpenSearch takes most."""
    shipped(lambda_event(LINES), store, settings)
    put = {name: put_foreign(store, id_=name.replace(" ", "-"), **fields) for name, fields in FOREIGN.items()}
    worker, _ = resolver(store, settings, service(), function())
    done = worker.sweep()
    assert (done.settled, done.unsettled) == (1, ())
    assert len(done.passed_over) >= len(FOREIGN) - 2
    stored = {hit.id: hit.source for hit in store.scan({"match": {"body": "foreign"}}, index=f"{store.prefix}-logs-*")}
    assert stored == {name.replace(" ", "-"): document for name, document in put.items() if "body" not in FOREIGN[name]}
    own = [document for document in lines_of(store) if document["_id"] not in {*stored, "a-null"}]
    assert [document["trace"]["state"] for document in own] == ["complete"] * 7


@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN)
def test_no_form_ends_a_first_run(store, settings, fields):
    """The same, where the foreign line is there before the trace has a record; another trace of the sweep settles, too."""
    shipped(lambda_event([*LINES, powertools("b", request=OTHER_REQUEST, trace=OTHER)]), store, settings)
    document = put_foreign(store, **fields)
    worker, _ = resolver(store, settings, service(), function(), service(trace_id=to_xray(OTHER), aws={"request_id": OTHER_REQUEST}),
                         function(trace_id=to_xray(OTHER)))  # fmt: skip
    done = worker.sweep()
    assert (done.settled, done.unsettled) == (2, ())
    assert stored_foreign(store) == document
    own = [hit for hit in search(SearchQuery(limit=50), store) if hit["_id"] != "foreign"]
    assert {hit["trace"]["state"] for hit in own} == {"complete"}


@pytest.mark.parametrize("trace_id", ["not a trace", "5", TRACE.upper(), to_xray(TRACE), "0" * 32])
def test_a_pending_line_of_no_trace_stops_no_sweep(store, settings, trace_id):
    """Its trace id is none: it is named, and the other traces settle."""
    shipped(lambda_event(LINES), store, settings)
    put_foreign(store, trace_id)
    worker, _ = resolver(store, settings, service(), function())
    done = worker.sweep()
    assert (done.settled, done.unsettled) == (1, ())
    assert any(trace_id in named for named in done.passed_over) or trace_id == to_xray(TRACE)


def test_whatever_tracejoin_writes_is_its_own(store, settings):
    """Lines before and after their verdict, moved lines, and spans: none is passed over, and none is shown otherwise than stored."""
    lines = [*LINES, "Traceback (most recent call last):\nValueError: x", powertools("lost", request="r-12345678", trace=OTHER)]
    shipped(lambda_event(lines), store, settings)
    assert all(map(is_own, lines_of(store)))
    worker, _ = resolver(store, settings, edge(502), service(parent_id="bbbbbbbbbbbbbbbb", fault=True, links=[{"trace_id": to_xray(OTHER), "id": "1" * 16}]),
                         function(cause={"exceptions": [{"type": "E", "message": "m"}]}, annotations={"a": 1}))  # fmt: skip
    assert worker.sweep().passed_over == ()
    found = search(SearchQuery(limit=50), store)
    assert len(found) == 11
    assert all(map(is_own, found))
    assert not any("otherForm" in hit for hit in found)


def test_hints_with_lines_of_another_form_are_searched_for(store, settings):
    """Whatever stands in the place of its lines, a hint is a hint of its traces; its neighbour in the batch settles, too."""
    shipped(lambda_event(LINES), store, settings)
    action = json.dumps({"create": {"_index": "i", "_id": "x"}})
    bodies = [
        "[]",
        "null",
        "5",
        *(json.dumps({"doc": {"kind": "log"}, "@timestamp": iso_millis(NOW), "traceId": TRACE} | fields) for fields in FOREIGN.values()),
    ]
    hints = [Hint((TRACE,), 0, HeldLines(igzip.compress(f"{action}\n{body}\n".encode()), ((1, 1),))) for body in bodies]
    hints += [
        Hint((TRACE,), 0, HeldLines(igzip.compress(f"{action}\n{bodies[-1]}\n".encode()), ((1, 1),), starts))
        for starts in ((), (-1,), (0, 5, 2))
    ]
    read = [read_hint(msgspec.json.encode(hint).decode()) for hint in hints]
    worker, _ = resolver(store, settings, service(), function())
    done = worker.resolve([TRACE], held=HeldTraces((hint.trace_ids, hint.lines) for hint in read))
    assert (done.settled, done.unsettled) == (1, ())
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}


@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN)
def test_people_see_a_document_of_any_form(store, settings, fields):
    """Each page and `why` answer; what has another form stands below `otherForm`."""
    shipped(lambda_event(LINES), store, settings)
    resolver(store, settings, service(), function())[0].sweep()
    put_foreign(store, **fields)
    with page_server(store) as page:
        for path in (
            "/",
            "/search",
            "/search?q=foreign",
            f"/transaction/{TRACE}",
            f"/transaction/{TRACE}?open=foreign",
            "/document?key=foreign",
            "/services",
            "/health",
        ):
            assert page.get(path).status == 200, path
        shown = page.get("/document?key=foreign").text
    assert ("otherForm" in shown) == any(value is not None for value in fields.values())
    assert explain_traces(TRACE, store)[0].state == "complete"


def test_a_foreign_dead_letter_is_shown(store):
    """A letter with lists and objects where texts are meant is one of the newest, and Health answers."""
    letter = {"@timestamp": NOW, "reason": ["x"], "document": 5, "aws": [{"logGroup": "g"}], "index": ["i"], "eventId": ["e"]}
    assert store.write([{"create": {"_index": f"{store.prefix}-dead-letters", "_id": "letter"}}, letter])[0].ok
    store.refresh()
    with page_server(store) as page:
        assert page.get("/health").status == 200
