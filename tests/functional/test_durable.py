"""Durable executions, as AWS' own SDK and local runner write them, from ship to search: one transaction, one verdict."""

import itertools
import json
from dataclasses import replace

import pytest

from pipeline.agents.answer import answer_text
from pipeline.agents.tools import Stored, tool_named
from pipeline.redact.redactor import Redactor
from pipeline.resolve import Resolver
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from pipeline.search.transaction_view import transaction_view
from pipeline.traces.sources.spans_subscription import SpansSubscription
from tests.support.command import tracejoin
from tests.support.durable import ARN, recorded, run_durable
from tests.support.events import NOW, lambda_event, report, start
from tests.support.shipping import adds_up, shipped

TRACES = [f"5759e988bd862e3fe1be46a99427{number:04x}" for number in range(16)]
LONG_AFTER = NOW / 1000 + 7200
VIEWS = ("execution", "invocation")


def settled(store, settings, events, traces, *, between=False, at=LONG_AFTER):
    """Every line and span, and the trace records by id, after these events were shipped and their traces resolved."""
    resolver = Resolver(store=store, source=SpansSubscription(), settings=settings, clock=lambda: at)
    for event in events:
        shipment = shipped(event, store, settings)
        assert adds_up(shipment.ledger)
        if between:
            resolver.resolve(shipment.unsettled, force=True)
    store.refresh()
    for _ in range(2):
        resolver.resolve(traces, force=True)
        store.refresh()
    found = search(SearchQuery(limit=0), store)
    records = {id_: hit.source for id_, hit in zip(traces, store.get_many([(f"{store.prefix}-traces", id_) for id_ in traces]), strict=True)
               if hit}  # fmt: skip
    return found, records


def rules_in(records):
    """The rules of all alerts, sorted."""
    return sorted(
        {finding["rule"] for record in records.values() for finding in record.get("findings", ()) if finding["severity"] == "alert"}
    )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("one_trace", [False, True], ids=["a trace each", "one trace"])
def test_the_invocations_of_an_execution_are_one_transaction(store, settings, one_trace, between, reverse):
    """Whether Lambda gives each invocation a trace or all of them one, in any order of coming, the ARN joins them; nothing is found."""
    run = run_durable("well after two attempts", "execution")
    traces = TRACES[:1] if one_trace else TRACES[: len(run.invocations)]
    events = run.without_otel().log_events(*traces)
    found, records = settled(store, settings, events[::-1] if reverse else events, traces, between=between)
    assert len(run.invocations) == 4
    assert {line["traceId"] for line in found} == set(traces)
    assert {line["transactionId"] for line in found} == {traces[0]}
    assert rules_in(records) == []
    assert {line["trace"]["state"] for line in found} == {"unsampled"}
    for asked in (ARN, ARN.split("/")[2], f"https://console/#/durable-executions/{ARN.replace('/', '%2F')}"):
        assert {line["_id"] for line in search(SearchQuery(ids=(asked,), whole=True, limit=0), store)} == {line["_id"] for line in found}


def test_a_line_has_what_it_says_of_the_execution_once(store, settings):
    """The operation and the attempt are fields, and no attribute holds them, too."""
    found, _ = settled(
        store, settings, run_durable("well after two attempts", "execution").without_otel().log_events(*TRACES[:4]), TRACES[:4]
    )
    charging = [line for line in found if line["body"] == "charging"]
    assert [(line["durable"]["operationName"], line["durable"]["attempt"]) for line in charging] == [
        ("charge", 1),
        ("charge", 2),
        ("charge", 3),
    ]
    assert {line["durable"]["executionArn"] for line in charging} == {ARN}
    assert {line["durable"]["executionName"] for line in charging} == {"order-7"}
    assert not {"executionArn", "operationId", "operationName", "attempt"} & {
        name for line in charging for name in line.get("attributes", {})
    }


