"""Propagated headers: reads the tracing headers that a line shows, and tells those of a sender from the line's own.

A line that prints an event shows the header of the event's sender, whose trace is another one. A header that the line labels as its own
trace id, such as the environment variable ``_X_AMZN_TRACE_ID`` or ``xrayTraceId``, is the line's own claim.
"""

import re
from collections.abc import Sequence
from typing import Final

from pipeline.logs.extract.log_line import MENTIONED, ExecutionLine, LogLine
from pipeline.logs.extract.text_line import find_trace
from pipeline.model.trace_ids import TraceHeader
from pipeline.model.tracing_headers import FoundHeader, find_headers, find_xray_headers

_MOST: Final = 100
_REACH: Final = 96
# the label of a header that is the line's own; pino-lambda calls it x-correlation-trace-id
_OWN_LABEL = re.compile(
    r"(?:\b_X_AMZN_TRACE_ID|\bx[_-]?ray(?:[_ .-]?trac(?:e|ing))?(?:[_ .-]?(?:id|header))?|(?<![a-z_-])trace[_ .-]?id|x-correlation-trace-id"
    r"|\bcom\.amazonaws\.xray\.traceHeader)"
    r"\W{0,8}(?:(?:Some|Optional)\W{1,4})?\Z",
    re.IGNORECASE,
)


def add_headers(line: LogLine, text: str, claimed: TraceHeader | None = None) -> None:
    """Sets the ids of the tracing headers in ``text`` on its ``line``, and the trace of the line, if a header is all that names one.

    Args:
        line: read from ``text``.
        text: the message, without its secrets.
        claimed: the trace that a key of a JSON line claims for it, which counts more than a header.
    """
    if isinstance(line, ExecutionLine):
        _add_to_execution_line(line, text)
        return
    found = find_headers(text)
    if line.platform or not found:
        return
    if claimed is None and line.trace_id and line.id_source != MENTIONED and all(line.trace_id != one.header.trace_id for one in found):
        claimed = TraceHeader(line.trace_id, line.span_id, line.sampled)
    own: list[TraceHeader] = []
    sent: list[TraceHeader] = []
    for one in found:
        (own if _is_own(text, one) else sent).append(one.header)
    header = claimed or _only(own) or find_trace(text[: found[0].start])
    if claimed is None:
        line.trace_id, line.span_id, line.sampled = header or _only(sent) or (None, None, None)
        # a sender's trace is no claim, and those of several senders are none at all
        line.id_source = MENTIONED if line.trace_id and not header else ""
    ids = dict.fromkeys(one.trace_id for one in sent if header is None or one.trace_id != header.trace_id)
    line.propagated_trace_ids = tuple(ids)[:_MOST]


def _add_to_execution_line(line: ExecutionLine, text: str) -> None:
    """Sets the trace that API Gateway received or passes on; a header in the endpoint's response may name another trace."""
    if header := _only([one.header for one in find_xray_headers(text)]):
        line.trace_id, line.sampled = header.trace_id, header.sampled
        if not line.platform:
            line.propagated_trace_ids, line.id_source = (header.trace_id,), MENTIONED


def _is_own(text: str, found: FoundHeader) -> bool:
    return _OWN_LABEL.search(text, max(found.start - _REACH, 0), found.start) is not None


def _only(headers: Sequence[TraceHeader]) -> TraceHeader | None:
    """The first of ``headers`` if they all name one trace; else None, since a wrong trace is worse than none."""
    return headers[0] if len({header.trace_id for header in headers}) == 1 else None
