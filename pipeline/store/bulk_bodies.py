"""Bulk bodies: cuts the lines of a bulk request into bodies of a size that OpenSearch likes."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

LARGEST_BODY: Final = 4 * 1024 * 1024
"""In bytes, before compression; AWS' advice for a bulk request is 3 to 5 MiB."""

_encoder = msgspec.json.Encoder()


def bulk_bodies(lines: Sequence[object]) -> Iterator[tuple[bytes, list[object]]]:
    """Yields ``lines`` (action, document, …; `delete` has no document) as bodies of a few MiB, not compressed, each with its actions."""
    body = bytearray()
    actions: list[object] = []
    waiting = iter(lines)
    for action in waiting:
        deletes = isinstance(action, dict) and "delete" in action
        body += _encoder.encode_lines([action] if deletes else [action, next(waiting)])
        actions.append(action)
        if len(body) > LARGEST_BODY:
            yield bytes(body), actions
            body, actions = bytearray(), []
    if body:
        yield bytes(body), actions
