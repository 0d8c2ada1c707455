"""Explain: what tracejoin would take from log lines, without OpenSearch."""

from collections.abc import Iterator

import msgspec

from pipeline.logs.correlate import attribute
from pipeline.logs.decode import LogEvent
from pipeline.logs.extract.log_line import Line
from pipeline.logs.extract.read_lines import redact_and_read
from pipeline.model.facts import Signal
from pipeline.model.trace_ids import to_xray
from pipeline.offline.input_files import read_streams
from pipeline.redact.redactor import DEFAULT, Redactor


class Explanation(msgspec.Struct, frozen=True, rename="camel"):
    """What one line says; an absent thing is null or an empty list. Others build on these names."""

    trace_id: str | None
    xray_trace_id: str | None
    span_id: str | None
    request_id: str | None
    correlation_ids: tuple[str, ...]
    sampled: bool | None
    severity: str | None
    format: str
    id_source: str
    signals: tuple[Signal, ...]


def explain(data: bytes, *, max_bytes: int, correlation_paths: tuple[str, ...] = (),
            redactor: Redactor = DEFAULT) -> Iterator[tuple[str, Explanation]]:  # fmt: skip
    """Each log line in ``data``, without what is secret in it, with its explanation.

    Args:
        data: raw log lines, or a subscription event, as Lambda gets it or decoded.
        max_bytes: the bound of one decompressed record.
        correlation_paths: JMESPath expressions: where JSON lines keep further correlation ids.
        redactor: takes out what is secret.

    Raises BadInputError where ``data`` is neither.
    """
    for event, line in read(data, max_bytes=max_bytes, correlation_paths=correlation_paths, redactor=redactor):
        yield event.message, explanation_of(line)


def read(data: bytes, *, max_bytes: int, correlation_paths: tuple[str, ...] = (),
         redactor: Redactor = DEFAULT) -> Iterator[tuple[LogEvent, Line]]:  # fmt: skip
    """Each log event in ``data`` with its line, attributed; the arguments are those of `explain`."""
    for events in read_streams(data, max_bytes=max_bytes):
        texts, lines = redact_and_read([event.message for event in events], correlation_paths, redactor)
        attribute(lines, whole=True)
        for event, text, line in zip(events, texts, lines, strict=True):
            yield LogEvent(event.id, event.timestamp, text), line


def explanation_of(line: Line) -> Explanation:
    """What an attributed line says."""
    return Explanation(
        trace_id=line.trace_id,
        xray_trace_id=to_xray(line.trace_id) if line.trace_id else None,
        span_id=line.span_id,
        request_id=line.request_id,
        correlation_ids=line.correlation_ids,
        sampled=line.sampled,
        severity=line.severity.text if line.severity else None,
        format=line.format,
        id_source=line.id_source if line.trace_id else "none",
        signals=line.signals,
    )
