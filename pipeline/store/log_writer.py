"""Index: documents go out in gzipped bulk bodies, and every one is accounted for.

`create` with a deterministic id: a 409 says that the document is there already, which is success. Only failed items are
tried again, only while there is time, with jittered back-off; what can never succeed goes to the dead letters.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import msgspec
from isal import igzip

from pipeline.errors import BadInputError, UnavailableError
from pipeline.logs.document_address import Create
from pipeline.logs.extract.log_line import LogLine
from pipeline.store.client import LARGEST_BODY, Store
from pipeline.store.results import ItemResult

_MAX_ITEMS = 1000
_GZIP_LEVEL = 1
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_LAST_SECONDS = 2.0

_encoder = msgspec.json.Encoder()


class BulkItems(msgspec.Struct):
    """Documents to write, as a bulk body wants them: action and document in turn."""

    parts: list[Create | LogLine] = []

    def __len__(self) -> int:
        return len(self.parts) // 2

    def __iter__(self) -> Iterator[tuple[Create, LogLine]]:
        return cast("Iterator[tuple[Create, LogLine]]", zip(self.parts[::2], self.parts[1::2], strict=True))

    def cut(self, start: int, end: int) -> "BulkItems":
        """The items from ``start`` up to ``end``."""
        return BulkItems(self.parts[2 * start : 2 * end])


class RejectedDocument(msgspec.Struct, frozen=True):
    """A document that OpenSearch will never take, and why."""

    action: Create
    line: LogLine
    reason: str


class WriteResult(msgspec.Struct):
    """What became of the items."""

    indexed: int = 0
    duplicate: int = 0
    refused: list[RejectedDocument] = []


def bodies(items: BulkItems, *, max_body: int = LARGEST_BODY) -> Iterator[tuple[BulkItems, bytes]]:
    """``items`` in runs, each with its gzipped bulk body, which stays below ``max_body`` bytes before compression."""
    for start in range(0, len(items), _MAX_ITEMS):
        yield from _bodies(items.cut(start, start + _MAX_ITEMS) if len(items) > _MAX_ITEMS else items, max_body)


def _bodies(items: BulkItems, max_body: int) -> Iterator[tuple[BulkItems, bytes]]:
    body = _encoder.encode_lines(items.parts)
    if len(body) > max_body and len(items) > 1:
        middle = len(items) // 2
        yield from _bodies(items.cut(0, middle), max_body)
        yield from _bodies(items.cut(middle, len(items)), max_body)
    else:
        yield items, igzip.compress(body, _GZIP_LEVEL)


def write_logs(items: BulkItems, store: Store, *, remaining: Callable[[], float], max_chars: int) -> WriteResult:
    """Writes ``items``; returns what became of each.

    Args:
        items: what to write.
        store: where.
        remaining: seconds left; asked before every pause.
        max_chars: the bound of a body when a document must be made again in its plain form.

    Raises UnavailableError where items are still to be written when time is up: the whole event must come again.
    """
    delivery = WriteResult()
    waiting = items
    pause = _FIRST_PAUSE
    while waiting.parts:
        again = BulkItems()
        trouble = ""
        for run, body in bodies(waiting):
            trouble = _send(run, body, store, delivery, again, max_chars) or trouble
        if trouble:
            wait = pause * (0.5 + random.random())
            if remaining() - wait < _LAST_SECONDS:
                raise UnavailableError(f"{len(again)} of {len(items)} log events could not be written in time: {trouble}")
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)
        waiting = again
    return delivery


def _send(run: BulkItems, body: bytes, store: Store, delivery: WriteResult, again: BulkItems, max_chars: int) -> str:
    """Sends one body; puts what must be sent again into ``again``, and returns why, where it is worth a pause."""
    try:
        results = store.bulk(body)
    except UnavailableError as error:
        again.parts += run.parts
        return str(error)
    except BadInputError as error:
        # the body as a whole is refused, being too large or unreadable: halves find the culprit
        if len(run) > 1:
            return max(_send(half, half_body, store, delivery, again, max_chars)
                       for half, half_body in _bodies(run, len(body) // 2))  # fmt: skip
        results = [ItemResult(400, str(error))]
    return _sort(run, results, delivery, again, max_chars)


def _sort(run: BulkItems, results: Sequence[ItemResult], delivery: WriteResult, again: BulkItems, max_chars: int) -> str:
    trouble = ""
    for (action, line), result in zip(run, results, strict=True):
        if result.ok:
            delivery.indexed += 1
        elif result.conflict:
            delivery.duplicate += 1
        elif result.retryable:
            again.parts += (action, line)
            trouble = f"{result.status} {result.reason}"
        elif line.attributes is None:
            delivery.refused.append(RejectedDocument(action, line, result.reason))
        else:
            # odd attributes are what OpenSearch mostly refuses: once more without them
            line.make_plain(str(bytes(line.attributes), "utf-8"), max_chars)
            again.parts += (action, line)
    return trouble
