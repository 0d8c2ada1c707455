"""`tracejoin explain`."""

from typing import BinaryIO

import click
from rich.table import Table

from pipeline.cli.app import App
from pipeline.cli.options import pass_app, read_file
from pipeline.explain import explain as explain_lines

_WIDEST_LINE = 60


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@pass_app
def explain(app: App, file: BinaryIO) -> None:
    """What would be extracted from the lines in FILE, or stdin: raw log lines, or a subscription event."""
    table = Table("line", "trace", "how", "request", "sampled", "severity", "format", "signals")
    data = read_file(file)
    settings = app.settings
    bound, paths = settings.max_decompressed_bytes, settings.correlation_paths
    for message, explanation in explain_lines(data, max_bytes=bound, correlation_paths=paths):
        app.emit(explanation)
        sampled = {True: "yes", False: "no", None: ""}[explanation.sampled]
        table.add_row(
            message.splitlines()[0][:_WIDEST_LINE], explanation.xray_trace_id, explanation.id_source, explanation.request_id,
            sampled, explanation.severity, explanation.format, " ".join(explanation.signals),
        )  # fmt: skip
    app.say(table)
