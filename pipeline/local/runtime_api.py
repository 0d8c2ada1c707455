"""Runtime API: serves Lambda's Runtime API on loopback: hands invocations to a runtime client, and takes its responses and errors.

Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
"""

import json
import sys
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol

_NEXT: Final = "/2018-06-01/runtime/invocation/next"
_INVOCATION: Final = "/2018-06-01/runtime/invocation/"
_CAUSE: Final = "Lambda-Runtime-Function-XRay-Error-Cause"
_INIT_ERROR: Final = "/2018-06-01/runtime/init/error"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRequest:
    """An invocation as a runtime client gets it.

    Attributes:
        request_id: of the invocation, a UUID.
        event: JSON, what the handler is called with.
        deadline: seconds since the epoch.
        function_arn: of the function that is invoked.
        trace_header: X-Ray's tracing header; empty if there is none.
    """

    request_id: str
    event: Any
    deadline: float
    function_arn: str
    trace_header: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the Runtime API's response."""
        headers = {
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(self.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.function_arn,
        }
        return headers | ({"Lambda-Runtime-Trace-Id": self.trace_header} if self.trace_header else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResult:
    """What the runtime client posted at the end of an invocation.

    Attributes:
        body: the response or, if the invocation ``failed``, the error.
        cause: of a failure, as X-Ray's segments show it, JSON; empty if the client posted none.
    """

    request_id: str
    body: bytes = b""
    failed: bool = False
    cause: str = ""

    @property
    def error_type(self) -> str:
        """The type of the error; empty if the invocation went well or the error names none."""
        try:
            content = json.loads(self.body) if self.failed else {}
        except ValueError:
            content = {}
        return str(content.get("errorType", "")) if isinstance(content, dict) else ""


class RuntimeListener(Protocol):
    """Provides invocations and takes results; called from the threads of the server."""

    def next_invocation(self) -> InvocationRequest | None:
        """Blocks until there is an invocation, and returns it; None if there will be none."""

    def ended(self, result: InvocationResult) -> None:
        """Takes the response or the error of an invocation."""

    def init_failed(self, body: bytes) -> None:
        """Takes the error, as JSON, of a handler that could not be loaded."""

    def other(self, path: str, body: bytes) -> None:
        """Takes what was posted to a path that Lambda's Runtime API does not have."""


class RuntimeApi:
    """Serves the Runtime API to one process, from its creation until `stop`.

    Attributes:
        address: host and port, for `AWS_LAMBDA_RUNTIME_API`.
    """

    def __init__(self, listener: RuntimeListener) -> None:
        self._http = _Server(listener)
        self.address = f"127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops serving. A request for the next invocation that still waits must have been answered with None."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    # a request for the next invocation may outlive the process that made it
    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: RuntimeListener) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.listener = listener

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports an error, but not a connection that broke because its process was killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        request = self.server.listener.next_invocation() if self.path == _NEXT else None
        if request is None:
            self.close_connection = True
            return
        self._reply(HTTPStatus.OK, json.dumps(request.event).encode(), request.headers)

    def do_POST(self) -> None:
        body, listener = self._body(), self.server.listener
        if self.path == _INIT_ERROR:
            listener.init_failed(body)
        elif self.path.startswith(_INVOCATION):
            request_id, _, what = self.path.removeprefix(_INVOCATION).partition("/")
            cause = self.headers.get(_CAUSE, "")
            listener.ended(InvocationResult(request_id=request_id, body=body, failed=what == "error", cause=cause))
        else:
            listener.other(self.path, body)
        self._reply(HTTPStatus.ACCEPTED, b'{"status":"OK"}\n', {})

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks: list[bytes] = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _reply(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing: the runtime's own output is what counts."""
