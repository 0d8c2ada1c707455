"""The service maps that OpenSearch's own Dashboards draw: what the sweep stores of them."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from pipeline.local.aws_spans import subscription_event
from pipeline.search.service_map import read_service_map
from pipeline.store.own_mapping import types_of
from pipeline.topology.connections import MOST_OPERATIONS
from pipeline.topology.map_upkeep import MapUpkeep
from pipeline.topology.periods import PERIOD
from tests.functional.test_service_map import nanos, span_event
from tests.support.counted_writes import Crash, crashing
from tests.support.documents import BEGAN, put, span
from tests.support.events import NOW, edge, function, lambda_event, powertools, report, service, start
from tests.support.policies import sweep, with_policy
from tests.support.shipping import resolver, shipped
from tests.support.stores import both_kinds
from tests.unit.search.test_service_map import EDGES

SAMPLE_AT = nanos("2026-02-05T00:50:00Z") / 1e9
SEGMENTS = [edge(), service(parent_id="b" * 16), function()]
SOON = BEGAN.timestamp() + 600


def documents(store, version):
    """What is stored of a service map, by id."""
    store.refresh()
    found = store.search({"size": 10_000}, index=f"{store.prefix}-service-map-{version}")["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in found}


def v2_edges(store):
    """The pairs of nodes as the APM of Dashboards lists them: a node connection once."""
    found = {document["nodeConnectionHash"]: document for document in documents(store, "v2").values() if "targetNode" in document}
    return {(each["sourceNode"]["keyAttributes"]["name"], each["targetNode"]["keyAttributes"]["name"]) for each in found.values()}


def terms(field, **inner):
    """A `terms` aggregation."""
    return {"terms": {"field": field, "size": 1000}, "aggs": inner} if inner else {"terms": {"field": field, "size": 1000}}


def drawn(store):
    """The edges that Trace Analytics draws: it asks for the ends of relationships by service, and joins them by resource and domain."""
    ends = {}
    for end in ("target", "destination"):
        aggs = {"service": terms("serviceName", resource=terms(f"{end}.resource", domain=terms(f"{end}.domain")))}
        # by the name that stock Dashboards have
        answer = store.search({"size": 0, "aggs": aggs}, index=f"otel-v1-apm-service-map-{store.prefix}*")
        ends[end] = [(service["key"], resource["key"], domain["key"]) for service in answer["aggregations"]["service"]["buckets"]
                     for resource in service["resource"]["buckets"] for domain in resource["domain"]["buckets"]]  # fmt: skip
    owners = {(resource, domain): service for service, resource, domain in ends["target"]}
    return {(service, owners[resource, domain]) for service, resource, domain in ends["destination"] if (resource, domain) in owners}


def upkeep(store, at=SOON, **more):
    """A process' own upkeep, at a time in seconds since the epoch."""
    return MapUpkeep(store, days=14, clock=lambda: at, **more)


def chain(*names, trace="1", at=BEGAN, version=1, **more):
    """A trace in which each service calls the next one, as stored spans."""
    trace_id = f"{trace:0>32}"
    return [span(f"{trace}-{n}", at + timedelta(milliseconds=n), traceId=trace_id, spanId=f"{n + 1:016x}", parentSpanId=f"{n:016x}" if n else "",
                 serviceName=name, name=f"call {name}", startTime=(at + timedelta(milliseconds=n)).isoformat(), kind="SPAN_KIND_SERVER",
                 transactionId=more.get("transaction", trace_id), trace={"state": "complete", "version": version}) for n, name in enumerate(names)]  # fmt: skip


