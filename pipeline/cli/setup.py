"""`tracejoin setup`."""

import click

from pipeline.cli.app import App
from pipeline.cli.options import pass_app
from pipeline.setup import install

_STYLES = {"created": "green", "updated": "yellow", "unchanged": "dim", "skipped": "magenta"}


@click.command()
@click.option("--check", is_flag=True, help="Only look; exit status 1 where something would change.")
@pass_app
def setup(app: App, *, check: bool) -> int:
    """Installs what is in mappings/: templates, indices, the lifecycle policy. Says what it changed."""
    changes = install(app.store(), retention_days=app.settings.retention_days, check=check)
    for change in changes:
        app.emit(change)
        style = _STYLES[change.action]
        app.say(f"[{style}]{change.action:>9}[/]  {change.kind} {change.name}  {change.reason}")
    return int(check and any(change.action in {"created", "updated"} for change in changes))
