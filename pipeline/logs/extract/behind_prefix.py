r"""Behind prefix: reads the JSON of a logger that a runtime put behind its own prefix, as ``time\trequest id\tinfo\t{"level":"Error"}``.

It is imported only for marked lines. What the logger says of the level, the trace and the ids counts more than the prefix; the request id
of the prefix counts more than the logger's, since the runtime knows it. The line keeps its format and its body.
"""

import re

from pipeline.logs.extract.json_levels import find_json_level
from pipeline.logs.extract.json_line import add_rare_keys, extract_json
from pipeline.logs.extract.log_line import ExecutionLine, JsonLine, LogLine
from pipeline.logs.extract.severity import ERROR_NUMBER

# Go's log package writes this before a message
_GO = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})? (?=\{)", re.ASCII)


def read_behind_prefix(line: LogLine, message: str) -> None:
    """Completes ``line``, a text line, by the JSON object that follows a prefix in its ``message``; leaves it as it is if there is none."""
    if line.platform or isinstance(line, (JsonLine, ExecutionLine)):
        return
    match = _GO.match(message)
    start = match.end() if match else message.find("\t{") + 1
    content = message[start:] if start else ""
    inner = extract_json(content) if content else None
    if not isinstance(inner, JsonLine):
        return
    if inner.severity is None and (level := find_json_level(content)) is not None:
        inner.severity = level
        inner.signals = ("error", *inner.signals) if level.number >= ERROR_NUMBER else inner.signals
    # a platform event that a function prints is another line, and not taken
    add_rare_keys(inner, content)
    _take(line, inner)


def _take(line: LogLine, inner: LogLine) -> None:
    outer_signals = line.signals
    if inner.severity is not None:
        line.severity = inner.severity
        outer_signals = tuple(signal for signal in outer_signals if signal != "error")
    line.signals = tuple(dict.fromkeys((*inner.signals, *outer_signals)))
    line.excerpt = line.excerpt or inner.excerpt
    if inner.trace_id is not None:
        line.trace_id, line.span_id, line.sampled = inner.trace_id, inner.span_id, inner.sampled
        line.propagated_trace_ids = inner.propagated_trace_ids
        line.id_source = inner.id_source
    line.request_id = line.request_id or inner.request_id
    line.correlation_ids = tuple(dict.fromkeys((*inner.correlation_ids, *line.correlation_ids)))
    line.service_name = line.service_name or inner.service_name
    line.tenant_id = inner.tenant_id
