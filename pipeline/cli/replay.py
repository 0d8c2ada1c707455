"""`tracejoin replay`: lists parked events and dead letters, shows one, and sends them again."""

import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

import click
from msgspec.structs import replace

from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.cli.progress_bar import progress_bar
from pipeline.cli.replay_target import Target, target_of
from pipeline.cli.replay_views import count_lines, ledger_line, letter_lines, letter_view, parked_lines, parked_view
from pipeline.cli.time_option import TIMES, Moment
from pipeline.cli.zone_option import utc_option
from pipeline.configure import redactor_for
from pipeline.errors import UnavailableError
from pipeline.model.timestamps import iso
from pipeline.provision.install import require
from pipeline.replay.choice import Choice
from pipeline.replay.outcome import ReplayLedger
from pipeline.replay.pace import Pace
from pipeline.replay.run import Replay
from pipeline.replay.sender import Sender
from pipeline.replay.survey import Survey
from pipeline.store.stored_letters import count_letters, find_letters

Action = Literal["list", "show", "send"]

_PATIENCE: Final = 60.0
_READ: Final = 1000
# more than there are, and a number that every loop counts to
_MOST: Final = 10**12
_HELP = f"""Parked events and dead letters: list them by reason, show one, send them again.

list (the default) counts them by reason, with one ID of each. show prints the one with this ID. send ships them through the same code
as Lambda, all or those with these IDs, deletes what went through, and keeps what did not. What is indexed already is a duplicate and not a
second copy, so it may be interrupted, by Ctrl-C or a kill, and the same command goes on.

Region and credentials as the AWS CLI has them. {TIMES}"""


@click.command(help=_HELP)
@click.argument("action", type=click.Choice(["list", "show", "send"]), default="list")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--stack", default="", metavar="NAME", help="The CloudFormation stack, whose bucket, OpenSearch and settings count.")
@click.option("--bucket", default="", metavar="NAME", help="The bucket of parked events; else the stack's, else TRACEJOIN_PARKED_BUCKET.")
@click.option("--prefix", default="", metavar="TEXT", help="The start of the keys, such as processing-failed/ in a bucket of Firehose.")
@click.option("--since", type=Moment(), metavar="TIME", help="What was parked, or logged, not before: see above.")
@click.option("--reason", default="", metavar="TEXT", help="A part of the reason, as the list shows it.")
@click.option("--limit", type=click.IntRange(1, _MOST), metavar="N", help=f"How many at most; the list reads {_READ} of each without it.")
@click.option("--rate", type=click.FloatRange(min=0.1), metavar="N", help="How many log events a second at most.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send and delete nothing.")
@utc_option
@pass_app
def replay(app: CommandContext, *, action: Action, ids: tuple[str, ...], stack: str, bucket: str, prefix: str, since: datetime | None,
           reason: str, limit: int | None, rate: float | None, dry_run: bool, zone: tzinfo | None) -> int:  # fmt: skip
    """Lists, shows or sends; exit status 1 where something could not be sent, or is not there."""
    if action != "send" and (rate or dry_run):
        raise click.UsageError("--rate and --dry-run go with send")
    if action == "show" and len(ids) != 1:
        raise click.UsageError("show takes one ID, as the list names them")
    if action == "list" and ids:
        raise click.UsageError("list takes no ID: show prints one")
    target = target_of(app, stack=stack, bucket=bucket, prefix=prefix)
    require(target.store)
    choice = Choice(since=since, until=datetime.now(UTC), reason=reason, ids=frozenset(ids), limit=limit)
    if action == "show":
        return _show(app, target, ids[0], zone)
    if action == "list":
        return _list(app, target, choice, zone)
    return _send(app, target, choice, Pace(rate), dry_run=dry_run)


def _show(app: CommandContext, target: Target, id_: str, zone: tzinfo | None) -> int:
    if "/" in id_:
        found = target.bucket.find(id_) if target.bucket else None
        records = target.bucket.read(found) if target.bucket and found else None
        if found and records is not None:
            view = parked_view(found, records, redactor_for(target.settings), target.settings.max_decompressed_bytes)
            app.emit(view)
            return _print(app, parked_lines(view, zone))
    else:
        for letter in find_letters(target.store, [id_]):
            app.emit(letter_view(letter))
            return _print(app, letter_lines(letter, zone))
    app.warn(f"there is no parked event and no dead letter {id_}")
    return 1


def _print(app: CommandContext, lines: Iterable[str]) -> int:
    if not app.json:
        for line in lines:
            app.write(f"{line}\n")
    return 0


def _list(app: CommandContext, target: Target, choice: Choice, zone: tzinfo | None) -> int:
    parked, letters = _totals(target, choice)
    read = choice.limit or _READ
    survey = Survey()
    total = min(parked, read) + min(letters, read)
    with progress_bar("read") as update:
        for number, _ in enumerate(survey.look(target.store, target.bucket, replace(choice, limit=read)), 1):
            update(number / max(total, number), number)
    counts = survey.counts()
    for each in counts:
        app.emit(each)
    if counts:
        _print(app, count_lines(counts, zone))
    else:
        app.say(_nothing(target, choice))
    for what, number in (("parked events", parked), ("dead letters", letters)):
        if number > read:
            app.warn(f"of {number:,} {what} the first {read:,} are counted: --limit reads more")
    return 0


def _nothing(target: Target, choice: Choice) -> str:
    of_these = " of these" if choice.since or choice.reason else ""
    if target.bucket is None:
        return f"no dead letter{of_these}; parked events were not looked at (--stack or --bucket)"
    return f"no event is parked, and there is no dead letter{of_these}"


def _totals(target: Target, choice: Choice) -> tuple[int, int]:
    """How many objects and letters there are, whatever their reasons."""
    if choice.ids:
        return len(choice.keys), len(choice.letters)
    since = iso(choice.since) if choice.since else ""
    return sum(1 for _ in target.bucket.objects(choice)) if target.bucket else 0, count_letters(target.store, since=since)


def _send(app: CommandContext, target: Target, choice: Choice, pace: Pace, *, dry_run: bool) -> int:
    total = min(sum(_totals(target, choice)), choice.limit or sys.maxsize)
    sender = Sender(target.store, target.settings, _countdown, pace, dry_run=dry_run)
    run = Replay(sender, target.bucket, choice)
    ledger = ReplayLedger(dry_run=dry_run)
    seen: set[str] = set()
    problem = ""
    try:
        with progress_bar("events") as update:
            for outcome in run.outcomes():
                ledger.add(outcome)
                seen.add(outcome.id)
                update(min(ledger.found / max(total, 1), 1.0), ledger.events.received)
    except KeyboardInterrupt:
        problem = "interrupted; the same command goes on"
    except UnavailableError as error:
        problem = str(error)
    finally:
        # also where a permission is missing: what went through is told
        app.emit(ledger)
        app.say(ledger_line(ledger))
    if not ledger.found and not choice.ids and not problem:
        app.say(_nothing(target, choice))
    missing = sorted(choice.ids - seen) if not problem else []
    reasons = (f"{reason} (such as {id_})" for reason, id_ in ledger.reasons.items())
    for text in (*reasons, *(f"there is no parked event and no dead letter {id_}" for id_ in missing), *filter(None, [problem])):
        app.warn(text)
    return int(bool(problem or missing or ledger.kept or ledger.unreadable))


def _countdown() -> Callable[[], float]:
    deadline = time.monotonic() + _PATIENCE
    return lambda: deadline - time.monotonic()
