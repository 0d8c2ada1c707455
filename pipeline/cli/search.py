"""`tracejoin search`: prints log lines and spans in one list."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import islice, takewhile
from typing import Any

import click

from pipeline.cli.context import CommandContext
from pipeline.cli.context_option import Context, context_options
from pipeline.cli.format_option import format_options
from pipeline.cli.limit_option import limit_options
from pipeline.cli.line_template import LineTemplate
from pipeline.cli.measure_options import duration_options, excluding, status_option
from pipeline.cli.options import GivenText, ServiceName, pass_app
from pipeline.cli.output_format import Printer, printer_for
from pipeline.cli.terminal_text import one_line
from pipeline.cli.time_option import TIMES, since_until
from pipeline.cli.wrap_option import no_wrap_option
from pipeline.cli.zone_option import utc_option
from pipeline.search.context_lines import with_context
from pipeline.search.live_tail import follow as follow_hits
from pipeline.search.no_results import explain_no_results
from pipeline.search.query import LEVELS, STATES, SearchQuery
from pipeline.search.question import filter_names, parse_arguments, search_query
from pipeline.search.search import find
from pipeline.store.client import Store

_BATCH = 1000
_USUAL = 100
_GIVEN = GivenText()
# a short option is one letter
_LIKE_A_WORD = re.compile(r"-[^\W\d_]{2}")
_HELP = f"""Logs and spans in one list, in time order. Exit status 1 where nothing is found.

A TERM is an id, a word, or what the page's search bar takes: service:orders, level:error, since:2h, '"these words"', and after `--` -word
to exclude a word (docs/search.md). An id is a trace id (X-Ray's or W3C's), a tracing header, a correlation id, or a request id of Lambda or
API Gateway. It finds the whole transaction that it belongs to: all lines and spans of each of its traces. Of several ids any may match; of
all else each must hold.

{TIMES}

A TEMPLATE names fields in braces, as --json prints them: '{{timestamp}} {{service:<12}} {{trace.state}} {{body}}' (docs/command-line.md).

