"""`tracejoin resolve`: looks up what is pending, once."""

from typing import Any

import boto3
import click
import msgspec
from botocore.config import Config

from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.configure import alert_topic_for, trace_source_for
from pipeline.errors import MisconfiguredError
from pipeline.resolve import Resolution, Resolver


@click.command()
@pass_app
def resolve(app: CommandContext) -> int:
    """Looks up what is pending, once: the sweep that Lambda runs on a schedule. No queue needed."""
    source = trace_source_for(app.settings, lambda: xray(app))
    resolver = Resolver(store=app.store(), source=source, settings=app.settings, topic=alert_topic_for(app.settings))
    resolution = resolver.sweep(force=True)
    app.emit(resolution)
    app.say("  ".join(f"{name} [bold]{count}[/]" for name, count in counts(resolution).items()))
    for reason in resolution.alerts.failures:
        app.warn(reason)
    return 0


def xray(app: CommandContext) -> Any:
    """The X-Ray client of the settings' region, with the credentials that boto3 finds. Raises MisconfiguredError where no region is set."""
    if not app.settings.region:
        raise MisconfiguredError(["AWS_REGION is not set: X-Ray is asked in one region"])
    return boto3.client("xray", region_name=app.settings.region, config=Config(retries={"total_max_attempts": 3}))


def counts(resolution: Resolution) -> dict[str, int]:
    """The numbers of a resolution by name; a list counts as its length."""
    numbers = {name: value if isinstance(value, int) else len(value) for name, value in msgspec.to_builtins(resolution).items()}
    return numbers | {"alerts": resolution.alerts.sent}
