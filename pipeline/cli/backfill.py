"""`tracejoin backfill`: ships past events of CloudWatch Logs, or of an export of them in S3."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import msgspec
from botocore.config import Config

from pipeline.backfill.backfill import AT_ONCE, Backfill, BackfillProgress
from pipeline.backfill.exported_objects import object_portions
from pipeline.backfill.filter_log_events import CALLS_PER_SECOND, time_portions
from pipeline.backfill.log_group_names import ChosenLogGroup, chosen_log_groups
from pipeline.backfill.portion import Portion
from pipeline.backfill.request_rate import RequestRate
from pipeline.backfill.saved_progress import SavedProgress, progress_path
from pipeline.cli.aws_session import aws_session
from pipeline.cli.context import CommandContext, state_folder
from pipeline.cli.options import pass_app
from pipeline.cli.progress_bar import progress_bar
from pipeline.cli.stack_settings import stack_settings
from pipeline.cli.time_option import TIMES, Moment
from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError
from pipeline.model.lookups import XRAY_KEEPS_DAYS
from pipeline.model.timestamps import iso_millis
from pipeline.provision.install import require

_DAY_MS: Final = 86_400_000
_LAST_MS: Final = 2**53
# adaptive: botocore slows down by itself where AWS throttles
_CONFIG: Final = Config(retries={"mode": "adaptive", "total_max_attempts": 12}, connect_timeout=5, read_timeout=60, max_pool_connections=16)
_HELP = f"""Ships past events of log groups through the same code as a subscription, with the same ids: what was shipped is a duplicate.

A LOG-GROUP is a name, a pattern with * and ?, or an ARN, which may be of another account that shares its log groups with this one.
Interrupted, by Ctrl-C or by a kill, the same command goes on where it stopped. Region and credentials as the AWS CLI has them.

{TIMES}"""


@click.command(help=_HELP)
@click.argument("log_groups", metavar="LOG-GROUP...", nargs=-1, required=True)
@click.option("--since", default="", metavar="TIME", help="Events that are not older: see above. An export needs none.")
@click.option("--until", default="", metavar="TIME", help="Events that are not newer; else those up to now.")
@click.option("--filter", "pattern", default="", metavar="PATTERN", help="Only what this filter pattern of CloudWatch Logs matches.")
@click.option("--export", "url", default="", metavar="S3-URL", help="Read what was exported of this one log group to s3://BUCKET/PREFIX.")
@click.option("--rate", default=CALLS_PER_SECOND, show_default=True, type=click.FloatRange(0.1, 100),
              help="The most calls a second of FilterLogEvents.")  # fmt: skip
@click.option("--restart", is_flag=True, help="Begin anew instead of where the same command stopped.")
@click.option("--stack", default="", metavar="NAME", help="The CloudFormation stack, whose OpenSearch and settings count.")
@pass_app
def backfill(app: CommandContext, *, log_groups: tuple[str, ...], since: str, until: str, pattern: str, url: str, rate: float,
             restart: bool, stack: str) -> int:  # fmt: skip
    """Ships past events; exit status 1 where some could not be read or shipped, or where it was interrupted."""
    if url and (pattern or len(log_groups) != 1):
        raise click.UsageError("--export goes with one LOG-GROUP, and without --filter: CloudWatch Logs has filtered nothing there")
    if not url and not since:
        raise click.UsageError("--since is missing: say how far back to go, such as --since 7d")
    if stack:
        app.settings = stack_settings(app, stack)
    if not app.settings.region:
        raise MisconfiguredError(["no region is set: log groups are in one; name it with --region or AWS_REGION"])
    what = (app.settings.endpoint, app.settings.prefix, app.settings.region, *log_groups, "", since, until, pattern, url)
    saved = _saved(app, progress_path(state_folder(), *what), since, until, restart=restart, whole=bool(url))
    store = app.store()
    require(store)
    portions = _portions(app, saved, log_groups, pattern=pattern, url=url, rate=rate)
    # an export is compared with what was shipped until now
    store.refresh()
    with progress_bar("events") as update:
        run = Backfill(store, app.settings, saved, told=lambda progress: update(progress.done, progress.ledger.received),
                       waiting=lambda reason: app.warn(f"{reason}; still trying"))  # fmt: skip
        stopped = _run(app, run, portions)
    return _tell(app, run.progress, saved, stopped=stopped)


def _portions(app: CommandContext, saved: SavedProgress, names: Sequence[str], *, pattern: str, url: str, rate: float) -> list[Portion]:
    """What is to be read; says what is left out, and what can't be told for sure. Fails as wrong usage where it is no one log group."""
    region = app.settings.region
    session = aws_session(app)
    logs, tagging, s3 = (session.client(service, config=_CONFIG) for service in ("logs", "resourcegroupstaggingapi", "s3"))
    groups, own = chosen_log_groups(names, region, logs=logs, tagging=tagging)
    for name in own:
        app.warn(f"{name} is left out: a tracejoin stack itself writes to it")
    if not groups:
        raise BadInputError("there is nothing left to read")
    _say_limits(app, saved, () if url else groups)
    if not url:
        return time_portions(groups, logs, since=saved.since, until=saved.until, pattern=pattern, rate=RequestRate(rate), at_once=AT_ONCE)
    if len(groups) != 1:
        raise click.UsageError(f"--export goes with one LOG-GROUP, and {names[0]} stands for {len(groups)}")
    portions, doubts = object_portions(url, groups[0], s3=s3, logs=logs, since=saved.since, until=saved.until)
    for doubt in doubts:
        app.warn(doubt)
    return portions


