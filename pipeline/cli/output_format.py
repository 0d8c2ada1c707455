"""Output format: prints the hits of a search, batch by batch, as a table, lines of JSON, CSV, or log lines as they were written."""

import sys
from collections.abc import Sequence
from typing import Any, Protocol

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.csv_output import DEFAULT_COLUMNS, csv_lines
from pipeline.cli.hit_table import HitTable
from pipeline.cli.terminal import exact_stream, safe_stream
from pipeline.search.highlights import new_marks
from pipeline.search.original_line import original_line
from pipeline.search.search import document

Hits = Sequence[dict[str, Any]]
Marks = tuple[str, str] | None


class Printer(Protocol):
    """Prints batches of hits in their order."""

    marks: Marks
    """The texts that OpenSearch puts before and after a match; None where matches are not shown."""

    def print(self, hits: Hits) -> None:
        """Prints the next batch of hits."""

    def end(self) -> None:
        """Prints what follows the last hit."""


def printer_for(app: CommandContext, form: str | None, columns: str) -> Printer:
    """The printer for `--format`, `--json` and `--columns`. Raises UsageError where they contradict each other."""
    if app.json and form not in {None, "json"}:
        raise click.UsageError(f"--json and --format {form} contradict each other")
    if columns and form != "csv":
        raise click.UsageError("--columns goes with --format csv")
    names = [name.strip() for name in columns.split(",")] if columns else list(DEFAULT_COLUMNS)
    if not all(names):
        raise click.UsageError(f"--columns {columns!r} has an empty name: expected names such as @timestamp,trace.state")
    if form == "csv":
        return _Csv(app, names)
    if form == "raw":
        return _Raw()
    app.json = app.json or form == "json"
    return _Json(app) if app.json else _Table(app)


class _Json:
    marks: Marks = None

    def __init__(self, app: CommandContext) -> None:
        self._app = app

    def print(self, hits: Hits) -> None:
        for hit in hits:
            self._app.emit(document(hit))

    def end(self) -> None:
        pass


class _Csv:
    marks: Marks = None

    def __init__(self, app: CommandContext, columns: Sequence[str]) -> None:
        self._app = app
        self._columns = columns
        self._begun = False

    def print(self, hits: Hits) -> None:
        self._app.write(csv_lines(map(document, hits), self._columns, header=not self._begun).decode())
        self._begun = True

    def end(self) -> None:
        pass


class _Raw:
    marks: Marks = None

    def print(self, hits: Hits) -> None:
        lines = (original_line(hit["_source"]) for hit in hits if hit["_source"]["doc"]["kind"] == "log")
        text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
        click.echo(text.encode("utf-8", "replace"), file=exact_stream(safe_stream(sys.stdout)), nl=False)

    def end(self) -> None:
        pass


class _Table:
    def __init__(self, app: CommandContext) -> None:
        self._app = app
        marks = new_marks()
        self.marks: Marks = marks
        self._listing = HitTable(app.console.width, marks)

    def print(self, hits: Hits) -> None:
        self._app.say(self._listing.part(hits))
        sys.stdout.flush()

    def end(self) -> None:
        for line in self._listing.traces():
            self._app.say(f"[dim]{escape(line)}[/]")
