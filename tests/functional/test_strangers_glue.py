"""Glue and size as weapons: whatever a stranger's log group names, the transactions and records of others stay what they are."""

import json
import time
from types import SimpleNamespace

import pytest

from pipeline.join.transactions import transaction_of, transactions_of
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.explain_trace import explain_traces, in_words
from pipeline.search.query import SearchQuery
from pipeline.search.search import documents, search
from pipeline.store import join_keys
from pipeline.store.join_keys import MOST_TRACES, JoinKeys, KeySighting
from pipeline.store.together import write_alone
from tests.support.events import NOW, Traces, function, lambda_event, powertools, report, service
from tests.support.shipping import shipped

BEGAN = f"{NOW // 1000:08x}"
FIRST, SECOND, THIRD = (f"{BEGAN}e1be46a994272793bd862e3{number}" for number in (1, 2, 3))
TINY = "00000001" + "0" * 23 + "1"
ORDER = "order-77"
_DAY = 86_400
REQUESTS = tuple(f"52fdfc07-2182-454f-963f-5f0f9a621d7{number}" for number in (1, 2))


def victims():
    """Two traces of one order, one in X-Ray and one that was not sampled; the platform's records come in batches of their own."""
    requests = REQUESTS
    return [
        lambda_event([powertools("paid", request=requests[0], trace=FIRST, correlation_id=ORDER)], stream="v", first=10),
        lambda_event([report(requests[0], FIRST)], stream="v", first=20, at=NOW + 5),
        lambda_event([powertools("sent", request=requests[1], trace=SECOND, correlation_id=ORDER)], group="/aws/lambda/mail", stream="v", first=30,
                     at=NOW + 10),
        lambda_event([report(requests[1], SECOND, sampled=False)], group="/aws/lambda/mail", stream="v", first=40, at=NOW + 15),
    ]  # fmt: skip


def strange(lines, *, group="/ecs/stranger", at=NOW, first=10**6):
    """An event of a stranger's log group."""
    return lambda_event(lines, group=group, stream="x", at=at, first=first)


def naming(trace, *ids, **more):
    """A line that names a trace and correlation ids."""
    named = {f"x-correlation-{number}": id_ for number, id_ in enumerate(ids)}
    return json.dumps({"level": "INFO", "message": "m", "xray_trace_id": to_xray(trace), **named, **more})


def request_id(number):
    """A request id of a stranger's function."""
    return f"11111111-0000-4000-8000-{number:012d}"


def invented(number):
    """The id of a trace that nobody but a line knows."""
    return f"{BEGAN}{number:024x}"


INVENTED = [naming(invented(number), ORDER) for number in range(1, MOST_TRACES + 2)]
REPORTS = [report(request_id(number), TINY[:-3] + f"{number:03}", sampled=False) for number in range(1, 20)]


def later(number):
    """The id of a trace of a minute later."""
    return f"{NOW // 1000 + 60:08x}{number:024x}"


def known_traces(first, count, key):
    """The lines of later traces that a function's log says the platform knows; each names ``key``."""
    ids = [(request_id(number), later(number)) for number in range(first, first + count)]
    return [
        line for request, trace in ids for line in (naming(trace, key, function_request_id=request), report(request, trace, sampled=False))
    ]


FLOODS = {
    "invented traces": [strange(INVENTED)],
    "few invented traces": [strange(INVENTED[:20])],
    "invented traces of several groups": [strange(INVENTED[:60]), strange(INVENTED[60:], group="/ecs/other", first=2 * 10**6)],
    "the smallest trace id": [strange([naming(TINY, ORDER)], at=NOW - 60_000)],
    "the smallest trace id in Lambda's log": [strange([naming(TINY, ORDER, function_request_id=request_id(0)), report(request_id(0), TINY, sampled=False)],
                                                      group="/aws/lambda/stranger", at=NOW + 60_000)],
    "REPORT lines of small ids": [strange(REPORTS, group="/aws/lambda/stranger", at=NOW + 60_000)],
    "known traces of one function": [strange(known_traces(1, 150, ORDER), group="/aws/lambda/stranger", at=NOW + 60_000)],
    "few known traces of one function": [strange(known_traces(1, 99, ORDER), group="/aws/lambda/stranger", at=NOW + 60_000)],
    "known traces over several keys": [
        strange(known_traces(90 * place, 90, id_), group="/aws/lambda/stranger", at=NOW + 60_000, first=10**6 + 1000 * place)
        for place, id_ in enumerate((ORDER, REQUESTS[0], REQUESTS[1]))
    ],
    "many keys": [strange([naming(FIRST, *(f"!{number}-{place}" for place in range(10))) for number in range(60)])],
    "a chain of invented traces": [strange([naming(invented(number), ORDER, f"c-{number}", f"c-{number + 1}") for number in range(1, 90)])],
    "many requests": [strange([naming(FIRST, function_request_id=request_id(number)) for number in range(600)])],
    "many errors": [strange([f"INFO trace_id={to_xray(FIRST)} item {number}" for number in range(300)])],
}  # fmt: skip


