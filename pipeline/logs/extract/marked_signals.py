"""Marked signals: completes the lines that the prefilter marks with their level, and with the exceptions and error payloads they show."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.logs.extract.log_line import ExecutionLine, JsonLine, LogLine, NodeLine, PythonLine
from pipeline.logs.extract.marks import FAILURES, LEVELS, PAYLOADS
from pipeline.logs.extract.severity import ERROR_NUMBER

# signals of a line that reports an error itself; only in JSON, an error type of Lambda's own tells a crash or timeout from a payload
_OWN: Final = frozenset({"error", "exception"})
_OWN_OF_JSON: Final = _OWN | {"crash", "timeout"}


def add_marked_signals(lines: Sequence[LogLine], texts: Sequence[str], marks: Mapping[str, Sequence[int]]) -> None:
    """Completes ``lines``, read from ``texts``; ``marks`` holds the indices of the marked ones by purpose (`marks`)."""
    for number in marks[LEVELS]:
        _add_level(lines[number], texts[number])
    for number in marks[FAILURES]:
        _add_exceptions(lines[number], texts[number])
    for number in marks[PAYLOADS]:
        _add_payload_signals(lines[number], texts[number])


def _add_level(line: LogLine, message: str) -> None:
    """Sets the severity of a line whose level has a rare form, and takes back one that a word in capitals behind that level gave."""
    if isinstance(line, JsonLine):
        if line.severity is not None:
            return
        # imported here, as below: most batches hold no such line, and a cold start should not wait for it
        from pipeline.logs.extract.json_levels import find_json_level  # noqa: PLC0415

        level = find_json_level(message if line.attributes is None else line.attributes)
    elif _is_lambdas(line) or (line.severity is not None and isinstance(line, (NodeLine, PythonLine))):
        return
    else:
        from pipeline.logs.extract.level_words import find_level  # noqa: PLC0415

        level = find_level(message)
    if level is not None:
        line.severity = level
        others = tuple(signal for signal in line.signals if signal != "error")
        line.signals = ("error", *others) if level.number >= ERROR_NUMBER else others


def _add_exceptions(line: LogLine, message: str) -> None:
    if _is_lambdas(line):
        return
    from pipeline.logs.extract.exceptions import add_exceptions  # noqa: PLC0415

    add_exceptions(line, message)


def _is_lambdas(line: LogLine) -> bool:
    """Whether Lambda or API Gateway itself wrote ``line``, whose readers know its signals; such a line has no level."""
    return line.platform or line.outside or isinstance(line, ExecutionLine)


def _add_payload_signals(line: LogLine, message: str) -> None:
    """Adds to ``line`` the signals of the error payloads in its message; an access log's own fields are no payload."""
    if line.http_status is not None:
        return
    from pipeline.logs.extract.error_payload import find_payload  # noqa: PLC0415

    own = _OWN_OF_JSON if isinstance(line, JsonLine) else _OWN
    signals, excerpt = find_payload(message, is_error=not own.isdisjoint(line.signals))
    if signals:
        line.signals = tuple(dict.fromkeys((*line.signals, *signals)))
        line.excerpt = excerpt
