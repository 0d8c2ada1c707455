"""Day heading: says in a list of times of which day and time zone the rows that follow are, where that changes."""

from pipeline.model.clock_times import ClockTime


class DayHeading:
    """What stands above the rows of a list, batch after batch.

    Args:
        with_days: whether rows have the time of day alone, so that each day needs a heading; else the rows themselves have the day.
    """

    def __init__(self, *, with_days: bool) -> None:
        self._with_days = with_days
        self._last: tuple[str, str] | None = None

    def column(self, first: ClockTime) -> str:
        """The heading of the times' column in a list that begins at ``first``."""
        return "time" if self._with_days else f"time {first.zone}".strip()

    def before(self, at: ClockTime) -> tuple[str, ...]:
        """The cells of the heading before a row at ``at``: day and zone, or the zone alone; none where both are as in the row before.

        A clock that is put forward changes the zone's name. A row without a time changes nothing.
        """
        if not at.time:
            return ()
        shown = at.day if self._with_days else ""
        last, self._last = self._last, (shown, at.zone)
        if self._last == last or (last is None and not self._with_days):
            return ()
        return (shown, at.zone) if shown else (at.zone,)
