"""Event source: the account, region and log group that a log event came from, by the system fields that CloudWatch Logs put beside it.

Centralization copies events of many accounts and regions into one log group, and a subscription filter or policy with `emitSystemFields`
names where each came from in its `extractedFields` (Amazon CloudWatch Logs API reference, PutSubscriptionFilter: `@aws.account`,
`@aws.region`, `@source.log`). What is no account id, no region or no log group counts for nothing: then the document's own counts.
"""

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.model.places import ACCOUNT, REGION

# an ARN or the account may stand before the name, as in Logs Insights' `@log`
_LOG_GROUP: Final = re.compile(r"(?:arn:[\w-]+:logs:[a-z0-9-]+:\d{12}:log-group:|\d{12}:)?([\w./#-]{1,512})(?::\*)?", re.ASCII)


FIELDS: Final = ("@aws.account", "@aws.region", "@source.log")
"""The names of the system fields, in the order of an `EventSource`."""


class EventSource(NamedTuple):
    """The account id, AWS region and log group that events came from; each is empty where nothing names it."""

    account: str
    region: str
    log_group: str


class SystemFields(msgspec.Struct, frozen=True, gc=False):
    """The system fields among the `extractedFields` of a log event, of any type."""

    account: Any = msgspec.field(name="@aws.account", default=None)
    region: Any = msgspec.field(name="@aws.region", default=None)
    log_group: Any = msgspec.field(name="@source.log", default=None)


def source_of(fields: SystemFields | None, account: str, log_group: str) -> EventSource:
    """Gives where an event came from: by its system fields, else the ``account`` and ``log_group`` of its subscription document."""
    if fields is None:
        return EventSource(account, "", log_group)
    named = _named(*(each if isinstance(each, str) else "" for each in (fields.account, fields.region, fields.log_group)))
    return EventSource(named.account or account, named.region, named.log_group or log_group)


def lenient_fields(extracted: object) -> SystemFields | None:
    """Reads `extractedFields` of any type; None where there are none."""
    if not isinstance(extracted, dict):
        return None
    return SystemFields(*map(extracted.get, FIELDS))


@lru_cache(maxsize=1024)
def _named(account: str, region: str, log_group: str) -> EventSource:
    found = _LOG_GROUP.fullmatch(log_group)
    return EventSource(account if ACCOUNT.fullmatch(account) else "", region if REGION.fullmatch(region) else "", found[1] if found else "")
