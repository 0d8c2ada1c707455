"""What somebody can cure buries no event: shipping fails, and after the cure the event is indexed, in one place.

A gatekeeper answers in the place of the embedded OpenSearch what a real one answers (3.8, recorded); a real one is refused for real.
"""

import json
from dataclasses import replace

import pytest

from pipeline.configure import store_for
from pipeline.errors import UnavailableError
from pipeline.model.log_groups import SPANS_LOG_GROUP
from tests.support.bulk import refusing
from tests.support.events import lambda_event, powertools
from tests.support.gatekeeper import Gatekeeper
from tests.support.otel_spans import SPAN
from tests.support.shipping import adds_up, resolver, shipped
from tests.unit.store.test_refusal import CLUSTER, DOCUMENT

LINES = [powertools("one", order=1), "plain", powertools("two", order=2)]


@pytest.fixture
def gate(endpoint):
    """In front of the test's OpenSearch."""
    with Gatekeeper(endpoint) as gate:
        yield gate


@pytest.fixture
def there(gate, settings, store):
    """The settings and the store of one who goes through the gate."""
    assert store
    options = replace(settings, endpoint=gate.endpoint)
    other = store_for(options)
    yield options, other
    other.close()


def number(store, kind):
    """How many documents there are."""
    store.refresh()
    return store.search({"size": 0, "track_total_hits": True}, index=f"{store.prefix}-{kind}")["hits"]["total"]["value"]