@both_kinds
def test_all_edges_of_the_sample_are_stored_as_both_kinds_of_documents(store, settings, samples):
    """OpenSearch's own sample of spans, shipped: all ten edges follow, in Trace Analytics' documents and the APM's, valid by their mappings."""
    folder = samples / "opensearch_apm"
    lines = list(map(json.loads, (folder / "otel_v1_apm_span_explore.data.ndjson").read_text().splitlines()))
    at = nanos(lines[0]["startTime"]) // 1_000_000
    shipped(subscription_event(map(span_event, lines), at=at), store, replace(settings, retention_days=400))
    # ships at its own time, so the index of these days is another one than in production; the upkeep looks at their time
    upkeep(store, SAMPLE_AT).keep_up(whole=True)
    assert v2_edges(store) == drawn(store) == EDGES == {(edge.caller, edge.callee) for edge in read_service_map(store).edges}
    mapping = json.loads((folder / "otel_apm_service_map_explore.mapping.json").read_text())["mappings"]["properties"]
    known = dict(types_of(mapping))
    theirs = json.loads((folder / "otel_apm_service_map_explore.data.ndjson").read_text().splitlines()[0])
    for document in documents(store, "v2").values():
        assert document.keys() - {"revision"} <= known.keys()
        assert document["sourceNode"].keys() == document["targetNode"].keys() == theirs["sourceNode"].keys()
        assert document["sourceNode"]["keyAttributes"].keys() == theirs["sourceNode"]["keyAttributes"].keys()
        assert (document["sourceNode"]["type"], document["sourceNode"]["keyAttributes"]["environment"]) == ("service", "generic:default")
        assert document["sourceOperation"] == {"name": document["sourceOperation"]["name"], "attributes": {}}
    operations = {(each["sourceNode"]["keyAttributes"]["name"], each["sourceOperation"]["name"], each["targetOperation"]["name"])
                  for each in documents(store, "v2").values()}  # fmt: skip
    assert ("frontend", "POST /cart/add", "AddItem") in operations
    for id_, document in documents(store, "v1").items():
        assert id_ == document["hashId"]
        assert document.keys() - {"@timestamp"} <= {"hashId", "serviceName", "kind", "destination", "target", "traceGroupName"}
        assert ("target" in document) != ("destination" in document)
        assert document["traceGroupName"] == "ingress"


@both_kinds
def test_the_sweep_stores_the_map_and_then_leaves_it(store, settings):
    """The first sweep of a worker stores the map of what it settles; the next ones write nothing, and ask again after five minutes only."""
    shipped(lambda_event([start(), powertools("paid"), report()]), store, settings)
    now = [NOW / 1000 + 60]
    worker, _ = resolver(store, settings, *SEGMENTS, clock=lambda: now[0])
    worker.sweep(force=True)
    edges = {(edge.caller, edge.callee) for edge in read_service_map(store).edges}
    assert edges
    assert v2_edges(store) == drawn(store) == edges
    before = documents(store, "v1"), documents(store, "v2")
    asked, request = [], store.request
    store.request = lambda *arguments, **more: asked.append(arguments[1]) or request(*arguments, **more)
    try:
        worker.sweep()
        assert len(asked) <= 2
        now[0] += 301
        asked.clear()
        worker.sweep()
        assert len(asked) <= 5
        assert not any("_bulk" in path for path in asked)
    finally:
        del store.request
    assert (documents(store, "v1"), documents(store, "v2")) == before


@both_kinds
def test_what_proves_otherwise_is_replaced(store):
    """A host that a service called is on the map until the called service's own trace is known and joined; then the service is, alone."""
    caller, called = f"{1:032x}", f"{2:032x}"
    common = {"trace": {"state": "complete", "version": 1}}
    client = span("1-c", BEGAN, traceId=caller, spanId="c" * 16, parentSpanId="", serviceName="shop", name="pays", kind="SPAN_KIND_CLIENT",
                  startTime=BEGAN.isoformat(), endTime=(BEGAN + timedelta(seconds=1)).isoformat(), transactionId=caller,
                  state={"url": "https://pay.example/x", "name": "pay.example", "namespace": "remote"}, **common)  # fmt: skip
    put(store, client)
    worker = upkeep(store)
    assert worker.keep_up(whole=False) > 0
    assert v2_edges(store) == drawn(store) == {("shop", "pay.example")}
    put(store, span("2-s", BEGAN + timedelta(milliseconds=5), traceId=called, spanId="d" * 16, parentSpanId="", serviceName="pay", name="POST /x",
                    kind="SPAN_KIND_SERVER", startTime=(BEGAN + timedelta(milliseconds=5)).isoformat(), transactionId=caller, **common))  # fmt: skip
    worker.keep_up(whole=False)
    assert v2_edges(store) == drawn(store) == {("shop", "pay")}
    assert worker.keep_up(whole=False) == 0


