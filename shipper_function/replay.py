"""Replay in Lambda: an event such as {"tracejoin": "replay"} has ship send parked events and dead letters again.

It works as long as Lambda gives it time, and hands the rest on to itself by an asynchronous event that says how far it came. So it ends:
each one goes on behind the last, and what was parked after the first one began is not looked at.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal

import boto3
import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.model.timestamps import iso
from pipeline.replay.choice import Choice
from pipeline.replay.outcome import Position, ReplayLedger
from pipeline.replay.parked_bucket import ParkedBucket
from pipeline.replay.run import Replay
from pipeline.replay.sender import Sender
from pipeline.search.time_expressions import parse_time
from pipeline.settings import Settings
from pipeline.ship import Shipment
from pipeline.store.client import Store

# all that Lambda parks, and what the role may read
_KEYS: Final = "aws/lambda/"
# of Lambda's time: what another one needs at least, and what is kept for the end
_LAST_SECONDS: Final = 20.0
_END_SECONDS: Final = 5.0
_CONFIG: Final = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=10)


class Order(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What somebody asks ship to send again.

    Attributes:
        tracejoin: the word replay.
        since: what is not older, a time in any form that the command line takes, in UTC where it names no zone; empty for all.
        reason: a part of the reason; empty for any.
        limit: how many at most; None for all.
        dry_run: whether to send and delete nothing.
        until: parked events that are not newer; ISO 8601, set where the rest is handed on, as is position.
    """

    tracejoin: Literal["replay"]
    since: str = ""
    reason: str = ""
    limit: int | None = None
    dry_run: bool = False
    until: str = ""
    position: Position = msgspec.field(default_factory=Position)

    def choice(self, now: datetime) -> Choice:
        """Which are wanted. Raises BadInputError where a time is none."""
        since = parse_time(self.since, now=now, zone=UTC) if self.since else None
        return Choice(since, parse_time(self.until, now=now, zone=UTC) if self.until else now, self.reason, limit=self.limit)


def replay(event: Mapping[str, Any], context: LambdaContext, *, store: Store, settings: Settings, shipped: Callable[[Shipment], None],
           logger: Logger) -> tuple[ReplayLedger, dict[str, Any]]:  # fmt: skip
    """Carries out an order as far as time allows, and hands the rest on.

    Args:
        event: the order.
        context: Lambda's.
        store: OpenSearch.
        settings: those of ship, with the bucket.
        shipped: is told of each shipment.
        logger: is told of what was not sent.

    Returns the ledger, and what to answer. It raises nothing that Lambda would try again: the answer and the log say what went wrong.
    """
    remaining = context.get_remaining_time_in_millis
    ledger = ReplayLedger()
    handed_on, problem = False, ""
    try:
        order = _read(event)
        ledger.dry_run = order.dry_run
        choice = order.choice(datetime.now(UTC))
        bucket = ParkedBucket(_client("s3"), settings.parked_bucket, prefix=_KEYS) if settings.parked_bucket else None
        sender = Sender(store, settings, lambda: lambda: remaining() / 1000 - _END_SECONDS, dry_run=order.dry_run, shipped=shipped)
        run = Replay(sender, bucket, choice, order.position, lambda: remaining() / 1000 > _LAST_SECONDS)
        for outcome in run.outcomes():
            ledger.add(outcome)
        if run.stopped:
            _hand_on(context, _rest(order, choice, run, ledger), began=order.position)
            handed_on = True
    except TracejoinError as error:
        problem = str(error)
    answer = msgspec.to_builtins(ledger) | {"handedOn": handed_on, "problem": problem}
    if problem or ledger.kept or ledger.unreadable:
        logger.warning("some of it was not sent again", extra={"replay": answer})
    return ledger, answer


def _read(event: Mapping[str, Any]) -> Order:
    try:
        order = msgspec.convert(dict(event), Order)
    except msgspec.ValidationError as error:
        raise BadInputError(
            f'it is no order such as {{"tracejoin": "replay", "since": "2d", "reason": "…", "limit": 100}}: {error}'
        ) from error
    if order.limit is not None and order.limit < 1:
        raise BadInputError("limit must be above 0")
    return order


def _rest(order: Order, choice: Choice, run: Replay, ledger: ReplayLedger) -> Order:
    """The order for what there was no time for; its times are absolute, since a relative one would move on."""
    times = {name: iso(at, "microseconds") if at else "" for name, at in (("since", choice.since), ("until", choice.until))}
    limit = order.limit - ledger.found if order.limit is not None else None
    return msgspec.structs.replace(order, **times, limit=limit, position=run.position)


def _hand_on(context: LambdaContext, rest: Order, *, began: Position) -> None:
    """Invokes this function with the rest. Raises UnavailableError where that fails, or nothing was done: it would go on for ever."""
    if rest.position == began:
        raise UnavailableError("there was no time for a single one: raise the function's timeout, or use the command line")
    try:
        _client("lambda").invoke(FunctionName=context.function_name, InvocationType="Event", Payload=msgspec.json.encode(rest))
    except (ClientError, BotoCoreError) as error:
        again = json.dumps({"tracejoin": "replay"})
        raise UnavailableError(f"the rest can't be handed on ({error}): invoke the function with {again} once more") from error


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=_CONFIG)
