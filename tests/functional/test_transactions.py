"""Transactions: traces find each other, by whatever they share, in any order; and what everybody shares joins nobody."""

import itertools
import json

import pytest

from pipeline.join import transactions
from pipeline.join.transactions import transaction_of, transactions_of
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.explain_trace import explain_traces, in_words
from pipeline.search.query import SearchQuery
from pipeline.search.search import search, transaction
from pipeline.store.join_keys import MOST_TRACES
from tests.support.events import NOW, Traces, lambda_event, powertools, report
from tests.support.shipping import shipped

EARLY, LATE = (f"5759e988bd862e3fe1be46a99427279{number}" for number in (3, 9))
CALLER, CALLEE = (f"52fdfc07-2182-454f-963f-5f0f9a621d7{number}" for number in (2, 9))
GATEWAY = "JKJaXmPLvHcESHA="
SPAN = "53995c3f42cd8ad8"
HEADER = f"Root={to_xray(EARLY)};Parent={SPAN};Sampled=1"


def of(service, messages, number):
    """A subscription event of a service's log group, with event ids of its own."""
    return lambda_event(messages, group=f"/aws/lambda/{service}", stream=service, at=NOW + number, first=1 + 100 * number)


def caller(*, sampled=False, **more):
    """The caller's log: its line, and the platform's record."""
    return [
        of("caller", [powertools("calls", request=CALLER, trace=EARLY, **more)], 0),
        of("caller", [report(CALLER, EARLY, sampled=sampled)], 1),
    ]


def callee(*, sampled=False, **more):
    """The callee's log, whose trace is another one."""
    return [
        of("callee", [powertools("answers", request=CALLEE, trace=LATE, **more)], 2),
        of("callee", [report(CALLEE, LATE, sampled=sampled)], 3),
    ]


def access(**more):
    """A line of API Gateway's access log for an HTTP API, in the format of docs/api-gateway.md."""
    line = {"requestId": GATEWAY, "routeKey": "GET /callee", "status": "200", "integrationRequestId": CALLEE, **more}
    return of("gateway", [json.dumps(line)], 4)


def invoked(trace, request, *, name, id_, links=()):
    """A Lambda segment that answers 200, with its function's segment."""
    at = {"start_time": NOW / 1000, "end_time": NOW / 1000 + 0.1, "trace_id": to_xray(trace), "name": name}
    service = {"id": id_ * 16, "origin": "AWS::Lambda", "http": {"response": {"status": 200}}, "aws": {"request_id": request}}
    function = {"id": id_ * 8 + "0" * 8, "parent_id": id_ * 16, "origin": "AWS::Lambda::Function"}
    return [at | service, at | function | ({"links": list(links)} if links else {})]


LINK = {"trace_id": to_xray(EARLY), "id": "a" * 16}
CALL = {"id": "c" * 16, "name": "Lambda", "namespace": "aws", "start_time": NOW / 1000, "end_time": NOW / 1000 + 0.1,
        "aws": {"operation": "Invoke", "request_id": CALLEE}}  # fmt: skip
SQS = {"Records": [{"messageId": "1", "attributes": {"AWSTraceHeader": HEADER}}]}
JOINS = {
    "correlation id": (caller(correlation_id="order-17"), callee(correlation_id="order-17"), []),
    "x-correlation-id": (caller(**{"x-correlation-id": "order-17", "x": 1}), callee(headers={"x-correlation-id": "order-17"}), []),
    "tracing header": (caller(), callee(headers={"x-amzn-trace-id": HEADER}), []),
    "traceparent": (caller(), callee(pad="." * 600, headers={"traceparent": f"00-{EARLY}-{SPAN}-01"}), []),
    "AWSTraceHeader": (caller(), callee(event=SQS), []),
    "access log": (caller(apigw=1, correlation_id=GATEWAY), [*callee(), access()], []),
    "gateway's request id": (caller(correlation_id=GATEWAY), callee(correlation_id=GATEWAY), []),
    "X-Ray link": (caller(sampled=True), callee(sampled=True), [*invoked(EARLY, CALLER, name="caller", id_="a"), *invoked(LATE, CALLEE, name="callee", id_="b", links=[LINK])]),
    "invoked request": (caller(sampled=True), callee(sampled=True), [*invoked(EARLY, CALLER, name="caller", id_="a"),
                                            CALL | {"type": "subsegment", "parent_id": "a" * 8 + "0" * 8, "trace_id": to_xray(EARLY)}]),
}  # fmt: skip


def worker(store, settings, *documents):
    """A resolver whose X-Ray has these documents."""
    return Resolver(store=store, source=Traces(*documents), settings=settings, clock=lambda: NOW / 1000 + 3600)


