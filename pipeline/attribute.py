"""Attribute: a line without its own trace id gets its request's; a line with neither, that of the request open around it.

Strongest evidence wins: the platform's own record of a request, then the line's own id, then the place in the stream.
Works within one batch (one log stream, in order); what needs another batch is brought home later (`adopt`).
A wrong trace is worse than none: where records disagree or invocations interleave, nothing is guessed.
"""

from collections.abc import Sequence

from pipeline.extract.line import JsonLine, Line, ReportLine, StartLine

_RESTART = ("INIT_START", "platform.initStart")


def attribute(lines: Sequence[Line], *, whole: bool = False, claims: bool = True) -> None:
    """Completes ``lines``, the lines of one log stream in their order: trace, request, sampling and ``id_source``.

    A line that has a request by its place keeps ``stream`` also where nobody knows the request's trace yet.

    Args:
        lines: of one batch.
        whole: these lines are all that there is. Else a stream in Lambda's JSON format, whose invocations may interleave with some that
            another batch shows (Lambda Managed Instances), keeps its bare lines until all of it can be seen (`adopt`).
        claims: whether a line may take the trace that the other lines of its request name, where the platform says nothing. Not in a
            log of Lambda's, where the platform will speak: one of these lines may name a stale one.
    """
    certain, claimed, loose = _gather(lines)
    open_at = _open_requests(lines, whole=whole) if loose else {}
    for number, line in enumerate(lines):
        request_id = line.request_id
        record = certain.get(request_id) if request_id is not None else None
        trace_id = line.trace_id
        if trace_id is None:
            if record is None and number in open_at:
                record = _place(line, open_at[number], certain)
            if record is None and claims and request_id is not None:
                record = claimed.get(request_id)
            _take_from_request(line, record)
            continue
        if record is None and number in open_at:
            record = certain.get(open_at[number])
            if record is not None and record.trace_id == trace_id:
                line.request_id = open_at[number]
            else:
                record = None
        if record is None:
            line.id_source = "inline"
        elif record.trace_id == trace_id:
            line.id_source = "inline"
            if line.sampled is None or not line.platform:
                line.sampled = record.sampled
            line.span_id = line.span_id or record.span_id
        else:
            if trace_id not in line.propagated_trace_ids:
                line.stale_trace_id = trace_id
            line.span_id = None
            _take_from_request(line, record)


def _gather(lines: Sequence[Line]) -> tuple[dict[str, Line], dict[str, Line | None], bool]:
    """The platform's record of each request, what the other lines of each claim where they agree, and whether a line lacks an id."""
    loose = False
    certain: dict[str, Line] = {}
    claimed: dict[str, Line | None] = {}
    for number, line in enumerate(lines):
        request_id = line.request_id
        trace_id = line.trace_id
        if request_id is None:
            if trace_id is None or not line.platform:
                loose = loose or not line.outside
                continue
            if (request_id := _other_half(lines, number)) is None:
                continue
            line.request_id = request_id
        if trace_id is not None:
            if line.platform:
                certain[request_id] = line
            elif (first := claimed.setdefault(request_id, line)) and first.trace_id != trace_id:
                claimed[request_id] = None
        elif line.__class__ is ReportLine:
            # it was not traced, whatever its lines say
            claimed[request_id] = None
        elif line.__class__ is Line:
            # what a free text calls a request id may be another service's
            loose = True
    return certain, claimed, loose


def _other_half(lines: Sequence[Line], number: int) -> str | None:
    """The request of a REPORT line that a shipper split: its X-Ray half, line ``number``, follows at once."""
    before = lines[number - 1] if number else None
    return before.request_id if isinstance(before, ReportLine) and before.trace_id is None else None


def _open_requests(lines: Sequence[Line], *, whole: bool) -> dict[int, str]:
    """The request that is open at each line that is not the platform's, by number; nothing where invocations interleave."""
    found: dict[int, str] = {}
    open_request: str | None = None
    text = True
    for number, line in enumerate(lines):
        request_id = line.request_id
        if line.opens and request_id:
            if (open_request and open_request != request_id) or not (whole or isinstance(line, StartLine)):
                return {}
            open_request, text = request_id, isinstance(line, StartLine)
        elif line.closes:
            if open_request and request_id and request_id != open_request:
                return {}
            open_request = None
        elif line.outside:
            # what an environment says while it starts anew is nobody's
            open_request = None if line.event_name.startswith(_RESTART) else open_request
        elif open_request is None or line.platform:
            continue
        elif request_id is None or request_id == open_request or line.__class__ is Line or (text and isinstance(line, JsonLine)):
            found[number] = open_request
        elif not isinstance(line, JsonLine):
            # somebody else's line between START and END
            return {}
    return found


def _place(line: Line, open_request: str, certain: dict[str, Line]) -> Line | None:
    """Puts a line without a trace into the request that is open at its place; returns the platform's record of it."""
    if line.request_id is None or line.__class__ is Line:
        line.request_id = open_request
    line.id_source = "stream"
    return certain.get(open_request)


def _take_from_request(line: Line, record: Line | None) -> None:
    if record is None:
        line.id_source = line.id_source or "none"
        return
    line.trace_id = record.trace_id
    line.sampled = record.sampled
    line.span_id = line.span_id or record.span_id
    line.id_source = "stream" if line.id_source == "stream" else "request"
