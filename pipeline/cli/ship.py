"""`tracejoin ship`: ships recorded subscription events."""

import time
from collections.abc import Callable

import click
import msgspec

from pipeline.cli.context import CommandContext
from pipeline.cli.options import open_files, pass_app
from pipeline.errors import BadInputError
from pipeline.offline.input_files import read_events
from pipeline.provision.install import require
from pipeline.ship import Ledger
from pipeline.ship import ship as ship_event

_PATIENCE = 60.0


@click.command()
@click.argument("files", type=click.Path(exists=True, dir_okay=False, allow_dash=True), nargs=-1, required=True)
@pass_app
def ship(app: CommandContext, files: tuple[str, ...]) -> int:
    """Ships recorded subscription events through the same code as Lambda; prints the ledger.

    A file holds one event, an array of them, or one a line.
    """
    events, refused = _read(app, files)
    ledger = Ledger()
    if events:
        store = app.store()
        require(store)
        for event in events:
            ledger.add(ship_event(event, store=store, settings=app.settings, remaining=_countdown()).ledger)
    app.emit(ledger)
    app.say("  ".join(f"{name} [bold]{count}[/]" for name, count in msgspec.to_builtins(ledger).items()))
    return 1 if refused or ledger.bad_envelopes or ledger.dead_lettered else 0


def _read(app: CommandContext, files: tuple[str, ...]) -> tuple[list[object], int]:
    """The events in the files, and the number of files that can't be read."""
    events: list[object] = []
    refused = 0
    for name, data in open_files(files):
        try:
            events += read_events(data)
        except BadInputError as error:
            app.warn(f"{name}: {error}")
            refused += 1
    return events, refused


def _countdown() -> Callable[[], float]:
    deadline = time.monotonic() + _PATIENCE
    return lambda: deadline - time.monotonic()
