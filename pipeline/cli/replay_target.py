"""Replay target: where `tracejoin replay` finds parked events and dead letters, and with which settings it ships them."""

from dataclasses import dataclass
from typing import Final

from botocore.config import Config

from pipeline.cli.aws_session import aws_session
from pipeline.cli.context import CommandContext
from pipeline.cli.stack_settings import stack_settings
from pipeline.replay.parked_bucket import ParkedBucket
from pipeline.settings import Settings
from pipeline.store.client import Store

_CONFIG: Final = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=30)
# an object of Firehose has 128 MB, which base64 and the names make longer
_MOST_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where the parked events and the letters are.

    Attributes:
        settings: those that they are shipped with.
        store: OpenSearch, with the letters.
        bucket: None where none is known.
    """

    settings: Settings
    store: Store
    bucket: ParkedBucket | None


def target_of(app: CommandContext, *, stack: str, bucket: str, prefix: str) -> Target:
    """Finds out where they are.

    Args:
        app: has the settings of the environment.
        stack: a stack, whose bucket, OpenSearch and settings of `ship` count; empty for the environment's.
        bucket: a bucket instead of the stack's; empty for that.
        prefix: the start of the keys in it.

    Raises MisconfiguredError where the stack is not there, or AWS takes no calls.
    """
    if stack:
        app.settings = stack_settings(app, stack)
    name = bucket or app.settings.parked_bucket
    s3 = aws_session(app).client("s3", config=_CONFIG) if name else None
    found = ParkedBucket(s3, name, prefix=prefix, most_bytes=_MOST_BYTES) if name else None
    if found is None:
        app.warn("no bucket is known, so parked events are left out: name the stack with --stack, or the bucket with --bucket")
    return Target(app.settings, app.store(), found)
