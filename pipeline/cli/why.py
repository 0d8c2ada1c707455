"""`tracejoin why`: says in words what is known of a trace."""

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.configure import rules_for
from pipeline.search.explain_trace import explain_traces, in_words


@click.command()
@click.argument("id")
@pass_app
def why(app: CommandContext, *, id: str) -> int:  # noqa: A002  # the name that the user sees
    """In words: which state a trace is in and why, what was asked and what came back, which lines joined how, which rules fired.

    ID: a trace, correlation or request id.
    """
    explanations = explain_traces(id, app.store(), rules_for(app.settings))
    if not explanations:
        app.warn(f"nothing is known of {id}")
        return 1
    for explanation in explanations:
        app.emit(explanation)
        app.say(f"[bold]{explanation.xray_trace_id}[/]")
        for sentence in in_words(explanation):
            app.say(f"  {escape(sentence)}")
    return 0
