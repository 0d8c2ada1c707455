"""Sink: an OpenSearch in a process of its own that answers at once, so that what remains is the cost of the sender.

It keeps join keys alone: a sender that does not get back what it noted there writes it once more.
"""

import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any, Final

from isal import igzip

from pipeline.store.client import TEMPLATES

_FORK: Final = multiprocessing.get_context("fork")
_JOIN_KEYS: Final = "-links"
_NOTHING: Final = {"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}, "timed_out": False}


@contextmanager
def sink(prefix: str = "tracejoin") -> Iterator[str]:
    """Runs a sink in which everything is installed for ``prefix``; yields its endpoint."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_serve, args=(theirs, prefix), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection, prefix: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(prefix))
    pipe.send(server.server_address[1])
    server.serve_forever()


def answer(path: str, body: bytes, prefix: str, kept: dict[str, Any]) -> dict[str, Any]:
    """What the sink answers to a request: every write succeeds, and nothing is there but the join keys, which are ``kept`` by id."""
    if path.startswith("/_index_template"):
        return {"index_templates": [{"name": f"{prefix}-{name}"} for name in TEMPLATES]}
    if path.startswith("/_bulk"):
        return {
            "errors": False,
            "items": [{operation: {"status": 201, "_seq_no": 0, "_primary_term": 1}} for operation in _operations(body, kept)],
        }
    if path.startswith("/_mget"):
        docs = json.loads(body)["docs"]
        return {"docs": [doc | _found(kept.get(doc["_id"]) if doc["_index"].endswith(_JOIN_KEYS) else None) for doc in docs]}
    return _NOTHING if "_search" in path else {}


def _found(source: dict[str, Any] | None) -> dict[str, Any]:
    return {"found": True, "_seq_no": 0, "_primary_term": 1, "_source": source} if source else {"found": False}


def _operations(body: bytes, kept: dict[str, Any]) -> Iterator[str]:
    """The operation of each item of a bulk body; join keys are added to ``kept``."""
    lines = iter(body.splitlines())
    for line in lines:
        operation = line.split(b'"', 2)[1].decode()
        yield operation
        if operation != "delete":
            source = next(lines)
            if f'{_JOIN_KEYS}"'.encode() in line and operation != "update":
                kept[json.loads(line)[operation]["_id"]] = json.loads(source)


def _handler(prefix: str) -> type[BaseHTTPRequestHandler]:
    kept: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = igzip.decompress(body)
            data = json.dumps(answer(self.path, body, prefix, kept)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            """Prints nothing."""

    return Handler
