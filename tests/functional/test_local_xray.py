"""The local X-Ray, through boto3 and through the X-Ray SDK's own protocol."""

import json
import socket

import pytest
from botocore.exceptions import ClientError

from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import TraceHeader, to_xray
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.budget import CallBudget
from tests.support.events import NOW, TRACE, call, function, service
from tests.support.waiting import until


@pytest.fixture
def clock():
    """A clock to be set."""
    return [NOW / 1000]


@pytest.fixture
def xray(clock):
    """A local X-Ray with that clock, whose segments take about ten seconds to appear."""
    with LocalXRay(delay=10, clock=lambda: clock[0]) as xray:
        yield xray


def get(client, *ids):
    """The ids of the segments found, by trace."""
    answer = client.batch_get_traces(TraceIds=[to_xray(id_) for id_ in ids])
    return {trace["Id"]: {segment["Id"] for segment in trace["Segments"]} for trace in answer["Traces"]}


def test_segments_appear_after_a_delay(client, clock):
    """What was put is not there at once; later it is, and a bad document is named."""
    answer = client.put_trace_segments(TraceSegmentDocuments=[json.dumps(service()), json.dumps(function()), "{}", "no json"])
    assert len(answer["UnprocessedTraceSegments"]) == 2
    assert get(client, TRACE) == {}
    clock[0] += 16
    assert get(client, TRACE) == {to_xray(TRACE): {service()["id"], function()["id"]}}


@pytest.mark.parametrize(
    "change", [{"start_time": None}, {"start_time": "now"}, {"in_progress": True}, {"end_time": None}, {"id": "short"}, {"name": "x" * 201}]
)
def test_what_the_real_api_would_refuse(client, clock, change):
    """A document that lacks something is named, and does not cost its trace."""
    answer = client.put_trace_segments(TraceSegmentDocuments=[json.dumps(service() | change), json.dumps(function())])
    assert len(answer["UnprocessedTraceSegments"]) == 1
    clock[0] += 16
    assert get(client, TRACE) == {to_xray(TRACE): {function()["id"]}}


def test_subsegments_in_a_ring_are_both_there(client, xray, clock):
    """Two that name each other as parent stand side by side."""
    for one, other in (("c", "d"), ("d", "c")):
        xray.put([call("x", one * 16, type="subsegment", trace_id=to_xray(TRACE), parent_id=other * 16)])
    clock[0] += 16
    documents = client.batch_get_traces(TraceIds=[to_xray(TRACE)])["Traces"][0]["Segments"]
    assert {letter for letter in "cd" if letter * 16 in json.dumps(documents)} == {"c", "d"}


def test_bad_requests_are_answered(client):
    """A token that is none is refused as the API refuses, not by hanging up."""
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client.batch_get_traces(TraceIds=[to_xray(TRACE)], NextToken="nonsense")


def test_they_appear_in_any_order(clock):
    """With different seeds, different segments are there first."""
    firsts = set()
    for seed in range(8):
        with LocalXRay(delay=10, seed=seed, clock=lambda: clock[0]) as xray:
            xray.put([service(), function()])
            clock[0] += 10
            firsts.add(frozenset(segment["Id"] for segment in xray.answer("/Traces", {"TraceIds": [to_xray(TRACE)]})["Traces"][0]["Segments"])
                       if xray.answer("/Traces", {"TraceIds": [to_xray(TRACE)]})["Traces"] else frozenset())  # fmt: skip
            clock[0] -= 10
    assert len(firsts) > 2


def test_a_finished_document_replaces_the_one_in_progress(client, xray, clock):
    """Whichever of the two comes later, the finished one is what is read."""
    open_one = {key: value for key, value in service().items() if key != "end_time"} | {"in_progress": True}
    xray.put([service(), open_one])
    clock[0] += 16
    document = json.loads(client.batch_get_traces(TraceIds=[to_xray(TRACE)])["Traces"][0]["Segments"][0]["Document"])
    assert "in_progress" not in document


def test_five_ids_paging_and_unprocessed(client, xray, clock):
    """Six ids are refused; five come in pages; an id can be left unprocessed; an unknown one is left out."""
    ids = [f"{number:08x}" + "a" * 24 for number in range(1, 6)]
    xray.traces_per_page = 3
    xray.put([service(trace_id=to_xray(id_)) for id_ in ids])
    clock[0] += 16
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client.batch_get_traces(TraceIds=[to_xray(id_) for id_ in [*ids, TRACE]])
    pages = list(client.get_paginator("batch_get_traces").paginate(TraceIds=[to_xray(id_) for id_ in ids]))
    assert sum(len(page["Traces"]) for page in pages) == 5
    assert len(pages) == 2
    xray.unprocessed = {ids[0]}
    answer = client.batch_get_traces(TraceIds=[to_xray(ids[0]), to_xray("b" * 32)])
    assert (answer["Traces"], answer["UnprocessedTraceIds"]) == ([], [to_xray(ids[0])])


