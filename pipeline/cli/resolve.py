"""`tracejoin resolve`: looks up what is pending, once."""

from collections import Counter
from typing import Any

import click
import msgspec
from botocore.config import Config

from pipeline.cli.aws_session import aws_session
from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.configure import alert_topic_for, trace_source_for
from pipeline.errors import MisconfiguredError
from pipeline.resolution import Resolution
from pipeline.resolve import Resolver

_MOST_NAMED = 10
_CONFIG = Config(retries={"total_max_attempts": 3}, connect_timeout=5, read_timeout=20)


@click.command()
@pass_app
def resolve(app: CommandContext) -> int:
    """Looks up what is pending, once: the sweep that Lambda runs on a schedule or by need. No queue needed.

    While X-Ray is away, what follows from log lines happens all the same; the exit status is 1 then, where another
    account refuses, and where an index takes no writes.
    """
    store = app.store()
    source = trace_source_for(app.settings, lambda: xray(app), _CONFIG)
    store.require_templates()
    resolver = Resolver(store=store, source=source, settings=app.settings, topic=alert_topic_for(app.settings))
    resolution = resolver.sweep(force=True)
    app.emit(resolution)
    app.say("  ".join(f"{name} [bold]{count}[/]" for name, count in counts(resolution).items()))
    unwritable = [f"an index takes no writes, so {number} traces are left: {reason}"
                  for reason, number in Counter(resolution.unwritable.values()).most_common(_MOST_NAMED)]  # fmt: skip
    foreign = [f"{len(resolution.passed_over)} documents of another program, such as {example}, are passed over: delete them"
               for example in resolution.passed_over[:1]]  # fmt: skip
    for reason in (*resolution.lookup_failures, *resolution.refusals, *unwritable, *foreign, *resolution.undeleted,
                   *resolution.alerts.failures):  # fmt: skip
        app.warn(reason)
    return 1 if resolution.lookup_failures or resolution.refusals or unwritable else 0


def xray(app: CommandContext) -> Any:
    """The X-Ray client of the settings' region, with the credentials that boto3 finds. Raises MisconfiguredError where no region is set."""
    if not app.settings.region:
        raise MisconfiguredError(["no region is set: X-Ray is asked in one; name it with --region or AWS_REGION"])
    return aws_session(app).client("xray", config=_CONFIG)


def counts(resolution: Resolution) -> dict[str, int]:
    """The numbers of a resolution by name; a list counts as its length."""
    numbers = {name: value if isinstance(value, int) else len(value) for name, value in msgspec.to_builtins(resolution).items()}
    return numbers | {"alerts": resolution.alerts.sent}
