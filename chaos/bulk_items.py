"""Bulk items: refuses some items of a bulk request with 429, as a full queue of one shard does. Pure."""

import json
import random
import zlib
from collections.abc import Sequence

_GZIP = b"\x1f\x8b"
_REFUSED = {"type": "rejected_execution_exception", "reason": "rejected execution of primary operation (chaos)"}


def split_items(body: bytes) -> list[tuple[str, bytes]]:
    """The items of a bulk body, gzipped or not: each one's operation, such as `create`, and its line or two lines."""
    lines = iter((zlib.decompress(body, 47) if body.startswith(_GZIP) else body).splitlines(keepends=True))
    items = []
    for action in lines:
        operation = next(iter(json.loads(action)))
        items.append((operation, action if operation == "delete" else action + next(lines)))
    return items


def keep_some(items: Sequence[tuple[str, bytes]], rng: random.Random) -> list[bool]:
    """Which items OpenSearch gets to see: at least one."""
    kept = [rng.random() < 0.5 for _ in items]
    kept[rng.randrange(len(kept))] = True
    return kept


def with_refused(answer: bytes, items: Sequence[tuple[str, bytes]], kept: Sequence[bool]) -> bytes:
    """The answer to the kept items, with a 429 in the place of each other one."""
    document = json.loads(answer)
    if "items" not in document:
        return answer
    answered = iter(document["items"])
    document["items"] = [
        next(answered) if keep else {operation: {"status": 429, "error": _REFUSED}}
        for (operation, _), keep in zip(items, kept, strict=True)
    ]
    document["errors"] = True
    return json.dumps(document).encode()
