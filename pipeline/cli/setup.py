"""`tracejoin setup`: installs what is in mappings/."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.cli.output_file import write_whole
from pipeline.configure import dashboards_for
from pipeline.model.service_url import endpoint_url
from pipeline.provision.install import install
from pipeline.provision.saved_objects import export_of, install_saved_objects

_WOULD = {"created": "missing, would be created", "updated": "differs, would be updated"}
"""What `--check` says of what it leaves undone; `--json` has the same words as without it."""
_WIDEST = max(map(len, _WOULD.values()))
_STYLES = {"created": "green", "updated": "yellow", "unchanged": "dim", "skipped": "magenta", "foreign": "red"}


def _address(_: click.Context, __: click.Parameter, value: str | None) -> str:
    """The URL that --dashboards names; empty where it names none."""
    try:
        return endpoint_url(value) if value else ""
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--check", is_flag=True, help="Only look; exit status 1 where something would change or is foreign.")
@click.option(
    "--channel", "channels", multiple=True, metavar="ID", help="A Notifications channel that the alerting monitors tell; repeatable."
)
@click.option("--no-monitors", is_flag=True, help="Leave alerting monitors alone.")
@click.option(
    "--dashboards", metavar="URL", callback=_address, help="OpenSearch Dashboards with its base path; else TRACEJOIN_DASHBOARDS_URL."
)
@click.option("--no-dashboards", is_flag=True, help="Leave Dashboards alone.")
@click.option(
    "--save-dashboards", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the file that Dashboards imports by hand (Saved objects, Import), and do nothing else.",
)  # fmt: skip
@pass_app
def setup(app: CommandContext, *, check: bool, channels: tuple[str, ...], no_monitors: bool, dashboards: str, no_dashboards: bool,
          save_dashboards: Path | None) -> int:  # fmt: skip
    """Installs what is in mappings/: templates, indices, the lifecycle policy, alerting monitors, dashboards. Says what it changed.

    An index that was made before the templates keeps the types that OpenSearch guessed; it is named as foreign, with what to do. Where no
    Dashboards answers, that is said, and the rest is installed all the same.
    """
    if channels and no_monitors:
        raise click.UsageError("--channel is for the monitors that --no-monitors leaves out")
    if dashboards and no_dashboards:
        raise click.UsageError("--dashboards is for what --no-dashboards leaves out")
    if save_dashboards:
        write_whole([export_of(app.settings.prefix)], save_dashboards)
        app.emit({"file": str(save_dashboards)})
        app.say(escape(f"{save_dashboards}: import it in Dashboards: Management, Saved objects, Import"))
        return 0
    changes = install(app.store(), retention_days=app.settings.retention_days, function_roles=app.settings.function_roles,
                      monitors=not no_monitors, channels=channels, check=check)  # fmt: skip
    if not no_dashboards:
        settings = replace(app.settings, dashboards_url=dashboards or app.settings.dashboards_url)
        changes += install_saved_objects(partial(dashboards_for, settings), settings.prefix, check=check)
    for change in changes:
        app.emit(change)
        style = _STYLES[change.action]
        said = _WOULD.get(change.action, change.action) if check else change.action
        app.say(f"[{style}]{said:>{_WIDEST if check else 9}}[/]  {escape(f'{change.kind} {change.name}  {change.reason}')}")
    changed = any(change.action in {"created", "updated", "foreign"} for change in changes)
    untold = any(change.kind == "monitor" and change.action == "skipped" for change in changes)
    return int((check and changed) or (bool(channels) and untold))
