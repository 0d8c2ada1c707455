"""HTTP server: the local platform's REST API, HTTP API, Lambda API and SNS, on one port."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

from pipeline.local import api_gateway_http as http_api
from pipeline.local import api_gateway_rest as rest_api
from pipeline.local.api_gateway_http import HttpApi
from pipeline.local.api_gateway_rest import RestApi
from pipeline.local.http_messages import HttpRequest, HttpResponse, message
from pipeline.local.lambda_service import LambdaService
from pipeline.local.log_stream import LogStream
from pipeline.local.sns_sqs import Messages
from pipeline.local.tracing_headers import header_of
from pipeline.local.xray import LocalXRay

_INVOCATIONS: Final = "/2015-03-31/functions/"
_SNS: Final = "/sns"
_Answer = Callable[[HttpRequest], HttpResponse]


class Platform:
    """The HTTP server of the local platform. It runs while it is used as a context manager; `serve` gives it its functions.

    Attributes:
        endpoint: the URL of the Lambda API; those of the other APIs begin with it.
        logs: the log streams of the APIs.
    """

    def __init__(self, xray: LocalXRay) -> None:
        self._xray = xray
        self._routes: Mapping[str, _Answer] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.logs: list[LogStream] = []
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def api_url(self) -> str:
        """The URL of the REST API's stage."""
        return f"{self.endpoint}/{rest_api.STAGE}"

    @property
    def http_api_url(self) -> str:
        """The URL of the HTTP API's stage."""
        return f"{self.endpoint}/{http_api.STAGE}"

    @property
    def sns_endpoint(self) -> str:
        """The endpoint for SNS, which keeps the sender's tracing header."""
        return f"{self.endpoint}{_SNS}"

    def serve(self, functions: LambdaService, messages: Messages | None = None) -> None:
        """Routes `/prod/NAME` and `/http/NAME` to the function NAME, the Lambda API to ``functions``, and SNS to ``messages``."""
        rest, http = RestApi(functions, self._xray, self.endpoint), HttpApi(functions)
        self.logs = [*rest.logs, *http.logs]
        routes: dict[str, _Answer] = {
            _INVOCATIONS: lambda request: invoke(functions, request),
            f"/{rest_api.STAGE}/": rest.answer,
            f"/{http_api.STAGE}/": http.answer,
        }
        self._routes = routes | ({_SNS: messages.publish} if messages else {})

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The response of the service at the request's path; 403 where there is none."""
        found = next((answer for start, answer in self._routes.items() if request.path.startswith(start)), None)
        return found(request) if found else message(403, "Forbidden")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def invoke(functions: LambdaService, request: HttpRequest) -> HttpResponse:
    """The response of the Lambda API's Invoke: 200 even where the function failed, which only a header says."""
    name = request.path.removeprefix(_INVOCATIONS).partition("/")[0]
    if name not in functions.names:
        return HttpResponse(404, json.dumps({"Message": f"Function not found: {name}"}).encode())
    outcome = functions.invoke(name, json.loads(request.body or b"{}"), header_of(request.header("X-Amzn-Trace-Id")))
    headers = {"x-amzn-RequestId": outcome.request_id}
    if outcome.error is None:
        return HttpResponse(200, json.dumps(outcome.result).encode(), headers)
    error = {"errorMessage": outcome.error["message"], "errorType": outcome.error["type"]}
    return HttpResponse(200, json.dumps(error).encode(), headers | {"X-Amz-Function-Error": "Unhandled"})


def _handler(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = HttpRequest(method=self.command, path=path, query=query, headers=dict(self.headers.items()), body=body)
            self._reply(platform.answer(request))

        def _reply(self, response: HttpResponse) -> None:
            self.send_response(response.status)
            own = {"Content-Type": "application/json", "Content-Length": str(len(response.body))}
            for key, value in {**own, **response.headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, *_arguments: object) -> None:
            """Prints nothing: the terminal belongs to the demo."""

    return Handler
