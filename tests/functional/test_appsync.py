"""The lines of one AppSync request get its trace across batches, and a WebSocket's access log that of its function."""

import json

import pytest

from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from tests.support.events import REQUEST, TRACE, lambda_event, report, start
from tests.support.shipping import resolver, shipped
from tests.unit.logs.extract.test_appsync import API, XRAY
from tests.unit.logs.extract.test_appsync import REQUEST as GRAPHQL

GROUP = f"/aws/appsync/apis/{API}"
HEADERS = f"{GRAPHQL} Request Headers: {{x-amzn-trace-id=[Root={XRAY}]}}"
SUMMARY = json.dumps({"logType": "RequestSummary", "requestId": GRAPHQL, "graphQLAPIId": API, "statusCode": 200, "latency": 242000000})


@pytest.mark.parametrize("order", [(HEADERS, SUMMARY), (SUMMARY, HEADERS)])
def test_a_later_or_earlier_batch_names_the_trace(store, settings, order):
    """AppSync's line with the header decides for every line of its request in its log group, whichever comes first."""
    resolve, _ = resolver(store, settings)
    for number, message in enumerate(order):
        resolve.resolve(shipped(lambda_event([message], group=GROUP, stream="1", first=1 + number), store, settings).unsettled)
        store.refresh()
    resolve.resolve([TRACE])
    store.refresh()
    found = search(SearchQuery(ids=(GRAPHQL,)), store)
    assert {(each["eventName"], each["traceId"]) for each in found} == {("appsync.tracing", TRACE), ("appsync.RequestSummary", TRACE)}


def test_a_program_that_prints_the_same_decides_nothing(store, settings):
    """In another log group the header is a sender's, and the record a line of JSON."""
    shipped(lambda_event([SUMMARY, HEADERS], group="/ecs/app", stream="1"), store, settings)
    store.refresh()
    assert not any(each.get("eventName") for each in search(SearchQuery(ids=(GRAPHQL,)), store))


def test_a_websocket_s_access_log_follows_its_function(store, settings):
    """In the documented format, the line of a message is in the trace of the function that answered it, as an HTTP API's is."""
    access = json.dumps({"requestId": "JKJaXmPLvHcESHA=", "extendedRequestId": "JKJaXmPLvHcESHA=", "integrationRequestId": REQUEST, "eventType": "MESSAGE",
                         "routeKey": "sendMessage", "connectionId": "L0SM9cOFvHcCIhw=", "status": "200", "integrationStatus": "200"})  # fmt: skip
    resolve, _ = resolver(store, settings)
    shipped(lambda_event([access], group="/aws/apigateway/chat", stream="1"), store, settings)
    shipped(lambda_event([start(), report()], first=50), store, settings)
    store.refresh()
    resolve.resolve([TRACE])
    store.refresh()
    (line,) = search(SearchQuery(ids=("JKJaXmPLvHcESHA=",)), store)
    assert (line["body"], line["httpStatus"], line["eventName"], line["traceId"]) == ("sendMessage 200", 200, "apigateway.access", TRACE)
