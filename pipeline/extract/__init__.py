"""Extract: what a log line says of itself. Pure, never raises, whatever the line holds."""

from collections.abc import Iterable, Sequence

from pipeline.extract.json_line import extract_json
from pipeline.extract.line import Line
from pipeline.extract.payload import find_payload
from pipeline.extract.text_line import extract_text

__all__ = ["Line", "extract", "read_lines"]


def extract(message: str) -> Line:
    """The ids, severity, sampling and signals in ``message``, one log event's text."""
    (line,) = read_lines([message])
    return line


def read_lines(messages: Sequence[str], correlation_paths: tuple[str, ...] = (), payloads: Iterable[int] | None = None) -> list[Line]:
    """The lines in ``messages``.

    Args:
        messages: one log event's text each.
        correlation_paths: JMESPath expressions that find further correlation ids in JSON lines.
        payloads: the numbers of those that may show a payload (`payload.WORTH_A_LOOK`), where somebody looked for it before.
    """
    lines = [(extract_json(message) if message.startswith("{") else None) or extract_text(message) for message in messages]
    for number in range(len(lines)) if payloads is None else payloads:
        _look_closer(messages[number], lines[number])
    if correlation_paths:
        # imported here: few have any
        from pipeline.extract.correlation_paths import reader_for  # noqa: PLC0415

        read_ids = reader_for(correlation_paths)
        for line in lines:
            read_ids(line)
    return lines


def _look_closer(message: str, line: Line) -> None:
    """Adds the signals of the payloads that a line shows; an access log's own fields are none."""
    if line.http_status is not None:
        return
    signals, excerpt = find_payload(message, is_error="error" in line.signals or "exception" in line.signals)
    if signals:
        line.signals = tuple(dict.fromkeys((*line.signals, *signals)))
        line.excerpt = excerpt
