"""`tracejoin demo`: runs the sample application and prints what tracejoin finds."""

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.markup import escape
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Column, Table

from pipeline.cli.context import CommandContext
from pipeline.cli.findings_table import faults_table
from pipeline.cli.options import pass_app
from pipeline.cli.serve import serve_page
from pipeline.cli.waterfall_table import waterfall_table
from pipeline.local.application import SIMULATED, Request
from pipeline.local.demo import Demo
from pipeline.local.demo import demo as run_demo
from pipeline.model.trace_ids import to_xray
from pipeline.search.explain_trace import explain_traces, in_words
from pipeline.search.findings import hidden_faults
from pipeline.search.query import SearchQuery
from pipeline.search.search import search, transaction, transaction_query
from pipeline.search.waterfall import closed, rows
from pipeline.search.waterfall_items import item_of

_MANY = 1000


@click.command()
@click.option("--keep", is_flag=True, help="Keep the embedded OpenSearch running, to search in it.")
@click.option("--serve", is_flag=True, help="Then open the page on what it stored, until Ctrl-C.")
@click.option("--no-browser", is_flag=True, help="With --serve: only print the page's address.")
@pass_app
def demo(app: CommandContext, *, keep: bool, serve: bool, no_browser: bool) -> int:
    """The blog's sample application on an embedded OpenSearch and X-Ray: its complaints shown and answered."""
    begun = time.monotonic()
    with run_demo(app.settings) as done:
        faults = hidden_faults(done.store)
        _show(app, done, faults)
        app.emit({"ledger": done.ledger, "settled": done.resolution.settled, "calls": done.resolution.calls, "hiddenFaults": len(faults),
                  "alerts": len(done.alerts), "alertLatencySeconds": _latencies(done),
                  "traces": [request.trace_id for request in done.run.requests]})  # fmt: skip
        app.say(f"\n[dim]{time.monotonic() - begun:.1f} s in all.[/]")
        if serve:
            serve_page(app, done.store, browser=not no_browser)
        elif keep:
            app.say(f"OpenSearch answers at [bold]{done.store.endpoint}[/]: try `tracejoin search --endpoint {done.store.endpoint} "
                    f"--correlation-id {done.run.requests[1].correlation_id}` in another terminal. Ctrl-C ends it.")  # fmt: skip
            _hold()
        else:
            app.say(f"Look at it in a browser: [bold]{escape(_own_name())} demo --serve[/]")
    return 0


def _own_name() -> str:
    """How this command was called: by its path below this folder, as `make demo` does, or by its name."""
    path = Path(sys.argv[0])
    return str(path) if path.name == "tracejoin" and not path.is_absolute() else "tracejoin"


def _show(app: CommandContext, done: Demo, faults: list[dict[str, Any]]) -> None:
    app.say(Rule("[bold]the sample application[/]"))
    app.say("service-a publishes to SNS, uses S3 and DynamoDB, invokes service-c, calls service-b, error and timeout over a REST API of "
            "API Gateway and service-d over an HTTP API; consumer takes from a queue what was published.")  # fmt: skip
    app.say(_requests(done))
    app.say("[dim]Simulated here, and not AWS: " + "; ".join(SIMULATED) + ". The handlers, Powertools and the X-Ray SDK are real.[/]\n")
    ledger = done.ledger
    app.say(f"shipped: {ledger.received} lines received = {ledger.indexed} indexed + {ledger.duplicate} duplicate + "
            f"{ledger.filtered} filtered + {ledger.dead_lettered} dead-lettered; {done.resolution.settled} traces settled; "
            f"{done.source} was called {_times(done.resolution.calls)}\n")  # fmt: skip
    shown = done.run.requests[1]
    app.say(Rule(f"[bold]one search: “{shown.title}”[/]"))
    query = json.dumps({"query": transaction_query([shown.trace_id])})
    app.say(f"$ tracejoin trace {to_xray(shown.trace_id)}\n[dim]POST /tracejoin/_search {escape(query)}[/]")
    _waterfall(app, transaction(shown.trace_id, done.store))
    spread, whole = _spread(done)
    app.say(Rule(f"\n[bold]one transaction: “{spread.title}”[/]"))
    app.say(f"$ tracejoin trace {spread.correlation_id}")
    _waterfall(app, whole)
    app.say(f"[bold]{len(_traces(whole))} traces, one waterfall[/]")
    for trace_id, begins in _beginnings(whole).items():
        app.say(f"  {trace_id} begins at {escape(begins)}")
    app.say(Rule("\n[bold]hidden faults[/]"))
    app.say('$ tracejoin faults\n[dim]POST /tracejoin-traces/_search {"query": {"term": {"trace.hiddenFault": true}}}[/]')
    app.say(faults_table(faults))
    _alerts(app, done)
    app.say(Rule("\n[bold]a trace that nobody recorded, and an id that is stale[/]"))
    for request in (_unsampled(done), _stale(done)):
        app.say(f"$ tracejoin why {to_xray(request.trace_id)}")
        for explanation in explain_traces(request.trace_id, done.store):
            for sentence in in_words(explanation):
                app.say(f"  {escape(sentence)}")
    app.say(Rule("\n[bold]the blog's complaints[/]"))
    app.say(_complaints(done, len(faults), spread, whole))


def _alerts(app: CommandContext, done: Demo) -> None:
    """Prints one alert as its subscriber got it, and how long alerts took."""
    app.say(Rule("\n[bold]alerts[/]"))
    latencies = _latencies(done)
    took = f"{median(latencies):.1f} s (median; {max(latencies):.1f} s at most)"
    app.say(f"{len(done.alerts)} messages came through SNS; from the last segment of a trace to its message {took}. "
            "On AWS the first look-up waits ten seconds, here one. One of them:")  # fmt: skip
    app.say(Panel(escape(done.alerts[0].text.strip()), title=escape(done.alerts[0].subject)))


