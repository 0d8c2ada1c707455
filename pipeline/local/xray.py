"""X-Ray: a local X-Ray that behaves like the real one, over HTTP for boto3 and over UDP for the X-Ray SDK.

It has the real one's difficulties: segments appear after a delay and in any order; a finished document replaces the one in progress;
five ids per call, paging, unprocessed ids; throttling on demand; HasFault is about the root alone; no trace is found by id while
Transaction Search is on; a retrieval runs for a while before it is COMPLETE, and covers only its time range.
Source: AWS X-Ray API reference, and the SDK daemon's protocol.
"""

import json
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Literal, Self

from pipeline.local.aws_spans import spans_of, subscription_event
from pipeline.local.xray_store import Document, TraceStore
from pipeline.model.trace_ids import TraceHeader, parse_span_id, parse_trace_id, to_xray

_IDS_PER_CALL: Final = 5
_IDS_PER_RETRIEVAL: Final = 100
_LARGEST_DATAGRAM: Final = 65_535
_LONGEST_NAME: Final = 200
_SERVICE_FILTER: Final = re.compile(r'service\((?:"([^"]*)")?\)\s*\{\s*(fault|error|throttle)\s*\}')
_DAEMON_HEADER: Final = '{"format":'


class _Refusal(Exception):  # noqa: N818  # control flow inside this module, answered over HTTP
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(slots=True)
class _Retrieval:
    ids: list[str]
    start: float
    end: float
    complete_at: float
    cancelled: bool = False