def xray():
    """An X-Ray that has the first of the victims' traces."""
    at = {"trace_id": to_xray(FIRST), "aws": {"request_id": "52fdfc07-2182-454f-963f-5f0f9a621d71"}}
    return [service(**at), function(trace_id=to_xray(FIRST))]


def settle(store, settings):
    """Sweeps until nothing is open."""
    for _ in range(8):
        resolver = Resolver(store=store, source=Traces(*xray()), settings=settings, clock=lambda: NOW / 1000 + 7200)
        if not resolver.sweep(force=True).unsettled:
            break
    store.refresh()


def of_victims(store):
    """The victims' own lines, spans and traces, without what a stranger's lines add to the traces' own list of ids, and to their state."""
    found = documents(store.search({"query": {"terms": {"traceId": [FIRST, SECOND]}}, "size": 1000}))
    own = [document for document in found if document.get("aws", {}).get("logGroup", "/aws/lambda/").startswith("/aws/lambda/")]
    for document in own:
        document["trace"].pop("version")
        for name in (
            ("state", "correlationId", "requestId", "lastSeenAt") if document["doc"]["kind"] == "trace" else ("correlationId", "state")
        ):
            document.pop(name, None)
    return sorted(own, key=lambda document: document["_id"])


def whole(store):
    """The victims' records, but for what tells how often something was tried."""
    found = documents(store.search({"query": {"terms": {"_id": [FIRST, SECOND]}}, "size": 10}, index=f"{store.prefix}-traces"))
    for document in found:
        document["trace"].pop("version")
        document["state"].pop("lookups", None)
    return sorted(found, key=lambda document: document["_id"])


@pytest.mark.parametrize("name", FLOODS)
def test_a_stranger_changes_no_transaction(store, settings, name):
    """Before or after the victims' lines, settled in between or not: their documents are those of a quiet day, and so is what joins them."""
    ends, records = [], []
    quiet = None
    for order in ("quiet", "stranger first", "stranger last", "stranger at once", "between"):
        for path in ("logs-*", "spans-*", "traces", "links"):
            store.request(
                "POST",
                f"/{store.prefix}-{path}/_delete_by_query",
                {"query": {"match_all": {}}},
                {"refresh": "true", "ignore_unavailable": "true"},
            )
        own, flood = victims(), FLOODS[name] if order != "quiet" else []
        schedule = {
            "stranger first": [*flood, None, *own],
            "stranger last": [*own, None, *flood],
            "between": [*own[:2], None, *flood, None, *own[2:]],
        }
        for event in schedule.get(order, [*own[::-1], *flood]):
            if event is None:
                settle(store, settings)
            else:
                shipped(event, store, settings)
        settle(store, settings)
        end = of_victims(store)
        quiet = quiet or end
        ends.append(end)
        records.append(whole(store))
        group = transactions_of([SECOND], store)[SECOND]
        assert (group.id, {FIRST, SECOND} <= set(group.trace_ids), ORDER in group.keys) == (FIRST, True, True), order
    assert {document["transactionId"] for document in quiet} == {FIRST}
    for end in ends:
        assert end == quiet
    assert all(record == records[1] for record in records[2:])


