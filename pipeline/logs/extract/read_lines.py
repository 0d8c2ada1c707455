"""Extract: what a log line says of itself, without what is secret in it. Pure, never raises, whatever the line holds."""

from collections.abc import Sequence
from functools import lru_cache

from pipeline.logs.extract.error_payload_patterns import WORTH_A_LOOK
from pipeline.logs.extract.json_line import RARE_KEYS, add_rare_keys, extract_json
from pipeline.logs.extract.log_line import JsonLine, LogLine
from pipeline.logs.extract.text_line import extract_text
from pipeline.redact.prefilter import Prefilter
from pipeline.redact.redactor import DEFAULT, Redactor

_PAYLOADS, _TELLING = "payloads", "rarer keys"


def extract(message: str) -> LogLine:
    """The ids, severity, sampling and signals in ``message``, one log event's text."""
    _, (line,) = read_lines([message])
    return line


def read_lines(
    messages: Sequence[str], correlation_paths: tuple[str, ...] = (), redactor: Redactor = DEFAULT
) -> tuple[Sequence[str], list[LogLine]]:
    """``messages`` without what is secret in them, and what these texts say.

    Args:
        messages: of log events.
        correlation_paths: JMESPath expressions that find further correlation ids in JSON lines.
        redactor: takes out what is secret.
    """
    marks = _scanner(redactor).scan(messages)
    texts = redactor.lines(messages, marks)
    lines = [(extract_json(text) if text[:1] == "{" else None) or extract_text(text) for text in texts]
    for number in marks[_TELLING]:
        if isinstance(line := lines[number], JsonLine):
            lines[number] = add_rare_keys(line, texts[number])
    for number in marks[_PAYLOADS]:
        _look_closer(texts[number], lines[number])
    if correlation_paths:
        # imported here: few have any
        from pipeline.logs.extract.correlation_paths import reader_for  # noqa: PLC0415

        read_ids = reader_for(correlation_paths)
        for line in lines:
            read_ids(line)
    return texts, lines


@lru_cache(maxsize=8)
def _scanner(redactor: Redactor) -> Prefilter:
    """One pass over all lines for all that needs a second look."""
    return Prefilter({**redactor.expressions, _PAYLOADS: WORTH_A_LOOK, _TELLING: RARE_KEYS})


def _look_closer(message: str, line: LogLine) -> None:
    """Adds the signals of the payloads that a line shows; an access log's own fields are none."""
    if line.http_status is not None:
        return
    # imported here: most batches show no payload, and a cold start should not wait for it
    from pipeline.logs.extract.error_payload import find_payload  # noqa: PLC0415

    signals, excerpt = find_payload(message, is_error="error" in line.signals or "exception" in line.signals)
    if signals:
        line.signals = tuple(dict.fromkeys((*line.signals, *signals)))
        line.excerpt = excerpt