def _saved(app: CommandContext, path: Path, since: str, until: str, *, restart: bool, whole: bool) -> SavedProgress:
    """The progress of the same command, or a new one; ``whole`` is without times everything. Fails as wrong usage where a time is none."""
    begin = _millis(Moment().convert(since, None, None)) if since else -_LAST_MS
    now = _LAST_MS if whole else int(time.time() * 1000)
    end = _millis(Moment(end=True).convert(until, None, None)) if until else now
    if begin > end:
        raise click.UsageError(f"--since ({iso_millis(begin)}) lies after --until ({iso_millis(end)}): nothing is between them")
    saved = SavedProgress(path, since=begin, until=end)
    if saved.resumed and restart:
        saved.forget()
        return SavedProgress(path, since=begin, until=end)
    if saved.resumed:
        times = "" if whole else f", with the events from {iso_millis(saved.since)} to {iso_millis(saved.until)}"
        app.warn(f"goes on where it stopped{times}; --restart begins anew")
    return saved


def _millis(at: datetime) -> int:
    return min(int(at.timestamp() * 1000), _LAST_MS)


def _say_limits(app: CommandContext, saved: SavedProgress, groups: Sequence[ChosenLogGroup]) -> None:
    """Says what can't be had of events as old as these; ``groups`` are read by FilterLogEvents."""
    days = (int(time.time() * 1000) - saved.since) / _DAY_MS
    for group in groups:
        if 0 < group.retention_days < days:
            app.warn(f"{group.name} keeps its events for {group.retention_days} days: older ones are gone")
    if days > XRAY_KEEPS_DAYS:
        app.warn(f"X-Ray keeps traces for {XRAY_KEEPS_DAYS} days: older ones are not asked for, and end as notFound, with their lines")
    kept = app.settings.retention_days
    if days > kept:
        app.warn(f"what is older than {kept} days goes into one index for all old events, and the next sweep deletes its traces: set "
                 "TRACEJOIN_RETENTION_DAYS, and the stack's RetentionDays, to the days that it should be kept")  # fmt: skip


def _run(app: CommandContext, run: Backfill, portions: Sequence[Portion]) -> bool:
    """Whether it was stopped before its end."""
    try:
        run.run(portions)
    except KeyboardInterrupt:
        app.warn("stopped; the same command goes on from here")
        return True
    except MisconfiguredError:
        raise
    except TracejoinError as error:
        app.warn(f"{error}; the same command goes on from here")
        return True
    return False


def _tell(app: CommandContext, progress: BackfillProgress, saved: SavedProgress, *, stopped: bool) -> int:
    ledger = progress.ledger
    for problem in progress.unreadable:
        app.warn(problem)
    if not stopped and not progress.unreadable:
        saved.forget()
    counts = msgspec.to_builtins(ledger) | {"storedUnderOtherId": progress.alike}
    app.emit(counts | {"complete": not stopped and not progress.unreadable})
    app.say("  ".join(f"{name} [bold]{count}[/]" for name, count in counts.items()))
    if ledger.indexed:
        app.say("the sweep of the stack settles their traces within minutes; without a stack, or with SweepBy=need, tracejoin resolve does")
    return 1 if stopped or progress.unreadable or ledger.bad_envelopes or ledger.dead_lettered else 0