@pytest.mark.parametrize("written", [run_durable, recorded], ids=["installed SDK", "newer SDK"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_spans_and_lines_of_an_execution_that_went_well(store, settings, view, between, reverse, written):
    """The trace is complete, nothing is missing, and neither the errors of the first attempts nor their spans are a finding."""
    run = written("well after two attempts", view)
    events = [event for pair in itertools.zip_longest(run.log_events(run.trace_id), run.span_events()) for event in pair if event]
    found, records = settled(store, settings, events[::-1] if reverse else events, [run.trace_id], between=between)
    record = records[run.trace_id]
    assert (record["trace"]["state"], record["missing"], rules_in(records)) == ("complete", [], [])
    assert {document["doc"]["kind"] for document in found} == {"log", "span"}
    assert {document["traceId"] for document in found} == {run.trace_id}
    spans = [document for document in found if document["doc"]["kind"] == "span"]
    assert {span["durable"]["executionArn"] for span in spans} == {ARN}
    assert {document["_id"] for document in search(SearchQuery(ids=(ARN,), whole=True, limit=0), store)} == {each["_id"] for each in found}


@pytest.mark.parametrize("case", ["well after two attempts", "failed"])
@pytest.mark.parametrize("reverse", [False, True])
def test_spans_in_a_trace_for_each_invocation(store, settings, case, reverse):
    """Where the plugin begins a trace with each invocation, the ARN on the spans alone joins them, and each trace is judged."""
    run = recorded(case, "invocation")
    traces = TRACES[: len(run.invocations)]
    events = run.with_a_trace_each(*traces).span_events()
    found, records = settled(store, settings, events[::-1] if reverse else events, traces)
    assert {span["traceId"] for span in found} == set(traces)
    assert len({span["transactionId"] for span in found}) == 1
    assert {record["trace"]["state"] for record in records.values()} == {"complete"}
    assert [rule for rule in rules_in(records) if rule.startswith("durable")] == (["durable-execution-failed"] if case == "failed" else [])
    assert case == "failed" or rules_in(records) == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("invocations", [1, 2, 3])
def test_a_suspended_execution_is_never_incomplete(store, settings, view, invocations):
    """However long nothing comes, the trace of an execution that waits is complete and well, and says that it is suspended."""
    run = run_durable("well after two attempts", view)
    kept = run.first(invocations)
    found, records = settled(store, settings, [*kept.log_events(run.trace_id), *kept.span_events()], [run.trace_id])
    record = records[run.trace_id]
    assert (record["trace"]["state"], rules_in(records)) == ("complete", [])
    assert "suspended" in record["trace"]["stateReason"]
    assert {document["trace"]["state"] for document in found} == {"complete"}


@pytest.mark.parametrize("written", [run_durable, recorded], ids=["installed SDK", "newer SDK"])
@pytest.mark.parametrize("view", VIEWS)
def test_what_was_suspended_goes_on_in_the_same_record(store, settings, view, written):
    """After the wait, the later spans come into the settled trace, and the verdict is that of the whole execution."""
    run = written("failed", view)
    first = run.first(1)
    _, records = settled(store, settings, [*first.log_events(run.trace_id), *first.span_events()], [run.trace_id])
    assert rules_in(records) == []
    found, records = settled(store, settings, [*run.log_events(run.trace_id), *run.span_events()], [run.trace_id])
    assert "durable-execution-failed" in rules_in(records)
    assert "suspended" not in records[run.trace_id]["trace"]["stateReason"]
    assert {document["trace"]["hiddenFault"] for document in found} == {True}


@pytest.mark.parametrize("view", VIEWS)
def test_spans_alone_tell_once_of_an_operation_that_failed_for_good(store, settings, view):
    """Its attempts are one failure, in whichever invocation they ran, and so is the span of its end that a replay sends again."""
    run = run_durable("caught", view)
    _, records = settled(store, settings, run.span_events(), [run.trace_id])
    assert [finding["rule"] for record in records.values() for finding in record["findings"]] == ["edge-ok-downstream-fault"]


@pytest.mark.parametrize("view", [*VIEWS, ""])
@pytest.mark.parametrize(("case", "expected"), [
    ("failed", "durable-execution-failed"), ("caught", "edge-ok"), ("swallowed", "edge-ok"),
])  # fmt: skip
def test_what_failed_for_good_is_found(store, settings, case, expected, view):
    """An execution that failed, an operation that did and whose failure was caught, and an error inside an attempt that went well."""
    run = run_durable(case, view or "execution")
    trace = run.trace_id if view else TRACES[0]
    events = [*run.log_events(trace), *run.span_events()] if view else run.without_otel().log_events(trace)
    _, records = settled(store, settings, events, [trace])
    if not view and case != "failed":
        expected = "unsampled-error"
    assert [rule for rule in rules_in(records) if rule.startswith(expected)], rules_in(records)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("between", [False, True])
def test_an_execution_that_failed_without_spans_is_one_finding(store, settings, between, reverse):
    """In any order of coming, the record has one finding and one issue: the handler's error and the SDK's line tell of one failure."""
    run = run_durable("failed", "execution").without_otel()
    events = run.log_events(TRACES[0])
    _, records = settled(store, settings, events[::-1] if reverse else events, TRACES[:1], between=between)
    (record,) = records.values()
    assert [finding["rule"] for finding in record["findings"]] == ["durable-execution-failed"]
    assert len(record["issues"]) == 1


def test_the_waterfall_shows_operations_attempts_and_replays(store, settings):
    """Attempts stand in order below their operation; a line that each invocation prints anew is marked from the second one on."""
    run = run_durable("well after two attempts", "execution")
    settled(store, settings, [*run.log_events(run.trace_id), *run.span_events()], [run.trace_id])
    view = transaction_view(ARN, store)
    texts = [row.text for row in view.rows()]
    assert [text for text in texts if text.startswith("charge")] == [
        "charge → SUCCEEDED", "charge attempt 1 → FAILED", "charge attempt 2 → FAILED", "charge attempt 3 → SUCCEEDED",
    ]  # fmt: skip
    assert [text for text in texts if "charging" in text] == [f"[charge, attempt {number}] charging" for number in (1, 2, 3)]
    assert not [row for row in view.rows() if row.on_way]


@pytest.mark.parametrize(("case", "invocations"), [("well after two attempts", 4), ("well after two attempts", 2), ("caught", 3)])
@pytest.mark.parametrize("view", VIEWS)
def test_the_lines_of_an_attempt_stand_below_it(store, settings, view, case, invocations):
    """Also while the execution is suspended, when the span of the operation is not there yet, and those of a child context below that."""
    run = run_durable(case, view).first(invocations)
    settled(store, settings, [*run.log_events(run.trace_id), *run.span_events()], [run.trace_id])
    above: list[str] = []
    found = []
    for row in transaction_view(ARN, store).rows():
        del above[row.depth :]
        if row.kind == "log" and ("attempt" in row.text or row.text == "packing"):
            found.append((row.text.partition("]")[0].strip("[").replace(",", ""), above[-1].partition(" →")[0]))
        above.append(row.text)
    assert found
    assert [(of, inside) for of, inside in found if of != inside] == ([("packing", "delivery")] if ("packing", "delivery") in found else [])
    assert (("packing", "delivery") in found) == (invocations > 2)


def test_a_replayed_line_is_told_from_the_first_one(store, settings):
    """What a logger other than the SDK's writes outside operations comes again with each replay: the span of the invocation tells."""
    run = run_durable("well after two attempts", "invocation")
    settled(store, settings, [*run.log_events(run.trace_id), *run.span_events()], [run.trace_id])
    shown = [row.text for row in transaction_view(ARN, store).rows() if "handler called" in row.text or "order sent" in row.text]
    assert shown == ["handler called", *["[replayed] handler called"] * 3, "order sent"]


def test_an_execution_in_very_many_traces_glues_nothing(store, settings):
    """Beyond the limit of a join key the invocations stay apart, and the ARN still finds each of them."""
    keys = {"executionArn": ARN, "level": "INFO", "message": "polled"}
    traces = [f"5759e988bd862e3fe1be46a9{number:08x}" for number in range(120)]
    for number, trace in enumerate(traces):
        request = f"52fdfc07-2182-454f-963f-{number:012d}"
        shipped(lambda_event([start(request), json.dumps(keys | {"requestId": request}), report(request, trace, sampled=False)],
                             at=NOW - 10_000_000 + 1000 * number, first=1000 * number + 1), store, settings)  # fmt: skip
    store.refresh()
    resolver = Resolver(store=store, source=SpansSubscription(), settings=settings, clock=lambda: LONG_AFTER)
    for _ in range(3):
        resolver.resolve(traces, force=True)
        store.refresh()
    found = search(SearchQuery(ids=(ARN,), whole=True, limit=0), store)
    assert {line["traceId"] for line in found} == set(traces)


def test_lines_without_a_request_and_without_lambda_s_own(store, settings):
    """As the local runner hands lines over: no START, no REPORT, no request id; the plugin's trace joins them, and the verdict is the same."""
    for case, expected in (("well after two attempts", []), ("failed", ["durable-execution-failed"])):
        run = run_durable(case, "invocation", ARN.replace("order-7", case.replace(" ", "-")))
        bare = [json.dumps({name: value for name, value in json.loads(line).items() if name != "requestId"})
                for each in run.invocations for _, line in each.lines]  # fmt: skip
        _, records = settled(
            store, settings, [lambda_event(bare, at=NOW - 60_000, first=len(case) * 10_000), *run.span_events()], [run.trace_id]
        )
        assert [rule for rule in rules_in(records) if not rule.startswith("edge-ok")] == expected
        assert expected or rules_in(records) == []


def test_an_execution_that_nobody_traced_is_found_by_its_arn(store, settings):
    """Without a trace there is no verdict and no transaction; the ARN finds every line that names it, beside EventBridge's event."""
    run = run_durable("well after two attempts", "execution").without_otel()
    untraced = [[line for _, line in each.lines if line.startswith("{")] for each in run.invocations]
    changed = json.dumps({"detail-type": "Durable Execution Status Change", "source": "aws.lambda",
                          "detail": {"durableExecutionArn": ARN, "status": "TIMED_OUT"}})  # fmt: skip
    for number, lines in enumerate(untraced):
        shipped(lambda_event(lines, at=NOW - 60_000 + 1000 * number, first=1000 * number + 1), store, settings)
    shipped(lambda_event([changed], group="/aws/events/durable", stream="e", first=9000), store, settings)
    store.refresh()
    found = search(SearchQuery(ids=(ARN,), whole=True, limit=0), store)
    named = [line for lines in untraced for line in lines if "executionArn" in line]
    assert len(found) == len(named) + 1
    assert not any(line.get("traceId") for line in found)
    assert [line["durable"]["executionStatus"] for line in found if "executionStatus" in line["durable"]] == ["TIMED_OUT"]


def test_what_an_agent_is_told(store, settings):
    """A row of `search` has what a line or span says of the execution; what an operation calls itself is cleaned, redacted and cut."""
    run = run_durable("well after two attempts", "execution")
    key = "AKIA" + "IOSFODNN7EXAMPL0"
    hostile = json.dumps({"level": "INFO", "message": "odd", "traceId": run.trace_id, "executionArn": ARN, "operationId": "o",
                          "operationName": f"a\x1b[31m\u202eb {key} {'long ' * 1000}", "attempt": 7})  # fmt: skip
    events = [*run.log_events(run.trace_id), *run.span_events(), lambda_event([hostile], group="/ecs/odd", stream="odd", first=77)]
    settled(store, replace(settings, redact=False), events, [run.trace_id])
    answer = tool_named("search").call(Stored(store=store, rules={}, delays=(), api_gateway=()), {"question": f"id:{ARN}", "limit": 200})
    told = json.loads(answer_text(answer, Redactor().text))
    charging = [row["durable"] for row in told["rows"] if row.get("text") == "charging"]
    assert [(each["executionArn"], each["operationName"], each["attempt"]) for each in charging[::-1]] == [
        (ARN, "charge", n) for n in (1, 2, 3)
    ]
    ended = [row["durable"]["executionStatus"] for row in told["rows"] if row["kind"] == "span" and "executionStatus" in row["durable"]]
    assert set(ended) == {"SUCCEEDED"}
    (odd,) = [row["durable"]["operationName"] for row in told["rows"] if row.get("text") == "odd"]
    assert odd.startswith("a")
    assert not any(part in odd for part in ("\x1b", "\u202e", key))
    assert len(odd) < 2100
    assert all("durable" not in row or row["durable"] for row in told["rows"])


def test_what_a_person_sees_in_a_terminal(store, settings):
    """`trace` and `search` mark the lines; what an operation calls itself cannot control the terminal."""
    where = {"TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix}
    run = run_durable("well after two attempts", "execution")
    hostile = json.dumps({"level": "INFO", "message": "odd", "traceId": run.trace_id, "executionArn": ARN, "operationId": "o",
                          "operationName": "a\x1b[31m\u202eb\nc", "attempt": 7})  # fmt: skip
    events = [*run.log_events(run.trace_id), *run.span_events(), lambda_event([hostile], group="/ecs/odd", stream="odd", first=77)]
    settled(store, settings, events, [run.trace_id])
    for command in ("trace", "search"):
        status, shown, _ = tracejoin(command, ARN, **where)
        assert status == 0
        assert "[charge, attempt 2] charging" in shown
        assert "attempt 7] odd" in shown
        assert not {"\x1b", "\u202e"} & set(shown)
