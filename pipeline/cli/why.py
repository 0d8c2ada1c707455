"""`tracejoin why`: says in words what is known of a trace."""

import time
from datetime import tzinfo

import click
import msgspec
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.options import GivenText, pass_app
from pipeline.cli.zone_option import utc_option
from pipeline.configure import evaluator_for, policy_for, rules_for
from pipeline.retain.in_words import decisions_in_words
from pipeline.search.explain_trace import TraceExplanation, explain_traces, in_words
from pipeline.store.client import Store
from pipeline.store.trace_records import TraceRecords


@click.command()
@click.argument("id", type=GivenText())
@utc_option
@pass_app
def why(app: CommandContext, *, id: str, zone: tzinfo | None) -> int:  # noqa: A002  # the name that the user sees
    """In words: which state a trace is in and why, what was asked and what came back, which lines joined how.

    And which rules fired, and what is kept of it.

    ID: a trace, correlation or request id.
    """
    store = app.store()
    explanations = _with_decisions(explain_traces(id, store, rules_for(app.settings)), store, app)
    if not explanations:
        return app.found_nothing(store, f"nothing is known of {id}")
    for explanation in explanations:
        app.emit(explanation)
        app.say(f"[bold]{explanation.xray_trace_id}[/]")
        for sentence in in_words(explanation, zone=zone):
            app.say(f"  {escape(sentence)}")
    return 0


def _with_decisions(explanations: list[TraceExplanation], store: Store, app: CommandContext) -> list[TraceExplanation]:
    """The explanations with what the policy says of each trace."""
    records = TraceRecords(store, evaluator_for(app.settings))
    ids = [explanation.trace_id for explanation in explanations]
    said = decisions_in_words(ids, store, records, policy_for(app.settings), int(time.time() * 1000))
    return [msgspec.structs.replace(each, retention=(*each.retention, said[each.trace_id])) if each.trace_id in said else each
            for each in explanations]  # fmt: skip
