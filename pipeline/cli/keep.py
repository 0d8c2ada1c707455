"""`tracejoin keep`: pins a transaction, so that no policy and no retention deletes anything of it."""

from getpass import getuser

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.options import GivenText, pass_app
from pipeline.configure import evaluator_for
from pipeline.model.json_values import as_text
from pipeline.model.trace_ids import to_xray
from pipeline.retain.legal_hold import Hold, LegalHolds
from pipeline.search.pasted_ids import meant_by, name_of
from pipeline.store.trace_records import TraceRecords

_MOST_NAMED = 3
_LONGEST = 500


@click.command()
@click.argument("id", required=False, type=GivenText())
@click.option("--note", default="", help="Why, for whoever reads the list.")
@click.option("--by", default="", help="Who asks for it; else the name that you are logged in with.")
@click.option("--release", is_flag=True, help="End the hold instead: the retention counts again.")
@click.option("--list", "as_list", is_flag=True, help="List what is held.")
@pass_app
def keep(app: CommandContext, *, id: str | None, note: str, by: str, release: bool, as_list: bool) -> int:  # noqa: A002  # the user sees it
    """Holds a transaction: no policy and no retention deletes anything of it, and search finds it as before.

    ID: a trace, correlation or request id. Exit status 1 where nothing is known of it, or nothing is held.
    """
    if bool(id) == as_list or (as_list and release):
        raise click.UsageError("give the ID of what to keep or, with --release, to let go; or --list alone")
    if len(note) > _LONGEST:
        raise click.UsageError(f"a note has {_LONGEST} characters at most, and this one has {len(note):,}")
    store = app.installed_store()
    holds = LegalHolds(store, TraceRecords(store, evaluator_for(app.settings)))
    if not id:
        store.refresh()
        found, word = holds.all(), "held"
    elif release:
        found, word = holds.release(name_of(id), also=meant_by(id)), "released"
    else:
        found, word = [holds.hold(name_of(id), also=meant_by(id), note=as_text(note), by=as_text(by or _user()))], "held"
    for hold in found:
        app.emit(hold)
        app.say(_in_words(hold, word))
    if not found:
        app.warn(f"no hold has {id}: `tracejoin keep --list` shows what is held" if id else "nothing is held")
    return int(not found)


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        # as in a container, whose user has no name
        return "unknown"


def _in_words(hold: Hold, word: str) -> str:
    named = ", ".join(map(to_xray, hold.trace_id[:_MOST_NAMED])) + (" …" if len(hold.trace_id) > _MOST_NAMED else "")
    traces = f"{len(hold.trace_id)} trace{'' if len(hold.trace_id) == 1 else 's'}"
    note = f"\n  {escape(hold.note)}" if hold.note else ""
    return f"{word} [bold]{escape(hold.id)}[/]: {traces} ({named})\n  by {escape(hold.by)} since {hold.at}{note}"
