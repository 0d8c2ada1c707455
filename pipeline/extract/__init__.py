"""Extract: what a log line says of itself. Pure, never raises, whatever the line holds."""

from pipeline.extract.json_line import extract_json
from pipeline.extract.line import Line
from pipeline.extract.text_line import extract_text

__all__ = ["Line", "extract"]


def extract(message: str) -> Line:
    """The ids, severity, sampling and signals in ``message``, one log event's text."""
    return (extract_json(message) if message.startswith("{") else None) or extract_text(message)
