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
from pipeline.store.held_lines import LARGEST, HeldLines
from pipeline.store.refusal import BAD_REQUEST, TOO_LARGE
from pipeline.store.results import CREATED, ItemResult

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
    """How many items were written, how many were stored already, and which were rejected.

    Attributes:
        held: the lines as they were written, if all of them fitted into one small body.
        marked: the results of the ``marks``, in their order: they go with the first body, if it is the only one; else there are none.
    """

    indexed: int = 0
    duplicate: int = 0
    rejected: list[RejectedDocument] = []
    held: HeldLines | None = None
    marked: list[ItemResult] = []


class _Delivery(msgspec.Struct):
    """What is on its way.

    Attributes:
        store: OpenSearch.
        max_chars: the longest body of a document that has to be written without its attributes.
        hold: whether the lines are wanted as they were written.
        whole: the number of all items.
        written: what was written so far.
        again: the items to send once more.
        marks: the number of marks that follow all items in one body.
        refused: the number of items that OpenSearch does not take until somebody cures it, and the last reason.
    """

    store: Store
    max_chars: int
    hold: bool
    whole: int
    written: WriteResult
    again: BulkItems
    marks: int = 0
    refused: int = 0
    reason: str = ""


def bodies(items: BulkItems, *, max_body: int = LARGEST_BODY, marks: Sequence[object] = ()) -> Iterator[tuple[BulkItems, bytes]]:
    """Yields ``items`` in parts, each with its gzipped bulk body, which stays below ``max_body`` bytes before compression.

    ``marks`` are further bulk lines for the end of the body, if there is only one.
    """
    if 0 < len(items) <= _MAX_ITEMS:
        yield from _bodies(items, max_body, marks)
        return
    for start in range(0, len(items), _MAX_ITEMS):
        yield from _bodies(items.cut(start, start + _MAX_ITEMS), max_body)


def _bodies(items: BulkItems, max_body: int, marks: Sequence[object] = ()) -> Iterator[tuple[BulkItems, bytes]]:
    body = _encoder.encode_lines([*items.parts, *marks] if marks else items.parts)
    if len(body) > max_body and len(items) > 1:
        middle = len(items) // 2
        yield from _bodies(items.cut(0, middle), max_body)
        yield from _bodies(items.cut(middle, len(items)), max_body)
    else:
        yield items, igzip.compress(body, _GZIP_LEVEL)


def write_logs(
    items: BulkItems, store: Store, *, remaining: Callable[[], float], max_chars: int, marks: Sequence[object] = (), hold: bool = False
) -> WriteResult:
    """Writes ``items``, retrying what fails while time remains.

    Args:
        items: the documents to write.
        store: OpenSearch.
        remaining: returns the seconds left; called before every pause.
        max_chars: the longest body of a document that has to be written without its attributes.
        marks: bulk lines of other documents (action and document in turn), which go along if everything fits into one body.
        hold: whether the lines are wanted as they were written, if everything fits into one body.

    Raises UnavailableError where items are left when time is up, or where the cluster is to blame for a refusal: the whole event must be
    delivered again.
    """
    delivery = _Delivery(store, max_chars, hold and len(items) <= _MAX_ITEMS, len(items), WriteResult(), BulkItems(), len(marks) // 2)
    waiting = items
    pause = _FIRST_PAUSE
    while waiting.parts:
        delivery.again = BulkItems()
        problem = ""
        for part, body in bodies(waiting, marks=marks if waiting is items else ()):
            problem = _send(part, body, delivery) or problem
        delivery.marks = 0
        if problem:
            wait = pause * (0.5 + random.random())
            if remaining() - wait < _LAST_SECONDS:
                left = len(delivery.again) + delivery.refused
                raise UnavailableError(f"{left} of {len(items)} log events could not be written in time: {problem}")
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)
        waiting = delivery.again
    if delivery.refused:
        raise UnavailableError(
            f"OpenSearch at {store.endpoint} does not take {delivery.refused} of {len(items)} log events now: {delivery.reason}"
        )
    return delivery.written


def _send(part: BulkItems, body: bytes, delivery: _Delivery) -> str:
    """Sends one body and notes what must be sent once more; returns the reason if that needs a pause, else an empty string."""
    store, is_whole = delivery.store, len(part) == delivery.whole
    try:
        results = store.bulk(body, versions=delivery.hold)
    except UnavailableError as error:
        delivery.again.parts += part.parts
        return str(error)
    except BadInputError as error:
        result = ItemResult(error.status, str(error), kind=error.kind)
        if error.status != TOO_LARGE and not (error.status == BAD_REQUEST and error.kind and result.of_content):
            # not about the documents: the endpoint leads elsewhere, and a status such as 409 says nothing of any document
            delivery.again.parts += part.parts
            return str(error)
        # the whole body is rejected as too large or unreadable: halving it finds the document that is at fault
        if len(part) > 1:
            return max(_send(half, half_body, delivery) for half, half_body in _bodies(part, len(body) // 2))
        results = [result]
    lines, marks = results[: len(part)], results[len(part) :]
    if len(lines) != len(part) or len(marks) != (delivery.marks if is_whole else 0):
        delivery.again.parts += part.parts
        return f"OpenSearch at {store.endpoint} answers for {len(results)} of {len(part)} documents"
    delivery.written.marked += marks
    if delivery.hold and is_whole and len(body) <= LARGEST:
        delivery.written.held = HeldLines(body, tuple((result.seq_no, result.primary_term) if result.ok else None for result in lines))
    return _sort(part, lines, delivery)


def _sort(part: BulkItems, results: Sequence[ItemResult], delivery: _Delivery) -> str:
    problem = ""
    written = delivery.written
    if all(result is CREATED for result in results):
        written.indexed += len(part)
        return problem
    for (action, line), result in zip(part, results, strict=True):
        if result.ok:
            written.indexed += 1
        elif result.conflict:
            written.duplicate += 1
        elif result.retryable:
            delivery.again.parts += (action, line)
            problem = result.described()
        elif line.attributes is not None and result.of_content:
            # OpenSearch mostly rejects a document for its attributes: it is sent once more without them
            line.make_plain(str(bytes(line.attributes), "utf-8"), delivery.max_chars)
            delivery.again.parts += (action, line)
        elif result.curable:
            delivery.refused += 1
            delivery.reason = msgspec.structs.replace(result, index=action.create.index).described()
        else:
            written.rejected.append(RejectedDocument(action, line, result.described()))
    return problem
