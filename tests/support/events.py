"""Subscription events and segment documents for tests."""

import base64
import gzip
import json
import time
from typing import Any

from pipeline.model.trace_ids import to_xray

TRACE = "5759e988bd862e3fe1be46a994272793"
OTHER = "68a1b2c3bd862e3fe1be46a994272794"
REQUEST = "52fdfc07-2182-454f-963f-5f0f9a621d72"
OTHER_REQUEST = "0b7e3a51-2182-454f-963f-5f0f9a621d73"
NOW = int(time.time() * 1000)


def document(messages: list[str], *, group: str = "/aws/lambda/orders", stream: str = "s", at: int = NOW, first: int = 1,
             owner: str = "123456789012") -> dict[str, Any]:  # fmt: skip
    """A decoded subscription document."""
    events = [{"id": f"{first + number:056d}", "timestamp": at + number, "message": message} for number, message in enumerate(messages)]
    return {"messageType": "DATA_MESSAGE", "owner": owner, "logGroup": group, "logStream": stream,
            "subscriptionFilters": ["f"], "logEvents": events}  # fmt: skip


def packed(content: object) -> str:
    """``content`` as base64 of gzipped JSON."""
    return base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()


def lambda_event(messages: list[str], **more: Any) -> dict[str, Any]:
    """The event that CloudWatch Logs hands to Lambda."""
    return {"awslogs": {"data": packed(document(messages, **more))}}


def powertools(message: str, *, level: str = "INFO", request: str = REQUEST, trace: str = TRACE, **more: Any) -> str:
    """A line of Powertools' logger."""
    return json.dumps({"level": level, "message": message, "service": "orders", "function_request_id": request,
                       "xray_trace_id": to_xray(trace), **more})  # fmt: skip


def start(request: str = REQUEST) -> str:
    """A START line."""
    return f"START RequestId: {request} Version: $LATEST\n"


def end(request: str = REQUEST) -> str:
    """An END line."""
    return f"END RequestId: {request}\n"


def report(request: str = REQUEST, trace: str = TRACE, *, sampled: bool = True, status: str = "") -> str:
    """A REPORT line with its X-Ray half."""
    middle = f"Status: {status}\t" if status else ""
    return (f"REPORT RequestId: {request}\tDuration: 46.84 ms\tBilled Duration: 47 ms \tMemory Size: 192 MB\tMax Memory Used: 72 MB\t"
            f"{middle}\nXRAY TraceId: {to_xray(trace)}\tSegmentId: 0285bf1261be05ff\tSampled: {str(sampled).lower()}\t\n")  # fmt: skip


def service(id_: str = "0285bf1261be05ff", **more: Any) -> dict[str, Any]:
    """An AWS::Lambda segment that answers 200."""
    return {"id": id_, "name": "orders", "trace_id": to_xray(TRACE), "start_time": NOW / 1000, "end_time": NOW / 1000 + 0.1,
            "origin": "AWS::Lambda", "http": {"response": {"status": 200}}, "aws": {"request_id": REQUEST}} | more  # fmt: skip


def function(id_: str = "17e84e76450d1777", parent: str = "0285bf1261be05ff", **more: Any) -> dict[str, Any]:
    """An AWS::Lambda::Function segment."""
    return {"id": id_, "name": "orders", "trace_id": to_xray(TRACE), "start_time": NOW / 1000 + 0.01, "end_time": NOW / 1000 + 0.09,
            "parent_id": parent, "origin": "AWS::Lambda::Function", "aws": {"function_arn": "arn"}} | more  # fmt: skip


def edge(status: int = 200, id_: str = "aaaaaaaaaaaaaaaa", **more: Any) -> dict[str, Any]:
    """An API Gateway stage segment with its call of Lambda below, whose id is bbbbbbbbbbbbbbbb."""
    at = {"start_time": NOW / 1000, "end_time": NOW / 1000 + 0.2}
    call = {"id": "bbbbbbbbbbbbbbbb", "name": "Lambda", "namespace": "aws", "http": {"response": {"status": 200}}} | at
    return {"id": id_, "name": "api/prod", "trace_id": to_xray(TRACE), "origin": "AWS::ApiGateway::Stage",
            "http": {"request": {"method": "GET", "url": "https://x/prod/orders"}, "response": {"status": status}},
            "subsegments": [call]} | at | more  # fmt: skip


def call(name: str, id_: str, **more: Any) -> dict[str, Any]:
    """A subsegment for a remote call."""
    return {
        "id": id_,
        "name": name,
        "namespace": "remote",
        "start_time": NOW / 1000 + 0.02,
        "end_time": NOW / 1000 + 0.03,
    } | more


class Traces:
    """A source that answers from documents, as X-Ray would."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.documents = list(documents)
        self.calls = 0
        self.name = "BatchGetTraces"

    def look_up(self, trace_ids):
        """What there is on these traces."""
        from pipeline.traces.sources.source import LookupResult

        self.calls += 1
        answers = {}
        for id_ in trace_ids:
            mine = tuple(json.dumps(document) for document in self.documents if document["trace_id"] == to_xray(id_))
            answers[id_] = LookupResult("found" if mine else "absent", mine)
        return answers
