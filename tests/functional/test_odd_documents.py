"""X-Ray documents that are odd, hostile, large, or refused by OpenSearch: the trace settles all the same."""

import json

import pytest

from pipeline.errors import BadInputError
from pipeline.local.aws_spans import spans_of
from pipeline.model.trace_ids import to_xray
from pipeline.search.query import SearchQuery
from pipeline.search.search import search, transaction
from pipeline.traces.sources.source import LookupResult
from tests.support.events import (
    NOW,
    OTHER,
    OTHER_REQUEST,
    REQUEST,
    TRACE,
    call,
    end,
    function,
    lambda_event,
    powertools,
    report,
    service,
    start,
)
from tests.support.shipping import lines_of, resolver, shipped

LINES = [start(), powertools("paid", correlation_id="order-17"), "bare print", end(), report()]


def test_unreadable_documents_do_not_stop_the_others(store, settings):
    """One document that is no JSON is counted; the trace is made of the rest."""
    shipped(lambda_event([powertools("a")]), store, settings)
    worker, source = resolver(store, settings, service(), function())
    look_up = source.look_up
    source.look_up = lambda ids: {id_: LookupResult("found", (*answer.documents, "no json")) for id_, answer in look_up(ids).items()}
    resolution = worker.resolve([TRACE])
    assert (resolution.bad_documents, resolution.settled) == (1, 1)


@pytest.mark.opensearch
def test_metadata_that_opensearch_refuses_costs_a_span_its_attributes_only(store, settings):
    """X-Ray allows 64 kB of metadata, flat_object no string above 32,766 bytes: the span is written without it, and the trace settles."""
    shipped(lambda_event([powertools("a")]), store, settings)
    worker, _ = resolver(store, settings, service(metadata={"default": {"body": "x" * 40_000}}), function())
    assert worker.resolve([TRACE]).settled == 1
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
    assert len([document for document in lines_of(store) if document["doc"]["kind"] == "span"]) == 2


def test_a_trace_that_opensearch_refuses_does_not_stop_the_others(store, settings):
    """One refused record is counted and left; its neighbour in the same sweep settles."""
    shipped(lambda_event([powertools("a"), powertools("b", request=OTHER_REQUEST, trace=OTHER)]), store, settings)
    worker, _ = resolver(store, settings, service(), function(), service(trace_id=to_xray(OTHER), aws={"request_id": OTHER_REQUEST}),
                         function(trace_id=to_xray(OTHER)))  # fmt: skip
    write = store.write

    def refusing_write(lines):
        if any(OTHER in str(line) for line in lines):
            raise BadInputError("refused")
        return write(lines)

    store.write = refusing_write
    resolution = worker.sweep()
    store.write = write
    assert (resolution.settled, resolution.unsettled, resolution.bad_documents) == (1, (OTHER,), 1)
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}


@pytest.mark.opensearch
def test_hostile_documents_end_well(store, settings):
    """No JSON, another trace's segment, two documents with one id, a ring, absurd times: counted, settled, and nothing loops."""
    shipped(lambda_event([powertools("a")]), store, settings)
    foreign = service(id_="f" * 16, trace_id=to_xray(OTHER))
    twins = [service(), service(start_time=NOW / 1000 - 90_000, end_time=NOW / 1000 + 0.2)]
    ring = [function("1" * 16, "2" * 16), function("2" * 16, "1" * 16, start_time=-5, end_time=1e300)]
    worker, source = resolver(store, settings, *twins, function(), *ring)
    look_up = source.look_up
    source.look_up = lambda ids: {
        id_: LookupResult("found", (*answer.documents, "no json", json.dumps(foreign))) for id_, answer in look_up(ids).items()
    }
    resolution = worker.resolve([TRACE])
    assert (resolution.bad_documents, resolution.settled, source.calls) == (2, 1, 1)
    spans = [document for document in lines_of(store) if document["doc"]["kind"] == "span"]
    assert sorted(span["spanId"] for span in spans) == sorted([service()["id"], function()["id"], "1" * 16, "2" * 16])
    assert transaction(OTHER, store) == []


@pytest.mark.opensearch
def test_of_two_documents_with_one_id_one_stays(store, settings):
    """They begin on different days and come one after the other, in either order: the later end wins, and the other's span is gone."""
    twins = [service(), service(start_time=NOW / 1000 - 90_000, end_time=NOW / 1000 + 0.2)]
    found = []
    for trace, request, order in ((TRACE, REQUEST, twins), (OTHER, OTHER_REQUEST, twins[::-1])):
        shipped(lambda_event([powertools("a", request=request, trace=trace)], first=int(trace[0])), store, settings)
        for document in order:
            worker, _ = resolver(store, settings, document | {"trace_id": to_xray(trace), "aws": {"request_id": request}})
            worker.resolve([trace], force=True)
        found.append([document["startTime"] for document in lines_of(store, trace) if document["doc"]["kind"] == "span"])
    assert found[0] == found[1]
    assert len(found[0]) == 1


@pytest.mark.opensearch
def test_dotted_annotations(store, settings):
    """A dot in a key is a key all the same, on the span, on the trace and on its lines."""
    shipped(lambda_event(LINES), store, settings)
    worker, _ = resolver(store, settings, service(annotations={"b.c": "x"}), function())
    assert worker.resolve([TRACE]).settled == 1
    store.refresh()
    assert {document["doc"]["kind"] for document in search(SearchQuery(annotations=("b.c=x",)), store)} == {"log", "span"}


@pytest.mark.opensearch
def test_whatever_opensearch_refuses_of_a_span_is_left_out(store, settings):
    """Too many links, a resource and names that are too long: the spans are there, and the trace settles."""
    shipped(lambda_event([powertools("a")]), store, settings)
    links = [{"trace_id": to_xray(OTHER), "id": f"{number:016x}"} for number in range(1, 10_050)]
    span = next(iter(spans_of(function("d" * 16, service()["id"])))) | {"name": "n" * 40_000}
    span["resource"]["attributes"] |= {"service.name": "s" * 40_000, "process.command_line": "x" * 40_000}
    worker, source = resolver(store, settings, service(links=links), function())
    look_up = source.look_up
    source.look_up = lambda ids: {id_: LookupResult("found", (*answer.documents, json.dumps(span))) for id_, answer in look_up(ids).items()}
    assert worker.resolve([TRACE]).settled == 1
    assert len([document for document in lines_of(store) if document["doc"]["kind"] == "span"]) == 3


@pytest.mark.opensearch
def test_ten_thousand_subsegments_in_one_trace(store, settings):
    """They are indexed, and the trace settles."""
    shipped(lambda_event([powertools("a")]), store, settings)
    inside = [call("x", f"{number:016x}") for number in range(1, 10_001)]
    worker, _ = resolver(store, settings, service(), function(subsegments=inside))
    resolution = worker.resolve([TRACE])
    assert (resolution.settled, resolution.unsettled) == (1, ())
    store.refresh()
    query = {"bool": {"filter": [{"term": {"doc.kind": "span"}}, {"term": {"trace.state": "complete"}}]}}
    assert sum(1 for _ in store.scan(query, index=f"{store.prefix}-spans-*", source=False)) == 10_002