def settle(store, settings, *documents):
    """Sweeps until nothing is open; a worker that starts anew each time."""
    for _ in range(6):
        if not worker(store, settings, *documents).sweep(force=True).unsettled:
            break
    store.refresh()


def transaction_ids(store):
    """The transaction ids of all log lines, spans and traces."""
    store.refresh()
    found = store.search({"query": {"exists": {"field": "traceId"}}, "size": 1000})["hits"]["hits"]
    return {hit["_source"].get("transactionId") for hit in found}


@pytest.mark.parametrize(("endpoint", "name"), [*(("embedded", name) for name in JOINS), *(pytest.param("real", name, marks=pytest.mark.opensearch)
                         for name in ("access log", "X-Ray link"))], indirect=["endpoint"])  # fmt: skip
def test_two_traces_find_each_other(store, settings, name):
    """Whatever they share, by whichever of its ids one searches: all lines and spans of both, one transaction id, and the edge's evidence."""
    first, second, documents = JOINS[name]
    for event in (*first, *second):
        shipped(event, store, settings)
    settle(store, settings, *documents)
    assert transaction_ids(store) == {EARLY}
    everything = {document["_id"] for document in transaction(EARLY, store)}
    assert len(everything) == len(first) + len(second) + len(documents)
    for id_ in (EARLY, LATE, to_xray(LATE), CALLER, CALLEE):
        assert {document["_id"] for document in search(SearchQuery(ids=(id_,), whole=True, limit=0), store)} == everything
    (account, _) = sorted(explain_traces(EARLY, store) + explain_traces(LATE, store), key=lambda told: told.trace_id)
    assert account.transaction == (EARLY, LATE)
    assert account.edges
    assert any(EARLY in edge.trace_ids and LATE in edge.trace_ids and all(edge.evidence) for edge in account.edges)
    assert any(sentence.startswith("transaction ") for sentence in in_words(account))


@pytest.mark.parametrize("name", ["correlation id", "access log", "AWSTraceHeader"])
@pytest.mark.parametrize("seed", range(4))
def test_the_line_that_joins_them_may_come_last(store, settings, name, seed):
    """Each batch comes when everything else is settled, in any order: in the end every document has the one transaction id."""
    first, second, _ = JOINS[name]
    events = [*first, *second]
    for event in list(itertools.permutations(events))[seed * 5 :: 7][0]:
        shipped(event, store, settings)
        settle(store, settings)
    assert transaction_ids(store) == {EARLY}


@pytest.mark.opensearch
def test_two_settled_groups_become_one(store, settings):
    """Two pairs of traces are settled, each with an id of its own; one line that names both correlation ids makes them one transaction."""
    traces = [f"5759e988bd862e3fe1be46a9942727{number}0" for number in range(1, 6)]
    for number, (trace, id_) in enumerate(zip(traces[:4], ("a-1", "a-1", "b-2", "b-2"), strict=True)):
        shipped(
            of("s", [powertools("x", request=f"52fdfc07-2182-454f-963f-{number:012d}", trace=trace, correlation_id=id_)], number),
            store,
            settings,
        )
    settle(store, settings)
    assert transaction_ids(store) == {traces[0], traces[2]}
    both = {"message": "joins", "traceId": to_xray(traces[4]), "x-correlation-id": "a-1", "x-correlation-parent": "b-2"}
    shipped(of("s", [json.dumps(both)], 9), store, settings)
    settle(store, settings)
    assert transaction_ids(store) == {traces[0]}
    assert set(transaction_of(["b-2"], store).trace_ids) == set(traces)


def test_a_stale_claim_takes_its_keys_along(store, settings):
    """A line that named another trace, until the platform's record came, does not leave that trace joined by the line's correlation id."""
    shipped(of("callee", [powertools("stale", request=CALLEE, trace=EARLY, correlation_id="order-17")], 2), store, settings)
    shipped(of("other", [powertools("order", request=CALLER, trace=EARLY[:-1] + "5", correlation_id="order-17")], 5), store, settings)
    settle(store, settings)
    assert set(transactions_of([EARLY], store)[EARLY].trace_ids) == {EARLY, EARLY[:-1] + "5"}
    shipped(of("callee", [report(CALLEE, LATE, sampled=False)], 3), store, settings)
    settle(store, settings)
    assert transactions_of([EARLY], store)[EARLY].trace_ids == (EARLY,)
    assert transactions_of([LATE], store)[LATE].trace_ids == (EARLY[:-1] + "5", LATE)
    stale = search(SearchQuery(trace_id=LATE, text="stale"), store)
    assert [(line["staleTraceId"], line["idSource"], line["transactionId"]) for line in stale] == [(EARLY, "request", LATE)]


