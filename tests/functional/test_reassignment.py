"""Reassignment: each line ends at its own trace, in whichever order its neighbours come; each line is a batch of its own."""

import json
import random

import pytest

from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from tests.support.events import NOW, OTHER, OTHER_REQUEST, REQUEST, TRACE, Traces, end, lambda_event, report, start
from tests.support.shipping import shipped
from tests.support.world import platform

GATEWAY = "a1335dfd-5bcc-4e1b-aa45-f6726cb95816"
EDGE = OTHER[:-1] + "7"
LAMBDA, EXECUTION = "/aws/lambda/orders", "API-Gateway-Execution-Logs_x/prod"
START, DONE = "platform.start", "platform.runtimeDone"


def of(*messages, group=LAMBDA):
    """Lines of one log group, in time order."""
    return [(group, message) for message in messages]


EVENT = json.dumps({"version": "2.0", "routeKey": "GET /x", "headers": {"x-amzn-trace-id": f"Root={to_xray(OTHER)};Parent={'1' * 16}"}})
REPORTED = report(sampled=False)
SCENARIOS = {
    "an execution log names its own request's trace and its integration's request": (
        [*of(f"({GATEWAY}) Method request headers: {{X-Amzn-Trace-Id={to_xray(EDGE).join(('Root=', ''))}}}",
             f"({GATEWAY}) Endpoint response headers: {{x-amzn-RequestId={REQUEST}, X-Amzn-Trace-Id=root={to_xray(TRACE)}}}",
             f"({GATEWAY}) Execution failed due to configuration error", group=EXECUTION), *of(REPORTED)],
        {"Method": EDGE, "Endpoint": EDGE, "Execution": EDGE, "REPORT": TRACE},
    ),
    "a request is retried around another invocation": (
        of(start(), "first", end(), REPORTED, start(OTHER_REQUEST), "bare", end(OTHER_REQUEST), report(OTHER_REQUEST, OTHER, sampled=False),
           "between", start(), "second", end(), REPORTED),
        {"first": TRACE, "bare": OTHER, "between": None, "second": TRACE},
    ),
    "JSON invocations overlap": (
        of(platform(START, REQUEST, TRACE), "early", platform(START, OTHER_REQUEST, OTHER), "both", platform(DONE, REQUEST, TRACE), "late",
           platform(DONE, OTHER_REQUEST, OTHER)),
        {"early": None, "both": None, "late": None},
    ),
    "JSON invocations follow each other": (
        of(platform(START, REQUEST, TRACE), "early", platform(DONE, REQUEST, TRACE), "between", platform(START, OTHER_REQUEST, OTHER), "late",
           platform(DONE, OTHER_REQUEST, OTHER)),
        {"early": TRACE, "between": None, "late": OTHER},
    ),
    "a function prints the event that it got": (of(start(), EVENT, end(), REPORTED), {"GET /x": TRACE}),
    "a text mentions another request of the group": (
        of(start(), "hello", end(), REPORTED, start(OTHER_REQUEST), f"duplicate of request id: {REQUEST}", end(OTHER_REQUEST),
           report(OTHER_REQUEST, OTHER, sampled=False)),
        {"hello": TRACE, "duplicate": OTHER},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize(("endpoint", "seed"), [*(("embedded", seed) for seed in range(8)), pytest.param("real", 1, marks=pytest.mark.opensearch)],
                         indirect=["endpoint"])  # fmt: skip
def test_every_order_assigns_each_line_to_the_same_trace(store, settings, name, seed):
    """In time order and in random ones, with a sweep after each batch or one at the end: the same trace, and the same words on how."""
    lines, expected = SCENARIOS[name]
    order = list(range(len(lines)))
    choice = random.Random(seed)
    if seed:
        choice.shuffle(order)
    for number in order:
        group, message = lines[number]
        shipped(
            lambda_event([message], group=group, stream=f"2026/11/24/[$LATEST]{'a' * 32}", at=NOW + 1000 * number, first=1 + number),
            store,
            settings,
        )
        if seed % 2:
            sweep(store, settings)
    for _ in range(4):
        sweep(store, settings)
    store.refresh()
    found = [hit["_source"] for hit in store.search({"size": 100}, index=f"{store.prefix}-logs-*")["hits"]["hits"]]
    assigned = {body: next(line.get("traceId") for line in found if body in line["body"]) for body in expected}
    assert assigned == expected
    records = store.search({"size": 100}, index=f"{store.prefix}-traces")["hits"]["hits"]
    own = {
        record["_id"]: [request for request in record["_source"]["state"].get("requests", {}).values() if request.get("platform")]
        for record in records
    }
    assert not any(request.get("elsewhere") for requests in own.values() for request in requests)


def sweep(store, settings):
    """A worker that starts anew, and X-Ray has nothing."""
    Resolver(store=store, source=Traces(), settings=settings, clock=lambda: NOW / 1000 + 3600).sweep(force=True)


def test_a_line_between_two_attempts_keeps_what_it_says(store, settings):
    """It counts as the request's until the marks between the attempts are known, and ends as in the order in which that never was so."""
    between = json.dumps({"trace_id": to_xray(EDGE), "span_id": "2" * 16, "message": f"between, Root={to_xray(EDGE)};Sampled=1"})
    lines = [start(), end(), between, start(), end(), REPORTED]
    ends = []
    for number, order in enumerate(((0, 1, 3, 4, 5, 2), (0, 4, 5, 2, 1, 3), (2, 5, 0, 4, 3, 1))):
        stream = f"2026/11/24/[$LATEST]{number:032x}"
        for place in order:
            own = lines[place].replace(REQUEST, f"{REQUEST[:-1]}{number}").replace(TRACE[8:], f"{TRACE[8:-1]}{number}")
            shipped(lambda_event([own], stream=stream, at=NOW + 1000 * place, first=1 + place), store, settings)
            sweep(store, settings)
        for _ in range(4):
            sweep(store, settings)
        store.refresh()
        query = {"bool": {"filter": [{"term": {"aws.logStream": stream}}, {"term": {"traceId": EDGE}}]}}
        (found,) = store.search({"query": query}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
        found["_source"]["trace"].pop("version")
        found["_source"]["aws"].pop("logStream")
        ends.append(found["_source"])
    assert (ends[0]["spanId"], ends[0]["idSource"]) == ("2" * 16, "inline")
    assert ends[1] == ends[2] == ends[0]
