"""However a log stream is cut into batches, and in whatever order these come, each line ends under the same trace and request."""

import itertools
import json
import random

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as limits_of
from hypothesis import strategies as st

from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from tests.support.documents import Watched
from tests.support.events import NOW, OTHER, OTHER_REQUEST, REQUEST, TRACE, Traces, end, lambda_event, powertools, report, start
from tests.support.shipping import shipped
from tests.support.world import new_salt, platform

STALE, SENDER = OTHER[:-1] + "8", OTHER[:-1] + "9"
FOREIGN = "701966a0-2182-454f-b8c0-c8fd8712b8bc"
# what all of these ids share, so that each example can have its own
OWN = ("bd862e3f", "2182-454f")
ATTRIBUTES = {"AWSTraceHeader": f"Root={to_xray(SENDER)};Parent={'1' * 16};Sampled=1"}
EVENT = {"Records": [{"messageId": "m", "attributes": ATTRIBUTES, "eventSource": "aws:sqs"}]}
W3C = {"traceparent": {"dataType": "String", "stringValue": f"00-{SENDER}-{'1' * 16}-01"}}
BARE = {
    "a print": "order 1 accepted",
    "a stale id in a text": f"order-1 trace_id={to_xray(STALE)}",
    "a stale id in JSON": json.dumps({"xray_trace_id": to_xray(STALE), "order": 1}),
    "a stale id and an error": json.dumps({"trace_id": STALE, "level": "error", "event": "refused", "span_id": "2" * 16}),
    "an event as Python prints it": str(EVENT),
    "an event as JSON": json.dumps(EVENT),
    "an event with a W3C header": json.dumps({"Records": [{"messageAttributes": W3C}]}),
    "another service's request id in JSON": json.dumps({"requestId": FOREIGN, "service": "dynamodb"}),
    "another service's request id in a text": f"dynamodb answered, RequestId: {FOREIGN}, 1 attempt",
    "an id in what a debugger shows": f"  order = {{'first': 35, 'previous': '{to_xray(STALE)}'}}",
    "the own trace": json.dumps({"xray_trace_id": to_xray(TRACE), "message": "mine"}),
}
IS_STALE = {"a stale id in a text", "a stale id in JSON", "a stale id and an error"}
TEXT = (start(), end(), report(sampled=False))
JSON = (platform("platform.start", REQUEST, TRACE), platform("platform.report", REQUEST, TRACE))
NODE = f"2026-11-24T10:00:00.000Z\t{REQUEST}\tINFO\t" + json.dumps(EVENT)
LOG4J = f"2026-11-24 10:00:00 {REQUEST} INFO  Orders - accepted"
TEXT_STREAM = [start(OTHER_REQUEST), "before", end(OTHER_REQUEST), report(OTHER_REQUEST, OTHER, sampled=False), "between",
               TEXT[0], *BARE.values(), NODE, LOG4J, powertools("named"), *TEXT[1:], "after"]  # fmt: skip
JSON_STREAM = [JSON[0], *BARE.values(), powertools("named"), JSON[1]]
BEGUN = platform("platform.start", OTHER_REQUEST, OTHER)
OVERLAPPING = [JSON[0], BEGUN, *BARE.values(), powertools("named"), JSON[1], platform("platform.report", OTHER_REQUEST, OTHER)]
ONE_AFTER_THE_OTHER = [JSON[0], *BARE.values(), JSON[1], BEGUN, "other", platform("platform.report", OTHER_REQUEST, OTHER)]
RETRIED = [TEXT[0], *BARE.values(), *TEXT[1:], start(OTHER_REQUEST), "other", end(OTHER_REQUEST), report(OTHER_REQUEST, OTHER, sampled=False),
           f"between: trace_id={to_xray(STALE)}", json.dumps({"requestId": FOREIGN, "message": "between"}), TEXT[0], "again", *TEXT[1:]]  # fmt: skip