def test_services_without_calls_are_on_the_map(store):
    """A service that nobody calls and that calls nobody is one document of each kind, without the other end."""
    put(store, *chain("alone"))
    upkeep(store).keep_up(whole=False)
    (v1,), (v2,) = documents(store, "v1").values(), documents(store, "v2").values()
    assert (v1["serviceName"], v1.keys() & {"kind", "target", "destination"}) == ("alone", set())
    assert "targetNode" not in v2
    assert upkeep(store).keep_up(whole=True) == 0


@pytest.mark.parametrize(("endpoint", "seed"), [*(("embedded", seed) for seed in range(4)), pytest.param("real", 4, marks=pytest.mark.opensearch)],
                         indirect=["endpoint"])  # fmt: skip
def test_any_order_crashes_and_two_at_once_end_alike(store, settings, seed):
    """Spans come in any order and late, by hours; upkeeps of two processes die between any two writes; in the end all is as if made at once."""
    choice = random.Random(seed)
    traces = [
        chain(*choice.sample(["a", "b", "c", "d", "e"], 3), trace=f"{n}", at=BEGAN - timedelta(minutes=choice.randrange(240)))
        for n in range(12)
    ]
    pieces = [piece for trace in traces for piece in trace]
    choice.shuffle(pieces)
    for batch in (pieces[:10], pieces[10:24], pieces[24:]):
        put(store, *batch)
        with crashing(store, choice.randrange(1, 6), after=choice.random() < 0.5):
            try:
                upkeep(store).keep_up(whole=choice.random() < 0.5)
            except Crash:
                pass
    first, second = upkeep(store), upkeep(store)
    for worker in (first, second, first):
        store.refresh()
        worker.keep_up(whole=True)
    store.refresh()
    assert upkeep(store).keep_up(whole=True) == 0
    ended = documents(store, "v1"), documents(store, "v2")
    for version in ("v1", "v2"):
        store.request("POST", f"/{store.prefix}-service-map-{version}/_delete_by_query", {"query": {"match_all": {}}}, {"refresh": "true"})
    upkeep(store).keep_up(whole=True)
    anew = documents(store, "v1"), documents(store, "v2")
    assert ended[1] == anew[1]
    assert v2_edges(store) == drawn(store) == {pair for trace in traces for pair in pairwise(each[1]["serviceName"] for each in trace)}
    # a relationship that spans do not show any more in the same words stays until its retention
    assert anew[0].keys() <= ended[0].keys()


def test_a_late_span_reaches_a_period_long_past(store):
    """The hourly look finds what the last hour's does not: a span of days ago, which makes a connection of two services that were alone."""
    old = BEGAN - timedelta(days=3)
    parent, child = chain("front", "back", at=old)
    put(store, child)
    upkeep(store).keep_up(whole=True)
    assert v2_edges(store) == set()
    put(store, parent)
    assert upkeep(store).keep_up(whole=False) == 0
    upkeep(store).keep_up(whole=True)
    assert v2_edges(store) == drawn(store) == {("front", "back")}


def test_operations_are_bounded(store):
    """Ids in paths are no operations, and a connection has twenty in a period at most; the others are one more, which names none."""
    paths = [f"GET /orders/{n}" for n in range(50)] + [f"GET /of/user-{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10]}" for n in range(50)]
    for n, path in enumerate(paths):
        first, (action, second) = chain("web", "shop", trace=f"{n}")
        put(store, first, [action, second | {"name": path}])
    upkeep(store).keep_up(whole=False)
    found = [document for document in documents(store, "v2").values() if "targetNode" in document]
    assert len(found) == MOST_OPERATIONS + 1
    assert {"GET /orders/*"} < {document.get("targetOperation", {}).get("name") for document in found}
    assert len(documents(store, "v1")) == 2 * (MOST_OPERATIONS + 1)
    assert v2_edges(store) == drawn(store) == {("web", "shop")}


