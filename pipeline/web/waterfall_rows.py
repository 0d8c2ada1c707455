"""Waterfall rows: the geometry of a waterfall's rows, and the rows as JSON for the script that draws them as they are scrolled to. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from pipeline.model.json_values import as_text
from pipeline.model.short_ids import middle
from pipeline.model.trace_ids import to_xray
from pipeline.search.waterfall import Kind, Row
from pipeline.web.formats import axis_mark
from pipeline.web.script_data import script_json, shown_in_script

_KINDS: Final[tuple[Kind, ...]] = ("span", "log", "gap", "fold")
_SHOWN_OF_TRACE: Final = 17
_FAILED, _ON_WAY, _CUT = 1, 2, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a transaction's time that is drawn: milliseconds since it began, ``until`` after ``since``."""

    since: float
    until: float

    def percent(self, offset: float) -> float:
        """Where a moment lies in the window, in percent of its width; outside it below 0 or above 100."""
        return (offset - self.since) / (self.until - self.since) * 100

    def ticks(self) -> Iterator[tuple[int, str]]:
        """Moments to write above the bars: where each lies in percent, and its text."""
        step = (self.until - self.since) / 4
        for number in range(4):
            yield number * 25, axis_mark(self.since + number * step, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRow:
    """A row with its bar.

    Attributes:
        number: its place among all rows of the transaction, from 0.
        folded: whether it is inside a fold.
        start: the left end of its bar in percent; None where it is outside the window, or has no time.
        width: that of its bar in percent; 0 for a moment.
    """

    row: Row
    number: int
    folded: bool
    start: float | None
    width: float = 0

    @property
    def css(self) -> str:
        """The classes of the row's element."""
        marks = (
            ("failed", self.row.failed),
            ("on-way", self.row.on_way),
            ("open-end", self.row.duration is None),
            ("in-fold", self.folded),
        )
        return " ".join([f"w-{self.row.kind}", *(name for name, is_set in marks if is_set)])


def drawn_rows(found: Sequence[tuple[int, Row]], window: Window) -> list[DrawnRow]:
    """Returns rows, each given with its place among all, with their bars in ``window``."""
    drawn: list[DrawnRow] = []
    fold_ends = 0
    for number, row in found:
        start, width = _bar(row, window)
        drawn.append(DrawnRow(row=row, number=number, folded=number < fold_ends, start=start, width=width))
        if row.kind == "fold":
            fold_ends = number + row.size + 1
    return drawn


def _bar(row: Row, window: Window) -> tuple[float | None, float]:
    """Where a row's bar begins and how wide it is, in percent; None where nothing of it is in the window."""
    if row.offset is None:
        return None, 0
    start = window.percent(row.offset)
    end = 100.0 if row.duration is None else window.percent(row.offset + row.duration)
    if end < 0 or start > 100:  # noqa: PLR2004  # percent
        return None, 0
    start, end = max(start, 0.0), min(end, 100.0)
    return round(start, 3), round(end - start, 3)


def rows_json(found: Sequence[Row], whole: float) -> Markup:
    """Returns all rows as JSON that can stand in a script element of any type.

    ``rows`` holds a list for each: key, kind (by its place in ``kinds``), depth, size, offset, duration, service (by its place in
    ``services``), text, level, the trace that begins with it, and marks (1 failed, 2 on the way to a failure, 4 cut).
    """
    services = {name: place for place, name in enumerate(dict.fromkeys(row.service_name for row in found))}
    packed = [
        (as_text(row.key), _KINDS.index(row.kind), row.depth, row.size, _rounded(row.offset), _rounded(row.duration),
         services[row.service_name], shown_in_script(row.text), row.level, _short(row.begins),
         _FAILED * row.failed + _ON_WAY * row.on_way + _CUT * row.is_cut)
        for row in found
    ]  # fmt: skip
    return script_json({"whole": whole, "kinds": _KINDS, "services": list(map(shown_in_script, services)), "rows": packed})


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def _short(trace_id: str) -> str:
    return middle(to_xray(trace_id), _SHOWN_OF_TRACE) if trace_id else ""
