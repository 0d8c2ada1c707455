"""The service map's numbers."""

import json

from pipeline.search.map_span import map_span
from pipeline.search.service_map import service_map
from tests.support.map_spans import stored

EDGES = {
    ("cart", "flagd"), ("checkout", "cart"), ("flagd", "cart"), ("frontend", "cart"), ("frontend", "checkout"), ("frontend", "product-reviews"),
    ("frontend", "recommendation"), ("frontend-proxy", "frontend"), ("product-reviews", "image-provider"), ("recommendation", "product-reviews"),
}  # fmt: skip


def mapped(*documents, failed=()):
    """The map of stored spans."""
    return service_map(list(map(map_span, documents)), failed)


def test_the_topology_of_others_follows(samples):
    """Of OpenSearch's own sample of spans: all ten edges, which are those of its service map and one more, and nothing else."""
    folder = samples / "opensearch_apm"
    spans = [json.loads(line) for line in (folder / "otel_v1_apm_span_explore.data.ndjson").read_text().splitlines()]
    found = mapped(*spans)
    assert {(edge.caller, edge.callee) for edge in found.edges} == EDGES
    known = [json.loads(line) for line in (folder / "otel_apm_service_map_explore.data.ndjson").read_text().splitlines()]
    theirs = {
        (each["sourceNode"]["keyAttributes"]["name"], each["targetNode"]["keyAttributes"]["name"]) for each in known if each["targetNode"]
    }
    assert theirs < EDGES
    entries = {node.name: node.entries for node in found.nodes if node.entries}
    assert entries == {"frontend-proxy": 5}


def test_an_edge_has_its_numbers():
    """Calls, failures and nearest-rank percentiles; what has not ended has no latency; the example is the failed one."""
    documents = []
    for number in range(20):
        trace = f"t{number:02}"
        ended = None if number == 19 else number + 1
        documents += [stored("1", trace=trace, at=number), stored("2", "1", "b", trace, at=number, length=ended, failed=number == 3)]
    (edge,) = mapped(*documents).edges
    assert (edge.traffic.calls, edge.traffic.errors, edge.traffic.example) == (20, 1, "t03")
    assert (edge.traffic.p50, edge.traffic.p95) == (10_000_000, 19_000_000)


def test_a_hidden_fault_counts_where_it_happened():
    """It counts at the call into the service that failed, once a trace, whichever span below it the finding names, and nowhere above."""
    documents = [stored("1"), stored("2", "1", kind="CLIENT"), stored("3", "2", "b"), stored("4", "3", "b", kind="CLIENT"), stored("5", "4", "c"),
                 stored("6", "5", "c", kind="INTERNAL")]  # fmt: skip
    found = mapped(*documents, failed=[("t1", "6"), ("t1", "5"), ("t1", "4"), ("t2", "6")])
    assert {(edge.caller, edge.callee): edge.traffic.hidden_faults for edge in found.edges} == {("a", "b"): 0, ("b", "c"): 1}
    assert {node.name: node.traffic.hidden_faults for node in found.nodes} == {"a": 0, "b": 0, "c": 1}


def test_a_hidden_fault_at_the_entry_counts_at_the_node():
    """Nobody called the service that failed, so no edge has it."""
    found = mapped(stored("1", failed=True), stored("2", "1", kind="INTERNAL"), failed=[("t1", "2")])
    assert [(node.name, node.entries, node.traffic.errors, node.traffic.hidden_faults) for node in found.nodes] == [("a", 1, 1, 1)]


def test_a_node_counts_a_batch_once():
    """A consumer that two messages called ran once."""
    sends = [stored(f"{n}", service=f"s{n}", trace=f"t{n}", kind="CLIENT", at=n, length=1, transaction="x") for n in (1, 2)]
    head = stored("9", service="c", trace="t9", at=50, transaction="x", links=[{"traceId": f"t{n}", "spanId": f"{n}"} for n in (1, 2)])
    found = mapped(*sends, head)
    assert {node.name: node.traffic.calls for node in found.nodes}["c"] == 1
    assert sorted(edge.caller for edge in found.edges) == ["s1", "s2"]


def test_whoever_called_a_service_is_on_the_map():
    """A second root of a trace began there, too; what a missing span called was called, by nobody known."""
    found = mapped(stored("1"), stored("2", service="b"), stored("3", "9", "c", failed=True), failed=[("t1", "3")])
    assert {node.name: (node.entries, node.traffic.calls, node.traffic.hidden_faults) for node in found.nodes} == {
        "a": (1, 1, 0), "b": (1, 1, 0), "c": (0, 1, 1),
    }  # fmt: skip
    assert found.edges == ()
