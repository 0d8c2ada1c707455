"""Whatever a stranger logs about the traces of others, before or after them: their documents end as they do without him."""

import json

import pytest

from pipeline.model.trace_ids import to_xray
from tests.support.events import lambda_event, powertools, report, start
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

    def ship_event(self, event):
        """Ships an event; the hint goes to the queue."""
        if unsettled := shipped(event, self.store, self.options).unsettled:
            self.messages.append(unsettled)


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
