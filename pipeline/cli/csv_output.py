"""CSV output: documents become lines of CSV (RFC 4180), or of TSV, in which a document is always one line."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from pipeline.cli.json_output import json_line
from pipeline.cli.terminal_text import terminal_safe
from pipeline.model.json_values import as_text

# the message of a log line or the name of a span: the one column that is no path
TEXT = "body-or-name"
DEFAULT_COLUMNS = ("@timestamp", "doc.kind", "serviceName", TEXT, "traceId", "transactionId", "trace.state")

# a cell that begins with one of these is a formula to a spreadsheet, in their wide and small forms, too (OWASP, "CSV Injection")
_FORMULA = "[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
_ESCAPES = str.maketrans({"\t": r"\t", "\n": r"\n", "\r": r"\r", "\\": r"\\"})
_BLANK = ("\t", "\r", "\n")
# where a country's separator is the semicolon, a spreadsheet takes no notice of the quotes inside a line, so that each semicolon, tab
# and line break of a text begins a cell; tabs that begin the text are behind the apostrophe of the cell
_CELL_IN_TEXT = re.compile(rf"""(?P<tabs>\A\t[\t ]*{_FORMULA})|(?P<start>\A[\s",;]*|[;\t\r\n][\s"]*)(?={_FORMULA})""")
_CELL_IN_JSON = re.compile(rf"""(?P<start>;(?:\s|\\?")*)(?P<formula>{_FORMULA})""")


def csv_lines(documents: Iterable[Mapping[str, Any]], columns: Sequence[str], *, header: bool) -> bytes:
    """The documents as lines of CSV in UTF-8; with ``header`` the names of the columns come first."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(columns)
    writer.writerows([_cell(value_of(document, column)) for column in columns] for document in documents)
    return text.getvalue().encode()


def tsv_lines(documents: Iterable[Mapping[str, Any]], columns: Sequence[str], *, header: bool) -> bytes:
    r"""The documents as lines of values with tabs between, in UTF-8; with ``header`` the names of the columns come first.

    In a value a tab is ``\t``, a line break ``\n``, a carriage return ``\r``, and a backslash ``\\``, as PostgreSQL's COPY writes them.
    """
    rows = ([_cell(value_of(document, column)).translate(_ESCAPES) for column in columns] for document in documents)
    lines = chain([columns] if header else [], rows)
    return "".join("\t".join(line) + "\n" for line in lines).encode()


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
    """A value as text: all but text as JSON. A text in it that a spreadsheet takes for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = _CELL_IN_TEXT.sub(lambda found: found["tabs"] or f"{found['start']}'", terminal_safe(as_text(value)))
        return f"'{text}" if text.startswith(_BLANK) else text
    # JSON can escape a character, so that it means the same data
    return _CELL_IN_JSON.sub(lambda found: f"{found['start']}\\u{ord(found['formula']):04x}", json_line(value))