def test_has_fault_speaks_of_the_root_alone(client, xray, clock):
    """A summary's HasFault misses a fault below the root, which is why tracejoin walks the documents."""
    xray.put([service(), function(fault=True)])
    clock[0] += 16
    window = {"StartTime": NOW / 1000 - 60, "EndTime": NOW / 1000 + 60}
    assert client.get_trace_summaries(**window)["TraceSummaries"][0]["HasFault"] is False
    for expression, found in (
        ("fault", 0),
        ('service("orders") { fault }', 1),
        ("service() { fault }", 1),
        ('service("other") { fault }', 0),
    ):
        assert len(client.get_trace_summaries(**window, FilterExpression=expression)["TraceSummaries"]) == found, expression
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client.get_trace_summaries(**window, FilterExpression="annotation.x = 1")


def test_an_independent_subsegment_stands_in_its_parent(client, xray, clock):
    """A subsegment that was sent alone comes back inside the segment that it names."""
    xray.put([function(parent=""), call("api", "c" * 16, type="subsegment", trace_id=to_xray(TRACE), parent_id=function()["id"])])
    clock[0] += 16
    assert get(client, TRACE) == {to_xray(TRACE): {function()["id"]}}


def test_a_link_is_shown_by_the_function_that_sent(client, xray, clock):
    """X-Ray's half of a link stands in the Invocation above the span that sent, whichever of them came first; elsewhere nothing changes."""
    link = {"trace_id": to_xray("b" * 32), "id": "d" * 16}
    xray.link(TraceHeader(TRACE, "c" * 16), link)
    invocation = {"id": "e" * 16, "name": "Invocation", "start_time": NOW / 1000, "end_time": NOW / 1000}
    xray.put(
        [
            function(subsegments=[invocation]),
            service(),
            call("sns", "c" * 16, type="subsegment", trace_id=to_xray(TRACE), parent_id=function()["id"]),
        ]
    )
    clock[0] += 16
    documents = [json.loads(entry["Document"]) for entry in client.batch_get_traces(TraceIds=[to_xray(TRACE)])["Traces"][0]["Segments"]]
    entries = [entry for document in documents for entry in (document, *document.get("subsegments", ()))]
    assert {entry["name"]: entry["links"] for entry in entries if "links" in entry} == {"Invocation": [link]}


def test_a_link_out_of_a_ring_is_left_alone(client, xray, clock):
    """Where spans name each other as parent there is no function above, and the trace is still answered."""
    xray.link(TraceHeader(TRACE, "c" * 16), {"trace_id": to_xray("b" * 32), "id": "d" * 16})
    for one, other in (("c", "d"), ("d", "c")):
        xray.put([call("x", one * 16, type="subsegment", trace_id=to_xray(TRACE), parent_id=other * 16)])
    clock[0] += 16
    assert set(get(client, TRACE)[to_xray(TRACE)]) <= {"c" * 16, "d" * 16}


def test_the_daemons_protocol(xray, clock):
    """A datagram with the SDK's header is a document; anything else is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        host, _, port = xray.daemon_address.partition(":")
        for text in ("nonsense", '{"format":"json","version":1}\n' + json.dumps(service())):
            sender.sendto(text.encode(), (host, int(port)))
    assert until(lambda: xray.calls["datagrams"], pause=0.01) == 1


def test_our_source_against_it(client, xray, clock):
    """The source asks five ids a call, follows pages, and says what is absent and what was left unprocessed."""
    ids = [f"{number:08x}" + "a" * 24 for number in range(1, 8)]
    xray.traces_per_page = 3
    xray.put([service(trace_id=to_xray(id_)) for id_ in ids[:5]])
    clock[0] += 16
    xray.unprocessed = {ids[6]}
    source = BatchGetTraces(client, CallBudget(100))
    answers = source.look_up(dict.fromkeys(ids, NOW))
    assert {id_: answer.outcome for id_, answer in answers.items()} == dict.fromkeys(ids[:5], "found") | {
        ids[5]: "absent",
        ids[6]: "unprocessed",
    }
    assert source.calls == xray.calls["BatchGetTraces"] == 3


def test_throttling_and_budget_put_off(client, xray, clock):
    """A throttle and an empty budget leave ids unanswered, and raise nothing."""
    xray.put([service()])
    clock[0] += 16
    seconds = [0.0]
    source = BatchGetTraces(client, CallBudget(60, clock=lambda: seconds[0]))
    xray.throttle(1)
    assert source.look_up({TRACE: NOW}) == {}
    assert source.look_up({TRACE: NOW}) == {}, "a throttle empties the bucket"
    seconds[0] += 1
    assert source.look_up({TRACE: NOW}) == {}, "and halves the rate"
    seconds[0] += 1
    assert source.look_up({TRACE: NOW})[TRACE].outcome == "found"
    assert source.look_up({TRACE: NOW}) == {}
    assert xray.calls["BatchGetTraces"] == 2


def test_transaction_search_hides_everything(client, xray, clock):
    """With Transaction Search on, nothing is found by id, and our source says why."""
    xray.put([service()])
    clock[0] += 16
    xray.destination = "CloudWatchLogs"
    assert BatchGetTraces(client, CallBudget(9)).look_up({TRACE: NOW})[TRACE].outcome == "sourceDisabled"
