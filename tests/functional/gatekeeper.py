"""A gatekeeper in front of a local service: it answers some calls itself, as recorded or as denied, and hands on the others."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from pipeline.local.environment import local_open

Answer = tuple[int, Any]


class Gatekeeper:
    """Runs while it is used as a context manager.

    Attributes:
        endpoint: for AWS_ENDPOINT_URL or TRACEJOIN_ENDPOINT.
        answers: what it answers itself (status and content) by an operation's name, or by a path.
        every: answers what ``answers`` does not, where it is set.
        seen: the operations and paths that were asked for.
    """

    def __init__(self, target: str = "") -> None:
        self.answers: dict[str, Answer | Callable[[bytes], Answer]] = {}
        self.every: Answer | None = None
        self.seen: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, target))
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def own(self, names: list[str], body: bytes) -> Answer | None:
        """What it answers itself to a call of these names."""
        self.seen += names
        for name in names:
            if name in self.answers:
                answer = self.answers[name]
                return answer(body) if callable(answer) else answer
        return self.every


def _names(path, headers, body):
    """The operation's name, by AWS' protocols: a header, the path of CBOR, the form of a query; and the path itself."""
    target = headers.get("X-Amz-Target", "").rpartition(".")[2]
    cbor = path.partition("/operation/")[2]
    form = parse_qs(body.decode("latin-1")).get("Action", [""])[0] if b"Action=" in body[:2000] else ""
    return [name for name in (target, cbor, form, path.partition("?")[0]) if name]


def _handler(gate, target):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            own = gate.own(_names(self.path, self.headers, body), body)
            if own is not None:
                status, content = own
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self._answer(status, {"Content-Type": "application/json"}, data)
                return
            headers = {key: value for key, value in self.headers.items() if key.lower() not in {"host", "content-length", "connection"}}
            request = urllib.request.Request(f"{target}{self.path}", data=body or None, headers=headers, method=self.command)
            try:
                with local_open(request, timeout=30) as answer:
                    self._answer(answer.status, answer.headers, answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    self._answer(error.code, error.headers, error.read())

        def _answer(self, status, headers, data):
            self.send_response(status)
            for key, value in headers.items():
                if key.lower() not in {"content-length", "connection", "transfer-encoding", "date", "server"}:
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"):
        setattr(Handler, f"do_{method}", Handler._any)
    return Handler
