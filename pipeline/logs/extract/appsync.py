"""AppSync: completes the lines of AppSync's own logs: what a JSON record says in words, and which trace a request ran in.

Source: AWS AppSync developer guide, "Using CloudWatch to monitor and log GraphQL API data" and its "Log type reference": text lines begin
with the id of their request, JSON records name it; AppSync names its log groups itself.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pipeline.logs.extract.json_keys import DECODE_ERRORS, decode_keys
from pipeline.logs.extract.log_line import AppSyncLine, AppSyncTracingLine, JsonLine, LogLine
from pipeline.logs.extract.text_line import take_trace
from pipeline.model.json_values import as_text
from pipeline.model.trace_ids import UUID

_key = msgspec.field
_TEXT: Final = re.compile(rf"({UUID}) (?=[A-Z])", re.ASCII)
_HEADERS: Final = ("Request Headers: ", "Response Headers: ")
_LONGEST_NAME: Final = 256
_NANOS: Final = 1_000_000
_STATUSES: Final = range(100, 600)
_SERVER_ERROR: Final = 500


class _Record(msgspec.Struct, gc=False):
    log_type: Any = _key(name="logType", default=None)
    api_id: Any = _key(name="graphQLAPIId", default=None)
    status: Any = _key(name="statusCode", default=None)
    latency: Any = None
    duration: Any = None
    parent_type: Any = _key(name="parentType", default=None)
    field_name: Any = _key(name="fieldName", default=None)
    in_error: Any = _key(name="fieldInError", default=None)


_record = msgspec.json.Decoder(_Record)


def read_appsync_lines(lines: list[LogLine], texts: Sequence[str]) -> None:
    """Replaces those of ``lines`` that AppSync wrote by lines of its own kinds; they are of one of its log streams, read from ``texts``."""
    for number, (line, text) in enumerate(zip(lines, texts, strict=True)):
        found = _json_line(line, text) if isinstance(line, JsonLine) else _text_line(line, text)
        if found:
            lines[number] = found


def _json_line(line: JsonLine, text: str) -> LogLine | None:
    try:
        record = decode_keys(_record, text)
    except DECODE_ERRORS:
        return None
    step = as_text(record.log_type)
    if not step:
        return None
    read = _of_kind(AppSyncLine, line)
    read.event_name = f"appsync.{step}"[:_LONGEST_NAME]
    read.service_name = line.service_name or as_text(record.api_id)[:_LONGEST_NAME]
    read.body = _body(step, record)
    if isinstance(record.status, int) and record.status in _STATUSES:
        read.http_status = record.status
    failed = record.in_error is True or (read.http_status or 0) >= _SERVER_ERROR
    if failed and not read.signals:
        read.signals = ("error",)
    return read


def _body(step: str, record: _Record) -> str:
    """A record in words, such as "Tracing Mutation.putItem 216.8 ms"."""
    field = ".".join(filter(None, (as_text(record.parent_type), as_text(record.field_name))))
    status = str(record.status) if isinstance(record.status, int) else ""
    nanos = next((value for value in (record.latency, record.duration) if isinstance(value, int) and not isinstance(value, bool)), None)
    took = f"{nanos / _NANOS:,.1f} ms" if nanos is not None and abs(nanos) < _NANOS**3 else ""
    return " ".join(filter(None, (step, field, status, took)))


def _text_line(line: LogLine, text: str) -> LogLine | None:
    begin = _TEXT.match(text)
    if begin is None or line.platform:
        return None
    shows_headers = text.startswith(_HEADERS, begin.end())
    read = _of_kind(AppSyncTracingLine if shows_headers else AppSyncLine, line)
    read.request_id = begin[1].lower()
    if shows_headers:
        # the header's parent is the caller's span
        take_trace(read, text)
        read.id_source, read.span_id, read.propagated_trace_ids = "", None, ()
        read.event_name = "appsync.tracing" if read.trace_id else ""
    return read


def _of_kind(kind: type[AppSyncLine], line: LogLine) -> AppSyncLine:
    return kind(*(getattr(line, name) for name in LogLine.__struct_fields__))
