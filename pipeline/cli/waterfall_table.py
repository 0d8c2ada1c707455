"""Waterfall table: a transaction's documents as a table with bars, and its heading."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.cli.terminal_text import terminal_safe
from pipeline.join.transactions import TransactionEdge
from pipeline.model.trace_ids import to_xray
from pipeline.search.waterfall import Row, rows

_BAR = 24
_MOST_NAMED = 5


def waterfall_table(documents: Sequence[dict[str, Any]]) -> Table:
    """A table of one transaction's documents: spans with their bars, and log lines inside them."""
    found = rows(documents)
    whole = max((row.offset + row.duration for row in found), default=0) or 1
    table = Table("ms", "service", "spans and lines", "waterfall", expand=True, show_edge=False)
    table.columns[2].ratio = 1
    for row in found:
        table.add_row(f"{row.offset:8.1f}", escape(terminal_safe(row.service_name)), _label(row), _bar(row, whole))
    return table


def heading(documents: Sequence[dict[str, Any]]) -> str:
    """A line with the number of a transaction's documents and the states of its traces."""
    states = {document["traceId"]: document.get("trace") or {} for document in documents if document.get("traceId")}
    if len(states) == 1:
        (status,) = states.values()
        return f"{len(documents)} lines and spans, trace {status.get('state')}. {status.get('stateReason') or ''}"
    counted = ", ".join(
        f"{count} {state}" for state, count in sorted(Counter(str(status.get("state")) for status in states.values()).items())
    )
    return f"{len(documents)} lines and spans of {len(states)} traces{f': {counted}' if counted else ''}"


def edge_lines(edge: TransactionEdge) -> list[str]:
    """Lines that name a join key and the evidence in each trace that shows it."""
    named = zip(edge.trace_ids[:_MOST_NAMED], edge.evidence, strict=False)
    more = [f"  and {len(edge.trace_ids) - _MOST_NAMED} more"] if len(edge.trace_ids) > _MOST_NAMED else []
    return [f"joined by {edge.name}", *(f"  {to_xray(id_)}: {evidence}" for id_, evidence in named), *more]


def _label(row: Row) -> Text:
    style = "bold red" if row.failed else "bold" if row.kind == "span" else "dim"
    return Text(
        "  " * row.depth + ("▸ " if row.kind == "span" else "· ") + terminal_safe(row.text), style, no_wrap=True, overflow="ellipsis"
    )


def _bar(row: Row, whole: float) -> Text:
    start = int(row.offset / whole * _BAR)
    if row.kind == "log":
        return Text(" " * min(start, _BAR - 1) + "·", "red" if row.failed else "dim")
    length = max(1, round(row.duration / whole * _BAR))
    return Text(" " * min(start, _BAR - 1) + "━" * min(length, _BAR - start or 1), "red" if row.failed else "green")


def time_of(document: dict[str, Any]) -> tuple[str, str]:
    """A document's day and time of day to the millisecond, as text in this computer's time zone; empty where it has no time."""
    at = document.get("@timestamp")
    day, _, time = f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3].partition(" ") if at else ("", "", "")
    return day, time
