"""A small HTTP server on this machine, of which a test or a stand-in says what it answers."""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import urllib3

_OF_THE_CONNECTION = {"host", "connection", "content-length", "transfer-encoding", "date", "server"}
# status, content (bytes, or what becomes JSON), headers
Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """What came in: the method, path and query as sent, headers by lower-case name, and the body's bytes."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.target.partition("?")[0]


class HttpServer:
    """Answers each request with what ``answer`` returns, while it is used as a context manager; its address is in ``endpoint``.

    With ``tls`` it speaks https alone.
    """

    def __init__(self, answer: Callable[[Request], Answer], tls: ssl.SSLContext | None = None) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
        # http.server waits for keep-alive connections otherwise
        self._server.daemon_threads = True
        # a client that is gone is none
        self._server.handle_error = lambda *_: None
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Forwarder:
    """Hands requests on to another server, with only the headers in ``keep`` where that is given."""

    def __init__(self, endpoint: str, keep: set[str] | None = None) -> None:
        self.endpoint = endpoint
        self._keep = keep
        self._pool = urllib3.PoolManager(retries=False)

    def __call__(self, request: Request) -> Answer:
        kept = {name: value for name, value in request.headers.items()
                if (name in self._keep if self._keep is not None else name not in _OF_THE_CONNECTION)}  # fmt: skip
        answer = self._pool.request(
            request.method, self.endpoint + request.target, body=request.body or None, headers=kept, decode_content=False, redirect=False
        )
        return answer.status, answer.data, {name: value for name, value in answer.headers.items() if name.lower() not in _OF_THE_CONNECTION}


def _handler(answer):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # head and body are two writes
        disable_nagle_algorithm = True

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, content, *more = answer(Request(self.command, self.path, headers, body))
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **{key.lower(): value for given in more for key, value in given.items()},
                                "content-length": str(len(data))}.items():  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any  # noqa: N815

        def log_message(self, *_):
            """Says nothing."""

    return Handler
