"""Bulk requests through a gatekeeper: some of their documents are refused, as recorded, and the others handed on."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import urllib3

from tests.support.gatekeeper import Gatekeeper

Refusal = tuple[int, dict[str, Any]]


def refusing(gate: Gatekeeper, refuse: Callable[[dict[str, Any]], Refusal | None]) -> Callable[[bytes], tuple[int, Any]]:
    """Answers bulk requests: ``refuse`` gives status and error for a document for logs or spans, or None for one that goes through."""

    def answer(body: bytes) -> tuple[int, Any]:
        lines = [json.loads(line) for line in (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).splitlines()]
        items: list[Any] = []
        through: list[Any] = []
        waiting = iter(lines)
        for action in waiting:
            ((kind, address),) = action.items()
            document = None if kind == "delete" else next(waiting)
            shipped = any(name in address["_index"] for name in ("-logs-", "-spans-"))
            refusal = refuse(document) if shipped and document is not None else None
            items.append({kind: {"status": refusal[0], "error": refusal[1]}} if refusal else None)
            if refusal is None:
                through += [action] if document is None else [action, document]
        found = iter(_send(gate, through)) if through else iter(())
        return 200, {"errors": True, "items": [item or next(found) for item in items]}

    return answer


def _send(gate: Gatekeeper, lines: list[Any]) -> list[Any]:
    body = "".join(json.dumps(line) + "\n" for line in lines)
    response = urllib3.request("POST", f"{gate.target}/_bulk", body=body.encode(), headers={"content-type": "application/x-ndjson"})
    return list(response.json()["items"])