@pytest.mark.parametrize(("status", "error"), CLUSTER, ids=[f"{number}-{error['type']}" for number, (_, error) in enumerate(CLUSTER)])
def test_a_curable_refusal_fails_and_is_cured(gate, there, store, status, error):
    """Nothing is buried and nothing reported as success while the cluster refuses; then all of it is there once, whole."""
    options, other = there
    event = lambda_event(LINES)
    gate.answers["/_bulk"] = refusing(gate, lambda _: (status, error))
    with pytest.raises(UnavailableError, match=error["type"]):
        shipped(event, other, options, seconds=0.1)
    assert number(store, "dead-letters") == 0
    del gate.answers["/_bulk"]
    ledger = shipped(event, other, options).ledger
    assert (ledger.indexed, ledger.dead_lettered, adds_up(ledger)) == (3, 0, True)
    assert (number(store, "logs-*"), number(store, "dead-letters")) == (3, 0)
    hits = store.search({"query": {"exists": {"field": "attributes"}}}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
    assert len(hits) == 2, "no line lost its attributes"


def test_neighbours_are_written_first(gate, there, store):
    """Of an event with one line for a closed index the others are indexed before it fails, and the message names the index."""
    options, other = there
    event = lambda_event(LINES)
    gate.answers["/_bulk"] = refusing(
        gate, lambda document: (400, {"type": "index_closed_exception", "reason": "closed"}) if document["body"] == "plain" else None
    )
    with pytest.raises(UnavailableError, match=rf"1 of 3 log events now: {store.prefix}-logs-[0-9.]+: 400 index_closed_exception: closed"):
        shipped(event, other, options)
    assert number(store, "logs-*") == 2
    del gate.answers["/_bulk"]
    ledger = shipped(event, other, options).ledger
    assert (ledger.indexed, ledger.duplicate) == (1, 2)


@pytest.mark.parametrize(("status", "error"), DOCUMENT, ids=[f"{number}-{error['type']}" for number, (_, error) in enumerate(DOCUMENT)])
def test_a_bad_document_is_buried_alone_and_leaves_its_grave_when_it_is_indexed(gate, there, store, settings, status, error):
    """What OpenSearch rejects in any form is a dead letter; once it is indexed after all, the next sweep takes the letter away."""
    options, other = there
    event = lambda_event(LINES)
    gate.answers["/_bulk"] = refusing(gate, lambda document: (status, error) if document["body"] == "plain" else None)
    for _ in range(2):
        ledger = shipped(event, other, options).ledger
        assert (ledger.indexed + ledger.duplicate, ledger.dead_lettered) == (2, 1)
    assert number(store, "dead-letters") == 1
    worker, _ = resolver(store, settings)
    worker.sweep()
    assert number(store, "dead-letters") == 1
    del gate.answers["/_bulk"]
    assert shipped(event, other, options).ledger.indexed == 1
    worker.sweep()
    assert (number(store, "logs-*"), number(store, "dead-letters")) == (3, 0)


def test_a_line_is_sent_plain_before_an_unknown_reason_blames_the_cluster(gate, there, store):
    """An illegal argument that nobody knows may lie in the attributes: without them the line is taken, and nothing fails."""
    options, other = there
    unknown = (400, {"type": "illegal_argument_exception", "reason": "something new"})
    gate.answers["/_bulk"] = refusing(gate, lambda document: unknown if "attributes" in document else None)
    assert shipped(lambda_event(LINES), other, options).ledger.indexed == 3


@pytest.mark.parametrize("answer", [(404, {"error": "no such route", "status": 404}), (405, {"error": "Incorrect HTTP method"}), (302, b""), (400, b"Bad Request"),
                                    (400, {"message": "no healthy upstream"})])  # fmt: skip
def test_an_endpoint_that_leads_elsewhere_buries_nothing(gate, there, store, answer):
    """Only what OpenSearch itself says of documents is believed: a proxy's refusal of the whole body is tried again, and fails."""
    options, other = there
    gate.answers["/_bulk"] = answer
    with pytest.raises(UnavailableError):
        shipped(lambda_event(LINES), other, options, seconds=0.1)
    del gate.answers["/_bulk"]
    assert (number(store, "logs-*"), number(store, "dead-letters")) == (0, 0)


def test_spans_too(gate, there, store, settings):
    """A span for a closed index fails the event, too; one that is rejected in any form is buried until it is indexed."""
    options, other = there
    event = lambda_event([json.dumps(SPAN)], group=SPANS_LOG_GROUP)
    for status, error, dead in ((400, {"type": "index_closed_exception", "reason": "closed"}, 0), (400, DOCUMENT[0][1], 1)):
        gate.answers["/_bulk"] = refusing(
            gate, lambda document, refusal=(status, error): refusal if document.get("doc", {}).get("kind") == "span" else None
        )
        if dead:
            assert shipped(event, other, options).ledger.dead_lettered == 1
        else:
            with pytest.raises(UnavailableError, match="index_closed_exception"):
                shipped(event, other, options)
        assert number(store, "dead-letters") == dead
    del gate.answers["/_bulk"]
    assert shipped(event, other, options).ledger.indexed == 1
    resolver(store, settings)[0].sweep()
    assert (number(store, "spans-*"), number(store, "dead-letters")) == (1, 0)


def test_letters_of_earlier_versions_go_away_too(store, settings):
    """A letter without its index is looked for in the index of its day; what could not be decoded stays."""
    letters = f"{store.prefix}-dead-letters"
    shipped(lambda_event(["a"]), store, settings)
    (hit,) = store.search({}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
    old = {"@timestamp": hit["_source"]["@timestamp"], "reason": "r", "eventId": hit["_source"]["eventId"], "document": "a"}
    store.write([{"create": {"_index": letters, "_id": hit["_id"]}}, old, {"create": {"_index": letters, "_id": "x"}}, old,
                 {"create": {"_index": letters, "_id": "undecoded"}}, {"@timestamp": old["@timestamp"], "reason": "r", "document": "a"}])  # fmt: skip
    resolver(store, settings)[0].sweep()
    store.refresh()
    assert {hit["_id"] for hit in store.search({}, index=letters)["hits"]["hits"]} == {"x", "undecoded"}


def _block(store, index, name):
    store.request("PUT", f"/{index}/_settings", {f"index.blocks.{name}": True})
    yield
    store.request("PUT", f"/{index}/_settings", {f"index.blocks.{name}": None})


def _closed(store, index):
    store.request("POST", f"/{index}/_close")
    yield
    store.request("POST", f"/{index}/_open")


def _foreign(store, index, field, kind):
    store.request("DELETE", f"/{index}")
    store.request("PUT", f"/{index}", {"mappings": {"properties": {field: {"type": kind}}}})
    yield
    store.request("DELETE", f"/{index}")


FAULTS = {
    "write block": lambda store, index: _block(store, index, "write"),
    "read-only": lambda store, index: _block(store, index, "read_only"),
    "flood stage": lambda store, index: _block(store, index, "read_only_allow_delete"),
    "closed": _closed,
    "timestamp": lambda store, index: _foreign(store, index, "@timestamp", "long"),
    "trace id": lambda store, index: _foreign(store, index, "traceId", "ip"),
    "body": lambda store, index: _foreign(store, index, "body", "integer"),
    "attributes": lambda store, index: _foreign(store, index, "attributes", "long"),
}


@pytest.mark.opensearch
@pytest.mark.parametrize("fault", FAULTS)
def test_a_real_one_is_cured(store, settings, fault):
    """Each fault of an index fails the event, and leaves nothing among the dead letters; the cured index takes it."""
    shipped(lambda_event(["earlier"], first=100), store, settings)
    store.refresh()
    index = store.search({}, index=f"{store.prefix}-logs-*")["hits"]["hits"][0]["_index"]
    state = FAULTS[fault](store, index)
    next(state)
    with pytest.raises(UnavailableError, match=index):
        shipped(lambda_event(LINES), store, settings, seconds=0.1)
    next(state, None)
    # what a fault let through is a duplicate
    ledger = shipped(lambda_event(LINES), store, settings).ledger
    assert (ledger.indexed + ledger.duplicate, ledger.dead_lettered) == (3, 0)
    assert number(store, "dead-letters") == 0


@pytest.mark.opensearch
def test_what_a_real_one_rejects(store, settings):
    """A line whose attributes can't be indexed is shipped plain, as before."""
    odd = json.dumps({"a": "x" * 40_000})
    ledger = shipped(lambda_event([odd, "well"]), store, settings).ledger
    assert (ledger.indexed, ledger.dead_lettered) == (2, 0)
