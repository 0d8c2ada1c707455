"""Zone option: the option --utc, and the time zone in which a command reads and prints times."""

from datetime import UTC, tzinfo
from typing import Any

import click

_NAME = "zone"


def utc_option(command: Any) -> Any:
    """Gives ``command`` the option --utc and the argument ``zone``: UTC where it is given, else None for this computer's own time zone."""
    # eager, so that it holds for the times in the options beside it, wherever it stands
    return click.option("--utc", _NAME, is_flag=True, default=False, is_eager=True, callback=_zone,
                        help="Print times in UTC, and read those without a zone so; else in this computer's own.")(command)  # fmt: skip


def zone_given(ctx: click.Context | None) -> tzinfo | None:
    """The time zone of the command that ``ctx`` runs: UTC where --utc is given, else None for this computer's own."""
    found: tzinfo | None = ctx.params.get(_NAME) if ctx else None
    return found


def _zone(_ctx: click.Context, _option: click.Parameter, value: object) -> tzinfo | None:
    return UTC if value else None