@pytest.mark.parametrize("endpoint", ["embedded", pytest.param("real", marks=pytest.mark.opensearch)], indirect=True)
def test_a_stale_claim_leaves_nothing_on_the_lines_of_the_trace(store, settings):
    """A line that had the id of a stale claim, and one that never had it, end as the same document."""
    own = of("caller", [powertools("own", request=CALLER, trace=EARLY), report(CALLER, EARLY, sampled=False)], 0)
    claim = of("callee", [powertools("stale", request=CALLEE, trace=EARLY, correlation_id="order-17")], 2)
    record = of("callee", [report(CALLEE, LATE, sampled=False)], 3)
    ends = []
    for order in ((claim, own, record), (record, claim, own)):
        for path in ("logs-*", "traces", "links"):
            store.request("POST", f"/{store.prefix}-{path}/_delete_by_query", {"query": {"match_all": {}}},
                          {"refresh": "true", "ignore_unavailable": "true"})  # fmt: skip
        for event in order:
            shipped(event, store, settings)
            settle(store, settings)
        found = store.search({"query": {"term": {"traceId": EARLY}}}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
        lines = sorted((hit["_source"] for hit in found), key=lambda line: line["eventId"])
        for line in lines:
            line["trace"].pop("version")
        ends.append(lines)
    assert len(ends[0]) == 2
    assert ends[0] == ends[1]


@pytest.mark.opensearch
def test_a_constant_glues_nothing(store, settings):
    """An id that more traces show than one piece of work has joins none: it is told of, search still answers, neighbours are joined."""
    traces = [f"5759e988bd862e3fe1be46a9{number:08x}" for number in range(MOST_TRACES + 5)]
    lines = [json.dumps({"message": "m", "traceId": trace, "x-correlation-tenant": "acme", "x-correlation-id": f"order-{number // 2}"})
             for number, trace in enumerate(traces)]  # fmt: skip
    shipped(of("s", lines, 1), store, settings)
    resolution = worker(store, settings).sweep(force=True)
    settle(store, settings)
    assert resolution.too_common == ("acme",)
    group = transactions_of(traces[:1], store)[traces[0]]
    assert (group.trace_ids, group.too_common) == (tuple(traces[:2]), ("acme",))
    assert len(transaction_ids(store)) == len(traces) // 2 + 1
    assert len(search(SearchQuery(ids=("acme",), whole=True, limit=0), store)) == len(traces)
    assert any("acme joins nothing" in sentence for sentence in in_words(explain_traces(traces[0], store)[0]))


def test_a_group_has_a_limit_in_whichever_order_it_grew(store, settings, monkeypatch):
    """A chain of traces that grows past the limit comes apart: each stands alone, and `why` says so."""
    monkeypatch.setattr(transactions, "MOST_TRACES", 4)
    traces = [f"5759e988bd862e3fe1be46a9942727{number}0" for number in range(1, 7)]
    links = [(f"c-{number}", f"c-{number + 1}") for number in range(6)]
    for number in (0, 1, 2, 4, 5, 3):
        content = {"message": "m", "traceId": traces[number], "x-correlation-a": links[number][0], "x-correlation-b": links[number][1]}
        shipped(of("s", [json.dumps(content)], number), store, settings)
        settle(store, settings)
    assert transaction_ids(store) == set(traces)
    assert transactions_of(traces[:1], store)[traces[0]].too_large


@pytest.mark.parametrize("id_", ["undefined", "null", "", "-", "  ", "None"])
def test_placeholders_are_no_ids(store, settings, id_):
    """What a program logs where it has no id joins nothing."""
    for event in (*caller(correlation_id=id_), *callee(correlation_id=id_)):
        shipped(event, store, settings)
    settle(store, settings)
    assert transaction_ids(store) == {EARLY, LATE}


@pytest.mark.opensearch
@pytest.mark.parametrize("id_", ['a" OR *', "*", "order-*", "a:b AND c", "{}", "../_search", "ü-é", "trace:" + EARLY])
def test_ids_are_data(store, settings, id_):
    """Whatever an id looks like, it finds what names it, and nothing else."""
    for event in (*caller(correlation_id=id_), *callee(correlation_id="order-17")):
        shipped(event, store, settings)
    settle(store, settings)
    assert transaction_ids(store) == {EARLY, LATE}
    found = search(SearchQuery(ids=(id_,), whole=True, limit=0), store)
    assert {document["traceId"] for document in found} == {EARLY}
