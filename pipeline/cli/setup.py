"""`tracejoin setup`: installs what is in mappings/."""

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.provision.install import install

_STYLES = {"created": "green", "updated": "yellow", "unchanged": "dim", "skipped": "magenta", "foreign": "red"}


@click.command()
@click.option("--check", is_flag=True, help="Only look; exit status 1 where something would change or is foreign.")
@click.option(
    "--channel", "channels", multiple=True, metavar="ID", help="A Notifications channel that the alerting monitors tell; repeatable."
)
@click.option("--no-monitors", is_flag=True, help="Leave alerting monitors alone.")
@pass_app
def setup(app: CommandContext, *, check: bool, channels: tuple[str, ...], no_monitors: bool) -> int:
    """Installs what is in mappings/: templates, indices, the lifecycle policy, alerting monitors. Says what it changed.

    An index that was made before the templates keeps the types that OpenSearch guessed; it is named as foreign, with what to do.
    """
    if channels and no_monitors:
        raise click.UsageError("--channel is for the monitors that --no-monitors leaves out")
    changes = install(app.store(), retention_days=app.settings.retention_days, function_roles=app.settings.function_roles,
                      monitors=not no_monitors, channels=channels, check=check)  # fmt: skip
    for change in changes:
        app.emit(change)
        style = _STYLES[change.action]
        app.say(f"[{style}]{change.action:>9}[/]  {escape(f'{change.kind} {change.name}  {change.reason}')}")
    changed = any(change.action in {"created", "updated", "foreign"} for change in changes)
    untold = any(change.kind == "monitor" and change.action == "skipped" for change in changes)
    return int((check and changed) or (bool(channels) and untold))
