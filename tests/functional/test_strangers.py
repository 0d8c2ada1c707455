"""Whatever a stranger logs about the traces of others, before or after them: their documents end as they do without him."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.findings import hidden_faults
from tests.support.events import NOW, REQUEST, TRACE, Traces, function, lambda_event, powertools, report, service, start
from tests.support.shipping import shipped
from tests.support.world import BEGAN, Case, calm_order, new_salt, platform

_GROUP, _FUNCTION, _STREAM = "/ecs/stranger", "/aws/lambda/stranger", "stranger"
# what other traces and their failures may add to a document
_ADDED = ("transactionId", "correlationId")


def access(trace, request, status):
    """A line like those of an HTTP API's access log."""
    return json.dumps(
        {"requestId": "g", "routeKey": "GET /x", "status": status, "xrayTraceId": to_xray(trace), "integrationRequestId": request}
    )


ATTACKS = {
    "says of every trace that it was not sampled": lambda world: [
        (_GROUP, [f"tracing Root={to_xray(trace)};Sampled=0" for trace in world.traces])],
    "prints that every request was not sampled": lambda world: [
        (group, [report(request, trace, sampled=False) for request, trace in zip(world.requests, world.traces, strict=True)])
        for group in (_GROUP, "stranger", "/aws/apigateway-not")],
    "answers for API Gateway": lambda world: [
        (group, [access(trace, request, status) for trace in world.traces for request in world.requests[:2]])
        for group in (_GROUP, _FUNCTION) for status in ("200", "500")],
    "is a function in whose log all requests ran in another trace": lambda world: [
        (_FUNCTION, [line for number, request in enumerate(world.requests) if request != world.requests[5]
                     for line in (start(request), report(request, world.traces[0][:-8] + f"{number + 77:08x}"))])],
    "has a function of the same name in another account": lambda world: [
        (group, [start(request), "a bare line", report(request, world.traces[0][:-8] + "00000099", sampled=False)])
        for group in ("/aws/lambda/orders", "/aws/lambda/stock", "/aws/lambda/ship") for request in world.requests],
    "prints platform events": lambda world: [
        (_GROUP, [platform(kind, request, world.three) for request in world.requests for kind in ("platform.start", "platform.runtimeDone")])],
    "names a service of others": lambda world: [
        (_GROUP, [powertools("stolen", request=request, trace=world.two, level="INFO") for request in world.requests])],
}  # fmt: skip


class _Stranger(Case):
    """A world into which a stranger logs as well."""

    def __init__(self, store, options, attack):
        super().__init__(store, options, new_salt())
        self.attack = ATTACKS[attack](self.world)
        self.other_account = "another account" in attack

    def strike(self):
        """Ships all of the stranger's lines, which come at the time of the others."""
        for number, (group, messages) in enumerate(self.attack):
            event = lambda_event(messages, group=group, stream=_STREAM, at=BEGAN + 20, first=9 * 10**50 + 1000 * number,
                                 **({"owner": "999999999999"} if self.other_account else {}))  # fmt: skip
            self.ship_event(event)


def of_others(documents):
    """The lines and spans of all but the stranger, and the verdicts on their traces, without what may have been added."""
    kept = {}
    for stored in documents:
        document = stored
        if (document.get("aws") or {}).get("logStream") == _STREAM:
            continue
        for name in _ADDED:
            document.pop(name, None)
        if document["doc"]["kind"] == "trace":
            document = {name: document.get(name) for name in ("traceId", "serviceName", "name", "trace", "missing", "findings", "settled")}
        # X-Ray has no trace of either kind; a line that says Sampled=0 ends the asking for one after a look-up
        for state in [document["trace"]] if document.get("trace") else []:
            if state["state"] in {"notFound", "unsampled"}:
                state |= {"state": "notInXRay", "stateReason": ""}
        kept[document["doc"]["kind"] if "doc" in document else "trace", document.get("_id") or document["traceId"]] = document
    return kept


def _differences(found, calm):
    """The fields that differ, each with what is found and what is expected."""
    for name, document in found.items():
        for field in sorted({*document, *calm[name]}):
            if (pair := (document.get(field), calm[name].get(field)))[0] != pair[1]:
                yield (*name, field), pair


