"""Hit table: log lines and spans as one list in a terminal, printed batch by batch, however many there are."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Any

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from pipeline.cli.day_heading import DayHeading
from pipeline.cli.terminal_text import one_line
from pipeline.model.clock_times import ClockTime, clock_time
from pipeline.model.trace_ids import to_xray
from pipeline.search.durable_labels import DurableLabels
from pipeline.search.highlights import Marks, marked_parts

_WIDE = 140
_MOST_TRACES = 5
_REMEMBERED = 1000
_BEFORE_MATCH = 16
_TO_YEAR = len("2026-")
# with a column for each; the text stands last where it is not cut, so that nothing stands behind it
_UNCUT = {"time": 18, "kind": 4, "service": 18, "trace": 35, "state": 14}
_STATES = {"complete": "green", "unsampled": "yellow", "pending": "cyan", "partial": "cyan"}
_ERROR, _WARN = 17, 13
_FAILED = 2


class HitTable:
    """A list of hits, as the parts of one table with fixed widths, or as lines of any length.

    Args:
        width: the terminal's, in characters; None for lines that are not cut.
        marks: the texts before and after a match in highlighted text.
        zone: the time zone of times; None for this computer's own.
    """

    def __init__(self, width: int | None, marks: Marks, zone: tzinfo | None = None) -> None:
        self._uncut = width is None
        width = width or 0
        self._wide = self._uncut or width >= _WIDE
        self._marks = marks
        self._zone = zone
        self._heading = DayHeading(with_days=not self._wide)
        self._begun = False
        self._traces: dict[str, str] = {}
        self._labels = DurableLabels()
        fixed = (18, 4, 18, 35, 14) if self._wide else (12, 10, 8, 12)
        gap = 2 if self._wide else 1
        self._what = max(width - sum(fixed) - gap * len(fixed), 10)
        self._widths = (*fixed[:-2], self._what, *fixed[-2:])
        self._gap = gap

    def parts(self, hits: Iterable[dict[str, Any]]) -> Iterator[RenderableType]:
        """What to print for the next hits, under a header at first: a table, or lines where they are not cut."""
        if self._uncut:
            yield from self._lines(hits)
        else:
            yield self.part(hits)

    def part(self, hits: Iterable[dict[str, Any]]) -> Table:
        """A table of the next hits; the first one has the header."""
        rows = self._timed(hits)
        names = ("time", "kind", "service", "what", "trace", "state") if self._wide else ("time", "service", "what", "trace", "state")
        head = {"time": self._heading.column(rows[0][0])} if rows else {}
        columns = [
            Column(head.get(name, name), width=width, no_wrap=True, overflow="ellipsis")
            for name, width in zip(names, self._widths, strict=True)
        ]
        table = Table(
            *columns, box=None, padding=(0, self._gap, 0, 0), pad_edge=False, show_header=not self._begun, header_style="bold underline"
        )
        self._begun = True
        for at, hit in rows:
            if heading := self._heading.before(at):
                table.add_row(*(Text(cell, "bold") for cell in heading))
            table.add_row(*self._row(at, hit))
        return table

    def _lines(self, hits: Iterable[dict[str, Any]]) -> Iterator[Text]:
        """Each of the next hits as one line, with its whole text at the end."""
        rows = self._timed(hits)
        if rows and not self._begun:
            self._begun = True
            yield _line([Text(name, "bold underline") for name in (self._heading.column(rows[0][0]), *list(_UNCUT)[1:], "what")])
        for at, hit in rows:
            if heading := self._heading.before(at):
                yield Text(" ".join(heading), "bold")
            time, kind, service, what, trace, state = self._row(at, hit)
            yield _line([time, kind, service, trace, state, what])

    def _timed(self, hits: Iterable[dict[str, Any]]) -> list[tuple[ClockTime, dict[str, Any]]]:
        """The next hits, noted for the labels of those that follow, each with its time."""
        found = [(clock_time(hit["_source"].get("@timestamp"), self._zone), hit) for hit in hits]
        self._labels.note(hit["_source"] for _, hit in found)
        return found

    def traces(self) -> Iterator[str]:
        """Lines with the whole ids of the listed traces; none where the table is wide enough to show them."""
        if not self._wide:
            yield from (f"…{id_[-7:]} is {to_xray(id_)}, {state}" for id_, state in list(self._traces.items())[:_MOST_TRACES])
            if len(self._traces) > _MOST_TRACES:
                more = "more than " if len(self._traces) == _REMEMBERED else ""
                yield f"and {more}{len(self._traces) - _MOST_TRACES} traces more: --json or a wider terminal shows their ids"

    def _row(self, at: ClockTime, hit: dict[str, Any]) -> list[Text]:
        document = hit["_source"]
        kind, service = document["doc"]["kind"], Text(one_line(document.get("serviceName") or ""), "cyan")
        state, trace_id = _state(document), document.get("traceId") or ""
        if trace_id and (trace_id in self._traces or len(self._traces) < _REMEMBERED):
            self._traces[trace_id] = state.plain
        if self._wide:
            return [
                Text(f"{at.day} {at.time}"[_TO_YEAR:]),
                Text(kind, "dim"),
                service,
                self._text(hit),
                Text(to_xray(trace_id) if trace_id else ""),
                state,
            ]
        return [Text(at.time), service, self._text(hit), Text(f"…{trace_id[-7:]}" if trace_id else ""), state]

    def _text(self, hit: dict[str, Any]) -> Text:
        """The message of a log line or the name of a span, on one line, cut so that its first match can be seen."""
        document = hit["_source"]
        is_log = document["doc"]["kind"] == "log"
        marked = hit.get("highlight", {}).get("body" if is_log else "name", ())
        text = Text(_mark(hit, is_log=is_log), "dim" if hit.get("context") else _style(document), end="")
        if label := self._labels.of(document):
            text.append(f"[{one_line(label)}] ", "dim")
        shown = marked[0] if marked else str(document.get("body" if is_log else "name") or "")
        parts = [(one_line(part), matched) for part, matched in marked_parts(shown, self._marks)]
        before = len(parts[0][0])
        if not self._uncut and len(parts) > 1 and before > self._what - _BEFORE_MATCH:
            parts[0] = ("…" + parts[0][0][before - _BEFORE_MATCH :], False)
        for part, matched in parts:
            text.append(part, "bold black on yellow" if matched else None)
        if not self._uncut:
            # without this, rich would measure all of a line of 256 KiB
            text.truncate(self._what, overflow="ellipsis")
        return text


def _line(cells: list[Text]) -> Text:
    """The cells side by side, each as wide as its column or wider, but for the last one."""
    for cell, width in zip(cells, _UNCUT.values(), strict=False):
        cell.pad_right(max(width - cell.cell_len, 0))
    return Text("  ").join(cells)


def _mark(hit: dict[str, Any], *, is_log: bool) -> str:
    """What stands before the text: a line of context has nothing there, and the line that it is around an arrow."""
    if "context" not in hit or not is_log:
        return "· " if is_log else "▸ "
    return "  " if hit["context"] else "> "


def _style(document: dict[str, Any]) -> str:
    severity = document.get("severity", {}).get("number") or 0
    failed = document.get("status", {}).get("code") == _FAILED or severity >= _ERROR
    return "red" if failed else "yellow" if severity >= _WARN else "bold" if document["doc"]["kind"] == "span" else ""


def _state(document: dict[str, Any]) -> Text:
    status = document.get("trace") or {}
    state = one_line(str(status.get("state") or ""))
    return Text("hidden fault", "bold red") if status.get("hiddenFault") else Text(state, _STATES.get(state, ""))
