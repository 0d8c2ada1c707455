"""How documents look in a terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from pipeline.waterfall import Row, rows

_BAR = 24
_STATES = {"complete": "green", "unsampled": "yellow", "pending": "cyan", "partial": "cyan"}


def documents_table(documents: Sequence[dict[str, Any]]) -> Table:
    """Logs and spans as one list."""
    table = Table("time", "kind", "service", "what", Column("trace", no_wrap=True), "state", expand=True, show_edge=False)
    for document in documents:
        status = document.get("trace", {})
        state = str(status.get("state", ""))
        mark = " [red]hidden fault[/]" if status.get("hiddenFault") else ""
        table.add_row(
            _time(document), document["doc"]["kind"], escape(document.get("serviceName") or ""), _what(document),
            document.get("xray", {}).get("traceId", ""), f"[{_STATES.get(state, 'white')}]{state}[/]{mark}",
        )  # fmt: skip
    return table


def waterfall_table(documents: Sequence[dict[str, Any]]) -> Table:
    """One transaction: spans with their bars, log lines inside them."""
    found = rows(documents)
    whole = max((row.offset + row.duration for row in found), default=0) or 1
    table = Table("ms", "service", "spans and lines", "waterfall", expand=True, show_edge=False)
    table.columns[2].ratio = 1
    for row in found:
        table.add_row(f"{row.offset:8.1f}", escape(row.service_name), _label(row), _bar(row, whole))
    return table


def findings_table(traces: Sequence[dict[str, Any]]) -> Table:
    """Hidden faults with their evidence."""
    table = Table(
        Column("trace", no_wrap=True), "rule, and what the client saw", "where and what", expand=True, show_edge=False, show_lines=True
    )
    for trace in traces:
        for finding in trace.get("findings", ()):
            where = " › ".join(finding["path"])
            colour = "red" if finding["severity"] == "alert" else "yellow"
            table.add_row(
                f"{trace['xray']['traceId']}\n[dim]{_time(trace)}[/]",
                f"[{colour}]{finding['rule']}[/]\n{finding['clientSaw']} {trace['trace'].get('edgeStatus') or ''}",
                f"[dim]{escape(where)}[/]\n{escape(finding['evidence'])}",
            )
    return table


def _label(row: Row) -> Text:
    style = "bold red" if row.failed else "bold" if row.kind == "span" else "dim"
    return Text("  " * row.depth + ("▸ " if row.kind == "span" else "· ") + row.text, style, no_wrap=True, overflow="ellipsis")


def _bar(row: Row, whole: float) -> Text:
    start = int(row.offset / whole * _BAR)
    if row.kind == "log":
        return Text(" " * min(start, _BAR - 1) + "·", "red" if row.failed else "dim")
    length = max(1, round(row.duration / whole * _BAR))
    return Text(" " * min(start, _BAR - 1) + "━" * min(length, _BAR - start or 1), "red" if row.failed else "green")


def _what(document: dict[str, Any]) -> str:
    text = document.get("body") if document["doc"]["kind"] == "log" else document.get("name")
    return escape(" ".join(str(text or "").split())[:120])


def _time(document: dict[str, Any]) -> str:
    at = document.get("@timestamp")
    return f"{datetime.fromisoformat(at):%m-%d %H:%M:%S.%f}"[:-3] if at else ""
