"""Correlate: gives a line without a trace id that of its request, or else that of the request open around it in the log stream.

The strongest evidence wins: the platform's own record of a request, then the line's own id, then its position in the stream.
This works within one batch (one log stream, in order); `pipeline.join.reassign` does what needs another batch.
A wrong trace is worse than none: if records disagree or invocations interleave, nothing is guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

from pipeline.logs.extract.log_line import MENTIONED, AccessLogLine, JsonLine, LoggerLine, LogLine, ReportLine, StartLine

# what such a text line calls a request id may be another service's
_TEXT = (LogLine, LoggerLine)
_Records = dict[str | None, LogLine]
_RESTART = ("INIT_START", "platform.initStart")


def correlate_batch(lines: Sequence[LogLine], *, whole: bool = False, of_lambda: bool = False) -> None:
    """Sets trace, request, span, sampling and ``id_source`` of ``lines``, the lines of one log stream in order.

    A line that gets its request by its position has the id source ``stream``. It gets none while the trace of that request is unknown,
    unless the batch is the whole stream.

    Args:
        lines: the lines of one batch.
        whole: whether ``lines`` is the whole stream. If not, lines without ids in Lambda's JSON format stay unassigned, since another
            batch may show invocations that interleave (Lambda Managed Instances); `pipeline.join` assigns them later.
        of_lambda: whether the stream is one of Lambda's. Then the platform names the trace of each request, so no line takes the trace
            that other lines of its request claim, which may be stale, or that of a tracing header, which is the sender's; and a request
            id in free text counts for nothing.
    """
    records, claims, needs_position = _gather(lines, of_lambda=of_lambda)
    open_at = _open_requests(lines, whole=whole) if needs_position else {}
    open_requests: Iterable[str | None] = map(open_at.get, range(len(lines))) if open_at else repeat(None)
    for line, open_request in zip(lines, open_requests, strict=False):
        trace_id = line.trace_id
        request_id = line.request_id
        # no record has the key None
        record = records.get(request_id)
        if trace_id is None:
            if open_request is None:
                _take_from_request(line, record or claims.get(request_id))
            else:
                _assign(line, record, open_request, records, claims, whole=whole)
        elif record is None:
            if open_request is not None:
                _check_position(line, open_request, records)
            line.id_source = "stream" if line.id_source == "stream" else "inline"
        elif record.trace_id == trace_id:
            line.id_source = "inline"
            # this is written out instead of calling a function: most lines of a busy function take this branch
            if record is not line:
                if line.sampled is not record.sampled and (line.sampled is None or not line.platform):
                    line.sampled = record.sampled
                if line.span_id is None:
                    line.span_id = record.span_id
        else:
            _override_by_platform(line, record)


def _assign(
    line: LogLine, record: LogLine | None, open_request: str, records: _Records, claims: Mapping[str | None, LogLine | None], *, whole: bool
) -> None:
    """Gives a line without a trace that of its request, which the platform, its position or the other lines name."""
    request_id = line.request_id
    around = records.get(open_request) or claims.get(open_request)
    if request_id is None or (request_id != open_request and line.__class__ in _TEXT):
        # without a trace, where the batches are cut would decide whether the line has a request
        if around or whole:
            _note_named(line)
            line.request_id = open_request
            line.id_source = "stream"
            record = around
    elif record is None and request_id != open_request:
        # a key of its own names the id of another service, or of a request that only another batch may show
        record = around
        if record:
            _note_named(line)
            line.id_source = "stream"
    _take_from_request(line, record or claims.get(line.request_id))


def _note_named(line: LogLine) -> None:
    """Notes the request that a line names, before its position gives it its trace: a later batch may show in which trace that one ran."""
    if line.request_id is not None:
        line.state = {"requestId": line.request_id}


def _check_position(line: LogLine, open_request: str, records: _Records) -> None:
    """Gives a line that names a trace and no request the request open at its position, if the platform names the trace of that.

    Another trace that the line claims is stale; that of a tracing header, such as the header of a logged event, is the sender's.
    """
    record = records.get(open_request)
    if record is None or line.request_id is not None:
        return
    line.request_id = open_request
    if record.trace_id == line.trace_id:
        line.sampled = record.sampled
        line.span_id = line.span_id or record.span_id
    else:
        _override_by_platform(line, record)
        line.id_source = "stream"


def _override_by_platform(line: LogLine, record: LogLine) -> None:
    """Replaces the trace that a line names by that of the platform's record; a claim is stale, a header or a mere mention is not."""
    if line.id_source != MENTIONED:
        line.stale_trace_id = line.trace_id
    line.span_id = None
    _take_from_request(line, record)


