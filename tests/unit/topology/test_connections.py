"""Connections, and the documents that they become."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.map_span import map_span
from pipeline.topology.connections import MOST_OPERATIONS, Connection, connections_in, operation_of
from pipeline.topology.map_documents import connection_document, relationships
from pipeline.topology.periods import PERIOD, period_of
from tests.support.map_spans import BEGAN, stored

SPANS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.sampled_from(["GET /x", "GET /orders/17", "save", ""]),
              st.sampled_from(["SERVER", "CLIENT", "INTERNAL"]), st.integers(0, 2_000)),
    max_size=30,
)  # fmt: skip


def spans_of(drawn):
    """Map spans of one trace: each stands below an earlier one, or is a root."""
    found = []
    for number, (above, service, name, kind, at) in enumerate(drawn):
        parent = f"s{number - 1 - above}" if number > above else ""
        # distinct starts, as far apart as seconds
        document = stored(f"s{number}", parent, service, kind=kind, at=at * 1000 + number) | {"name": name}
        found.append(map_span(document))
    return found


@given(SPANS, st.randoms())
def test_any_order_of_spans_gives_the_same_connections(drawn, shuffled):
    """What is written follows from the spans alone; each service that shows is in a connection; ends are never the same service."""
    spans = spans_of(drawn)
    found = connections_in(spans)
    again = list(spans)
    shuffled.shuffle(again)
    assert connections_in(again) == found
    assert {span.service for span in spans} <= {name for each in found for name in (each.source, each.target)}
    assert all(each.source != each.target and each.period % PERIOD == 0 for each in found)
    documents = dict(map(connection_document, found))
    assert {document["timestamp"] for document in documents.values()} == {connection_document(each)[1]["timestamp"] for each in found}


@given(st.lists(st.integers(0, 200), min_size=1, max_size=120))
def test_a_pair_of_nodes_has_few_operations(numbers):
    """Whatever the names are, the most frequent ones stay, and the rest is one connection without a name."""
    spans = []
    for trace, number in enumerate(numbers):
        word = "".join("abcdefghij"[int(digit)] for digit in str(number))
        for each in (stored("1", "", "web", f"t{trace}"), stored("2", "1", "shop", f"t{trace}", at=1)):
            spans.append(map_span(each | {"name": f"GET /{word}"}))
    found = connections_in(spans)
    named = {each for each in found if each.target_operation}
    assert len(named) == min(len(set(numbers)), MOST_OPERATIONS)
    assert len(found) - len(named) == (len(set(numbers)) > MOST_OPERATIONS)


@given(st.text(max_size=60))
def test_an_operation_has_no_number(name):
    """No name is refused; digits stay only in what names a version or a thing."""
    assert len(operation_of(name)) <= max(len(name), 200)


def test_operations():
    """Ids and numbers in paths and names become one operation; a route's own words and placeholders stay."""
    for name, operation in {
        "GET /orders/17": "GET /orders/*", "GET /v1/orders/{id}": "GET /v1/orders/{id}", "GET /product/:id": "GET /product/:id", "PlaceOrder": "PlaceOrder",
        "GET /": "GET /", "": "", "## handler": "## handler", f"GET /{'x' * 60}": "GET /*",
    }.items():  # fmt: skip
        assert operation_of(name) == operation


def test_ids_tell_connections_apart():
    """Of all that a connection is, each part makes another document, but for the trace group, which the APM does not know."""
    parts = {"period": (0, PERIOD), "source": ("a", "b"), "target": ("c", ""), "target_type": ("service", "external"), "source_operation": ("", "x"),
             "target_operation": ("", "y")}  # fmt: skip
    every = [Connection(**dict(zip(parts, values, strict=True))) for values in itertools.product(*parts.values())]
    kept = [each for each in every if each.target or each.target_type == "service"]
    assert len({connection_document(each)[0] for each in kept}) == len(kept)
    grouped = Connection(period=0, source="a", target="c", trace_group="g")
    assert connection_document(grouped) == connection_document(Connection(period=0, source="a", target="c"))


def test_a_relationship_has_the_id_that_data_prepper_gives_it():
    """MD5, as base64, of service, kind, trace group, target and destination, with Java's `null` for none (`ServiceMapRelationship`)."""
    connection = Connection(period=0, source="frontend", target="cart", target_operation="GetCart", trace_group="ingress")
    (first, destination), (second, target) = relationships(connection)
    assert (first, second) == ("6qUKQ1CQggO3Oues0kArog==", "KPFXAppuP10KilQg0KNs4A==")
    assert destination["destination"] == target["target"] == {"resource": "GetCart", "domain": "cart"}
    assert (destination["hashId"], target["hashId"]) == (first, second)
    ((_, alone),) = relationships(Connection(period=0, source="cart"))
    assert alone.keys() == {"hashId", "serviceName", "@timestamp"}


def test_a_period_begins_at_a_multiple_of_five_minutes():
    """As OpenSearch's histogram of `fixed_interval` does; a time before the epoch, too."""
    assert period_of(BEGAN) % 300_000 == 0
    assert 0 <= BEGAN // 1_000_000 - period_of(BEGAN) < PERIOD
    assert period_of(-1) == -PERIOD
