"""A small world for tests of order: what happened on AWS, once and for all; tests choose when tracejoin sees which part of it."""

import json
from typing import Any

from pipeline.local.aws_spans import spans_of, subscription_event
from pipeline.model.trace_ids import to_xray
from pipeline.traces.sources.source import LookupResult
from tests.events import NOW, end, lambda_event, powertools, report, start

BEGAN = NOW - 7_200_000


class World:
    """Nine traces, their log batches and their segment documents; ``salt`` (16 hex digits) sets it apart from other worlds.

    one: API Gateway, a function, and a second one that it calls, which fails behind a 200; one line's own id is stale.
    two: not sampled, which only its REPORT line says. three: X-Ray never has it. four: its spans come through aws/spans.
    five, six: one transaction by a correlation id; each line of five's invocation comes in a batch of its own, one of them names seven,
    which is stale; six is behind an HTTP API, whose access log names its request alone. eight, nine: in Lambda's JSON format, eight with
    two invocations that interleave, so that the bare line between them is nobody's.
    """

    def __init__(self, salt: str) -> None:
        self.salt = salt
        self.traces = [f"{BEGAN // 1000:08x}{salt}{number:08x}" for number in range(1, 10)]
        self.one, self.two, self.three, self.four = self.traces[:4]
        self.requests = [f"{salt[:8]}-{salt[8:12]}-4000-8000-{number:012d}" for number in range(1, 10)]
        self.batches = self._batches()
        self.documents = self._documents()

    def _batches(self) -> list[dict[str, Any]]:
        first, second, third, fourth, fifth, sixth, eighth, other, ninth = self.requests
        one, two, three, four, five, six, seven, eight, nine = self.traces
        pay, json_start, json_end = f"pay-{self.salt}", "platform.start", "platform.runtimeDone"
        access = {"requestId": f"gateway-{self.salt}", "routeKey": "GET /ship", "status": "200", "integrationRequestId": sixth}
        lines = [
            ("/aws/lambda/orders", [start(first), powertools("paid", request=first, trace=one, correlation_id=f"order-{self.salt}"), "bare print"]),
            ("/aws/lambda/orders", [end(first), report(first, one)]),
            ("/aws/lambda/stock", [start(second), powertools("about to fail", request=second, trace=three, level="ERROR"), end(second),
                                   report(second, one).replace("0285bf1261be05ff", "2222222222222222")]),
            ("/aws/lambda/mail", [powertools("sent", request=third, trace=two)]),
            ("/aws/lambda/mail", [report(third, two, sampled=False)]),
            ("/aws/lambda/lost", [powertools("nobody knows it", request=fourth, trace=three)]),
            ("/ecs/cart", [json.dumps({"message": "in the cart", "trace_id": four, "span_id": "4444444444444444"})]),
            ("/aws/lambda/pay", [start(fifth)]),
            ("/aws/lambda/pay", ["Traceback (most recent call last): a bare line"]),
            ("/aws/lambda/pay", [powertools("stale", request=fifth, trace=seven, level="ERROR", correlation_id=pay)]),
            ("/aws/lambda/pay", [end(fifth), report(fifth, five, sampled=False)]),
            ("/aws/lambda/ship", [powertools("joins", request=sixth, trace=six, correlation_id=pay)]),
            ("/aws/apigateway/ship", [json.dumps(access)]),
            ("/aws/lambda/ship", [report(sixth, six, sampled=False)]),
            ("/aws/lambda/many", [platform(json_start, eighth, eight)]),
            ("/aws/lambda/many", ["ERROR: whose am I?"]),
            ("/aws/lambda/many", [platform(json_start, other, eight), platform(json_end, eighth, eight)]),
            ("/aws/lambda/many", [platform(json_end, other, eight)]),
            ("/aws/lambda/json", [platform(json_start, ninth, nine)]),
            ("/aws/lambda/json", ["ERROR: a bare line in JSON"]),
            ("/aws/lambda/json", [platform(json_end, ninth, nine)]),
        ]  # fmt: skip
        number = int(self.salt[:8], 16) * 10**40
        events = [lambda_event(messages, group=group, stream=self.salt, at=BEGAN + 10 * place, first=number + 100 * place)
                  for place, (group, messages) in enumerate(lines)]  # fmt: skip
        spans = list(
            spans_of(
                self._segment(
                    four,
                    "4444444444444444",
                    0,
                    0.3,
                    name="cart",
                    annotations={"path": "/cart"},
                    subsegments=[
                        {"id": "4545454545454545", "name": "redis", "namespace": "remote", "start_time": _at(0.1), "end_time": _at(0.2)}
                    ],
                )
            )
        )
        return [*events, *(subscription_event([span], at=BEGAN + 400) for span in spans)]

    def _documents(self) -> list[dict[str, Any]]:
        """The segment documents of the first trace; one is there twice, in progress and finished."""
        one, (first, second, *_) = self.one, self.requests
        failure = {"cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "no stock"}]}, "error": True}
        edge_call = {"id": "bbbbbbbbbbbbbbbb", "name": "Lambda", "namespace": "aws", "start_time": _at(0), "end_time": _at(0.9)}
        work = {"type": "subsegment", "parent_id": "1111111111111111", "annotations": {"path": "/orders", "items": 3, "vip": True}}
        call = {
            "id": "dddddddddddddddd",
            "name": "stock",
            "namespace": "remote",
            "traced": True,
            "start_time": _at(0.3),
            "end_time": _at(0.6),
        }
        service = self._segment(one, "0285bf1261be05ff", 0, 0.9, name="orders", origin="AWS::Lambda", parent_id="bbbbbbbbbbbbbbbb",
                                aws={"request_id": first}, http={"response": {"status": 200}})  # fmt: skip
        begun = {key: value for key, value in service.items() if key != "end_time"} | {"in_progress": True}
        return [
            self._segment(one, "aaaaaaaaaaaaaaaa", 0, 1, name="api/prod", origin="AWS::ApiGateway::Stage", subsegments=[edge_call],
                          http={"request": {"method": "GET", "url": "https://x/prod/orders"}, "response": {"status": 200}}),
            begun,
            service,
            self._segment(one, "1111111111111111", 0.1, 0.8, name="orders", origin="AWS::Lambda::Function", parent_id="0285bf1261be05ff"),
            self._segment(one, "cccccccccccccccc", 0.2, 0.7, name="## work", subsegments=[call]) | work,
            self._segment(one, "2222222222222222", 0.4, 0.5, name="stock", origin="AWS::Lambda", parent_id="dddddddddddddddd",
                          aws={"request_id": second}, http={"response": {"status": 200}}, error=True),
            self._segment(one, "3333333333333333", 0.4, 0.5, name="stock", origin="AWS::Lambda::Function", parent_id="2222222222222222",
                          **failure),
        ]  # fmt: skip

    def _segment(self, trace_id: str, id_: str, start: float, end: float, **more: Any) -> dict[str, Any]:
        return {"id": id_, "trace_id": to_xray(trace_id), "start_time": _at(start), "end_time": _at(end)} | more


def platform(kind: str, request: str, trace: str) -> str:
    """A line of Lambda's JSON system log, of an invocation that was not sampled."""
    tracing = {"type": "X-Amzn-Trace-Id", "value": f"Root={to_xray(trace)};Sampled=0"}
    return json.dumps({"time": "2026-11-24T10:00:00.000Z", "type": kind, "record": {"requestId": request, "tracing": tracing}})


class Visible:
    """An X-Ray that shows what has been revealed."""

    name = "BatchGetTraces"

    def __init__(self) -> None:
        self.calls = 0
        self.documents: list[dict[str, Any]] = []

    def look_up(self, wanted):
        """What there is on these traces; a finished document hides the one in progress."""
        self.calls += 1
        answers = {}
        for id_ in wanted:
            mine: dict[str, dict[str, Any]] = {}
            for document in self.documents:
                if document["trace_id"] == to_xray(id_) and (document["id"] not in mine or "end_time" in document):
                    mine[document["id"]] = document
            answers[id_] = LookupResult("found" if mine else "absent", tuple(map(json.dumps, mine.values())))
        return answers


def _at(seconds: float) -> float:
    return BEGAN / 1000 + seconds
