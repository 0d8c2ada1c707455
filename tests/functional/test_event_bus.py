"""What EventBridge and Step Functions log joins the traces of those who sent and of those who were called, in whatever order."""

import itertools
import json

import pytest

from pipeline.model.trace_ids import to_xray
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from pipeline.search.transaction_view import transaction_view
from tests.support.event_bus import EVENT, PUT, TARGET, record
from tests.support.events import NOW, OTHER, OTHER_REQUEST, TRACE, call, lambda_event, powertools, report, service, start
from tests.support.shipping import resolver, shipped
from tests.unit.logs.extract.test_states_record import ARN, event

GROUP = "/aws/vendedlogs/events/event-bus/orders-bus"
PUT_EVENTS = call("EventBridge", "c" * 16, namespace="aws", aws={"operation": "PutEvents", "request_id": PUT, "region": "eu-west-1"})
SENDER = service(subsegments=[PUT_EVENTS])
TARGETS = service("1" * 16, name="pay", trace_id=to_xray(OTHER), aws={"request_id": OTHER_REQUEST})


def parts():
    """What comes: the sender's lines, the bus' log, the target's lines, and X-Ray's answer."""
    yield "sender", lambda_event([start(), report()])
    yield "bus", lambda_event([
        record("EVENT_INGEST_SUCCESS", details={"source": "shop", "detail_type": "Paid"}),
        record("INVOCATION_SUCCESS", details={"target_arn": TARGET, "total_attempts": 1}),
    ], group=GROUP, stream="eventbridge", first=100)  # fmt: skip
    yield "target", lambda_event(
        [powertools("paid", trace=OTHER, request=OTHER_REQUEST, service="pay", correlation_id=EVENT), report(OTHER_REQUEST, OTHER)],
        group="/aws/lambda/pay", first=200,
    )  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("resolved_between", [False, True])
def test_the_bus_joins_the_sender_to_the_target(store, settings, order, resolved_between):
    """The bus' lines go into the sender's trace by the request id of PutEvents, and the event's id joins that to the target's."""
    events = [event for _, event in parts()]
    resolve, _ = resolver(store, settings, SENDER, TARGETS, clock=lambda: NOW / 1000 + 60)
    for number in order:
        unsettled = shipped(events[number], store, settings).unsettled
        store.refresh()
        if resolved_between:
            resolve.resolve(unsettled)
            store.refresh()
    resolve.resolve([TRACE, OTHER])
    store.refresh()
    found = search(SearchQuery(ids=(PUT,), whole=True), store)
    bus = [each for each in found if each.get("eventName", "").startswith("eventbridge.")]
    assert {(each["traceId"], each["idSource"], each["requestId"]) for each in bus} == {(TRACE, "request", PUT)}
    assert len(bus) == 2
    assert {each["traceId"] for each in found} == {TRACE, OTHER}
    assert len({each["transactionId"] for each in found}) == 1
    assert {each["_id"] for each in search(SearchQuery(ids=(EVENT,), whole=True), store)} == {each["_id"] for each in found}


def test_a_bus_without_xray_is_found_by_the_event(store, settings):
    """Where nobody traced the call, the bus' lines stay without a trace, and the event's id finds them with the target's trace."""
    for _, part in parts():
        shipped(part, store, settings)
    store.refresh()
    resolver(store, settings)[0].resolve([TRACE, OTHER])
    store.refresh()
    found = search(SearchQuery(ids=(EVENT,), whole=True), store)
    assert {each.get("traceId") for each in found} == {None, OTHER}


def test_a_stranger_s_record_takes_nobody_along(store, settings):
    """The same record in a function's log is a line of that function: it stays in its own trace."""
    resolve, _ = resolver(store, settings, SENDER)
    shipped(lambda_event([start(), report()]), store, settings)
    shipped(lambda_event([start(OTHER_REQUEST), record("RULE_MATCH"), report(OTHER_REQUEST, OTHER)], group="/aws/lambda/x", stream="x",
                         first=300), store, settings)  # fmt: skip
    store.refresh()
    resolve.resolve([TRACE, OTHER])
    store.refresh()
    (printed,) = (each for each in search(SearchQuery(ids=(EVENT,)), store) if each["aws"]["logGroup"] == "/aws/lambda/x")
    assert (printed["traceId"], printed.get("eventName")) == (OTHER, None)


def test_a_state_machine_s_history_is_found_with_those_who_log_its_execution(store, settings):
    """The caller's trace that logs the ARN of the execution, and the history of it, are found by either."""
    called = powertools("started", correlation_id=ARN)
    shipped(lambda_event([called, report()]), store, settings)
    history = [
        event("ExecutionStarted"),
        event("TaskStateEntered", name="Intake"),
        event("ExecutionFailed", error="ValueError", cause="no"),
    ]
    shipped(lambda_event(history, group="/aws/vendedlogs/states/report", stream="states/report/2026", first=100), store, settings)
    store.refresh()
    resolver(store, settings)[0].resolve([TRACE])
    store.refresh()
    found = search(SearchQuery(ids=(TRACE,), whole=True), store)
    assert [each["body"] for each in found if each.get("eventName", "").startswith("states.")] == [
        "ExecutionStarted", "TaskStateEntered Intake", "ExecutionFailed — ValueError: no"]  # fmt: skip
    assert {each["_id"] for each in search(SearchQuery(ids=(ARN,), whole=True), store)} == {each["_id"] for each in found}


def test_the_waterfall_draws_an_execution_as_spans(store, settings):
    """In the transaction of the caller, the execution and its state are rows with durations; opening one shows the line that begins it."""
    shipped(lambda_event([powertools("started", correlation_id=ARN), report()]), store, settings)
    at = ((1, 0, "ExecutionStarted", {}), (2, 0, "TaskStateEntered", {"name": "Intake"}), (3, 2, "TaskFailed", {"error": "ValueError"}),
          (4, 3, "ExecutionFailed", {"error": "ValueError"}))  # fmt: skip
    for number, previous, kind, details in at:
        message = json.dumps(json.loads(event(kind, **details)) | {"id": str(number), "previous_event_id": str(previous)})
        shipped(
            lambda_event([message], group="/aws/vendedlogs/states/report", stream="s", first=100 + number, at=NOW + 10 * number),
            store,
            settings,
        )
    store.refresh()
    resolver(store, settings)[0].resolve([TRACE])
    store.refresh()
    view = transaction_view(ARN, store)
    spans = [row for row in view.rows() if row.kind == "span"]
    assert [(row.text, row.duration, row.failed) for row in spans] == [(ARN.rpartition(":")[2], 30, True), ("Intake", 20, True)]
    stored = {each["_id"]: each for each in search(SearchQuery(ids=(ARN,), whole=True), store)}
    assert [stored[row.key]["body"] for row in spans] == ["ExecutionStarted", "TaskStateEntered Intake"]
    assert view.total == len(view.items) == len(stored)
