"""`tracejoin classify`."""

import time
from typing import BinaryIO

import click

from pipeline.cli.context import CommandContext
from pipeline.cli.findings_table import findings_table
from pipeline.cli.options import pass_app, read_file
from pipeline.configure import evaluator_for, redactor_for
from pipeline.detect.failures import describe_response
from pipeline.offline.classify_traces import classification_of, facts_of_lines, read_traces
from pipeline.offline.classify_traces import classify as classify_traces
from pipeline.offline.explain_lines import read


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--logs", type=click.File("rb"), help="Log lines of the same traces, as `explain` reads them.")
@pass_app
def classify(app: CommandContext, *, file: BinaryIO, logs: BinaryIO | None) -> int:
    """The findings in the traces of FILE: a BatchGetTraces answer, traces, segment documents, or lines of aws/spans. Without OpenSearch."""
    bound, redactor = app.settings.max_decompressed_bytes, redactor_for(app.settings)
    segments, problems = read_traces(read_file(file), max_bytes=bound, redactor=redactor)
    for problem in problems:
        app.warn(f"tracejoin: {file.name}: {problem}")
    lines = (line for _, line in read(read_file(logs), max_bytes=bound, redactor=redactor)) if logs else ()
    facts = facts_of_lines(lines, segments)
    for trace_id, verdict in classify_traces(segments, facts, evaluator_for(app.settings), now_ms=int(time.time() * 1000)):
        found = classification_of(trace_id, verdict)
        app.emit(found)
        app.say(f"[bold]{found.xray_trace_id}[/]  {found.state}  {describe_response(found.client_saw, found.edge_status)}  "
                f"fault {found.fault}  error {found.error}  throttle {found.throttle}  hidden fault {found.hidden_fault}")  # fmt: skip
        app.say(findings_table(verdict.findings))
    return 0
