"""Classify: the verdict on traces in a file, without OpenSearch, by the very code that `resolve` runs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pipeline.enrich import signal_fact
from pipeline.errors import BadInputError
from pipeline.explain import Explanation
from pipeline.ids import parse_trace_id, to_xray
from pipeline.judge import ClientSaw, State, Verdict
from pipeline.judge.verdict import FindingSeverity
from pipeline.records import Judge
from pipeline.segments import Segment, read_document
from pipeline.state import LookupFact, RequestFact, TraceState, merge


class ClassifiedFinding(msgspec.Struct, frozen=True, rename="camel"):
    """A finding as others read it."""

    rule: str
    severity: FindingSeverity
    service_name: str
    span_id: str
    path: tuple[str, ...]
    evidence: str


class Classification(msgspec.Struct, frozen=True, rename="camel"):
    """The verdict on one trace. Others build on these names."""

    trace_id: str
    xray_trace_id: str
    state: State
    edge_status: int | None
    client_saw: ClientSaw
    fault: bool
    error: bool
    throttle: bool
    hidden_fault: bool
    findings: tuple[ClassifiedFinding, ...]


def read_traces(data: bytes) -> tuple[list[Segment], list[str]]:
    """The segments in a file, and a sentence for each document that can't be read.

    The file holds a BatchGetTraces answer, traces, segment documents, or any of these one a line.

    Raises BadInputError where it holds nothing of the kind.
    """
    segments: list[Segment] = []
    problems: list[str] = []
    for place, document, trace_id in _documents(_contents(data), ""):
        try:
            segments += read_document(document, trace_id=trace_id)
        except BadInputError as error:
            problems.append(f"{place}: {error}" if place else str(error))
    if not segments:
        raise BadInputError(problems[0] if problems else "no segment document in it")
    return segments, problems


def facts_of_lines(lines: Iterable[tuple[str, Explanation]]) -> dict[str, TraceState]:
    """What explained log lines say of their traces."""
    facts: dict[str, TraceState] = {}
    for number, (message, line) in enumerate(lines):
        if line.trace_id is None:
            continue
        request = line.request_id
        fact = TraceState(
            requests={request: RequestFact(request_id=request, sampled=line.sampled)} if request else {},
            signals=signal_fact(f"line {number + 1}", line.signals, "", request or "", message, 0),
        )
        facts[line.trace_id] = merge(facts.get(line.trace_id, TraceState()), fact)
    return facts


def classify(segments: Iterable[Segment], facts: Mapping[str, TraceState], judge: Judge, *, now_ms: int) -> Iterator[Classification]:
    """The verdict on each trace, in the order of their ids; the file counts as looked up at ``now_ms`` (epoch, UTC)."""
    states = dict(facts)
    for segment in segments:
        found = TraceState(segments={segment.fact.id: segment.fact}, lookups={str(now_ms): LookupFact(at=now_ms, outcome="found")})
        states[segment.trace_id] = merge(states.get(segment.trace_id, TraceState()), found)
    for trace_id, state in sorted(states.items()):
        if state.segments:
            yield _classification(trace_id, judge(state))


def _classification(trace_id: str, verdict: Verdict) -> Classification:
    return Classification(
        trace_id=trace_id, xray_trace_id=to_xray(trace_id), state=verdict.state, edge_status=verdict.edge_status,
        client_saw=verdict.client_saw, fault=verdict.fault, error=verdict.error, throttle=verdict.throttle,
        hidden_fault=verdict.hidden_fault,
        findings=tuple(
            ClassifiedFinding(finding.rule, finding.severity, finding.service_name, finding.span_id, finding.path, finding.evidence)
            for finding in verdict.findings
        ),
    )  # fmt: skip


def _contents(data: bytes) -> list[object]:
    """The JSON values in a file: one, or one a line."""
    try:
        return [json.loads(data, parse_float=str)]
    except (ValueError, RecursionError) as error:
        whole = error
    found: list[object] = []
    for line in data.splitlines():
        try:
            found.append(json.loads(line, parse_float=str))
        except (ValueError, RecursionError):
            if line.strip():
                found.append(line.decode("utf-8", "replace"))
    if not any(isinstance(content, dict | list) for content in found):
        raise BadInputError(f"no JSON in it: {whole}")
    return found


def _documents(contents: Iterable[object], place: str) -> Iterator[tuple[str, Any, str | None]]:
    """Each segment document with its place and the trace that it stands in."""
    for number, content in enumerate(contents, 1):
        here = f"{place}[{number}]" if place else f"entry {number}"
        if isinstance(content, list):
            yield from _documents(content, here)
        elif not isinstance(content, dict):
            yield here, str(content), None
        elif isinstance(traces := content.get("Traces"), list):
            yield from _documents(traces, f"{here} Traces")
        elif isinstance(segments := content.get("Segments"), list):
            yield from _segments(segments, parse_trace_id(str(content.get("Id", ""))), f"{here} Segments")
        elif content.get("format") == "json" and "version" in content and "id" not in content:
            # the header line of the daemon's protocol
            continue
        else:
            yield from _segments([content], None, here)


def _segments(segments: list[object], trace_id: str | None, place: str) -> Iterator[tuple[str, Any, str | None]]:
    for number, segment in enumerate(segments, 1):
        here = f"{place}[{number}]"
        document = segment.get("Document", segment) if isinstance(segment, dict) else segment
        yield here, document if isinstance(document, str | dict) else str(document), trace_id
