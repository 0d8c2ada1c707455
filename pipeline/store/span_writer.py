"""Index spans: a segment's document is written once, and the better document of one id replaces the other, whichever came first.

A new or changed span is `pending` and holds its own fact, so it is served like a log line: once a verdict holds that fact.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from pipeline.model.facts import SegmentFact
from pipeline.model.trace_state import segment_rank
from pipeline.store.client import Store
from pipeline.store.document_facts import stored_fact
from pipeline.store.results import Hit
from pipeline.traces.segment import Segment
from pipeline.traces.span_document import span_address, span_document

_ROUNDS = 5
# what OpenSearch may refuse of a span: odd or too long, or too many
_PLAIN: Final[dict[str, Any]] = {"attributes": {}, "events": [], "links": [], "resource": {}}
_Place = tuple[str, str]


class SpanWriteResult(msgspec.Struct):
    """What became of the segments: how many were written, and how many were there already.

    Attributes:
        refused: those that OpenSearch will never take, each with its reason.
        behind: the traces of which other workers kept changing a span.
        written: the traces of which a span was written.
    """

    indexed: int = 0
    duplicate: int = 0
    refused: list[tuple[Segment, str]] = []
    behind: set[str] = set()
    written: set[str] = set()


def write_spans(segments: Iterable[Segment], store: Store) -> SpanWriteResult:
    """Writes the spans of ``segments``. Raises UnavailableError where OpenSearch does not take them now: all may come again."""
    delivery = SpanWriteResult()
    waiting: dict[_Place, tuple[Segment, dict[str, Any]]] = {}
    for segment in segments:
        place = span_address(segment.fact, segment.trace_id, store.prefix)
        document = span_document(segment)
        other = waiting.get(place)
        delivery.duplicate += other is not None
        if other is None or _rank(segment.fact, document) > _rank(other[0].fact, other[1]):
            waiting[place] = segment, document
    for _ in range(_ROUNDS):
        waiting = _write(waiting, store, delivery)
        if not waiting:
            break
    delivery.behind = {segment.trace_id for segment, _ in waiting.values()}
    return delivery


def _write(
    waiting: dict[_Place, tuple[Segment, dict[str, Any]]], store: Store, delivery: SpanWriteResult
) -> dict[_Place, tuple[Segment, dict[str, Any]]]:
    """Writes what is new or better than what is there; returns what others changed meanwhile."""
    places = list(waiting)
    lines: list[object] = []
    sent: list[_Place] = []
    for place, hit in zip(places, store.get_many(places), strict=True):
        segment, document = waiting[place]
        if hit and _rank(stored_fact(hit.source), hit.source) >= _rank(segment.fact, document):
            delivery.duplicate += 1
            continue
        lines += [_action(place, hit), document]
        sent.append(place)
    again: dict[_Place, tuple[Segment, dict[str, Any]]] = {}
    for number, (place, first) in enumerate(zip(sent, store.write(lines), strict=True)):
        result = first
        segment, document = waiting[place]
        if not (result.ok or result.conflict or result.retryable):
            # odd metadata is what OpenSearch refuses, such as a string above 32,766 bytes: once more without it
            result = store.write([lines[2 * number], document | _PLAIN])[0]
        if result.ok:
            delivery.indexed += 1
            delivery.written.add(segment.trace_id)
        elif result.conflict:
            again[place] = waiting[place]
        elif result.retryable:
            result.raise_for_failure(f"a span of trace {segment.trace_id}")
        else:
            delivery.refused.append((segment, result.reason))
    return again


def _action(place: _Place, hit: Hit | None) -> dict[str, Any]:
    address: dict[str, Any] = {"_index": place[0], "_id": place[1]}
    if hit is None:
        return {"create": address}
    return {"index": address | {"if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}}


def _rank(fact: SegmentFact | None, document: Mapping[str, Any]) -> tuple[tuple[bool, int, bytes], str]:
    """Of two documents of one span the one with the higher rank stays, in whichever order they came; somebody else's is the lowest."""
    return (segment_rank(fact), str(document.get("digest"))) if fact else ((False, 0, b""), "")
