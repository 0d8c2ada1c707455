"""A proxy in front of OpenSearch where some indices take no writes, as a block or a full disk makes them."""

import gzip
import json

from tests.support.http_server import Forwarder, HttpServer, Request

FLOOD = (429, "cluster_block_exception",
         "index [%s] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];")  # fmt: skip
READ_ONLY = (403, "cluster_block_exception", "index [%s] blocked by: [FORBIDDEN/8/index write (api)];")
CLOSED = (400, "index_closed_exception", "closed")


class BlockedIndices(HttpServer):
    """Runs while it is used as a context manager.

    Attributes:
        endpoint: for TRACEJOIN_ENDPOINT.
        blocked: parts of the addresses (index/id) that take no writes.
        refusal: the status, type and reason that a write gets; in the reason, %s stands for the index.
        unreadable: whether documents of these indices can't be read by id either.
    """

    def __init__(self, target: str) -> None:
        self.blocked: set[str] = set()
        self.refusal = FLOOD
        self.unreadable = False
        self._forward = Forwarder(target)
        super().__init__(self._answer)

    def _answer(self, request: Request):
        if request.path == "/_bulk" and self.blocked:
            return self._bulk(request)
        if request.path == "/_mget" and self.blocked and self.unreadable:
            return self._mget(request)
        return self._forward(request)

    def _is_blocked(self, index: str) -> bool:
        return any(part in index for part in self.blocked)

    def _error(self, index: str) -> dict:
        _, kind, reason = self.refusal
        return {"type": kind, "reason": reason % index if "%s" in reason else reason}

    def _bulk(self, request: Request):
        lines = gzip.decompress(request.body).splitlines()
        kept, items, number = [], [], 0
        while number < len(lines):
            ((kind, metadata),) = json.loads(lines[number]).items()
            size = 1 if kind == "delete" else 2
            if self._is_blocked(f"{metadata['_index']}/{metadata['_id']}"):
                items.append({kind: {"status": self.refusal[0], "error": self._error(metadata["_index"])}})
            else:
                items.append(None)
                kept += lines[number : number + size]
            number += size
        answers = iter(())
        if kept:
            body = gzip.compress(b"\n".join(kept) + b"\n")
            status, content, *_ = self._forward(Request(request.method, request.target, request.headers, body))
            assert status == 200, content
            answers = iter(json.loads(content)["items"])
        return 200, {"errors": True, "items": [item or next(answers) for item in items]}

    def _mget(self, request: Request):
        status, content, headers = self._forward(request)
        docs = json.loads(content)["docs"] if status == 200 else []
        if not any(self._is_blocked(doc["_index"]) for doc in docs):
            return status, content, headers
        return 200, {"docs": [{"_index": doc["_index"], "_id": doc["_id"], "error": self._error(doc["_index"])}
                              if self._is_blocked(doc["_index"]) else doc for doc in docs]}  # fmt: skip
