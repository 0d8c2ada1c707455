"""Cost table: a bill for a terminal: who logs most, then each part with how it is known."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Final

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from pipeline.cli.terminal_text import one_line
from pipeline.cost.bill import Bill, By, Part, Row
from pipeline.cost.prices import Prices
from pipeline.cost.saving import Saving
from pipeline.model.clock_times import clock_time
from pipeline.model.durations import duration
from pipeline.model.timestamps import iso
from pipeline.search.stored_usage import StoredUsage

_WIDE: Final = 120
_CENT: Final = 0.01
_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_THOUSAND: Final = 1000
_HOUR: Final = 3_600_000
_COLOURS: Final = {"measured": "green", "estimated": "yellow"}


def cost_report(found: Bill, stored: StoredUsage, prices: Prices, *, by: By, limit: int, width: int,
                zone: tzinfo | None = None) -> Iterator[RenderableType]:  # fmt: skip
    """The parts of the report, for a terminal of ``width`` characters, with times in ``zone``; rows beyond ``limit`` share one."""
    since, until = (clock_time(iso(at), zone, "minutes") for at in (stored.since, stored.until))
    yield Text(f"{since} to {until}, projected to a month of 730 hours")
    yield Text(f"at AWS' list prices of {one_line(prices.region)}, {prices.date}: no free tier, no discount")
    if prices.unconfirmed:
        yield Text(f"of {len(prices.prices)} prices {len(prices.unconfirmed)} are not confirmed by a page of AWS: docs/cost.md", "yellow")
    if stored.first and found.hours < (stored.until - stored.since).total_seconds() / 3600:
        oldest = clock_time(iso(stored.first), zone, "minutes")
        yield Text(f"the oldest stored line is of {oldest}: stored usage is projected from {duration(found.hours * _HOUR)}", "yellow")
    if prices.borrowed:
        yield Text(f"not in your price file, so of the package's list: {', '.join(prices.borrowed)}", "yellow")
    yield Text()
    yield _rows(found, by, limit, wide=width >= _WIDE)
    yield Text()
    yield _parts(found)
    yield Text()
    yield from _notes(found)


def savings_report(found: Sequence[Saving], *, limit: int, most: int) -> Iterator[RenderableType]:
    """What a policy would take of each service, for a terminal; it looked at ``most`` transactions at most."""
    yield Text()
    yield Text(f"what the policy would take of the transactions of this period (of {most:,} at most), once their grace period is over:")
    names = ("lines", "spans", "bytes", "of its own", "$ a month")
    table = _table(Column("service", ratio=1, no_wrap=True, overflow="ellipsis"),
                   *(Column(name, justify="right", no_wrap=True) for name in names))  # fmt: skip
    for each in found[:limit]:
        table.add_row(Text(one_line(each.name), "cyan"), _count(each.lines), _count(each.spans), _size(each.bytes), f"{each.share:.0%}",
                      _dollars(each.usd))  # fmt: skip
    lines, spans, size, usd = (sum(getattr(each, name) for each in found) for name in ("lines", "spans", "bytes", "usd"))
    table.add_row(Text("in all", "bold"), _count(lines), _count(spans), _size(size), "", Text(_dollars(usd), "bold"))
    yield table
    yield Text("estimated: it saves disk of OpenSearch alone, by the length of what goes; lines without a trace are not among it", "dim")


def _rows(found: Bill, by: By, limit: int, *, wide: bool) -> Table:
    names = ["lines", "bytes", "spans", "recorded", "retrieved", "disk"] if wide else ["lines", "bytes", "traces", "disk"]
    table = _table(Column(by.replace("-", " "), ratio=1, no_wrap=True, overflow="ellipsis"),
                   *(Column(name, justify="right", no_wrap=True) for name in (*names, "$ a month", "share")))  # fmt: skip
    total = sum(row.total for row in found.rows)
    rows = [*found.rows[:limit], *([_together(found.rows[limit:])] if len(found.rows) > limit else [])]
    for row in rows:
        traces = [_count(row.spans), _count(row.recorded), _count(row.retrieved)] if wide else [_count(row.recorded)]
        mark = "~" if row.known == "estimated" else ""
        table.add_row(Text(one_line(row.name), "cyan"), _count(row.lines), mark + _size(row.bytes), *traces, _size(row.disk),
                      _dollars(row.total), _share(row.total, total))  # fmt: skip
    return table


def _together(rows: Sequence[Row]) -> Row:
    found = Row(name=f"{len(rows):,} others", known="estimated" if any(row.known == "estimated" for row in rows) else "measured")
    for row in rows:
        for name in ("lines", "bytes", "spans", "recorded", "retrieved", "disk"):
            setattr(found, name, getattr(found, name) + getattr(row, name))
        found.usd = {part: usd + row.usd[part] for part, usd in found.usd.items()}
    return found


def _parts(found: Bill) -> Table:
    right = [Column(name, justify="right", no_wrap=True) for name in ("in a month", "$ a month", "share")]
    table = _table(Column("what", no_wrap=True), *right, Column("how it is known", ratio=1, no_wrap=True))
    for part in found.parts:
        if part.usd is not None:
            share = _share(part.usd, found.total)
            table.add_row(part.name, _amount(part), _dollars(part.usd), share, Text(part.known, _COLOURS[part.known]))
    table.add_row(Text("in all", "bold"), "", Text(_dollars(found.total), "bold"), "", "")
    return table


def _notes(found: Bill) -> Iterator[Text]:
    """What is unknown, each reason once; then how the other parts were worked out."""
    unknown = [part for part in found.parts if part.usd is None]
    for note in dict.fromkeys(part.note for part in unknown):
        names = ", ".join(part.name for part in unknown if part.note == note)
        yield Text(f"unknown, so not in the sum: {names}: {note}", "yellow")
    yield from (Text(f"{part.name}: {part.note}", "dim") for part in found.parts if part.usd is not None and part.note)


def _amount(part: Part) -> str:
    if part.amount is None:
        return "?"
    number = f"{part.amount:,.0f}" if part.amount >= _THOUSAND or part.amount == int(part.amount) else f"{part.amount:.3g}"
    return f"{number} {part.unit}"


def _table(*columns: Column) -> Table:
    return Table(*columns, box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline", expand=True)


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _size(number: float) -> str:
    for unit in _UNITS[:-1]:
        if number < _THOUSAND:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _THOUSAND
    return f"{number:,.1f} {_UNITS[-1]}"


def _dollars(usd: float) -> str:
    return f"<{_CENT}" if 0 < usd < _CENT else f"{usd:,.2f}"


def _share(usd: float, total: float) -> str:
    return f"{usd / total:.0%}" if total else ""
