"""Traces: segment documents, OpenTelemetry spans and BatchGetTraces' answers, through their readers to span documents and a verdict."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, ClassVar, Final

import msgspec

from fuzz.json_mutators import JsonMutator
from fuzz.target import Input, Target, hold
from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.detect.segment_tree import SegmentTree
from pipeline.errors import BadInputError
from pipeline.join.enrich import patch_of_span
from pipeline.model.trace_ids import to_xray
from pipeline.model.trace_state import EMPTY, TraceState, merge
from pipeline.redact.redactor import DEFAULT
from pipeline.store.own_documents import is_own
from pipeline.traces.look_up import look_up
from pipeline.traces.otel_spans import read_span
from pipeline.traces.read_document import read_trace_document
from pipeline.traces.segment import Segment
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.budget import CallBudget
from pipeline.traces.sources.run_sources import RunSources
from pipeline.traces.span_document import span_address, span_document
from pipeline.traces.xray_segments import read_document

_TRACE: Final = "5759e988bd862e3fe1be46a994272793"
_OTHER: Final = "68a1b2c3bd862e3fe1be46a994272794"
_SPAN: Final = re.compile(r"[0-9a-f]{16}")
_LAST: Final = 2**63 - 1


class _Documents(Target):
    """JSON documents of traces, changed as values and as text.

    Args:
        documents: real ones.
        pieces: what mutations insert.
    """

    documented: ClassVar[tuple[type[Exception], ...]] = (BadInputError,)

    def __init__(self, documents: Sequence[dict[str, Any]], pieces: Sequence[str]) -> None:
        super().__init__([json.dumps(document) for document in documents], pieces)
        self._values = JsonMutator(documents, self.mutator)

    def document(self, random: Random) -> str:
        """A document's text."""
        if random.randrange(3):
            return json.dumps(self._values.mutated(random), ensure_ascii=bool(random.randrange(2)))
        return self.mutator.mutated(random)


class Segments(_Documents):
    """Segment documents of X-Ray."""

    name: ClassVar[str] = "segments"

    def make(self, random: Random) -> Input:
        """A document, alone or with the id of the trace that it came with."""
        return {"trace": random.choice(("", _TRACE)), "text": self.document(random)}

    def of_text(self, text: str) -> Input:
        """A document as text."""
        return {"trace": _TRACE, "text": text}

    def check(self, given: Input) -> None:
        """A document is refused, or read into segments that can be stored and judged; both readers agree."""
        text, trace_id = given["text"], given["trace"] or None
        segments = read_trace_document(text, trace_id=trace_id)
        if '"spanId"' not in text:
            hold("both readers agree", read_document(text, trace_id=trace_id) == segments)
        _check_segments(segments)


class Spans(_Documents):
    """Spans of `aws/spans`."""

    name: ClassVar[str] = "spans"

    def make(self, random: Random) -> Input:
        """A span's text."""
        return self.document(random)

    def check(self, given: Input) -> None:
        """A span is refused, or read into a segment that can be stored and judged."""
        _check_segments([read_span(given)])


class Answers(_Documents):
    """Pages of BatchGetTraces, whose documents are anything."""

    name: ClassVar[str] = "answers"

    def make(self, random: Random) -> Input:
        """One or two pages of traces that were asked for, and others."""
        return [
            [{"id": random.choice((_TRACE, _TRACE, _OTHER)), "documents": [self.document(random) for _ in range(random.randrange(3))],
              "limited": not random.randrange(8)} for _ in range(random.randrange(3))]
            for _ in range(random.randrange(1, 3))
        ]  # fmt: skip

    def of_text(self, text: str) -> Input:
        """A page with one document."""
        return [[{"id": _TRACE, "documents": [text], "limited": False}]]

    def check(self, given: Input) -> None:
        """Whatever the documents hold, each trace that was asked for has an outcome, and a bad document stops no other."""
        source = BatchGetTraces(_XRay(given), CallBudget(1000, lambda: 0.0))
        answers = look_up({_TRACE: EMPTY, _OTHER: EMPTY}, RunSources(source), redactor=DEFAULT, delays=(60,), clock=lambda: 1_795_600_000.0)
        hold("each trace has an outcome", set(answers.facts) == {_TRACE, _OTHER} and not answers.put_off)
        _check_segments(answers.segments)


class _XRay:
    """Answers like boto3's client with these pages; every id is asked for in the first call."""

    def __init__(self, pages: Sequence[Any]) -> None:
        self._pages = list(pages)

    def batch_get_traces(self, **_request: object) -> dict[str, Any]:
        page, self._pages = self._pages[0], self._pages[1:]
        traces = [{"Id": to_xray(trace["id"]), "LimitExceeded": trace["limited"],
                   "Segments": [{"Id": "x", "Document": text} for text in trace["documents"]]} for trace in page]  # fmt: skip
        return {"Traces": traces, "UnprocessedTraceIds": []} | ({"NextToken": "n"} if self._pages else {})

    def get_trace_segment_destination(self) -> dict[str, str]:
        return {"Destination": "XRay"}


def _check_segments(segments: Sequence[Segment]) -> None:
    """Stores and judges segments as `resolve` does."""
    for id_, state in _states(segments).items():
        verdict = evaluate(state, rules=default_rules(), give_up_after_ms=1)
        tree = SegmentTree(state.segments)
        for segment in segments:
            if segment.trace_id != id_:
                continue
            _check_fact(segment)
            alone = span_document(segment)
            document = alone | patch_of_span(state.segments.get(segment.fact.id, segment.fact), alone, tree, verdict)
            hold("a span is tracejoin's own", is_own(msgspec.json.decode(msgspec.json.encode(document))))
            span_address(segment.fact, id_, "tracejoin")
        msgspec.json.encode(verdict)


def _states(segments: Iterable[Segment]) -> Mapping[str, TraceState]:
    found: dict[str, TraceState] = {}
    for segment in segments:
        found[segment.trace_id] = merge(found.get(segment.trace_id, EMPTY), TraceState(segments={segment.fact.id: segment.fact}))
    return found


def _check_fact(segment: Segment) -> None:
    fact = segment.fact
    hold("a segment's id is canonical", _SPAN.fullmatch(fact.id))
    hold("a parent's id is canonical", not fact.parent_id or _SPAN.fullmatch(fact.parent_id))
    hold("times fit OpenSearch", all(at is None or 0 < at <= _LAST for at in (fact.start, fact.end)))
    hold("text can be stored", all(map(_storable, _texts(segment))))


def _texts(segment: Segment) -> Iterator[str]:
    fact = segment.fact
    yield from (fact.name, fact.service_name, fact.url, fact.exception_message, fact.exception_type, fact.operation, fact.target)
    for exception in segment.exceptions:
        yield from (exception.type, exception.message, exception.stack)


def _storable(text: str) -> bool:
    return text.encode("utf-8", "replace").decode() == text