def test_an_invented_trace_does_not_make_two_orders_one(store, settings):
    """A line that names the ids of two orders belongs to one of them; the orders stay apart, in any order of arrival."""
    other = [
        lambda_event(
            [
                powertools("paid", request=request_id(3), trace=THIRD, correlation_id="order-88"),
                report(request_id(3), THIRD, sampled=False),
            ],
            group="/aws/lambda/third",
        )
    ]
    bridge = [strange([naming(invented(1), ORDER, "order-88")])]
    for event in (*bridge, *victims(), *other, *bridge):
        shipped(event, store, settings)
        settle(store, settings)
    found = transactions_of([FIRST, THIRD, invented(1)], store)
    assert set(found[FIRST].trace_ids) == {FIRST, SECOND, invented(1)}
    assert found[THIRD].trace_ids == (THIRD,)
    assert found[invented(1)].id == FIRST
    assert {document["transactionId"] for document in of_victims(store)} == {FIRST}


def test_unknown_traces_hang_on_the_nearest_known_one(store, settings):
    """A service without X-Ray belongs to the transaction that its line names, and so does one behind it; when X-Ray has it, it counts."""
    chain = [strange([naming(invented(1), ORDER, "a-1"), naming(invented(2), "a-1", "a-2"), naming(invented(3), "a-2")])]
    for event in (*chain, *victims()):
        shipped(event, store, settings)
    settle(store, settings)
    for id_ in (FIRST, invented(1), invented(3)):
        assert set(transactions_of([id_], store)[id_].trace_ids) == {FIRST, SECOND, *map(invented, (1, 2, 3))}
    store.refresh()
    found = documents(store.search({"query": {"term": {"doc.kind": "trace"}}, "size": 100}))
    assert {document["transactionId"] for document in found} == {FIRST}


def test_known_traces_of_everybody_come_apart(store, settings):
    """A constant on more known traces than a key may join joins none, though X-Ray or the platform knows each of them."""
    for place in range(3):
        shipped(
            strange(known_traces(60 * place, 60, "acme"), group=f"/aws/lambda/tenant-{place}", first=10**6 + 1000 * place), store, settings
        )
    shipped(strange(known_traces(500, 110, "beta"), group="/aws/lambda/tenant-9", first=2 * 10**6), store, settings)
    settle(store, settings)
    group = transactions_of([later(1)], store)[later(1)]
    assert (group.trace_ids, group.too_common) == ((later(1),), ("acme",))
    group = transactions_of([later(505)], store)[later(505)]
    assert (group.trace_ids, group.too_common) == ((later(505),), ("beta",))


def resolved(store, settings, lines, *, group, first):
    """Ships lines of one group, and resolves their traces without a sweep, which would purge by the real time."""
    waiting = shipped(strange(lines, group=group, first=first), store, settings).unsettled
    for _ in range(8):
        worker = Resolver(store=store, source=Traces(), settings=settings, clock=lambda: NOW / 1000 + 7200)
        waiting = worker.resolve(waiting, force=True).unsettled if waiting else ()
    store.refresh()


def unknown_traces(first, count, key):
    """The lines of traces that only they name; each names ``key``."""
    return [naming(later(number), key) for number in range(first, first + count)]


@pytest.mark.parametrize("traces", [unknown_traces, known_traces])
def test_glue_that_is_in_use_stays_glue(store, settings, monkeypatch, traces):
    """A constant is used for longer than the retention, and says nothing new: it is not purged, and joins nobody, old or new."""
    now = time.time()
    clock = SimpleNamespace(time=lambda: now - 20 * _DAY)
    monkeypatch.setattr(join_keys, "time", clock)
    for place in range(3):
        resolved(store, settings, traces(50 * place, 50, "acme"), group=f"/aws/lambda/tenant-{place}", first=10**6 + 1000 * place)
    for ago in (13, 6, 0):
        clock.time = lambda ago=ago: now - ago * _DAY
        resolved(store, settings, traces(200 + ago, 1, "acme"), group="/aws/lambda/tenant-0", first=2 * 10**6 + 1000 * ago)
    JoinKeys(store).purge(days=14)
    resolved(store, settings, traces(300, 60, "acme"), group="/aws/lambda/tenant-1", first=3 * 10**6)
    found = documents(store.search({"query": {"term": {"doc.kind": "trace"}}, "size": 1000}))
    assert len(found) == 213
    assert {document["transactionId"] for document in found} == {document["traceId"] for document in found}