@pytest.mark.parametrize("first", [True, False], ids=["the stranger first", "the stranger last"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_documents_of_others(store, settings, attack, first):
    """The lines, spans, verdicts and findings of others end as in a world without the stranger."""
    calm = of_others(calm_order(store, settings))
    case = _Stranger(store, settings, attack)
    if first:
        case.strike()
        case.handle(*range(len(case.messages)))
    for number in range(len(case.world.batches)):
        case.deliver(number)
    while case.hidden:
        case.reveal(0)
    case.now += 60
    case.handle(*range(len(case.messages)))
    if not first:
        case.strike()
    found = of_others(case.finish())
    assert found.keys() == calm.keys()
    assert dict(_differences(found, calm)) == {}


class _Topic:
    """Keeps the service of each message."""

    def __init__(self):
        self.services = []

    def publish(self, subject, text, attributes):
        """Takes a message."""
        self.services.append(attributes["service"])


def _resolved(store, settings, at, *documents, topic=None):
    """Sweeps at ``at``, milliseconds after now; returns the record of the trace."""
    Resolver(store=store, source=Traces(*documents), settings=settings, topic=topic, clock=lambda: (NOW + at) / 1000).sweep()
    return store.get_many([(f"{store.prefix}-traces", TRACE)])[0].source


def _said(message, *, group="/ecs/stranger", at=NOW, number=1, **more):
    return lambda_event([message], group=group, stream=_STREAM, at=at, first=9 * 10**50 + number, **more)


def _own(*messages):
    """The lines of an invocation of the function orders, which X-Ray has."""
    return lambda_event([start(), *messages, report()])


FAILED = (service(), function(error=True, cause={"exceptions": [{"id": "1", "type": "ValueError", "message": "no stock"}]}))
WELL = (service(), function())


@pytest.mark.parametrize("at", [NOW + 7_000_000, 7_258_118_400_000], ids=["two hours ahead", "in 2200"])
def test_a_time_to_come_puts_no_look_up_off(store, settings, at):
    """A line of a time to come says that the trace was not sampled: X-Ray is asked ten minutes after the first line all the same."""
    shipped(lambda_event([powertools("hello")], group="/ecs/shop"), store, settings)
    shipped(_said(f"tracing Root={to_xray(TRACE)};Sampled=0", at=at), store, settings)
    assert _resolved(store, settings, 500_000, *FAILED)["trace"]["state"] == "pending"
    assert _resolved(store, settings, 601_000, *FAILED)["trace"]["hiddenFault"]


def test_lines_without_end_put_no_look_up_off(store, settings):
    """Somebody says each minute that the trace was not sampled: X-Ray is asked all the same."""
    shipped(lambda_event([powertools("hello")], group="/ecs/shop"), store, settings)
    for minute in range(11):
        shipped(_said(f"tracing Root={to_xray(TRACE)};Sampled=0", at=NOW + minute * 60_000, number=minute), store, settings)
        found = _resolved(store, settings, minute * 60_000 + 1, *FAILED)["trace"]
    assert (found["state"], found["hiddenFault"]) == ("complete", True)


def _as_a_function(messages, group="/aws/lambda/evil", **more):
    return lambda_event([start(), *messages, report().replace("0285bf1261be05ff", "f" * 16)], group=group, stream=_STREAM, **more)


ACCUSATIONS = {
    "a function that prints records of the request": (_as_a_function([powertools("x", level="ERROR")]), "evil"),
    "a log group of the function's name": (_said(powertools("x", level="ERROR"), group="/own/orders"), "/own/orders"),
    "such a function of another account": (
        _as_a_function([powertools("x", level="ERROR")], group="/aws/lambda/orders", owner="999999999999"), "/aws/lambda/orders"),
    "a time-out": (
        _said(f"2026-01-01T00:00:00.000Z {REQUEST} Task timed out after 3.00 seconds trace_id={TRACE}", group="/own/orders"), "/own/orders"),
}  # fmt: skip


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", ACCUSATIONS)
def test_nobody_speaks_for_a_function(store, settings, kind, first):
    """What a stranger says of a request of others is told of his own log group, and names no span of theirs."""
    event, speaker = ACCUSATIONS[kind]
    for each in (event, _own(powertools("fine"))) if first else (_own(powertools("fine")), event):
        shipped(each, store, settings)
    findings = _resolved(store, settings, 60_000, *WELL)["findings"]
    assert [(finding["serviceName"], finding["spanId"]) for finding in findings] == [(speaker, "")]


def test_an_accusation_keeps_no_alert_away(store, settings):
    """A stranger's line was told of before the function's own error comes: that is told, too; and only once."""
    topic = _Topic()
    shipped(_own(powertools("fine")), store, settings)
    shipped(_said(powertools("x", level="ERROR")), store, settings)
    _resolved(store, settings, 60_000, *WELL, topic=topic)
    assert topic.services == ["stranger"]
    late = lambda_event([powertools("no stock", level="ERROR")], at=NOW + 1, first=50)
    assert shipped(late, store, settings).unsettled == (TRACE,)
    for minute in (3, 5, 7):
        _resolved(store, settings, minute * 60_000, *WELL, topic=topic)
    assert topic.services == ["stranger", "orders"]


def test_an_accusation_takes_no_alert_over(store, settings):
    """Of two services that log errors the alert goes by the one that X-Ray shows, whatever the other is called."""
    topic = _Topic()
    shop = service(origin="AWS::ECS::Container", name="shop", aws={})
    for number, (group, message) in enumerate((("/ecs/aaa", "x"), ("/ecs/shop", "no stock"))):
        shipped(_said(json.dumps({"level": "ERROR", "message": message, "trace_id": TRACE}), group=group, number=number), store, settings)
    _resolved(store, replace(settings, alert_per="trace"), 60_000, shop, topic=topic)
    assert topic.services == ["shop"]


@pytest.mark.parametrize("at", [NOW - 864_000_000, NOW + 7_000_000, 7_258_118_400_000], ids=["days ago", "two hours ahead", "in 2200"])
def test_no_line_hides_a_fault_from_the_list(store, settings, at):
    """A line of another time makes a trace begin or end then; the faults of the last hour show it all the same."""
    shipped(_own(powertools("no stock", level="ERROR")), store, settings)
    shipped(_said(f"hello trace_id={TRACE}", at=at), store, settings)
    for minute in range(0, 240, 10):
        _resolved(store, settings, minute * 60_000)
    store.refresh()
    since = datetime.fromtimestamp(NOW / 1000, UTC) - timedelta(hours=1)
    assert [found["traceId"] for found in hidden_faults(store, since=since)] == [TRACE]
