"""Invocation table: invocations as one list in a terminal, printed batch by batch, and the totals of functions."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Final

from rich.table import Column, Table
from rich.text import Text

from pipeline.cli.day_heading import DayHeading
from pipeline.cli.terminal_text import one_line
from pipeline.model.clock_times import ClockTime, clock_time
from pipeline.search.function_totals import FunctionTotals
from pipeline.search.invocation_list import Invocation

_WIDE: Final = 140
_STATUS_STYLES: Final = {"success": "green", "exception": "yellow"}
_TO_YEAR: Final = len("2026-")
_NARROW_COLUMNS: Final = (("time", 12), ("ms", 9), ("billed", 7), ("MB", 10), ("cold ms", 7), ("status", 9), ("trace", 8))
_WIDE_COLUMNS: Final = (("time", 18), ("ms", 12), ("billed", 9), ("MB", 12), ("cold ms", 9), ("status", 9), ("trace", 35), ("tenant", 12))
_LEFT: Final = frozenset({"time", "function", "status", "trace", "tenant"})
_TEN: Final = 10


class InvocationTable:
    """A list of invocations, as the parts of one table with fixed widths.

    Args:
        width: the terminal's, in characters.
        by_time: whether they come in the order of time, so that one row can head those of a day.
        zone: the time zone of times; None for this computer's own.
    """

    def __init__(self, width: int, *, by_time: bool = True, zone: tzinfo | None = None) -> None:
        self._wide = width >= _WIDE
        self._heads_days = by_time and not self._wide
        fixed = _WIDE_COLUMNS if self._wide else _NARROW_COLUMNS
        self._gap = 2 if self._wide else 1
        function = max(width - sum(each for _, each in fixed) - self._gap * len(fixed), _TEN)
        self._columns = (fixed[0], ("function", function), *fixed[1:])
        self._begun = False
        self._zone = zone
        self._heading = DayHeading(with_days=self._heads_days)

    def part(self, invocations: Iterable[Invocation]) -> Table:
        """A table of the next invocations; the first one has the header."""
        rows = [(clock_time(invocation.at, self._zone), invocation) for invocation in invocations]
        names = {"time": self._heading.column(rows[0][0] if rows else ClockTime())}
        columns = [Column(names.get(name, name), width=width, no_wrap=True, overflow="ellipsis",
                          justify="left" if name in _LEFT else "right") for name, width in self._columns]  # fmt: skip
        table = Table(
            *columns, box=None, padding=(0, self._gap, 0, 0), pad_edge=False, show_header=not self._begun, header_style="bold underline"
        )
        self._begun = True
        for at, invocation in rows:
            if heading := self._heading.before(at):
                table.add_row(*(Text(cell, "bold") for cell in heading))
            table.add_row(*self._row(invocation, at.time if self._heads_days else f"{at.day} {at.time}"[_TO_YEAR:]))
        return table

    def _row(self, row: Invocation, time: str) -> list[Text]:
        trace = row.trace_id if self._wide or not row.trace_id else f"…{row.trace_id[-7:]}"
        return [
            Text(time), Text(one_line(row.function), "cyan"), Text(_number(row.duration_ms)), Text(_whole(row.billed_ms)),
            Text(_memory(row.max_memory_mb, row.memory_mb)), Text(_cold(row), "yellow"),
            Text(row.status, _STATUS_STYLES.get(row.status, "red")), Text(trace, "red" if row.hidden_fault else ""),
            *([Text(one_line(row.tenant_id))] if self._wide else []),
        ]  # fmt: skip


def totals_table(found: Sequence[FunctionTotals], width: int, *, most: int) -> Table:
    """The totals of the first ``most`` functions, and those of all of them in the last row, for a terminal of ``width`` characters."""
    wide = width >= _WIDE
    names = ["count", "failed", "cold", "p50", "p95", *(["p99"] if wide else []), "max", *(["cold p95", "MB"] if wide else []), "GB-s"]
    table = Table(Column("function", ratio=1, no_wrap=True, overflow="ellipsis"),
                  *(Column(name, justify="right", no_wrap=True) for name in names), box=None, padding=(0, 2 if wide else 1, 0, 0),
                  pad_edge=False, header_style="bold underline", expand=True)  # fmt: skip
    for each in found[:most]:
        p99 = [_number(each.p99_ms)] if wide else []
        cold = each.init_p95_ms if each.init_p95_ms is not None else each.restore_p95_ms
        more = [_number(cold), _memory(each.max_memory_mb, each.memory_mb)] if wide else []
        table.add_row(
            Text(one_line(each.function), "cyan"), f"{each.invocations:,}", _failures(each.failed), _some(each.cold_starts),
            _number(each.p50_ms), _number(each.p95_ms), *p99, _number(each.max_ms), *more, _number(each.gb_seconds),
        )  # fmt: skip
    if len(found) > 1:
        count, failed, colds = (sum(getattr(each, name) for each in found) for name in ("invocations", "failed", "cold_starts"))
        empty = [""] * (len(names) - len(("count", "failed", "cold", "GB-s")))
        seconds = _number(sum(each.gb_seconds for each in found))
        table.add_row(Text(f"all {len(found):,} functions", "bold"), f"{count:,}", _failures(failed), _some(colds), *empty, seconds)
    return table


def _cold(row: Invocation) -> str:
    if not row.cold_start:
        return ""
    return _number(row.init_ms if row.init_ms is not None else row.restore_ms)


def _memory(used: int | None, given: int | None) -> str:
    return "" if given is None else f"{used if used is not None else ''}/{given}"


def _failures(count: int) -> Text:
    return Text(_some(count), "red")


def _some(count: int) -> str:
    return f"{count:,}" if count else ""


def _whole(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _number(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if number >= _TEN * _TEN else f"{number:.1f}"
