"""`tracejoin cost`: prints what logs, traces and OpenSearch cost in a month, and who logs most."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Final

import click

from pipeline.cli.aws_session import aws_session
from pipeline.cli.context import CommandContext
from pipeline.cli.cost_table import cost_report, savings_report
from pipeline.cli.options import pass_app
from pipeline.cli.time_option import TIMES, since_until
from pipeline.cli.zone_option import utc_option
from pipeline.configure import evaluator_for
from pipeline.cost.aws_usage import AwsUsage
from pipeline.cost.bill import NO_NAME, Bill, By, bill
from pipeline.cost.prices import Prices, list_prices, read_prices
from pipeline.cost.saving import Saving, savings
from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.collect.usage import read_usage
from pipeline.errors import TracejoinError
from pipeline.model.timestamps import iso
from pipeline.retain.forecast import ServiceForecast, forecast, stored_transactions
from pipeline.retain.policy import Policy
from pipeline.retain.policy_file import read_policy_file
from pipeline.retain.slowness import slowness_of
from pipeline.search.stored_usage import StoredUsage, stored_usage
from pipeline.search.time_expressions import time_range
from pipeline.store.client import Store
from pipeline.store.trace_records import TraceRecords

_DAYS: Final = 7
_MOST_TRANSACTIONS: Final = 10_000
_HELP = f"""What logs, traces and OpenSearch cost in a month, by service, function or log group, those who log most first.

It counts what is stored of a period ({_DAYS} days, or --since and --until) and, where AWS lets it, what CloudWatch measured of the
same period in this account and region. Dollars are a month's, at list prices: no free tier, no discount. docs/cost.md says how each
number is known. Exit status 1 where nothing was used.

{TIMES}"""


@click.command(help=_HELP)
@since_until
@utc_option
@click.option(
    "--by", type=click.Choice(["service", "function", "log-group"]), default="service", show_default=True, help="What makes a row."
)
@click.option("--prices", "price_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Prices of yours over the list of the package: YAML with date, region and prices.")  # fmt: skip
@click.option("--stack", default="tracejoin", show_default=True, metavar="NAME", help="The CloudFormation stack of tracejoin.")
@click.option("--no-aws", is_flag=True, help="Ask AWS nothing: what is stored alone counts.")
@click.option("--policy", "policy_file", metavar="FILE", help="Also what this policy (docs/retention.md) would take of what is stored.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many rows; the others share one.")
@pass_app
def cost(app: CommandContext, *, since: datetime | None, until: datetime | None, by: By, price_file: Path | None, stack: str, no_aws: bool,
         policy_file: str | None, limit: int, zone: tzinfo | None) -> int:  # fmt: skip
    """Prints the bill; exit status 1 where nothing was used."""
    if policy_file and by != "service":
        raise click.UsageError("--policy goes with --by service: a policy takes whole transactions, which a service has a part of")
    prices = read_prices(price_file) if price_file else list_prices()
    policy = read_policy_file(policy_file) if policy_file else None
    end = min(until or datetime.now(UTC), datetime.now(UTC))
    begin = since or end - timedelta(days=_DAYS)
    store = app.store()
    stored = stored_usage(store, since=begin, until=end)
    aws = AwsUsage() if no_aws else _aws_usage(app, stack, begin, end)
    for sentence in aws.missing:
        app.warn(f"not known: {sentence}")
    found = bill(stored, aws, prices, by=by)
    if not found.rows:
        store.require_templates()
        app.warn("nothing is stored of this period, and AWS tells of nothing: another --since may")
        return 1
    if app.json:
        _emit(app, found, stored, prices, by)
    else:
        for part in cost_report(found, stored, prices, by=by, limit=limit, width=app.console.width, zone=zone):
            app.say(part)
    if policy:
        _tell_savings(app, savings(found, _forecasts(app, policy, store, begin, end), NO_NAME), limit)
    return 0


def _forecasts(app: CommandContext, policy: Policy, store: Store, since: datetime, until: datetime) -> dict[str, ServiceForecast]:
    now_ms = int(until.timestamp() * 1000)
    ended = {"range": {"lastSeenAt": time_range(since, until)}}
    transactions = stored_transactions(ended, store, TraceRecords(store, evaluator_for(app.settings)))
    return forecast(policy, islice(transactions, _MOST_TRANSACTIONS), slowness_of(policy.slow, store, now_ms), now_ms)


def _tell_savings(app: CommandContext, found: Sequence[Saving], limit: int) -> None:
    for saving in found:
        app.emit({"kind": "saving", "name": saving.name, "lines": saving.lines, "spans": saving.spans, "bytes": saving.bytes,
                  "share": saving.share, "usdAMonth": saving.usd})  # fmt: skip
    for part in savings_report(found, limit=limit, most=_MOST_TRANSACTIONS):
        app.say(part)


def _aws_usage(app: CommandContext, stack: str, since: datetime, until: datetime) -> AwsUsage:
    try:
        return read_usage(Calls(aws_session(app)), stack, since=since, until=until)
    except TracejoinError as error:
        return AwsUsage(missing=(str(error),))


def _emit(app: CommandContext, found: Bill, stored: StoredUsage, prices: Prices, by: By) -> None:
    app.emit({"kind": "bill", "since": iso(stored.since), "until": iso(stored.until), "hours": found.hours, "usdAMonth": found.total,
              "region": prices.region, "pricesOf": prices.date.isoformat(), "borrowedPrices": prices.borrowed,
              "unconfirmedPrices": prices.unconfirmed})  # fmt: skip
    for row in found.rows:
        app.emit({"kind": by, "name": row.name, "lines": round(row.lines), "bytes": round(row.bytes), "known": row.known,
                  "spans": round(row.spans), "tracesRecorded": round(row.recorded), "tracesRetrieved": round(row.retrieved),
                  "diskBytes": round(row.disk), "usdAMonth": row.total, "usdAMonthByPart": row.usd})  # fmt: skip
    for part in found.parts:
        app.emit({"kind": "part", "name": part.name, "amountAMonth": part.amount, "unit": part.unit, "usdAMonth": part.usd,
                  "known": part.known, "note": part.note})  # fmt: skip