STREAMS = {
    "text": TEXT_STREAM,
    "retried": RETRIED,
    "JSON": JSON_STREAM,
    "overlapping": OVERLAPPING,
    "one after the other": ONE_AFTER_THE_OTHER,
}
# Lambda's tracing is off, and comes on with the function's next invocation
UNTRACED_REPORT = TEXT[2].split("XRAY")[0]
UNTRACED = [TEXT[0], *BARE.values(), NODE, LOG4J, powertools("named"), TEXT[1], UNTRACED_REPORT, "between",
            start(OTHER_REQUEST), "traced", end(OTHER_REQUEST), report(OTHER_REQUEST, OTHER, sampled=False), "after"]  # fmt: skip
FIELDS = ("traceId", "requestId", "staleTraceId", "sampled", "propagatedTraceId", "idSource")


def ended(store, settings, messages, cuts, seed):
    """The fields of each line at the end, of a stream that is shipped in batches between ``cuts``, in an order of ``seed``."""
    edges = [0, *sorted(cuts), len(messages)]
    batches = list(itertools.pairwise(edges))
    choice = random.Random(seed)
    if seed:
        choice.shuffle(batches)
    salt = new_salt()[8:]
    salted = (salt, f"{salt[:4]}-{salt[4:]}")
    stream = f"2026/11/24/[$LATEST]{salt * 4}"
    for first, last in batches:
        if first < last:
            own = [replaced(message, OWN, salted) for message in messages[first:last]]
            shipped(lambda_event(own, stream=stream, at=NOW + first, first=1 + first), store, settings)
        if choice.random() < 0.3:
            swept(store, settings)
    for _ in range(4):
        swept(store, settings)
    store.refresh()
    body = {"size": 100, "query": {"term": {"aws.logStream": stream}}}
    hits = [hit["_source"] for hit in store.search(body, index=f"{store.prefix}-logs-*")["hits"]["hits"]]
    found = {int(hit["eventId"]) - 1: {name: hit.get(name) for name in FIELDS} for hit in hits}
    return json.loads(replaced(json.dumps([found[number] for number in range(len(messages))]), salted, OWN))


def replaced(text, old, new):
    """``text`` with one set of ids instead of another."""
    for one, other in zip(old, new, strict=True):
        text = text.replace(one, other)
    return text


def swept(store, settings):
    """A worker that starts anew, and X-Ray has nothing."""
    Resolver(store=store, source=Traces(), settings=settings, clock=lambda: NOW / 1000 + 3600).sweep(force=True)


