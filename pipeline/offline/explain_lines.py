"""Explain lines: the ids, severity and signals that tracejoin extracts from log lines, without OpenSearch."""

import sys
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.logs.correlate import correlate_batch
from pipeline.logs.document_address import address_documents
from pipeline.logs.extract.appsync import read_appsync_lines
from pipeline.logs.extract.log_line import LogLine
from pipeline.logs.extract.read_lines import read_lines
from pipeline.logs.printed import demote_printed
from pipeline.model.facts import Signal
from pipeline.model.log_groups import API_GATEWAY_LOG_GROUPS, writer_of
from pipeline.model.trace_ids import to_xray
from pipeline.offline.input_files import read_streams
from pipeline.redact.redactor import DEFAULT, Redactor


class Explanation(msgspec.Struct, frozen=True, rename="camel"):
    """One log line as `tracejoin explain --json` prints it: what is absent is null or an empty list. Other programs rely on these names."""

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


def explain(data: bytes, *, max_bytes: int, correlation_paths: tuple[str, ...] = (), redactor: Redactor = DEFAULT,
            api_gateway: Sequence[str] = API_GATEWAY_LOG_GROUPS) -> Iterator[tuple[str, Explanation]]:  # fmt: skip
    """Each log line in ``data``, without its secrets, with its Explanation.

    Args:
        data: raw log lines, or a subscription event, as Lambda gets it or decoded.
        max_bytes: the largest size of one decompressed record.
        correlation_paths: JMESPath expressions of further correlation ids in JSON lines.
        redactor: removes secrets.
        api_gateway: names of API Gateway's log groups, with `*`; lines without a log group may be anybody's.

    Raises BadInputError where ``data`` is neither.
    """
    for text, line in read(data, max_bytes=max_bytes, correlation_paths=correlation_paths, redactor=redactor, api_gateway=api_gateway):
        yield text, explanation_of(line)


def read(data: bytes, *, max_bytes: int, correlation_paths: tuple[str, ...] = (), redactor: Redactor = DEFAULT,
         api_gateway: Sequence[str] = API_GATEWAY_LOG_GROUPS) -> Iterator[tuple[str, LogLine]]:  # fmt: skip
    """Each log message in ``data`` without its secrets, with its correlated and addressed LogLine. The arguments are those of `explain`."""
    for batch in read_streams(data, max_bytes=max_bytes):
        texts, lines = read_lines([event.message for event in batch.events], correlation_paths, redactor)
        if batch.log_group:
            writer = writer_of(batch.source.log_group, batch.log_stream, api_gateway)
            demote_printed(lines, writer)
            if writer == "appsync":
                read_appsync_lines(lines, texts)
        correlate_batch(lines, whole=True)
        address_documents(batch, texts, lines, prefix="", region="", max_chars=sys.maxsize)
        yield from zip(texts, lines, strict=True)


def explanation_of(line: LogLine) -> Explanation:
    """The Explanation of a correlated LogLine."""
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
