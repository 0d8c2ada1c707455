"""CSV output: documents become lines of CSV (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

# the message of a log line or the name of a span: the one column that is no path
TEXT = "body-or-name"
DEFAULT_COLUMNS = ("@timestamp", "doc.kind", "serviceName", TEXT, "traceId", "transactionId", "trace.state")

# a cell that begins with one of these is a formula to a spreadsheet (OWASP, "CSV Injection")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(documents: Iterable[Mapping[str, Any]], columns: Sequence[str], *, header: bool) -> bytes:
    """The documents as lines of CSV in UTF-8; with ``header`` the names of the columns come first."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(columns)
    writer.writerows([_cell(value_of(document, column)) for column in columns] for document in documents)
    return text.getvalue().encode("utf-8", "replace")


def value_of(document: Mapping[str, Any], column: str) -> object:
    """The value at the dotted path ``column`` of a document, whose keys may hold dots, too; None where there is none."""
    if column == TEXT:
        return document.get("body") if document.get("doc", {}).get("kind") == "log" else document.get("name")
    if column in document:
        return document[column]
    parts = column.split(".")
    for end in range(1, len(parts)):
        inner = document.get(".".join(parts[:end]))
        if isinstance(inner, Mapping) and (found := value_of(inner, ".".join(parts[end:]))) is not None:
            return found
    return None


def _cell(value: object) -> str:
    """A value as text: all but text as JSON; text that a spreadsheet takes for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    return f"'{value}" if value.startswith(_FORMULA) else value
