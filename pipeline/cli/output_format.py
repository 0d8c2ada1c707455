"""Output format: prints the hits of a search, batch by batch: a table, JSON, CSV, TSV, a template, or lines as written."""

import sys
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, Protocol

import click
from rich.markup import escape
from rich.text import Text

from pipeline.cli.context import CommandContext
from pipeline.cli.csv_output import DEFAULT_COLUMNS, csv_lines, tsv_lines
from pipeline.cli.hit_table import HitTable
from pipeline.cli.line_template import LineTemplate
from pipeline.cli.terminal import exact_stream, safe_stream
from pipeline.search.highlights import new_marks
from pipeline.search.original_line import original_line
from pipeline.search.search import document

Hits = Sequence[dict[str, Any]]
Marks = tuple[str, str] | None
_SEPARATOR = "--"


class Printer(Protocol):
    """Prints batches of hits in their order."""

    marks: Marks
    """The texts that OpenSearch puts before and after a match; None where matches are not shown."""

    def print(self, hits: Hits) -> None:
        """Prints the next batch of hits."""

    def separate(self) -> None:
        """Prints what stands between two groups of lines that do not follow each other, as grep does; nothing in JSON, CSV and TSV."""

    def end(self) -> None:
        """Prints what follows the last hit."""


def printer_for(
    app: CommandContext, form: str | LineTemplate | None, columns: Sequence[str], *, zone: tzinfo | None, wrap: bool
) -> Printer:
    """The printer for the options of `format_options`, --utc and --no-wrap. Raises UsageError for columns of a form that has none.

    Args:
        app: the command's context.
        form: one of FORMS, a template, or None.
        columns: those of CSV and TSV; empty for the usual ones.
        zone: the time zone of a table's times; None for this computer's own.
        wrap: whether a table fits into the terminal.
    """
    if columns and form not in {"csv", "tsv"}:
        raise click.UsageError("--columns goes with --format csv and --format tsv")
    if isinstance(form, LineTemplate):
        return _Templated(app, form)
    if form in {"csv", "tsv"}:
        return _Columned(app, csv_lines if form == "csv" else tsv_lines, columns or DEFAULT_COLUMNS)
    if form == "raw":
        return _Raw(app)
    return _Json(app) if form == "json" else _Table(app, zone, wrap=wrap)


def _shown(hit: dict[str, Any]) -> dict[str, Any]:
    """The document of a hit; among lines of context it says whether it is one."""
    return document(hit) | ({"context": hit["context"]} if "context" in hit else {})


class _Json:
    marks: Marks = None

    def __init__(self, app: CommandContext) -> None:
        self._app = app

    def print(self, hits: Hits) -> None:
        for hit in hits:
            self._app.emit(_shown(hit))

    def separate(self) -> None:
        pass

    def end(self) -> None:
        pass


class _Columned:
    marks: Marks = None

    def __init__(self, app: CommandContext, lines: Callable[..., bytes], columns: Sequence[str]) -> None:
        self._app = app
        self._lines = lines
        self._columns = columns
        self._begun = False

    def print(self, hits: Hits) -> None:
        self._app.write(self._lines(map(_shown, hits), self._columns, header=not self._begun).decode())
        self._begun = True

    def separate(self) -> None:
        pass

    def end(self) -> None:
        pass


class _Templated:
    marks: Marks = None

    def __init__(self, app: CommandContext, template: LineTemplate) -> None:
        self._app = app
        self._template = template

    def print(self, hits: Hits) -> None:
        self._app.write("".join(f"{self._template.line(_shown(hit))}\n" for hit in hits))

    def separate(self) -> None:
        self._app.write(f"{_SEPARATOR}\n")

    def end(self) -> None:
        pass


class _Raw:
    marks: Marks = None

    def __init__(self, app: CommandContext) -> None:
        self._app = app
        self._has_lines = False

    def print(self, hits: Hits) -> None:
        lines = [original_line(hit["_source"]) for hit in hits if hit["_source"]["doc"]["kind"] == "log"]
        self._has_lines = self._has_lines or bool(lines)
        self._write("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))

    def separate(self) -> None:
        self._write(f"{_SEPARATOR}\n")

    def end(self) -> None:
        if not self._has_lines:
            self._app.warn("found are spans alone, and a span has no raw line: --json shows them")

    def _write(self, text: str) -> None:
        click.echo(text.encode("utf-8", "replace"), file=exact_stream(safe_stream(sys.stdout)), nl=False)


class _Table:
    def __init__(self, app: CommandContext, zone: tzinfo | None, *, wrap: bool) -> None:
        self._app = app
        marks = new_marks()
        self.marks: Marks = marks
        self._listing = HitTable(app.console.width if wrap else None, marks, zone)

    def print(self, hits: Hits) -> None:
        for part in self._listing.parts(hits):
            # a line that is as long as its text is not cropped to the terminal either
            self._app.console.print(part, soft_wrap=isinstance(part, Text))
        sys.stdout.flush()

    def separate(self) -> None:
        self._app.say(_SEPARATOR)

    def end(self) -> None:
        for line in self._listing.traces():
            self._app.say(f"[dim]{escape(line)}[/]")
