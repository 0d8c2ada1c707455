"""Time option: the options --since and --until, and the forms of a time that they take."""

from datetime import UTC, datetime
from typing import Any

import click

from pipeline.cli.zone_option import zone_given
from pipeline.errors import BadInputError
from pipeline.search.time_expressions import parse_time

TIMES = """A TIME is relative (90s, 15m, 2h30m, 3d, 1w: so long ago), OpenSearch's date math (now-1h, now-1d/d), ISO 8601 with or
without seconds (2026-11-24T10:00), or seconds or milliseconds since 1970. Without a zone (Z, +01:00) it is in this computer's own;
a date alone is the whole day."""


class Moment(click.ParamType[datetime]):
    """The type of an option that takes a time; with ``end`` a date alone means the end of that day."""

    name = "time"

    def __init__(self, *, end: bool = False) -> None:
        self._end = end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time as an aware datetime in UTC. Fails as wrong usage where ``value`` is no time."""
        try:
            return parse_time(str(value), now=datetime.now(UTC), zone=zone_given(ctx), end=self._end)
        except BadInputError as error:
            self.fail(str(error), param, ctx)


def since_until(command: Any) -> Any:
    """Gives ``command`` the options --since and --until."""
    until = click.option("--until", type=Moment(end=True), metavar="TIME", help="What is not newer.")
    return click.option("--since", type=Moment(), metavar="TIME", help="What is not older: see above.")(until(command))
