"""Marked ids: completes the lines that the prefilter marks with their tracing headers, request ids and further correlation ids."""

from collections.abc import Mapping, Sequence

from pipeline.logs.extract.correlation_ids import find_correlation_ids
from pipeline.logs.extract.event_ids import find_event_ids
from pipeline.logs.extract.id_marks import CORRELATION_IDS, EVENT_IDS, HEADERS, REQUEST_IDS
from pipeline.logs.extract.json_line import claimed_trace
from pipeline.logs.extract.kept_once import leave_out_of_text
from pipeline.logs.extract.log_line import JsonLine, LogLine
from pipeline.logs.extract.propagated_headers import add_headers
from pipeline.logs.extract.request_ids import find_request_id
from pipeline.logs.extract.text_line import without_colours


def add_marked_ids(lines: Sequence[LogLine], texts: Sequence[str], marks: Mapping[str, Sequence[int]]) -> None:
    """Completes ``lines``, read from ``texts``; ``marks`` holds the indices of the marked ones by purpose (`id_marks`)."""
    for number in marks[HEADERS]:
        line, text = lines[number], without_colours(texts[number])
        claimed = claimed_trace(texts[number]) if isinstance(line, JsonLine) and line.trace_id else None
        add_headers(line, text, claimed)
    for number in marks[REQUEST_IDS]:
        line = lines[number]
        if line.request_id is None and isinstance(line, JsonLine):
            line.request_id = find_request_id(texts[number])
            _leave_out(line, texts[number])
    for number in marks[CORRELATION_IDS]:
        line = lines[number]
        found = (*line.correlation_ids, *find_correlation_ids(without_colours(texts[number])))
        line.correlation_ids = tuple(dict.fromkeys(found))
        _leave_out(line, texts[number])
    for number in marks[EVENT_IDS]:
        line = lines[number]
        line.correlation_ids = tuple(dict.fromkeys((*line.correlation_ids, *find_event_ids(texts[number]))))


def _leave_out(line: LogLine, text: str) -> None:
    """Leaves the ids that were found just now out of the attributes of ``line``."""
    if line.attributes is not None:
        leave_out_of_text(line, text)
