"""Extract: what a log line says of itself. Pure, never raises, whatever the line holds."""

from collections.abc import Iterable

from pipeline.extract.json_line import extract_json
from pipeline.extract.line import Line
from pipeline.extract.payload import find_payload
from pipeline.extract.text_line import extract_text

__all__ = ["Line", "extract", "read_lines"]


def extract(message: str) -> Line:
    """The ids, severity, sampling and signals in ``message``, one log event's text."""
    (line,) = read_lines([message])
    return line


def read_lines(messages: Iterable[str], correlation_paths: tuple[str, ...] = ()) -> list[Line]:
    """The lines in ``messages``; ``correlation_paths`` are JMESPath expressions that find further correlation ids in JSON lines."""
    messages = list(messages)
    lines = [(extract_json(message) if message.startswith("{") else None) or extract_text(message) for message in messages]
    for message, line in zip(messages, lines, strict=True):
        _look_closer(message, line)
    if correlation_paths:
        # imported here: few have any
        from pipeline.extract.correlation_paths import reader_for  # noqa: PLC0415

        read_ids = reader_for(correlation_paths)
        for line in lines:
            read_ids(line)
    return lines


def _look_closer(message: str, line: Line) -> None:
    """Adds the signals of the payloads that a line shows."""
    signals, excerpt = find_payload(message, is_error="error" in line.signals or "exception" in line.signals)
    if signals:
        line.signals = tuple(dict.fromkeys((*line.signals, *signals)))
        line.excerpt = excerpt