class LocalXRay:
    """A local X-Ray, which runs while it is used as a context manager.

    Args:
        delay: seconds until a segment can be read, on average; each segment's is between half of it and one and a half times.
        seed: the seed of the order in which segments appear.
        retrieval: seconds that a retrieval of traces takes.
        clock: returns seconds since the epoch.

    Attributes:
        endpoint: the value for AWS_ENDPOINT_URL_XRAY.
        daemon_address: the value for AWS_XRAY_DAEMON_ADDRESS.
        calls: the number of calls, by operation.
        asked: the number of calls of BatchGetTraces with each trace, by canonical id.
        traces_per_page: the number of traces in a page of a response.
        destination: ``CloudWatchLogs`` when Transaction Search is on.
        unprocessed: canonical ids that BatchGetTraces leaves unprocessed.
        invalid: canonical ids with which a request is refused.
    """

    def __init__(self, *, delay: float = 0.0, seed: int = 0, retrieval: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self._delay = delay
        self._random = random.Random(seed)
        self._clock = clock
        self._traces = TraceStore(clock)
        self._throttled = 0
        self._retrieval_seconds = retrieval
        self._retrievals: dict[str, _Retrieval] = {}
        self._delivered: set[str] = set()
        self.traces_per_page = 5
        self.calls: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.destination: Literal["XRay", "CloudWatchLogs"] = "XRay"
        self.unprocessed: set[str] = set()
        self.invalid: set[str] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.daemon_address = f"127.0.0.1:{self._udp.getsockname()[1]}"
        self._threads = [
            threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True),
            threading.Thread(target=self._receive, daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        # an empty datagram ends the receiver's loop
        self._udp.sendto(b"", self._udp.getsockname())
        for thread in self._threads:
            thread.join()
        self._udp.close()

    def throttle(self, calls: int) -> None:
        """Makes the next ``calls`` reading calls fail with ThrottledException."""
        self._throttled = calls

    def put(self, documents: Iterable[Document]) -> None:
        """Stores segment documents; each can be read after a delay of its own."""
        for document in documents:
            self._traces.add(document, self._clock() + self._delay * self._random.uniform(0.5, 1.5))

    def link(self, span: TraceHeader, link: Document) -> None:
        """Adds X-Ray's own half of a span link: from the function that sent a message to the trace that received it."""
        self._traces.link(span.trace_id, span.parent_id or "", link)

    def answer(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        """The response to one API call, by its path. Raises _Refusal for what the API refuses."""
        operations: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
            "/TraceSegments": ("PutTraceSegments", self._put_trace_segments),
            "/Traces": ("BatchGetTraces", self._batch_get_traces),
            "/StartTraceRetrieval": ("StartTraceRetrieval", self._start_trace_retrieval),
            "/ListRetrievedTraces": ("ListRetrievedTraces", self._list_retrieved_traces),
            "/CancelTraceRetrieval": ("CancelTraceRetrieval", self._cancel_trace_retrieval),
            "/TraceSummaries": ("GetTraceSummaries", self._get_trace_summaries),
            "/GetTraceSegmentDestination": ("GetTraceSegmentDestination", self._get_trace_segment_destination),
        }
        if path not in operations:
            raise _Refusal("UnknownOperationException", f"the local X-Ray has no {path}", 404)
        name, operation = operations[path]
        self.calls[name] += 1
        if name != "PutTraceSegments" and self._throttled:
            self._throttled -= 1
            raise _Refusal("ThrottledException", "Rate exceeded", 429)
        return operation(request)

    def _put_trace_segments(self, request: dict[str, Any]) -> dict[str, Any]:
        refused: list[dict[str, str]] = []
        for text in request.get("TraceSegmentDocuments", ()):
            document = _document(text)
            problem = "is no JSON object" if document is None else _problem(document)
            if document is None or problem:
                id_ = document.get("id") if document else None
                refused.append({"Id": str(id_ or ""), "ErrorCode": "ParseError", "Message": f"The segment {problem}"})
            else:
                self.put([document])
        return {"UnprocessedTraceSegments": refused}

    def _batch_get_traces(self, request: dict[str, Any]) -> dict[str, Any]:
        names = request.get("TraceIds", [])
        if len(names) > _IDS_PER_CALL:
            raise _Refusal("InvalidRequestException", f"at most {_IDS_PER_CALL} trace ids a call")
        ids = [parse_trace_id(name) for name in names]
        if None in ids or not self.invalid.isdisjoint(ids):
            raise _Refusal("InvalidRequestException", "a trace id is not valid")
        asked = [id_ for id_ in ids if id_]
        self.asked.update(asked)
        if self.destination == "CloudWatchLogs":
            return {"Traces": [], "UnprocessedTraceIds": []}
        start = int(request.get("NextToken") or 0)
        found = [id_ for id_ in asked if id_ not in self.unprocessed and self._traces.visible(id_)]
        page = found[start : start + self.traces_per_page]
        answer: dict[str, Any] = {
            "Traces": [self._traces.trace(id_) for id_ in page],
            "UnprocessedTraceIds": [to_xray(id_) for id_ in asked if id_ in self.unprocessed],
        }
        if start + self.traces_per_page < len(found):
            answer["NextToken"] = str(start + self.traces_per_page)
        return answer

    def _start_trace_retrieval(self, request: dict[str, Any]) -> dict[str, Any]:
        names = request["TraceIds"]
        ids = [id_ for name in names if (id_ := parse_trace_id(name))]
        if not 0 < len(names) <= _IDS_PER_RETRIEVAL or len(ids) != len(names) or not self.invalid.isdisjoint(ids):
            raise _Refusal("InvalidRequestException", f"between 1 and {_IDS_PER_RETRIEVAL} valid trace ids are needed")
        start, end = float(request["StartTime"]), float(request["EndTime"])
        if end < start:
            raise _Refusal("InvalidRequestException", "StartTime is after EndTime")
        token = f"{self._random.getrandbits(128):032x}"
        self._retrievals[token] = _Retrieval(ids, start, end, self._clock() + self._retrieval_seconds)
        return {"RetrievalToken": token}

    def _list_retrieved_traces(self, request: dict[str, Any]) -> dict[str, Any]:
        retrieval = self._retrievals.get(request["RetrievalToken"])
        if retrieval is None:
            raise _Refusal("ResourceNotFoundException", "there is no such retrieval", 404)
        format_ = request.get("TraceFormat", "XRAY")
        if retrieval.cancelled or self._clock() < retrieval.complete_at:
            return {"RetrievalStatus": "CANCELLED" if retrieval.cancelled else "RUNNING", "TraceFormat": format_, "Traces": []}
        found = [id_ for id_ in retrieval.ids if self._in_range(id_, retrieval)]
        start = int(request.get("NextToken") or 0)
        page = found[start : start + self.traces_per_page]
        traces = [self._retrieved(id_, format_) for id_ in page]
        more = {"NextToken": str(start + len(page))} if start + len(page) < len(found) else {}
        return {"RetrievalStatus": "COMPLETE", "TraceFormat": format_, "Traces": traces} | more

    def _cancel_trace_retrieval(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["RetrievalToken"] not in self._retrievals:
            raise _Refusal("ResourceNotFoundException", "there is no such retrieval", 404)
        self._retrievals[request["RetrievalToken"]].cancelled = True
        return {}

    def _in_range(self, trace_id: str, retrieval: _Retrieval) -> bool:
        documents = self._traces.visible(trace_id).values()
        return any(retrieval.start <= document["start_time"] <= retrieval.end for document in documents)

    def _retrieved(self, trace_id: str, format_: str) -> dict[str, Any]:
        trace = self._traces.trace(trace_id)
        spans = trace["Segments"]
        if format_ == "OTEL":
            documents = self._traces.visible(trace_id).values()
            spans = [{"Id": span["spanId"], "Document": json.dumps(span)} for document in documents for span in spans_of(document)]
        return {"Id": trace["Id"], "Duration": trace["Duration"], "Spans": spans}

    def spans_events(self) -> list[dict[str, Any]]:
        """Events of a subscription on `aws/spans`, with the spans that can be read by now and were in no earlier call.

        A segment in progress follows once it has closed: a span is written when it ends.
        """
        events = []
        for document in self._traces.everything():
            spans = [span for span in spans_of(document) if "endTimeUnixNano" in span and span["spanId"] not in self._delivered]
            self._delivered.update(span["spanId"] for span in spans)
            if spans:
                events.append(subscription_event(spans, at=int(self._clock() * 1000)))
        return events

    def _get_trace_summaries(self, request: dict[str, Any]) -> dict[str, Any]:
        start, end = float(request["StartTime"]), float(request["EndTime"])
        if end < start:
            raise _Refusal("InvalidRequestException", "StartTime is after EndTime")
        expression = (request.get("FilterExpression") or "").strip()
        summaries = [] if self.destination == "CloudWatchLogs" else self._traces.summaries(start, end)
        return {
            "TraceSummaries": [summary for summary in summaries if self._matches(summary, expression)],
            "ApproximateTime": self._clock(),
            "TracesProcessedCount": len(summaries),
        }

    def _matches(self, summary: dict[str, Any], expression: str) -> bool:
        """Whether a trace matches a filter expression: a flag of its root, or of a service in it."""
        of_root = {"fault": "HasFault", "error": "HasError", "throttle": "HasThrottle"}
        if not expression:
            return True
        if expression in of_root:
            return bool(summary[of_root[expression]])
        if match := _SERVICE_FILTER.fullmatch(expression):
            name, flag = match.groups()
            documents = self._traces.visible(parse_trace_id(summary["Id"]) or "").values()
            return any(document.get(flag) is True and name in {None, document["name"]} for document in documents)
        raise _Refusal(
            "InvalidRequestException", f'the local X-Ray knows fault, error, throttle and service("…") {{ fault }}, not {expression!r}'
        )

    def _get_trace_segment_destination(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"Destination": self.destination, "Status": "ACTIVE"}

    def _receive(self) -> None:
        """Receives the datagrams of the X-Ray daemon's protocol: a header line, then a document."""
        while datagram := self._udp.recv(_LARGEST_DATAGRAM):
            header, _, text = datagram.decode("utf-8", "replace").partition("\n")
            document = _document(text)
            if header.startswith(_DAEMON_HEADER) and document and not _problem(document):
                self.calls["datagrams"] += 1
                self.put([document])


def _document(text: object) -> Document | None:
    try:
        content = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _problem(document: Document) -> str:
    """The reason for which the real API refuses a document; empty where it takes it."""
    if not isinstance(document.get("trace_id"), str) or parse_trace_id(document["trace_id"]) is None:
        return "has no valid trace_id"
    if not isinstance(document.get("id"), str) or parse_span_id(document["id"]) is None:
        return "needs an id of 16 hexadecimal digits"
    if not isinstance(document.get("name"), str) or len(document["name"]) > _LONGEST_NAME:
        return f"needs a name of at most {_LONGEST_NAME} characters"
    if not isinstance(document.get("start_time"), int | float):
        return "needs start_time"
    if isinstance(document.get("end_time"), int | float) == (document.get("in_progress") is True):
        return "needs either end_time or in_progress"
    return ""


def _handler(xray: LocalXRay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                self._reply(200, xray.answer(self.path, json.loads(body or b"{}")))
            except _Refusal as refusal:
                self._reply(refusal.status, {"message": str(refusal)}, refusal.code)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                # a field of the request is missing or wrong
                self._reply(400, {"message": f"the request is not valid: {error!r}"}, "InvalidRequestException")

        def _reply(self, status: int, content: dict[str, Any], code: str = "") -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: object) -> None:
            """Prints nothing: the terminal belongs to the demo."""

    return Handler
