"""Span writer: writes each segment's span document once; of two documents with one id the better stays, whichever came first.

A new or changed span holds its own fact. It is `pending`, unless its writer knows the trace's verdict. A pending one gets its verdict like
a log line: once a verdict holds that fact.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from pipeline.errors import UnavailableError
from pipeline.model.facts import SegmentFact
from pipeline.model.index_days import ALL_DAYS, IndexDays
from pipeline.model.trace_state import segment_rank
from pipeline.store.client import Store
from pipeline.store.document_facts import stored_fact
from pipeline.store.results import Hit
from pipeline.store.stored_addresses import stored_among
from pipeline.store.together import Writer
from pipeline.traces.segment import Segment
from pipeline.traces.span_document import span_address, span_document

_ROUNDS = 5
# the fields for which OpenSearch may reject a span: odd, too long or too many values
_PLAIN: Final[dict[str, Any]] = {"attributes": {}, "events": [], "links": [], "resource": {}}
Finish = Callable[[Segment, dict[str, Any]], dict[str, Any]]
_Address = tuple[str, str]
_Waiting = dict[_Address, tuple[Segment, dict[str, Any]]]


class SpanWriteResult(msgspec.Struct):
    """How many spans were written, how many were stored already, and which traces that concerns.

    Attributes:
        rejected: the segments that OpenSearch rejects in any form, each with its reason.
        behind: the ids of traces with a span that concurrent writers kept changing.
        written: the ids of traces with a span that was written.
        refused: by trace id, why a span of it is not stored: its index takes no writes now, or can't be read.
    """

    indexed: int = 0
    duplicate: int = 0
    rejected: list[tuple[Segment, str]] = []
    behind: set[str] = set()
    written: set[str] = set()
    refused: dict[str, str] = {}


def writing_spans(
    segments: Iterable[Segment], store: Store, days: IndexDays = ALL_DAYS, finished: Finish = lambda _, document: document
) -> Writer[SpanWriteResult]:
    """Writes the spans of ``segments``.

    Args:
        segments: of any traces.
        store: OpenSearch.
        days: the starts that it does not have share an index.
        finished: returns the document of a segment, given that of the segment alone, with what only its trace knows.

    What an index does not take now is among the ``refused``; repeating the call is safe. Raises UnavailableError where OpenSearch is away.
    """
    spans = SpanWriteResult()
    waiting: _Waiting = {}
    segments = list(segments)
    of_day = [span_address(segment.fact, segment.trace_id, store.prefix) for segment in segments]
    bounded = [span_address(segment.fact, segment.trace_id, store.prefix, days) for segment in segments]
    in_their_day = stored_among((own for own, shared in zip(of_day, bounded, strict=True) if own != shared), store)
    for segment, own, shared in zip(segments, of_day, bounded, strict=True):
        address = own if own in in_their_day else shared
        document = span_document(segment)
        other = waiting.get(address)
        spans.duplicate += other is not None
        if other is None or _rank(segment.fact, document) > _rank(other[0].fact, other[1]):
            waiting[address] = segment, document
    # most are new: only for the others is it worth reading what is stored
    waiting = yield from _writing(((address, None) for address in waiting), waiting, store, spans, finished)
    for _ in range(_ROUNDS):
        if not waiting:
            break
        waiting = yield from _writing(_stored(waiting, store, spans), waiting, store, spans, finished)
    spans.behind = {segment.trace_id for segment, _ in waiting.values()}
    return spans


def _writing(stored: Iterable[tuple[_Address, Hit | None]], waiting: _Waiting, store: Store, spans: SpanWriteResult,
             finished: Finish) -> Writer[_Waiting]:  # fmt: skip
    """Writes the spans that are new or better than the ``stored`` ones; returns those that turn out to be stored otherwise."""
    lines: list[object] = []
    sent: list[_Address] = []
    documents: list[dict[str, Any]] = []
    for address, hit in stored:
        segment, document = waiting[address]
        if hit and _rank(stored_fact(hit.source), hit.source) >= _rank(segment.fact, document):
            spans.duplicate += 1
            continue
        version = (hit.seq_no, hit.primary_term) if hit else (-1, -1)
        documents.append(finished(segment, document))
        lines += [store.compare_and_set(*address, *version), documents[-1]]
        sent.append(address)
    again: _Waiting = {}
    for number, (address, first) in enumerate(zip(sent, (yield lines), strict=True)):
        result = first
        segment, document = waiting[address][0], documents[number]
        if result.of_content and not (result.ok or result.conflict):
            # OpenSearch rejects odd metadata, such as a string above 32,766 bytes: the span is sent once more without it
            result = store.write([lines[2 * number], document | _PLAIN])[0]
        if result.ok:
            spans.indexed += 1
            spans.written.add(segment.trace_id)
        elif result.conflict:
            again[address] = waiting[address]
        elif result.curable:
            spans.refused[segment.trace_id] = result.described()
        else:
            spans.rejected.append((segment, result.described()))
    return again


def _stored(waiting: _Waiting, store: Store, spans: SpanWriteResult) -> Iterator[tuple[_Address, Hit | None]]:
    """Yields the addresses of these spans with what is stored there; those of an index that can't be read are refused."""
    addresses = list(waiting)
    try:
        yield from zip(addresses, store.get_many(addresses), strict=True)
    except UnavailableError as unreadable:
        if not unreadable.kind:
            raise
        for index in dict.fromkeys(index for index, _ in addresses):
            of_index = [address for address in addresses if address[0] == index]
            try:
                yield from zip(of_index, store.get_many(of_index), strict=True)
            except UnavailableError as error:
                spans.refused |= {waiting[address][0].trace_id: str(error) for address in of_index}


def _rank(fact: SegmentFact | None, document: Mapping[str, Any]) -> tuple[Any, ...]:
    """The rank by which one of two documents of a span wins, in whichever order they came; one without a fact ranks lowest."""
    return (*segment_rank(fact), str(document.get("digest"))) if fact else ()
