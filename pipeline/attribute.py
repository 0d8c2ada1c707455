"""Attribute: a line without its own trace id gets its request's; a line with neither, that of the request open around it.

Strongest evidence wins: the platform's own record of a request, then the line's own id, then the place in the stream.
Works within one batch (one log stream, in order); what needs another batch is brought up to date later.
A wrong trace is worse than none: where records disagree or invocations interleave, nothing is guessed.
"""

from collections.abc import Sequence

from pipeline.extract.line import JsonLine, Line, ReportLine


def attribute(lines: Sequence[Line]) -> None:  # noqa: C901  # one pass over a hot path
    """Completes ``lines``, the lines of one log stream in their order: trace, request, sampling and ``id_source``."""
    orphans = False
    certain: dict[str, Line] = {}
    claimed: dict[str, Line | None] = {}
    for number, line in enumerate(lines):
        request_id = line.request_id
        trace_id = line.trace_id
        if request_id is None:
            if trace_id is None:
                orphans = True
                continue
            if not line.platform or (request_id := _other_half(lines, number)) is None:
                continue
            line.request_id = request_id
        if trace_id is not None:
            if line.platform:
                certain[request_id] = line
            # what the request's own lines say counts where all of them agree
            elif (first := claimed.setdefault(request_id, line)) and first.trace_id != trace_id:
                claimed[request_id] = None
    if orphans:
        _place_in_stream(lines)
    for line in lines:
        request_id = line.request_id
        record = certain.get(request_id) if request_id is not None else None
        if line.trace_id is None:
            _take_from_request(line, record or (claimed.get(request_id) if request_id is not None else None))
        elif record is None or record.trace_id == line.trace_id:
            line.id_source = "inline"
        else:
            line.stale_trace_id = line.trace_id
            line.span_id = None
            _take_from_request(line, record)


def _other_half(lines: Sequence[Line], number: int) -> str | None:
    """The request of a REPORT line that a shipper split: its X-Ray half, line ``number``, follows at once."""
    before = lines[number - 1] if number else None
    return before.request_id if isinstance(before, ReportLine) and before.trace_id is None else None


def _place_in_stream(lines: Sequence[Line]) -> None:
    """Gives a line without any id the request that is open at its place, unless invocations interleave here."""
    places: list[tuple[Line, str]] = []
    open_request: str | None = None
    for line in lines:
        if line.opens and line.request_id:
            if open_request and open_request != line.request_id:
                return
            open_request = line.request_id
        elif line.closes:
            if open_request and line.request_id and line.request_id != open_request:
                return
            open_request = None
        elif line.request_id is None and line.trace_id is None and open_request:
            places.append((line, open_request))
        elif open_request and line.request_id and line.request_id != open_request and not isinstance(line, JsonLine):
            # somebody else's line between START and END
            return
    for line, request_id in places:
        line.request_id = request_id
        line.id_source = "stream"


def _take_from_request(line: Line, record: Line | None) -> None:
    if record is None:
        line.id_source = "none"
        return
    line.trace_id = record.trace_id
    line.sampled = record.sampled
    line.span_id = line.span_id or record.span_id
    line.id_source = "stream" if line.id_source == "stream" else "request"
