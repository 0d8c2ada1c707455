"""Classify traces: the verdict on traces in a file, without OpenSearch, by the code that `resolve` runs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pipeline.detect.verdict import ClientSaw, Evaluator, FindingSeverity, State, Verdict
from pipeline.errors import BadInputError
from pipeline.logs.decode import decode_event
from pipeline.logs.extract.log_line import LogLine
from pipeline.logs.line_facts import facts_of_line
from pipeline.model.facts import LookupFact
from pipeline.model.json_values import number_of
from pipeline.model.trace_ids import parse_trace_id, to_xray
from pipeline.model.trace_state import EMPTY, TraceState, merge, merge_by_trace
from pipeline.offline.input_files import is_event
from pipeline.redact.redactor import DEFAULT, Redactor
from pipeline.traces.read_document import read_trace_document
from pipeline.traces.segment import Segment, facts_of_segments


class ClassifiedFinding(msgspec.Struct, frozen=True, rename="camel"):
    """A finding as `tracejoin classify --json` prints it. Other programs rely on these names."""

    rule: str
    severity: FindingSeverity
    service_name: str
    span_id: str
    path: tuple[str, ...]
    evidence: str


class Classification(msgspec.Struct, frozen=True, rename="camel"):
    """The verdict on one trace as `tracejoin classify --json` prints it. Other programs rely on these names."""

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


def read_traces(
    data: bytes, *, max_bytes: int, redactor: Redactor = DEFAULT, may_be_empty: bool = False
) -> tuple[list[Segment], list[str]]:
    """The segments in a file, and a sentence for each document that can't be read.

    The file holds a response of BatchGetTraces or ListRetrievedTraces, traces, segment documents, spans as in `aws/spans`, a
    subscription event of that log group, or any of these one per line.

    Args:
        data: the content of the file.
        max_bytes: the largest size of one decompressed record of an event.
        redactor: removes secrets.
        may_be_empty: whether a response without segments, as for a trace that was not sampled, is good input, too.

    Raises BadInputError where it holds none of these.
    """
    segments: list[Segment] = []
    problems: list[str] = []
    for position, document, trace_id in _documents(_contents(data), "", max_bytes):
        try:
            segments += read_trace_document(document, trace_id=trace_id, redactor=redactor)
        except BadInputError as error:
            problems.append(f"{position}: {error}" if position else str(error))
    if not segments and (problems or not may_be_empty):
        raise BadInputError(problems[0] if problems else "no segment document in it")
    return segments, problems


def facts_of_lines(lines: Iterable[LogLine], segments: Iterable[Segment] = ()) -> dict[str, TraceState]:
    """The facts that addressed log lines give about their traces, by trace id, as `resolve` reads them from log documents.

    A line without a trace gets that of the segment with its request id.
    """
    ran_in = {segment.fact.request_id: segment.trace_id for segment in segments if segment.fact.request_id}
    # attributes hold no fact, and may hold a number that is too large to be read
    documents = (msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(line, attributes=None))) for line in lines)
    found = ((document.get("traceId") or ran_in.get(document.get("requestId", "")), f"line {number}", document)
             for number, document in enumerate(documents, 1))  # fmt: skip
    return merge_by_trace((trace_id, facts_of_line(name, document)) for trace_id, name, document in found if trace_id)


def classify(
    segments: Iterable[Segment], facts: Mapping[str, TraceState], evaluate: Evaluator, *, now_ms: int
) -> Iterator[tuple[str, Verdict]]:
    """Each trace id with its verdict, sorted by id; the file counts as a look-up at ``now_ms`` (milliseconds since the epoch).

    If there are no segments at all, these are the traces of the log lines, whose ``facts`` then are all that is known.
    """
    found = facts_of_segments(segments)
    looked_up = TraceState(lookups={str(now_ms): LookupFact(at=now_ms, outcome="found" if found else "absent")})
    for trace_id in sorted(found or facts):
        yield trace_id, evaluate(merge(facts.get(trace_id, EMPTY), found.get(trace_id, EMPTY), looked_up))


def classification_of(trace_id: str, verdict: Verdict) -> Classification:
    """The Classification of a trace with this verdict."""
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
    """The JSON values in a file: one, or one per line."""
    try:
        return [json.loads(data, parse_float=number_of)]
    except (ValueError, RecursionError) as error:
        whole = error
    found: list[object] = []
    for line in data.splitlines():
        try:
            found.append(json.loads(line, parse_float=number_of))
        except (ValueError, RecursionError):
            if line.strip():
                found.append(line.decode("utf-8", "replace"))
    if not any(isinstance(content, dict | list) for content in found):
        raise BadInputError(f"no JSON in it: {whole}")
    return found


def _documents(contents: Iterable[object], position: str, max_bytes: int) -> Iterator[tuple[str, Any, str | None]]:
    """Each segment document or span with its position in the file and the id of the trace around it, if there is one."""
    for number, content in enumerate(contents, 1):
        here = f"{position}[{number}]" if position else f"entry {number}"
        if isinstance(content, list):
            yield from _documents(content, here, max_bytes)
        elif not isinstance(content, dict):
            yield here, str(content), None
        elif isinstance(traces := content.get("Traces"), list):
            yield from _documents(traces, f"{here} Traces", max_bytes)
        elif isinstance(parts := content.get("Segments", content.get("Spans")), list):
            yield from _parts(parts, parse_trace_id(str(content.get("Id", ""))), here)
        elif is_event(content):
            batches = decode_event(content, max_bytes=max_bytes).batches
            yield from _parts([event.message for batch in batches for event in batch.events], None, here)
        elif not _is_daemon_header(content):
            yield here, content, None


def _is_daemon_header(content: Mapping[str, Any]) -> bool:
    """Whether ``content`` is the header line before each document in the X-Ray daemon's protocol."""
    return content.get("format") == "json" and "version" in content and "id" not in content


def _parts(parts: list[Any], trace_id: str | None, position: str) -> Iterator[tuple[str, Any, str | None]]:
    for number, part in enumerate(parts, 1):
        document = part.get("Document", part) if isinstance(part, dict) else part
        yield f"{position}[{number}]", document if isinstance(document, str | dict) else str(document), trace_id
