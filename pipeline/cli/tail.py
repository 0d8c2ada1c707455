"""`tracejoin tail`: the short word for `search --follow`."""

from typing import Any

import click

from pipeline.cli.search import search

# context has no end here, as `until` has none
_FIXED = frozenset({"follow", "until", "after", "before", "around"})


@click.command(
    params=[option for option in search.params if option.name not in _FIXED],
    help="Prints what is found, then what comes in, as it comes, until Ctrl-C: `search --follow`. See `tracejoin search --help`.",
)
@click.pass_context
def tail(ctx: click.Context, /, **criteria: Any) -> None:
    """Prints what `search --follow` does."""
    ctx.invoke(search, follow=True, **criteria)
