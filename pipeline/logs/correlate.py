"""Attribute: a line without its own trace id gets its request's; a line with neither, that of the request open around it.

Strongest evidence wins: the platform's own record of a request, then the line's own id, then the place in the stream.
Works within one batch (one log stream, in order); what needs another batch is brought home later (`adopt`).
A wrong trace is worse than none: where records disagree or invocations interleave, nothing is guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

from pipeline.logs.extract.log_line import AccessLogLine, JsonLine, LogLine, ReportLine, StartLine

_Records = dict[str | None, LogLine]
_RESTART = ("INIT_START", "platform.initStart")


def correlate_batch(lines: Sequence[LogLine], *, whole: bool = False, of_lambda: bool = False) -> None:
    """Completes ``lines``, the lines of one log stream in their order: trace, request, sampling and ``id_source``.

    A line that has a request by its place keeps ``stream`` also where nobody knows the request's trace yet.

    Args:
        lines: of one batch.
        whole: these lines are all that there is. Else a stream in Lambda's JSON format, whose invocations may interleave with some that
            another batch shows (Lambda Managed Instances), keeps its bare lines until all of it can be seen (`adopt`).
        of_lambda: the stream is one of Lambda's, so that its platform will speak of each request. Till then no line takes the trace that
            others of its request name, since that may be stale, and what a text calls a request id says nothing.
    """
    certain, claimed, loose = _gather(lines, of_lambda=of_lambda)
    open_at = _open_requests(lines, whole=whole) if loose else {}
    places: Iterable[str | None] = map(open_at.get, range(len(lines))) if open_at else repeat(None)
    for line, open_request in zip(lines, places, strict=False):
        trace_id = line.trace_id
        request_id = line.request_id
        # nothing is certain of None
        record = certain.get(request_id)
        if trace_id is None:
            if open_request is None:
                _take_from_request(line, record or claimed.get(request_id))
            else:
                _assign(line, record, open_request, certain, claimed)
        elif record is None:
            line.id_source = "inline"
            if open_request is not None:
                _check_position(line, open_request, certain)
        elif record.trace_id == trace_id:
            line.id_source = "inline"
            # written out rather than called: most lines of a busy function come here
            if record is not line:
                if line.sampled is not record.sampled and (line.sampled is None or not line.platform):
                    line.sampled = record.sampled
                if line.span_id is None:
                    line.span_id = record.span_id
        else:
            _override_by_platform(line, record)


def _assign(
    line: LogLine, record: LogLine | None, open_request: str, certain: _Records, claimed: Mapping[str | None, LogLine | None]
) -> None:
    """Gives a line without a trace what is known of its request: by the platform, by its place, by the other lines."""
    free_text = line.__class__ is LogLine
    if record is None or free_text:
        # JSON has a key for it; what a free text calls a request id may be another service's
        if line.request_id is None or free_text:
            line.request_id = open_request
        line.id_source = "stream"
        record = certain.get(open_request)
    _take_from_request(line, record or claimed.get(line.request_id))


def _check_position(line: LogLine, open_request: str, certain: _Records) -> None:
    """Gives a line that names a trace and no request the one that is open at its place, where that ran in this trace.

    A trace that stands in a header, such as that of an event which is logged, is the sender's: there the place counts.
    """
    record = certain.get(open_request)
    if record is None:
        return
    if record.trace_id == line.trace_id:
        line.request_id = open_request
        line.sampled = record.sampled
        line.span_id = line.span_id or record.span_id
    elif line.trace_id in line.propagated_trace_ids and line.request_id is None:
        line.request_id, line.id_source, line.span_id = open_request, "stream", None
        _take_from_request(line, record)


def _override_by_platform(line: LogLine, record: LogLine) -> None:
    """Puts a line that names another trace where the platform's record says."""
    if line.trace_id not in line.propagated_trace_ids:
        line.stale_trace_id = line.trace_id
    line.span_id = None
    _take_from_request(line, record)


def _gather(  # noqa: C901, PLR0912  # one pass over a hot path
    lines: Sequence[LogLine], *, of_lambda: bool
) -> tuple[_Records, dict[str | None, LogLine | None], bool]:
    """The platform's record of each request, what the other lines of each claim where they agree, and whether a line lacks an id."""
    loose = False
    certain: _Records = {}
    claimed: dict[str | None, LogLine | None] = {}
    contested: set[str] = set()
    for number, line in enumerate(lines):
        request_id = line.request_id
        trace_id = line.trace_id
        if of_lambda:
            if request_id is not None:
                if line.__class__ is LogLine:
                    request_id = line.request_id = None
                elif trace_id is not None and not line.platform:
                    # most lines of a function that is traced
                    continue
        elif line.__class__ is AccessLogLine:
            line.event_name = "apigateway.access"
        if request_id is None:
            if trace_id is None or not line.platform:
                loose = loose or not line.outside
                continue
            if (request_id := _other_half(lines, number)) is None:
                continue
            line.request_id = request_id
        if trace_id is not None:
            if line.platform or (line.event_name and not of_lambda):
                if certain.setdefault(request_id, line).trace_id != trace_id:
                    contested.add(request_id)
                certain[request_id] = line
            elif not of_lambda and (first := claimed.setdefault(request_id, line)) and first.trace_id != trace_id:
                claimed[request_id] = None
        elif line.__class__ is ReportLine:
            # it was not traced, whatever its lines say
            claimed[request_id] = None
        elif line.__class__ is LogLine or isinstance(line, JsonLine):
            # what it calls a request id may be another service's
            loose = True
    for request_id in contested:
        # where the platform itself names two traces, neither is certain
        del certain[request_id]
        claimed[request_id] = None
    return certain, claimed, loose


def _other_half(lines: Sequence[LogLine], number: int) -> str | None:
    """The request of a REPORT line that a shipper split: its X-Ray half, line ``number``, follows at once."""
    before = lines[number - 1] if number else None
    return before.request_id if isinstance(before, ReportLine) and before.trace_id is None else None


def _open_requests(lines: Sequence[LogLine], *, whole: bool) -> dict[int, str]:  # noqa: C901  # one pass over a hot path
    """The request that is open at each line that is not the platform's, by number; nothing where invocations interleave."""
    found: dict[int, str] = {}
    open_request: str | None = None
    text = True
    for number, line in enumerate(lines):
        if line.platform:
            request_id = line.request_id
            if (line.opens or line.closes) and request_id:
                if open_request and open_request != request_id:
                    return {}
                if line.opens and not whole and line.__class__ is not StartLine:
                    return {}
            if line.opens:
                open_request, text = request_id, line.__class__ is StartLine
            elif line.closes or (line.outside and line.event_name.startswith(_RESTART)):
                # what an environment says while it starts anew is nobody's
                open_request = None
        elif open_request is not None and ((request_id := line.request_id) is None or line.trace_id is None):
            if request_id is None or request_id == open_request or line.__class__ is LogLine or (text and isinstance(line, JsonLine)):
                found[number] = open_request
            elif not isinstance(line, JsonLine):
                # somebody else's line between START and END
                return {}
    return found


def _take_from_request(line: LogLine, record: LogLine | None) -> None:
    if record is None:
        line.id_source = line.id_source or "none"
        return
    line.trace_id = record.trace_id
    line.sampled = record.sampled
    line.span_id = line.span_id or record.span_id
    line.id_source = "stream" if line.id_source == "stream" else "request"