def _latencies(done: Demo) -> list[float]:
    return [latency / 1000 for latency in done.resolution.alerts.latencies]


def _waterfall(app: CommandContext, documents: list[dict[str, Any]]) -> None:
    for line in waterfall_table(closed(rows(list(map(item_of, documents)))), app.console.width):
        app.say(line)


def _requests(done: Demo) -> Table:
    table = Table("request", "service-a calls", "client saw", "correlation id", Column("trace", no_wrap=True), show_edge=False)
    for request in done.run.requests:
        table.add_row(request.title, request.calls, str(request.status), request.correlation_id, to_xray(request.trace_id))
    return table


def _complaints(done: Demo, faults: int, spread: Request, scattered: list[dict[str, Any]]) -> Table:
    """The blog's complaints, each with what X-Ray shows and what tracejoin shows; every number is counted in this demo."""
    table = Table("complaint", "before: X-Ray and CloudWatch alone", "after: tracejoin", show_lines=True, show_edge=False)
    for row in (_always_200(done, faults), _stops_at_gateway(spread, scattered), _sampling(done), _annotations(done), _stale_id(done),
                _one_search(done)):  # fmt: skip
        table.add_row(*row)
    return table


def _always_200(done: Demo, faults: int) -> tuple[str, str, str]:
    flagged = sum(bool(summary["HasFault"]) for summary in done.summaries)
    return (
        "it's always 200",
        f"X-Ray's HasFault marks {flagged} of {len(done.summaries)} traces: each client saw 200",
        f"{faults} hidden faults found, each with its path, exception and span",
    )


def _stops_at_gateway(spread: Request, scattered: list[dict[str, Any]]) -> tuple[str, str, str]:
    spans = [document for document in scattered if document["doc"]["kind"] == "span"]
    id_, lines = spread.correlation_id, len(scattered) - len(spans)
    before = "of an HTTP API X-Ray knows nothing: the function behind it begins another trace, and so does a queue's. The request "
    before += f"{id_} is {len(_traces(spans))} traces in X-Ray"
    after = f"tracejoin trace {id_}: {len(_traces(scattered))} traces in one waterfall, {len(spans)} spans and {lines} lines"
    return "traces stop at API Gateway", before, after


def _sampling(done: Demo) -> tuple[str, str, str]:
    unsampled = _unsampled(done)
    line = search(SearchQuery(trace_id=unsampled.trace_id, limit=1), done.store)[0]
    return (
        "sampling is confusing",
        f"the log line names {to_xray(unsampled.trace_id)}, and X-Ray has nothing under it",
        f"state [yellow]{line['trace']['state']}[/]: {line['trace']['stateReason']} Looked up {_times(done.lookups_of_unsampled)}",
    )


def _annotations(done: Demo) -> tuple[str, str, str]:
    annotated = len(search(SearchQuery(annotations=("call=once",), limit=_MANY), done.store))
    return (
        "annotations are for subsegments only",
        "X-Ray finds a trace by an annotation, and no log line",
        f"tracejoin search --annotation call=once: {annotated} lines and spans of the request that made this call",
    )


def _stale_id(done: Demo) -> tuple[str, str, str]:
    line = search(SearchQuery(trace_id=_stale(done).trace_id, service="cached-segment", text="answers"), done.store)[0]
    return (
        "the id in the log is another invocation's",
        f"a handler that caches its segment logs {to_xray(line['staleTraceId'])}: a search by it finds a line that is not of this trace",
        f"the line stands in {line['xray']['traceId']}, as the platform's record of its request says; the stale id is kept beside it",
    )


def _one_search(done: Demo) -> tuple[str, str, str]:
    correlation_id = done.run.requests[0].correlation_id
    whole = transaction(correlation_id, done.store)
    groups = {document["aws"]["logGroup"] for document in whole if document["doc"]["kind"] == "log"}
    return (
        "correlation ids, and one place to search",
        f"{len(groups)} log groups and the X-Ray console, one after the other; X-Ray finds no correlation id",
        f"one search by {correlation_id}: {len(whole)} lines and spans of {len(_traces(whole))} traces, in time order",
    )


def _spread(done: Demo) -> tuple[Request, list[dict[str, Any]]]:
    """The request with the most traces, and the documents of its transaction."""
    found = [(request, transaction(request.correlation_id, done.store)) for request in done.run.requests]
    return max(found, key=lambda pair: len(_traces(pair[1])))


def _traces(documents: list[dict[str, Any]]) -> set[str]:
    return {document["traceId"] for document in documents if document.get("traceId")}


def _beginnings(documents: list[dict[str, Any]]) -> dict[str, str]:
    """The name of each trace's root span, by the trace id in X-Ray's form."""
    roots = (document for document in documents if document["doc"]["kind"] == "span" and not document["parentSpanId"])
    return {document["xray"]["traceId"]: document["name"] for document in roots}


def _recorded(request: Request, done: Demo) -> bool:
    return any(summary["Id"] == to_xray(request.trace_id) for summary in done.summaries)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _unsampled(done: Demo) -> Request:
    return next(request for request in done.run.requests if not _recorded(request, done))


def _stale(done: Demo) -> Request:
    """The request of which a line names a stale trace id."""
    lines = search(SearchQuery(service="cached-segment", text="answers"), done.store)
    own = next(line["traceId"] for line in lines if line.get("staleTraceId"))
    return next(request for request in done.run.requests if request.trace_id == own)


def _hold() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
