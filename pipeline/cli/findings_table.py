"""Findings table: findings for a terminal or a page, one failure after the other, with its evidence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from pipeline.cli.terminal_text import terminal_safe
from pipeline.detect.failures import describe_failure, describe_response, group_failures
from pipeline.detect.verdict import Finding
from pipeline.model.clock_times import clock_time

_COLOURS = {"alert": "bold red", "notice": "yellow"}


def faults_table(traces: Sequence[Mapping[str, Any]], zone: tzinfo | None = None) -> Group:
    """Stored trace documents with their findings, as something that rich prints; times in ``zone``, None for this computer's own."""
    return Group(*(part for trace in traces for part in _trace(trace, zone)))


def findings_table(findings: Iterable[Finding], zone: tzinfo | None = None) -> Group:
    """The findings of one trace, as something that rich prints."""
    return Group(
        *(
            Padding(_evidence(list(describe_failure(failure, zone=zone))), (0, 0, 0, 2), expand=False)
            for failure in group_failures(findings)
        )
    )


def _trace(trace: Mapping[str, Any], zone: tzinfo | None) -> Iterator[RenderableType]:
    status = trace["trace"]
    name = escape(terminal_safe(trace.get("name") or trace.get("serviceName") or ""))
    response = describe_response(status.get("clientSaw"), status.get("edgeStatus"))
    at = clock_time(trace.get("@timestamp"), zone)
    yield f"[bold]{trace['xray']['traceId']}[/]  {at}  {name}  {escape(response)}"
    yield findings_table(msgspec.convert(trace.get("findings") or (), tuple[Finding, ...]), zone)


def _evidence(words: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for word, text in words:
        style = _COLOURS.get(word, "dim")
        table.add_row(f"[{style}]{word}[/]", escape(terminal_safe(text)))
    return table
