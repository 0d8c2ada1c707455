"""`tracejoin explain`: prints what would be extracted from log lines."""

from typing import BinaryIO

import click
from rich.markup import escape
from rich.table import Table

from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_offline_app, read_file
from pipeline.cli.terminal_text import terminal_safe
from pipeline.configure import redactor_for
from pipeline.offline.explain_lines import explain as explain_lines

_WIDEST_LINE = 60


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@pass_offline_app
def explain(app: CommandContext, file: BinaryIO) -> None:
    """What would be extracted from the lines in FILE, or stdin: raw log lines, or a subscription event."""
    table = Table("line", "trace", "how", "request", "sampled", "severity", "format", "signals")
    data = read_file(file)
    settings = app.settings
    bound, paths, redactor = settings.max_decompressed_bytes, settings.correlation_paths, redactor_for(settings)
    found = explain_lines(data, max_bytes=bound, correlation_paths=paths, redactor=redactor, api_gateway=settings.api_gateway_log_groups)
    for message, explanation in found:
        app.emit(explanation)
        sampled = {True: "yes", False: "no", None: ""}[explanation.sampled]
        start = message.strip().partition("\n")[0][:_WIDEST_LINE]
        begins, request_id, severity = (escape(terminal_safe(text or "")) for text in (start, explanation.request_id, explanation.severity))
        table.add_row(
            begins, explanation.xray_trace_id, explanation.id_source, request_id, sampled, severity, explanation.format,
            " ".join(explanation.signals),
        )  # fmt: skip
    app.say(table)
