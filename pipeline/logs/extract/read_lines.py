"""Read lines: redacts log messages and reads each as JSON or as text. It is pure and never raises, whatever a line holds."""

from collections.abc import Sequence
from functools import lru_cache

from pipeline.logs.extract.durable_marks import DURABLE, DURABLE_EXPRESSIONS
from pipeline.logs.extract.id_marks import CORRELATION_IDS, EVENT_IDS, HEADERS, ID_EXPRESSIONS, REQUEST_IDS
from pipeline.logs.extract.json_line import RARE_KEYS, add_rare_keys, extract_json
from pipeline.logs.extract.log_line import JsonLine, LogLine
from pipeline.logs.extract.marks import EXPRESSIONS, FAILURES, LEVELS, PAYLOADS, PREFIXED
from pipeline.logs.extract.text_line import extract_text
from pipeline.redact.prefilter import Prefilter
from pipeline.redact.redactor import DEFAULT, Redactor

_RARE_KEYS = "rare keys"


def extract(message: str) -> LogLine:
    """The ids, severity, sampling and signals in ``message``, the text of one log event."""
    _, (line,) = read_lines([message])
    return line


def read_lines(
    messages: Sequence[str], correlation_paths: tuple[str, ...] = (), redactor: Redactor = DEFAULT
) -> tuple[Sequence[str], list[LogLine]]:
    """Returns ``messages`` without their secrets, and a LogLine for each of these texts.

    Args:
        messages: the messages of log events.
        correlation_paths: JMESPath expressions that find further correlation ids in JSON lines.
        redactor: masks the secrets.
    """
    marks = _prefilter(redactor).scan(messages)
    texts = redactor.lines(messages, marks)
    lines = [(extract_json(text) if text[:1] == "{" else None) or extract_text(text) for text in texts]
    if marks[PREFIXED]:
        # imported here, as below: most batches hold no such line, and a cold start should not wait for it
        from pipeline.logs.extract.behind_prefix import read_behind_prefix  # noqa: PLC0415

        for number in marks[PREFIXED]:
            read_behind_prefix(lines[number], texts[number])
    if marks[HEADERS] or marks[REQUEST_IDS] or marks[CORRELATION_IDS] or marks[EVENT_IDS]:
        from pipeline.logs.extract.marked_ids import add_marked_ids  # noqa: PLC0415

        add_marked_ids(lines, texts, marks)
    for number in marks[_RARE_KEYS]:
        if isinstance(line := lines[number], JsonLine):
            lines[number] = add_rare_keys(line, texts[number])
    if marks[LEVELS] or marks[FAILURES] or marks[PAYLOADS]:
        from pipeline.logs.extract.marked_signals import add_marked_signals  # noqa: PLC0415

        add_marked_signals(lines, texts, marks)
    if marks[DURABLE]:
        from pipeline.logs.extract.durable_line import add_durable  # noqa: PLC0415

        add_durable(lines, texts, marks[DURABLE])
    if correlation_paths:
        from pipeline.logs.extract.correlation_paths import reader_for  # noqa: PLC0415

        read_ids = reader_for(correlation_paths)
        for line, text in zip(lines, texts, strict=True):
            read_ids(line, text)
    return texts, lines


@lru_cache(maxsize=8)
def _prefilter(redactor: Redactor) -> Prefilter:
    """The prefilter that serves all purposes in one pass: secrets, ids, levels, failures and rare keys."""
    return Prefilter({**redactor.expressions, **ID_EXPRESSIONS, **EXPRESSIONS, _RARE_KEYS: RARE_KEYS, DURABLE: DURABLE_EXPRESSIONS})