In CSV and TSV, what a spreadsheet would take for a formula gets an apostrophe before it: =, +, - or @ at the start of a text, or after a
semicolon, tab or line break in it. Lists and objects are JSON. What would steer a terminal is replaced in all forms but JSON, which escapes
it: JSON alone gives each text as it is stored. --raw gives each log line as it was written, but for what was redacted: byte for byte where
it does not go to a terminal, and with a line break at its end."""


class _Search(click.Command):
    """A command some of whose terms may look like options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the arguments. What is wrong with an option that reads like a word is told with how to write the word."""
        # click empties the list
        options = list(takewhile(lambda argument: argument != "--", args))
        try:
            return super().parse_args(ctx, args)
        except (click.NoSuchOption, click.BadParameter) as error:
            if word := next(filter(_LIKE_A_WORD.match, options), ""):
                told = f"{error.format_message()} A term that begins with - stands behind `--`: tracejoin search -- {one_line(word)}"
                raise click.UsageError(told, ctx) from error
            raise


def _ids(name: str, text: str) -> Callable[..., Any]:
    return click.option(f"--{name}", type=_GIVEN, metavar="ID", multiple=True, help=text)


def _several(name: str, metavar: str, text: str, of: GivenText = _GIVEN) -> Callable[..., Any]:
    return click.option(f"--{name}", type=of, metavar=metavar, multiple=True, help=f"{text}; several times for any of them.")


@click.command(cls=_Search, help=_HELP)
@click.argument("terms", metavar="[TERM]...", nargs=-1, type=_GIVEN)
@_ids("trace-id", "A trace id or a tracing header, and nothing else.")
@_ids("correlation-id", "An id, even where it reads like something else.")
@_ids("request-id", "The same.")
@click.option("--exact", is_flag=True, help="Only what names an id itself, not the rest of its transaction.")
@click.option("--text", multiple=True, type=_GIVEN, metavar="WORDS",
              help="All of these words in a line's message, or a span's name or error.")  # fmt: skip
@click.option("--phrase", multiple=True, type=_GIVEN, metavar="WORDS", help="These words, one after the other.")
@_several("service", "NAME", "Of this service", ServiceName())
@click.option("--level", type=click.Choice(list(LEVELS), case_sensitive=False), help="Lines of this severity and worse.")
@click.option("--kind", multiple=True, type=click.Choice(["log", "span"], case_sensitive=False), help="Only log lines, or only spans.")
@click.option("--state", multiple=True, type=click.Choice(STATES, case_sensitive=False), metavar="STATE",
              help=f"Of traces in this state: {', '.join(STATES)}.")  # fmt: skip
@_several("log-group", "NAME", "Lines of this log group")
@_several("tenant", "ID", "Lines that name this tenant")
@status_option("--status", "status", "Spans, and requests in API Gateway's and AppSync's logs, with this HTTP status")
@status_option("--edge-status", "edge_status", "Of traces whose caller was told this HTTP status")
@duration_options("duration", "Spans, and Lambda's reports of invocations, that took")
@click.option("--annotation", "annotations", multiple=True, type=_GIVEN, metavar="KEY=VALUE",
              help="An X-Ray annotation of any segment of the trace.")  # fmt: skip
@click.option("--hidden-faults", is_flag=True, help="Only of traces in which a fault hides behind a success.")
@click.option("--exclude", "exclude", multiple=True, metavar="WORDS", help="Nothing with these words, one after the other, in its message, "
              "name or error; no regular expression. Several times for each of them.")  # fmt: skip
@since_until
@utc_option
@limit_options(_USUAL, "The newest")
@click.option("-f", "--follow", is_flag=True, help="Then print what comes in, as it comes, until Ctrl-C.")
@click.option("--interval", default=2.0, show_default=True, type=click.FloatRange(0.1), metavar="SECONDS", help="How often --follow looks.")
@context_options
@no_wrap_option
@format_options
@pass_app
def search(
    app: CommandContext,
    *,
    terms: tuple[str, ...],
    exact: bool,
    exclude: tuple[str, ...],
    limit: int | None,
    follow: bool,
    interval: float,
    form: str | LineTemplate | None,
    columns: tuple[str, ...],
    context: Context,
    no_wrap: bool,
    zone: tzinfo | None,
    **criteria: Any,
) -> int:
    """Prints log lines and spans in one list; exit status 1 where nothing is found."""
    printer = printer_for(app, form, columns, zone=zone, wrap=not no_wrap)
    # an option that is not given is None or empty
    given = {name: value for name, value in criteria.items() if value} | {"limit": _USUAL if limit is None else limit}
    given |= {"excluded": excluding(app, exclude)} if exclude else {}
    question = parse_arguments(terms)
    query = search_query(question, now=datetime.now(UTC), zone=zone, whole=not exact, **given)
    if form == "raw" and query.kind and "log" not in query.kind:
        raise click.UsageError("a span has no raw line: leave --raw out, or take --json")
    if follow and query.until:
        raise click.UsageError("--follow has no end: leave --until out")
    if follow and any(context):
        raise click.UsageError("-A, -B and -C need lines that are there: leave --follow out")
    store = app.store()
    if follow:
        return _follow(app, query, store, printer, interval)
    return _find(app, query, store, printer, context, filter_names(question, given))


def _find(app: CommandContext, query: SearchQuery, store: Store, printer: Printer, context: Context, names: Mapping[str, str]) -> int:
    found = find(query, store, highlight=printer.marks)
    shown = 0
    for hits in _batches(found.hits):
        if any(context):
            for group in with_context(hits, store, before=context.before, after=context.after):
                if shown:
                    printer.separate()
                printer.print(group)
                shown += sum(not hit["context"] for hit in group)
        else:
            printer.print(hits)
            shown += len(hits)
    if not shown:
        store.require_templates()
        for sentence in explain_no_results(query, store, delays=app.settings.lookup_delays, now=time.time(), names=names):
            app.warn(sentence)
        return 1
    printer.end()
    if shown < found.total:
        app.warn(f"showing the newest {shown:,} of {found.total:,}; --all shows everything")
    return 0


def _follow(app: CommandContext, query: SearchQuery, store: Store, printer: Printer, interval: float) -> int:
    def trouble(text: str) -> None:
        app.warn(f"{text}; still trying")

    # else it would wait for what can't come
    store.require_templates()
    try:
        for hits in follow_hits(query, store, interval=interval, highlight=printer.marks, trouble=trouble):
            printer.print(hits)
    except KeyboardInterrupt:
        # Ctrl-C is how it is meant to end
        return 0
    return 0


def _batches(hits: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(hits, _BATCH)):
        yield batch
