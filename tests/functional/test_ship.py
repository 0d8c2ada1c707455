"""Shipping, against the embedded and a real OpenSearch: nothing lost, nothing doubled, the ledger adds up."""

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.configure import store_for
from pipeline.errors import UnavailableError
from pipeline.settings import Settings
from pipeline.ship import Ledger
from pipeline.store.client import TEMPLATES
from tests.support.events import NOW, TRACE, document, end, lambda_event, packed, powertools, report, start
from tests.support.http_server import HttpServer
from tests.support.shipping import adds_up, shipped
from tests.support.stores import both_kinds

DAY = 86_400_000


def count(store, kind="logs-*"):
    """How many documents there are."""
    store.refresh()
    return store.search({"size": 0, "track_total_hits": True}, index=f"{store.prefix}-{kind}")["hits"]["total"]["value"]


@both_kinds
def test_the_same_event_three_times_at_once_on_two_days(store, settings):
    """Redelivered at once and later, an event of lines from two days makes each document once, and each ledger adds up."""
    lines = [start(), powertools("one"), end(), report()]
    content = document(lines)
    for event, days_back in zip(content["logEvents"], (0, 0, 1, 1), strict=True):
        event["timestamp"] -= days_back * DAY
    event = {"awslogs": {"data": packed(content)}}
    with ThreadPoolExecutor(3) as pool:
        ledgers = [shipment.ledger for shipment in pool.map(lambda _: shipped(event, store, settings), range(3))]
    total = Ledger()
    for ledger in ledgers:
        assert adds_up(ledger)
        total.add(ledger)
    assert (total.indexed, total.duplicate) == (4, 8)
    assert count(store) == 4


def test_lines_without_event_ids(store, settings):
    """Where CloudWatch gives no id, the content does: two equal lines of one millisecond stay two, a redelivery adds none."""
    content = document(["same", "same", "other"], at=NOW)
    for event in content["logEvents"]:
        event |= {"id": "", "timestamp": NOW}
    assert shipped(content, store, settings).ledger.indexed == 3
    assert shipped(content, store, settings).ledger.duplicate == 3
    assert count(store) == 3


@both_kinds
def test_lines_that_opensearch_refuses_are_shipped_plain(store, settings):
    """Odd JSON costs a line its attributes, not its place, and not its neighbours."""
    odd = [
        '{"a":1,"a":2}',
        '{"a":"' + "x" * 40_000 + '"}',
        '{"deep":' + '{"x":' * 60 + "1" + "}" * 60 + "}",
        '{"":1,"a..b":2,".":3,"n":null}',
        powertools("well"),
    ]
    ledger = shipped(lambda_event(odd), store, settings).ledger
    assert (ledger.indexed, ledger.dead_lettered) == (5, 0)
    assert count(store) == 5


