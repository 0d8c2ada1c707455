"""The local platform's front: API Gateway (a REST API with tracing on) and the Lambda API, over HTTP."""

import json
import secrets
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl

from pipeline.ids import TraceHeader, to_xray
from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.lambda_service import LambdaService, header_of, new_span_id, render
from pipeline.local.xray import LocalXRay

_INVOCATIONS: Final = "/2015-03-31/functions/"
_OK: Final = 200
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500
_BAD_GATEWAY: Final = 502
STAGE: Final = "prod"
API: Final = "sample-api"


class Platform:
    """Serves while it is used as a context manager; `serve` gives it its functions.

    Attributes:
        endpoint: of the Lambda API, and, with the stage behind it, of API Gateway.
    """

    def __init__(self, xray: LocalXRay) -> None:
        self._xray = xray
        self._api_id = secrets.token_hex(5)
        self._functions: LambdaService | None = None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def api_url(self) -> str:
        """The URL of the API's stage."""
        return f"{self.endpoint}/{STAGE}"

    def serve(self, functions: LambdaService) -> None:
        """Routes to these functions: the path `/NAME` to the function NAME."""
        self._functions = functions

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def invoke(self, name: str, payload: bytes, trace_header: str | None) -> tuple[int, bytes, dict[str, str]]:
        """The Lambda API's Invoke: 200 even where the function failed, which only a header says."""
        if self._functions is None or name not in self._functions.names:
            return 404, json.dumps({"Message": f"Function not found: {name}"}).encode(), {}
        outcome = self._functions.invoke(name, json.loads(payload or b"{}"), header_of(trace_header))
        if outcome.error is None:
            return _OK, json.dumps(outcome.result).encode(), {}
        error = {"errorMessage": outcome.error["message"], "errorType": outcome.error["type"]}
        return _OK, json.dumps(error).encode(), {"X-Amz-Function-Error": "Unhandled"}

    def request(self, method: str, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        """API Gateway's Lambda proxy integration: 502 where the function failed or answered nothing of use."""
        name = path.removeprefix(f"/{STAGE}/").strip("/")
        caller = header_of(headers.get("x-amzn-trace-id"))
        answered = {"X-Amzn-Trace-Id": render(caller)}
        if self._functions is None or not path.startswith(f"/{STAGE}/") or name not in self._functions.names:
            return 403, json.dumps({"message": "Missing Authentication Token"}).encode(), answered
        begun = time.time()
        request_id, stage_id, call_id = str(uuid.uuid4()), new_span_id(), new_span_id()
        event = {"httpMethod": method, "path": f"/{name}", "headers": headers, "queryStringParameters": query,
                 "requestContext": {"requestId": request_id, "stage": STAGE, "apiId": self._api_id}}  # fmt: skip
        outcome = self._functions.invoke(name, event, TraceHeader(caller.trace_id, call_id, caller.sampled))
        status, body = _BAD_GATEWAY, json.dumps({"message": "Internal server error"})
        if outcome.error is None and isinstance(outcome.result, dict):
            status, body = int(outcome.result.get("statusCode", _BAD_GATEWAY)), str(outcome.result.get("body", ""))
        if caller.sampled:
            call = {"id": call_id, "name": "Lambda", "namespace": "aws", "start_time": begun, "end_time": time.time(),
                    "http": {"response": {"status": _OK}}, "aws": {"function_name": name, "operation": "Invoke"}}  # fmt: skip
            stage = self._stage(caller, stage_id, request_id, call) | _flags(status)
            stage["http"] = {
                "request": {"method": method, "url": f"{self.endpoint}{path}"},
                "response": {"status": status},
            }
            self._xray.put([stage])
        return status, body.encode(), answered

    def _stage(self, caller: TraceHeader, id_: str, request_id: str, call: dict[str, Any]) -> dict[str, Any]:
        segment = {
            "id": id_, "name": f"{API}/{STAGE}", "trace_id": to_xray(caller.trace_id), "origin": "AWS::ApiGateway::Stage",
            "start_time": call["start_time"], "end_time": call["end_time"], "subsegments": [call],
            "resource_arn": f"arn:aws:apigateway:{REGION}::/restapis/{self._api_id}/stages/{STAGE}",
            "aws": {"api_gateway": {"account_id": ACCOUNT, "rest_api_id": self._api_id, "stage": STAGE, "request_id": request_id}},
            "annotations": {"aws:api_id": self._api_id, "aws:api_stage": STAGE},
        }  # fmt: skip
        return segment | ({"parent_id": caller.parent_id} if caller.parent_id else {})


def _flags(status: int) -> dict[str, bool]:
    if status >= _SERVER_ERROR:
        return {"fault": True}
    return {"error": True} if status >= _CLIENT_ERROR else {}


def _handler(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _serve(self, body: bytes) -> None:
            path, _, text = self.path.partition("?")
            headers = {key.lower(): value for key, value in self.headers.items()}
            if path.startswith(_INVOCATIONS):
                name = path.removeprefix(_INVOCATIONS).partition("/")[0]
                self._reply(*platform.invoke(name, body, headers.get("x-amzn-trace-id")))
            else:
                query = dict(parse_qsl(text, keep_blank_values=True))
                self._reply(*platform.request(self.command, path, query, headers))

        def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing: the terminal belongs to the demo."""

    return Handler