def _gather(  # noqa: C901, PLR0912  # one pass over a hot path
    lines: Sequence[LogLine], *, of_lambda: bool
) -> tuple[_Records, dict[str | None, LogLine | None], bool]:
    """Returns the platform's record of each request, the agreeing claim of its other lines, and whether a line needs its position."""
    # | request | trace | line                            | effect
    # | yes     | yes   | the platform's, an access log   | is the request's record; records of two traces contest each other
    # | yes     | yes   | other, not in a Lambda stream   | claims this trace for the request; claims of two traces cancel each other
    # | yes     | no    | REPORT                          | cancels all claims: the request was not traced, whatever its lines say
    # | yes     | no    | free text, JSON                 | needs its position: the request id may be another service's
    # | any     | yes   | other, of Lambda, which shows   | counts for nothing
    # |         |       | it in a header or mentions it   |
    # | no      | yes   | the platform's                  | is the record of a REPORT line before it, if that lacks its X-Ray half
    # | no      | any   | other, unless outside requests  | needs its position
    needs_position = False
    records: _Records = {}
    claims: dict[str | None, LogLine | None] = {}
    contested: set[str] = set()
    for number, line in enumerate(lines):
        request_id = line.request_id
        trace_id = line.trace_id
        if of_lambda:
            if line.id_source and not line.platform:
                trace_id = line.trace_id = line.span_id = line.sampled = None
                line.id_source = ""
            if request_id is not None:
                if line.__class__ is LogLine:
                    # a request id in free text counts for nothing
                    request_id = line.request_id = None
                elif trace_id is not None and not line.platform:
                    # most lines of a traced function take this branch
                    continue
        elif line.__class__ is AccessLogLine:
            line.event_name = "apigateway.access"
        if request_id is None:
            if trace_id is None or not line.platform:
                needs_position = needs_position or not line.outside
                continue
            if (request_id := _other_half(lines, number)) is None:
                continue
            line.request_id = request_id
        if trace_id is not None:
            if line.platform or (line.event_name and not of_lambda):
                if records.setdefault(request_id, line).trace_id != trace_id:
                    contested.add(request_id)
                records[request_id] = line
            elif not of_lambda and (first := claims.setdefault(request_id, line)) and first.trace_id != trace_id:
                claims[request_id] = None
        elif line.__class__ is ReportLine:
            claims[request_id] = None
        elif line.__class__ in _TEXT or isinstance(line, JsonLine):
            needs_position = True
    for request_id in contested:
        # the platform itself names two traces, so neither is certain
        del records[request_id]
        claims[request_id] = None
    return records, claims, needs_position


def _other_half(lines: Sequence[LogLine], number: int) -> str | None:
    """The request of a REPORT line that a shipper split, if line ``number`` is its X-Ray half and follows directly; else None."""
    before = lines[number - 1] if number else None
    return before.request_id if isinstance(before, ReportLine) and before.trace_id is None else None


def _open_requests(lines: Sequence[LogLine], *, whole: bool) -> dict[int, str]:  # noqa: C901  # one pass over a hot path
    """The request that is open at each line not written by the platform, by line number; empty if invocations interleave."""
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
                # the lines of an environment that restarts belong to no request
                open_request = None
        elif open_request is not None and ((request_id := line.request_id) is None or line.trace_id is None):
            if request_id is None or request_id == open_request or line.__class__ in _TEXT or (text and isinstance(line, JsonLine)):
                found[number] = open_request
            elif not isinstance(line, JsonLine):
                # another request logs between START and END, so invocations interleave
                return {}
    return found


def _take_from_request(line: LogLine, record: LogLine | None) -> None:
    """Gives ``line`` the trace, sampling and span of a line of its request; without one, it keeps its id source or gets `none`."""
    if record is None:
        line.id_source = line.id_source or "none"
        return
    line.trace_id = record.trace_id
    line.sampled = record.sampled
    line.span_id = line.span_id or record.span_id
    line.id_source = "stream" if line.id_source == "stream" else "request"
