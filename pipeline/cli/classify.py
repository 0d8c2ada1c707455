"""`tracejoin classify`: prints the findings in the traces of a file."""

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
    api_gateway = app.settings.api_gateway_log_groups
    lines = [line for _, line in read(read_file(logs), max_bytes=bound, redactor=redactor, api_gateway=api_gateway)] if logs else []
    in_logs = any(line.trace_id for line in lines)
    segments, problems = read_traces(read_file(file), max_bytes=bound, redactor=redactor, may_be_empty=in_logs)
    for problem in problems:
        app.warn(f"{file.name}: {problem}")
    facts = facts_of_lines(lines, segments)
    for trace_id, verdict in classify_traces(segments, facts, evaluator_for(app.settings), now_ms=int(time.time() * 1000)):
        result = classification_of(trace_id, verdict)
        app.emit(result)
        app.say(f"[bold]{result.xray_trace_id}[/]  {result.state}  {describe_response(result.client_saw, result.edge_status)}  "
                f"fault {result.fault}  error {result.error}  throttle {result.throttle}  hidden fault {result.hidden_fault}")  # fmt: skip
        app.say(findings_table(verdict.findings))
    return 0