def test_too_many_spans_and_relationships(store, monkeypatch):
    """Where there are more spans than are read, connections are only added; where relationships are too many, they name services alone."""
    monkeypatch.setattr("pipeline.topology.map_upkeep.MOST_SPANS", 4)
    monkeypatch.setattr("pipeline.topology.map_upkeep.MOST_SAMPLED", 4)
    monkeypatch.setattr("pipeline.topology.map_upkeep.MOST_RELATIONSHIPS", 4)
    put(store, *chain("a", "b", trace="1"), *chain("b", "c", trace="2", at=BEGAN + timedelta(seconds=1)))
    upkeep(store).keep_up(whole=False)
    put(store, *chain("c", "d", trace="3", at=BEGAN + timedelta(seconds=2)))
    upkeep(store).keep_up(whole=False)
    put(store, *chain("d", "e", trace="4", at=BEGAN + timedelta(seconds=3)))
    upkeep(store).keep_up(whole=False)
    assert v2_edges(store) == drawn(store) == {("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")}
    resources = {document["target"]["resource"] for document in documents(store, "v1").values() if "target" in document}
    assert resources == {"call b", "call c", "d", "e"}


def test_a_call_that_goes_on_where_reading_ends_is_no_host(store, monkeypatch):
    """Of too many spans only those of the period are read: a call that is answered in the next one is on no host's edge."""
    monkeypatch.setattr("pipeline.topology.map_upkeep.MOST_SPANS", 4)
    late = BEGAN - timedelta(milliseconds=10)
    call = {"url": "https://shop.example/x", "name": "shop.example", "namespace": "remote"}
    for number, ends in enumerate((late + timedelta(milliseconds=5), BEGAN + timedelta(milliseconds=50))):
        (front,) = chain("web", trace=f"{number}", at=late)
        client = span(f"c{number}", late, traceId=f"{number:0>32}", spanId="c" * 16, parentSpanId=f"{1:016x}", serviceName="web", name="x",
                      kind="SPAN_KIND_CLIENT", startTime=late.isoformat(), endTime=ends.isoformat(), state=call | {"name": f"{number}.example", "url": f"https://{number}.example/"},
                      transactionId=f"{number:0>32}", trace={"state": "complete", "version": 1})  # fmt: skip
        put(store, front, client)
    put(store, *chain("after", "it", at=BEGAN, trace="9"))
    upkeep(store).keep_up(whole=False)
    assert v2_edges(store) == {("web", "0.example"), ("after", "it")}


def test_a_policy_that_deletes_spans_deletes_no_connection(store, settings, tmp_path):
    """Where healthy spans are sampled out, the map keeps what they showed."""
    own = with_policy(settings, tmp_path)
    shipped(lambda_event([start(), powertools("paid"), report()]), store, own)
    sweep(store, own, *SEGMENTS, at=NOW / 1000 + 60)
    edges = v2_edges(store)
    assert edges
    assert sweep(store, own, *SEGMENTS).sampled_out_spans > 0
    sweep(store, own, *SEGMENTS)
    assert v2_edges(store) == drawn(store) == edges


def test_retention(store):
    """A connection goes when its time is over; a relationship when it was not seen so long, and what is seen every day stays."""
    put(store, *chain("a", "b"))
    upkeep(store).keep_up(whole=False)
    put(store, *chain("a", "b", trace="2", at=BEGAN + timedelta(days=2)))
    upkeep(store, BEGAN.timestamp() + 2 * 86400 + 60).keep_up(whole=False)
    assert len(documents(store, "v2")) == 2
    assert {document["@timestamp"][:10] for document in documents(store, "v1").values()} == {f"{BEGAN + timedelta(days=2):%Y-%m-%d}"}
    for version, field in (("v1", "@timestamp"), ("v2", "timestamp")):
        lines = [[{"index": {"_index": f"{store.prefix}-service-map-{version}", "_id": id_}}, document | {field: "2020-01-01T00:00:00Z"}]
                 for id_, document in list(documents(store, version).items())[:1]]  # fmt: skip
        store.write(lines[0])
    store.refresh()
    assert upkeep(store).purge() == 2
    assert (len(documents(store, "v1")), len(documents(store, "v2"))) == (1, 1)


def test_periods_begin_where_opensearch_begins_them():
    """The periods of the two searches are the multiples of five minutes, which OpenSearch's histograms begin at."""
    assert (PERIOD, NOW // PERIOD * PERIOD % 300_000) == (300_000, 0)
