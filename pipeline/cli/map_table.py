"""Map table: who calls whom, for a terminal, an edge a row."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from pipeline.cli.terminal_text import terminal_safe
from pipeline.model.durations import NANOS_A_MILLI, duration
from pipeline.search.service_map import MapEdge, ServiceMap, Traffic

_WIDE = 110


def map_table(found: ServiceMap, width: int) -> RenderableType:
    """The edges of a map as something that rich prints, busiest first; below them the services that nobody is known to have called."""
    wide = width >= _WIDE
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("caller", "calls", *(("via",) if wide else ())):
        table.add_column(name, overflow="fold")
    for name in ("count", "failed", "hidden", "p50", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("known by")
    for edge in found.edges:
        table.add_row(*_row(edge, wide=wide))
    entries = ", ".join(f"{node.name} ({node.entries:,})" for node in found.nodes if node.entries)
    return Group(*([table] if found.edges else ()), *([f"[dim]entered at[/] {escape(terminal_safe(entries))}"] if entries else ()))


def traffic_words(traffic: Traffic) -> str:
    """Some calls in a few words: 12 calls, 1 failed, 1 hidden, p95 20 ms."""
    words = [f"{traffic.calls:,} call{'s' if traffic.calls != 1 else ''}"]
    words += [f"{count:,} {word}" for count, word in ((traffic.errors, "failed"), (traffic.hidden_faults, "hidden")) if count]
    return ", ".join([*words, *([f"p95 {_length(traffic.p95)}"] if traffic.p95 is not None else ())])


def _row(edge: MapEdge, *, wide: bool) -> list[str]:
    traffic = edge.traffic
    caller, callee = (escape(terminal_safe(name)) for name in (edge.caller, edge.callee))
    via = escape(terminal_safe(", ".join(edge.via)))
    troubles = (traffic.errors, "yellow"), (traffic.hidden_faults, "bold red")
    counts = (f"[{style}]{count:,}[/]" if count else "" for count, style in troubles)
    return [caller, callee, *((via,) if wide else ()), f"{traffic.calls:,}", *counts, _length(traffic.p50), _length(traffic.p95),
            *((", ".join(edge.evidence),) if wide else ())]  # fmt: skip


def _length(nanoseconds: int | None) -> str:
    return duration(None if nanoseconds is None else nanoseconds / NANOS_A_MILLI)
