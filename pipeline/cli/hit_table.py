"""Lines and spans as one list in a terminal, however many there are: it is printed as they come."""

import re
import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from pipeline.cli.waterfall_table import time_of
from pipeline.model.json_values import as_text
from pipeline.model.trace_ids import to_xray

_WIDE = 140
_MOST_TRACES = 5
_REMEMBERED = 1000
_BEFORE_MATCH = 16
_STATES = {"complete": "green", "unsampled": "yellow", "pending": "cyan", "partial": "cyan"}
_ERROR, _WARN = 17, 13
_FAILED = 2
# what others logged must neither steer the terminal nor turn its text around
_CONTROLS = dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "�")
_CONTROLS |= {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}


def new_marks() -> tuple[str, str]:
    """Marks for the start and the end of a match that no text can hold: nobody knows them before."""
    nonce = secrets.token_hex(8)
    return f"\ue000{nonce}\ue001", f"\ue000{nonce}\ue002"


class HitTable:
    """The list as parts of one table with fixed widths.

    Args:
        width: of the terminal, in characters.
        marks: what stands around a match in the highlighted text.
    """

    def __init__(self, width: int, marks: tuple[str, str]) -> None:
        self._wide = width >= _WIDE
        self._marks = marks
        self._day = ""
        self._begun = False
        self._traces: dict[str, str] = {}
        fixed = (18, 4, 18, 35, 14) if self._wide else (12, 10, 8, 12)
        gap = 2 if self._wide else 1
        self._what = max(width - sum(fixed) - gap * len(fixed), 10)
        self._widths = (*fixed[:-2], self._what, *fixed[-2:])
        self._gap = gap

    def part(self, hits: Iterable[dict[str, Any]]) -> Table:
        """The next rows; the first part bears the header."""
        names = ("time", "kind", "service", "what", "trace", "state") if self._wide else ("time", "service", "what", "trace", "state")
        columns = [Column(name, width=width, no_wrap=True, overflow="ellipsis") for name, width in zip(names, self._widths, strict=True)]
        table = Table(
            *columns, box=None, padding=(0, self._gap, 0, 0), pad_edge=False, show_header=not self._begun, header_style="bold underline"
        )
        self._begun = True
        for hit in hits:
            day, _ = time_of(hit["_source"])
            if day != self._day and not self._wide:
                table.add_row(Text(day, "bold"))
            self._day = day
            table.add_row(*self._row(hit))
        return table

    def traces(self) -> Iterator[str]:
        """Where the list is too narrow for them: the whole ids of its traces."""
        if not self._wide:
            yield from (f"…{id_[-7:]} is {to_xray(id_)}, {state}" for id_, state in list(self._traces.items())[:_MOST_TRACES])
            if len(self._traces) > _MOST_TRACES:
                more = "more than " if len(self._traces) == _REMEMBERED else ""
                yield f"and {more}{len(self._traces) - _MOST_TRACES} traces more: --json or a wider terminal shows their ids"

    def _row(self, hit: dict[str, Any]) -> list[Text]:
        document = hit["_source"]
        kind, service = document["doc"]["kind"], Text(_clean(document.get("serviceName") or ""), "cyan")
        state, trace_id = _state(document), document.get("traceId") or ""
        if trace_id and (trace_id in self._traces or len(self._traces) < _REMEMBERED):
            self._traces[trace_id] = state.plain
        if self._wide:
            return [
                Text(" ".join(time_of(document))[len("2026-") :]),
                Text(kind, "dim"),
                service,
                self._text(hit),
                Text(to_xray(trace_id) if trace_id else ""),
                state,
            ]
        return [Text(time_of(document)[1]), service, self._text(hit), Text(f"…{trace_id[-7:]}" if trace_id else ""), state]

    def _text(self, hit: dict[str, Any]) -> Text:
        """What was said or done, on one line, its matches marked and in sight."""
        document = hit["_source"]
        is_log = document["doc"]["kind"] == "log"
        marked = hit.get("highlight", {}).get("body" if is_log else "name", ())
        text = Text("· " if is_log else "▸ ", _style(document), end="")
        parts = self._parts(marked[0] if marked else str(document.get("body" if is_log else "name") or ""))
        before = len(parts[0][0])
        if len(parts) > 1 and before > self._what - _BEFORE_MATCH:
            parts[0] = ("…" + parts[0][0][before - _BEFORE_MATCH :], False)
        for part, matched in parts:
            text.append(part, "bold black on yellow" if matched else None)
        # rich would measure all of a line of 256 KiB for the few columns that are seen
        text.truncate(self._what, overflow="ellipsis")
        return text

    def _parts(self, text: str) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it matched, as one clean line."""
        start, end = self._marks
        pieces = re.split(f"({re.escape(start)}|{re.escape(end)})", text)
        parts: list[tuple[str, bool]] = []
        matched = False
        for piece in pieces:
            if piece in self._marks:
                matched = piece == start
            elif piece or not parts:
                parts.append((_clean(re.sub(r"\s+", " ", piece)), matched))
        return parts


def _style(document: dict[str, Any]) -> str:
    severity = document.get("severity", {}).get("number") or 0
    failed = document.get("status", {}).get("code") == _FAILED or severity >= _ERROR
    return "red" if failed else "yellow" if severity >= _WARN else "bold" if document["doc"]["kind"] == "span" else ""


def _state(document: dict[str, Any]) -> Text:
    status = document.get("trace") or {}
    state = _clean(str(status.get("state") or ""))
    return Text("hidden fault", "bold red") if status.get("hiddenFault") else Text(state, _STATES.get(state, ""))


def _clean(text: str) -> str:
    return as_text(text).translate(_CONTROLS)
