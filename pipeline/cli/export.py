"""`tracejoin export`: writes one transaction to a file, as it is stored, or as OTLP for other tools."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click

from pipeline.cli.context import CommandContext
from pipeline.cli.json_output import json_line
from pipeline.cli.options import GivenText, pass_app
from pipeline.cli.output_file import write_whole
from pipeline.search.export import exported_documents
from pipeline.search.otlp import otlp_lines


@click.command()
@click.argument("id", type=GivenText())
@click.option("--otlp", is_flag=True, help="As OpenTelemetry's JSON: lines of TracesData and LogsData.")
@click.option("--output", type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path), default="-", metavar="FILE",
              help="Write to this file; else to stdout.")  # fmt: skip
@pass_app
def export(app: CommandContext, *, id: str, otlp: bool, output: Path) -> int:  # noqa: A002  # the name that the user sees
    """Writes one transaction as JSON Lines: its traces with their findings, then all lines and spans in time order, as they are stored.

    ID: a trace, correlation or request id. With --otlp the lines and spans alone are written, as other tools of OpenTelemetry read them.
    """
    written: Counter[str] = Counter()
    store = app.store()
    documents = _counted(exported_documents(id, store), written)
    lines = (f"{json_line(content)}\n" for content in (otlp_lines(documents) if otlp else documents))
    if str(output) == "-":
        for line in lines:
            app.write(line)
    # no file where there are no lines
    elif first := next(lines, ""):
        write_whole(chain([first], lines), output)
    if not written:
        return app.found_nothing(store, f"nothing is known of {id}")
    app.warn(f"exported {written['log']:,} lines and {written['span']:,} spans of {written['trace']:,} traces")
    return 0


def _counted(documents: Iterable[dict[str, Any]], written: Counter[str]) -> Iterator[dict[str, Any]]:
    for document in documents:
        written[document["doc"]["kind"]] += 1
        yield document
