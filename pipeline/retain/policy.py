"""Policy: what of healthy traffic is kept, as a user's file says it (`policy_file`), and whether one transaction is in its share. Pure."""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Final

import msgspec

HOUR_MS: Final = 3_600_000
SHORTEST_GRACE_MS: Final = 900_000
"""15 minutes: so long an invocation of Lambda may take (AWS Lambda developer guide, "Lambda quotas"), and no line of it is late before."""
LONGEST_GRACE_MS: Final = 365 * 24 * HOUR_MS
"""A year. Much longer, and what is older than it would be older than 1970, which OpenSearch refuses to search for."""

_SCALE: Final = 2**64


class ShareRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: the share that is kept of the healthy transactions that it is about; it is about those that meet all its conditions.

    Attributes:
        keep: the share, from 0 to 1.
        services: patterns with `*` and `?` of services, of which the transaction touches one; empty for any.
        log_groups: patterns of log groups, in one of which it has a line; empty for any.
        level: the OpenTelemetry severity number that one of its lines has at least; 0 for any.
        line: the line of the file in which the rule begins; 0 if it comes from no file.
    """

    keep: float
    services: tuple[str, ...] = ()
    log_groups: tuple[str, ...] = ()
    level: int = 0
    line: int = 0


class Slow(msgspec.Struct, frozen=True, kw_only=True):
    """From when on a trace is slow, and its transaction kept.

    Attributes:
        percentile: of the durations of the last day's traces with the same entry (service and name); None where that does not count.
        over_ms: a duration in milliseconds; 0 where that does not count.
    """

    percentile: float | None = None
    over_ms: int = 0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What asks for a transaction to be kept; patterns take `*` and `?`.

    Attributes:
        annotations: patterns of the value by the key of an X-Ray annotation.
        headers: patterns of the value by the name of an HTTP header that one of its JSON lines shows; names in lower case.
        correlation_ids: patterns of correlation ids.
    """

    annotations: Mapping[str, tuple[str, ...]] = {}
    headers: Mapping[str, tuple[str, ...]] = {}
    correlation_ids: tuple[str, ...] = ()


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """After how many days what is healthy is deleted, by kind; 0 for as late as everything else (TRACEJOIN_RETENTION_DAYS).

    Attributes:
        logs: lines of healthy transactions.
        spans: spans of healthy transactions.
        traces: trace records of healthy transactions.
        untraced: lines without a trace.
    """

    logs: int = 0
    spans: int = 0
    traces: int = 0
    untraced: int = 0


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What of healthy traffic is kept.

    Attributes:
        name: the file's name, for words.
        keep: the share of the healthy transactions that no rule is about.
        rules: of several that are about a transaction the one with the largest share counts.
        grace_ms: how long after its last sign of life, and after it settled, nothing is taken from a healthy transaction: a fault may
            become known so late.
        slow: from when on a trace is slow.
        asked: what asks for a transaction to be kept.
        days: after how many days what is healthy is deleted.
    """

    name: str = "the policy"
    keep: float = 1.0
    rules: tuple[ShareRule, ...] = ()
    grace_ms: int = HOUR_MS
    slow: Slow = Slow(percentile=99.0)
    asked: Asked = Asked()
    days: Days = Days()

    @property
    def samples(self) -> bool:
        """Whether it leaves anything out before its time."""
        return any(keep < 1 for keep in (self.keep, *(rule.keep for rule in self.rules)))


KEEP_ALL: Final = Policy()
"""What counts without a policy file."""


class Share(msgspec.Struct, frozen=True):
    """A share, and in words where it stands."""

    keep: float
    source: str

    def has(self, id_: str) -> bool:
        """Whether a transaction, or what else has an id, is in the share: by a hash of the id, so that all workers decide alike."""
        return place_of(id_) < self.keep


def place_of(id_: str) -> float:
    """Returns the place of an id between 0 (in every share but the empty one) and 1 (in none but the whole), the same everywhere."""
    digest = blake2b(id_.encode("utf-8", "replace"), digest_size=8, person=b"tracejoin-share").digest()
    return int.from_bytes(digest) / _SCALE


def share_of(policy: Policy, services: Collection[str], log_groups: Collection[str], level: int) -> Share:
    """Returns the share that ``policy`` keeps of healthy transactions like this one.

    Args:
        policy: the policy.
        services: the services that the transaction touches.
        log_groups: the log groups of its lines.
        level: the highest OpenTelemetry severity number of its lines; 0 if none names any.
    """
    about = [rule for rule in policy.rules if _is_about(rule, services, log_groups, level)]
    if not about:
        return Share(policy.keep, policy.name)
    largest = max(about, key=lambda rule: rule.keep)
    return Share(largest.keep, f"line {largest.line} of {policy.name}" if largest.line else policy.name)


def _is_about(rule: ShareRule, services: Collection[str], log_groups: Collection[str], level: int) -> bool:
    return (
        (not rule.services or any_match(services, rule.services))
        and (not rule.log_groups or any_match(log_groups, rule.log_groups))
        and level >= rule.level
    )


def any_match(names: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether one of these names matches one of these patterns; upper and lower case differ."""
    wanted = tuple(patterns)
    return any(fnmatchcase(name, pattern) for name in names for pattern in wanted)