@pytest.mark.parametrize("name", [*STREAMS, "untraced"])
def test_any_cut_and_any_order_end_alike(store, settings, name):
    """The end of the calm order, in which the whole stream is one batch, is that of all others."""
    messages = (STREAMS | {"untraced": UNTRACED})[name]
    calm = ended(store, settings, messages, [], 0)

    @limits_of(max_examples=12, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @given(cuts=st.sets(st.integers(1, len(messages) - 1)), seed=st.integers(1, 2**16))
    def alike(cuts, seed):
        assert ended(store, settings, messages, cuts, seed) == calm

    alike()


@pytest.mark.parametrize("name", STREAMS)
def test_each_line_is_its_invocations(store, settings, name):
    """Whatever a line names of another trace or service, it is the invocation's around it, unless two may have written it."""
    messages = STREAMS[name]
    lines = dict(zip(messages, ended(store, settings, messages, range(1, len(messages)), 0), strict=True))
    for what, message in BARE.items():
        line = lines[message]
        if name == "overlapping" and what != "the own trace":
            # a claim is all that is known of such a line
            assert line["traceId"] == (STALE if what in IS_STALE else None), what
            continue
        assert (line["traceId"], line["sampled"]) == (TRACE, False), what
        assert line["staleTraceId"] == (STALE if what in IS_STALE else None), what
        assert line["requestId"] == (FOREIGN if what == "another service's request id in JSON" else REQUEST), what
        assert line["propagatedTraceId"] == ([SENDER] if "event" in what else None), what


def test_a_position_alone_gives_no_request_where_the_invocation_was_not_traced(store, settings):
    """Such a line has the request that it names itself, or none; the next invocation of the stream, which was traced, has its lines."""
    lines = dict(zip(UNTRACED, ended(store, settings, UNTRACED, [], 0), strict=True))
    for what, message in BARE.items():
        assert lines[message]["requestId"] == (FOREIGN if what == "another service's request id in JSON" else None), what
    assert {lines[message]["requestId"] for message in (NODE, LOG4J, powertools("named"), UNTRACED_REPORT)} == {REQUEST}
    assert lines["traced"] == {"traceId": OTHER, "requestId": OTHER_REQUEST, "sampled": False, "idSource": "stream", "staleTraceId": None,
                               "propagatedTraceId": None}  # fmt: skip
    assert {lines[message]["requestId"] for message in ("between", "after")} == {None}


def test_an_invocation_that_begins_in_its_batch_costs_no_search(store, settings):
    """Neither where it was not traced nor where its end comes later is there anything to look for, nor in a stream that nobody searched."""
    watched = Watched(store)
    for number, messages in enumerate(([TEXT[0], "a", TEXT[1], UNTRACED_REPORT], [TEXT[0], "a"], [TEXT[0], "a", *TEXT[1:]])):
        salted = [replaced(message, OWN, (new_salt()[8:], f"0000-{number:04d}")) for message in messages]
        shipped(lambda_event(salted, stream=f"2026/11/24/[$LATEST]{number:032x}"), watched, settings)
    shipped(lambda_event(["a"], stream=f"2026/11/24/[$LATEST]{9:032x}"), watched, settings)
    assert watched.searches == 0


def test_a_bare_line_costs_a_search_only_where_a_later_invocation_was_searched(store, settings):
    """The parts of an invocation came in two batches and it settled: a line between them is looked up, one after its end is not."""
    salted = [replaced(message, OWN, ("0badbeef", "0000-8888")) for message in (TEXT[0], "late", *TEXT[1:])]
    stream = f"2026/11/24/[$LATEST]{8:032x}"
    for first, messages in ((1, salted[:1]), (3, salted[2:])):
        shipped(lambda_event(messages, stream=stream, at=NOW + first, first=first), store, settings)
        swept(store, settings)
    watched = Watched(store)
    shipped(lambda_event(["after"], stream=stream, at=NOW + 60_000, first=60_000), watched, settings)
    assert watched.searches == 0
    shipped(lambda_event(["late"], stream=stream, at=NOW + 2, first=2), watched, settings)
    assert watched.searches > 0
    store.refresh()
    hits = store.search({"query": {"term": {"aws.logStream": stream}}}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
    found = {hit["_source"]["body"]: hit["_source"].get("traceId") for hit in hits}
    assert found["late"] == TRACE.replace(OWN[0], "0badbeef")
    assert found["after"] is None


def test_a_line_that_comes_again_with_its_start_is_assigned_at_once(store, settings):
    """The first delivery of the batch ended after START was written, and the trace is settled since: nobody else will look for the line."""
    salted = [replaced(message, OWN, ("0badcafe", "0000-7777")) for message in (TEXT[0], "late", *TEXT[1:])]
    stream = f"2026/11/24/[$LATEST]{7:032x}"
    for first, messages in ((1, salted[:1]), (3, salted[2:])):
        shipped(lambda_event(messages, stream=stream, at=NOW + first, first=first), store, settings)
        swept(store, settings)
    again = shipped(lambda_event(salted[:2], stream=stream, at=NOW + 1, first=1), store, settings)
    assert (again.ledger.duplicate, again.ledger.indexed) == (1, 1)
    store.refresh()
    hits = store.search({"query": {"term": {"aws.logStream": stream}}}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
    (late,) = (hit["_source"] for hit in hits if hit["_source"]["body"] == "late")
    assert late["traceId"] == TRACE.replace(OWN[0], "0badcafe")