def test_a_line_that_is_too_long_is_cut_and_marked(store, settings):
    """Past the bound a line is cut, marked, and still found."""
    shipped(lambda_event(["needle " + "x" * 300_000]), store, settings)
    store.refresh()
    hits = store.search({"query": {"match": {"body": "needle"}}}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
    assert hits[0]["_source"]["cut"] == ["body"]
    assert len(hits[0]["_source"]["body"]) == settings.max_line_chars


@pytest.mark.opensearch
def test_bad_records_are_buried_with_their_reason(store, settings):
    """A bomb, nonsense and an event without a message go to the dead letters once, however often they come; the rest is shipped."""
    bomb = base64.b64encode(gzip.compress(b" " * 50_000_000, 1)).decode()
    content = document(["good", "bad"])
    del content["logEvents"][1]["message"]
    event = {"Records": [{"kinesis": {"data": data}} for data in (bomb, "nonsense!", packed(content))]}
    for indexed, duplicate in ((1, 0), (0, 1)):
        ledger = shipped(event, store, settings).ledger
        assert (ledger.received, ledger.indexed, ledger.duplicate, ledger.dead_lettered, ledger.bad_envelopes) == (
            2,
            indexed,
            duplicate,
            1,
            2,
        )
        assert adds_up(ledger)
    assert count(store, "dead-letters") == 3


def test_control_messages_and_own_log_groups(store, settings):
    """A control message is acknowledged; the shipper never ships its own lines, nor what OpenSearch logs of its writes."""
    from dataclasses import replace

    own = replace(settings, own_log_group="/aws/lambda/orders", excluded_log_groups=("/aws/lambda/other",))
    control = {"awslogs": {"data": packed(document([]) | {"messageType": "CONTROL_MESSAGE"})}}
    assert shipped(control, store, own).ledger == Ledger(control_messages=1)
    assert shipped(lambda_event(["a", "b"]), store, own).ledger == Ledger(received=2, filtered=2)
    for group in ("/aws/lambda/other", "/aws/OpenSearchService/domains/tracejoin/index-slow-logs", "/aws/aes/domains/x/index-slow-logs"):
        assert shipped(lambda_event(["a"], group=group), store, own).ledger == Ledger(received=1, filtered=1)


@both_kinds
def test_a_line_is_searchable_in_its_shape(store, settings):
    """Every field of a line is where the mapping says: ids, severity, origin, and the JSON line whole."""
    shipped(
        lambda_event([start(), powertools("paid 17", level="WARNING", correlation_id="order-17", order={"id": 9}), report()]),
        store,
        settings,
    )
    store.refresh()
    for query in ({"term": {"traceId": TRACE}}, {"term": {"correlationId": "order-17"}}, {"term": {"severity.number": 13}},
                  {"term": {"aws.logGroup": "/aws/lambda/orders"}}, {"match": {"body": "paid"}}, {"term": {"attributes.order.id": "9"}},
                  {"term": {"trace.state": "pending"}}):  # fmt: skip
        hits = store.search({"query": query}, index=store.prefix)["hits"]["hits"]
        assert any(hit["_source"]["body"] == "paid 17" for hit in hits), query


@pytest.fixture
def flaky():
    """An OpenSearch that answers what it is told to."""
    answers = []

    def answer(request):
        if request.path.startswith("/_index_template"):
            return 200, {"index_templates": [{"name": f"tracejoin-{name}"} for name in TEMPLATES]}
        if request.path.startswith("/_mget"):
            docs = json.loads(request.body)["docs"]
            return 200, {"docs": [{"_index": doc["_index"], "_id": doc["_id"], "found": False} for doc in docs]}
        if "/_search" in request.path:
            # nothing is open around a bare line
            return 200, {"hits": {"hits": []}}
        rows = len(gzip.decompress(request.body).splitlines()) // 2
        status, statuses = answers.pop(0) if answers else (200, [201] * rows)
        failed = {"error": {"type": "t", "reason": "r"}}
        return status, {"errors": True, "items": [{"create": {"status": code} | (failed if code >= 300 else {})} for code in statuses]}

    with HttpServer(answer) as server:
        settings = Settings(endpoint=server.endpoint)
        store = store_for(settings)
        yield answers, store, settings
        store.close()


def test_only_failed_items_are_tried_again(flaky):
    """429 and 503 of an item are tried again alone; 409 is a duplicate; 400 of a plain line is a dead letter."""
    answers, store, settings = flaky
    answers += [(200, [201, 429, 409, 400]), (200, [503]), (200, [201])]
    ledger = shipped(lambda_event(["a", "b", "c", "d"]), store, settings).ledger
    assert (ledger.indexed, ledger.duplicate, ledger.dead_lettered) == (2, 1, 1)
    assert answers == []


def test_a_busy_cluster_is_waited_for(flaky):
    """503 for the whole body is tried again; nothing is counted twice."""
    answers, store, settings = flaky
    answers += [(503, []), (429, [])]
    assert shipped(lambda_event(["a", "b"]), store, settings).ledger.indexed == 2


def test_a_body_that_is_too_large_is_halved(flaky):
    """413 is answered with halves, down to the single document that is too large, which is buried."""
    answers, store, settings = flaky
    answers += [(413, []), (200, [201]), (413, [])]
    ledger = shipped(lambda_event(["a", "b"]), store, settings).ledger
    assert (ledger.indexed, ledger.dead_lettered) == (1, 1)


def test_when_time_is_up_the_event_must_come_again(flaky):
    """What is still to be written when time is up makes the invocation fail, so that Lambda delivers it again."""
    answers, store, settings = flaky
    answers += [(200, [201, 429])]
    with pytest.raises(UnavailableError, match="1 of 2"):
        shipped(lambda_event(["a", "b"]), store, settings, seconds=1.0)


def test_a_dead_endpoint_is_unavailable():
    """Nobody listens: one clear error, after which the event comes again."""
    settings = Settings(endpoint="http://127.0.0.1:1")
    store = store_for(settings)
    with pytest.raises(UnavailableError):
        shipped(lambda_event(["a"]), store, settings, seconds=0.1)
    store.close()