def test_a_key_in_use_is_written_once_in_six_hours(store, monkeypatch):
    """What says nothing new costs no write, but for one after six hours, by which `purge` sees that the key is in use."""
    clock = SimpleNamespace(time=time.time)
    monkeypatch.setattr(join_keys, "time", clock)
    sighting = {"acme": KeySighting(trace_ids={FIRST})}
    written = []
    for hours in (0, 1, 5, 7, 8, 12, 14):
        clock.time = lambda hours=hours: NOW / 1000 + hours * 3600
        written.append(write_alone(JoinKeys(store).merging(sighting), store)["acme"].seq_no)
    assert [number - written[0] for number in written] == [0, 0, 0, 1, 1, 1, 2]


def test_a_flood_leaves_few_documents_and_a_small_record(store, settings):
    """Thousands of ids and errors of one log group leave a hundred join keys and a record of some kilobytes; the lines are all there."""
    for event in victims():
        shipped(event, store, settings)
    for start in range(0, 3000, 1000):
        lines = [
            naming(FIRST, f"id-{number}", level="ERROR", function_request_id=request_id(number)) for number in range(start, start + 1000)
        ]
        shipped(strange(lines, at=NOW + start, first=10**6 + start), store, settings)
    settle(store, settings)
    links = store.request("GET", f"/{store.prefix}-links/_count")["count"]
    assert links < 250
    [record] = store.get_many([(f"{store.prefix}-traces", FIRST)])
    assert len(json.dumps(record.source)) < 150_000
    assert store.search({"query": {"term": {"correlationId": "id-2999"}}, "size": 5})["hits"]["hits"]
    # a late line that says nothing new leaves the record settled
    late = shipped(
        strange([naming(FIRST, "id-x", level="ERROR", function_request_id=request_id(9))], at=NOW + 1500, first=2 * 10**6), store, settings
    )
    assert late.unsettled == ()


def test_search_and_why_find_the_victims_of_a_flood(store, settings):
    """By an id that a thousand invented traces name, the traces that are known are found and explained."""
    for event in victims():
        shipped(event, store, settings)
    settle(store, settings)
    shipped(strange([naming(invented(number), ORDER, more=1) for number in range(1, 400) for _ in range(2)]), store, settings)
    settle(store, settings)
    assert {FIRST, SECOND} <= set(transaction_of([ORDER], store).trace_ids)
    told = {trace.trace_id: in_words(trace) for trace in explain_traces(ORDER, store)}
    assert any(sentence.startswith(f"joined to {to_xray(SECOND)}") for sentence in told[FIRST])


def test_a_stuck_trace_id_leaves_the_trace_what_it_is(store, settings):
    """A function that logs its first trace's id for ever: the platform's records come before or after, and the trace keeps its own error."""
    ends = []
    first = lambda_event([powertools("no stock", request=REQUESTS[0], trace=FIRST, level="ERROR", correlation_id=ORDER), report(REQUESTS[0], FIRST)],
                         stream="v", first=10)  # fmt: skip
    for order in ("records first", "lines first"):
        for path in ("logs-*", "spans-*", "traces", "links"):
            store.request(
                "POST",
                f"/{store.prefix}-{path}/_delete_by_query",
                {"query": {"match_all": {}}},
                {"refresh": "true", "ignore_unavailable": "true"},
            )
        numbers = range(1, 131)
        stuck = [
            powertools(f"stale {number}", request=request_id(number), trace=FIRST, level="ERROR", correlation_id=f"s-{number}")
            for number in numbers
        ]
        records = [report(request_id(number), later(number), sampled=False) for number in numbers]
        batches = [lambda_event(stuck, stream="v", at=NOW + 1000, first=1000), lambda_event(records, stream="v", at=NOW + 2000, first=2000)]
        for event in (first, *(batches[::-1] if order == "records first" else batches)):
            shipped(event, store, settings)
            settle(store, settings)
        [record] = whole(store)
        ends.append(record)
        assert record["correlationId"] == [ORDER]
        assert [finding["lines"][0]["text"] for finding in record["findings"]] == ["no stock"]
        assert transactions_of([FIRST], store)[FIRST].trace_ids == (FIRST,)
        assert len(search(SearchQuery(trace_id=later(7), text="stale"), store)) == 1
    assert ends[0] == ends[1]
