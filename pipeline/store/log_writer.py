"""Log writer: writes log documents in gzipped bulk bodies, and accounts for every one.

The action is `create` with a deterministic id: a 409 means that the document is stored already, which is success. Only failed items
are retried, only while time remains, with jittered back-off. What OpenSearch will never take for its content is returned as rejected.
What it refuses for its own state, such as a block, fails the call once everything else is written.
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
from pipeline.store.bulk_bodies import LARGEST_BODY
from pipeline.store.client import Store
from pipeline.store.refusal import TOO_LARGE
from pipeline.store.results import ItemResult

_MAX_ITEMS = 1000
_GZIP_LEVEL = 1
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_LAST_SECONDS = 2.0

_encoder = msgspec.json.Encoder()


class BulkItems(msgspec.Struct):
    """Log documents to write: action and document in turn, as a bulk body needs them.

    Attributes:
        aged: whether a line may be stored in the index of its day already, though its time is outside by now (`index_days`).
        starts: the number of the first item of each batch of a log stream; empty if that is unknown.
    """

    parts: list[Create | LogLine] = []
    aged: bool = False
    starts: list[int] = []

    def __len__(self) -> int:
        return len(self.parts) // 2

    def __iter__(self) -> Iterator[tuple[Create, LogLine]]:
        return cast("Iterator[tuple[Create, LogLine]]", zip(self.parts[::2], self.parts[1::2], strict=True))

    def cut(self, start: int, end: int) -> "BulkItems":
        """Returns the items from ``start`` up to, without, ``end``."""
        return BulkItems(self.parts[2 * start : 2 * end])


class RejectedDocument(msgspec.Struct, frozen=True):
    """A log document that OpenSearch rejects in any form, with its reason."""

    action: Create
    line: LogLine
    reason: str


class WriteResult(msgspec.Struct):
    """How many items were written, how many were stored already, and which were rejected."""

    indexed: int = 0
    duplicate: int = 0
    rejected: list[RejectedDocument] = []


class _Left(msgspec.Struct):
    """The items that are not written yet.

    Attributes:
        again: those to send once more.
        refused: the number of those that OpenSearch does not take until somebody cures it, and the last reason.
    """

    again: BulkItems
    refused: int = 0
    reason: str = ""


def bodies(items: BulkItems, *, max_body: int = LARGEST_BODY) -> Iterator[tuple[BulkItems, bytes]]:
    """Yields ``items`` in parts, each with its gzipped bulk body, which stays below ``max_body`` bytes before compression."""
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
    """Writes ``items``, retrying what fails while time remains.

    Args:
        items: the documents to write.
        store: OpenSearch.
        remaining: returns the seconds left; called before every pause.
        max_chars: the longest body of a document that has to be written without its attributes.

    Raises UnavailableError where items are left when time is up, or where the cluster is to blame for a refusal: the whole event must be
    delivered again.
    """
    written = WriteResult()
    waiting = items
    pause = _FIRST_PAUSE
    left = _Left(BulkItems())
    while waiting.parts:
        left.again = BulkItems()
        problem = ""
        for part, body in bodies(waiting):
            problem = _send(part, body, store, written, left, max_chars) or problem
        if problem:
            wait = pause * (0.5 + random.random())
            if remaining() - wait < _LAST_SECONDS:
                raise UnavailableError(
                    f"{len(left.again) + left.refused} of {len(items)} log events could not be written in time: {problem}"
                )
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)
        waiting = left.again
    if left.refused:
        raise UnavailableError(f"OpenSearch at {store.endpoint} does not take {left.refused} of {len(items)} log events now: {left.reason}")
    return written


def _send(part: BulkItems, body: bytes, store: Store, written: WriteResult, left: _Left, max_chars: int) -> str:
    """Sends one body and adds what must be sent once more to ``left``; returns the reason if that needs a pause, else an empty string."""
    try:
        results = store.bulk(body)
    except UnavailableError as error:
        left.again.parts += part.parts
        return str(error)
    except BadInputError as error:
        result = ItemResult(error.status, str(error), kind=error.kind)
        if error.status != TOO_LARGE and not (error.kind and result.of_content):
            # not about the documents: the endpoint leads elsewhere
            left.again.parts += part.parts
            return str(error)
        # the whole body is rejected as too large or unreadable: halving it finds the document that is at fault
        if len(part) > 1:
            return max(_send(half, half_body, store, written, left, max_chars)
                       for half, half_body in _bodies(part, len(body) // 2))  # fmt: skip
        results = [result]
    if len(results) != len(part):
        left.again.parts += part.parts
        return f"OpenSearch at {store.endpoint} answers for {len(results)} of {len(part)} documents"
    return _sort(part, results, written, left, max_chars)


def _sort(part: BulkItems, results: Sequence[ItemResult], written: WriteResult, left: _Left, max_chars: int) -> str:
    problem = ""
    for (action, line), result in zip(part, results, strict=True):
        if result.ok:
            written.indexed += 1
        elif result.conflict:
            written.duplicate += 1
        elif result.retryable:
            left.again.parts += (action, line)
            problem = result.described()
        elif line.attributes is not None and result.of_content:
            # OpenSearch mostly rejects a document for its attributes: it is sent once more without them
            line.make_plain(str(bytes(line.attributes), "utf-8"), max_chars)
            left.again.parts += (action, line)
        elif result.curable:
            left.refused += 1
            left.reason = msgspec.structs.replace(result, index=action.create.index).described()
        else:
            written.rejected.append(RejectedDocument(action, line, result.described()))
    return problem
