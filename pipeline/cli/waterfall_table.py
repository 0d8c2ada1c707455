"""Waterfall table: the rows of a transaction as lines with bars, its heading, and what joins its traces."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text

from pipeline.cli.terminal_text import terminal_safe
from pipeline.join.transactions import TransactionEdge
from pipeline.model.short_ids import middle, with_short_ids
from pipeline.model.trace_ids import to_xray
from pipeline.search.transaction_view import TransactionView
from pipeline.search.waterfall import Row, end_of

_WIDE: Final = 100
_FEWEST: Final = 8
# the width by which the other columns are laid out where the text is not cut
_UNCUT: Final = 160
_DEPTH: Final = 4
_MOST_NAMED: Final = 5
_MARKS: Final = {"span": "▸ ", "log": "· ", "gap": "◇ ", "fold": "+ "}
_STYLES: Final = {"span": "bold", "log": "dim", "gap": "yellow", "fold": "dim italic"}


def waterfall_table(found: Sequence[Row], width: int | None) -> Iterator[Text]:
    """Yields the lines of a waterfall: each row's milliseconds since the transaction began, its service, its text, and its bar.

    At least half of the ``width`` (in characters) is for names and lines: bars shrink, and of a deep row its depth is written instead of
    drawn. Without a width, each row's text is whole, and its bar stands before it.
    """
    whole = end_of(found)
    columns = _Columns(found, whole, width or _UNCUT, cut=width is not None)
    yield columns.line(Text("ms", justify="right"), Text("service"), Text("spans and lines"), Text("waterfall"), "bold underline")
    for row in found:
        offset = Text("" if row.offset is None else f"{row.offset:.1f}", justify="right")
        service = Text(middle(terminal_safe(row.service_name), columns.service))
        yield columns.line(offset, service, columns.label(row), _bar(row, whole, columns.bar))


class _Columns:
    """The widths of the columns, in characters."""

    def __init__(self, found: Sequence[Row], whole: float, width: int, *, cut: bool) -> None:
        names = max((len(terminal_safe(row.service_name)) for row in found), default=0)
        self._cut = cut
        self.ms = max(len(f"{whole:.1f}"), len("ms"))
        self.service = min(max(names, len("service")), max(width // 7, _FEWEST))
        self.bar = max(width // (5 if width >= _WIDE else 8), _FEWEST)
        self.text = max(width - self.ms - self.service - self.bar - 3, _FEWEST)
        self._indent = max(self.text - width // 2 - len(_MARKS["span"]), _DEPTH)
        self._step = 2 if 2 * max((row.depth for row in found), default=0) <= self._indent else 1

    def label(self, row: Row) -> Text:
        """The text of a row, behind the mark of its kind, and as far to the right as it is deep."""
        indent = row.depth * self._step
        label = Text(" " * indent if indent <= self._indent else f"{row.depth:{self._indent - 1}d} ", "dim")
        label.append(_MARKS[row.kind], "bold red" if row.on_way else _STYLES[row.kind])
        text = terminal_safe(row.text)
        room = self.text - label.cell_len
        label.append(with_short_ids(text) if self._cut and len(text) > room else text, "bold red" if row.failed else _STYLES[row.kind])
        return label

    def line(self, ms: Text, service: Text, label: Text, bar: Text, style: str = "") -> Text:
        """The four cells as one line of fixed widths; what is not cut stands last."""
        if ms.justify == "right":
            ms.align("right", self.ms)
        third, last = ((label, self.text), bar) if self._cut else ((bar, self.bar), label)
        for cell, width in ((ms, self.ms), (service, self.service), third):
            cell.truncate(width, overflow="ellipsis", pad=True)
        line = Text(" ", no_wrap=True, end="\n").join([ms, service, third[0], last])
        line.stylize(style)
        return line


def _bar(row: Row, whole: float, width: int) -> Text:
    if row.offset is None:
        return Text()
    start = min(int(row.offset / whole * width), width - 1)
    colour = "red" if row.failed else "yellow" if row.kind == "gap" else "green"
    if row.kind in {"log", "fold"}:
        return Text(" " * start + "·", "red" if row.failed else "dim")
    if row.duration is None:
        return Text(" " * start + "┄" * (width - start), colour)
    length = max(1, round(row.duration / whole * width))
    return Text(" " * start + ("╌" if row.kind == "gap" else "━") * min(length, width - start), colour)


def heading(view: TransactionView) -> str:
    """A line with the number of a transaction's documents and the states of its traces."""
    states = Counter(explanation.state for explanation in view.explanations)
    if len(view.explanations) == 1:
        (only,) = view.explanations
        return f"{view.total:,} lines and spans, trace {only.state}. {only.state_reason}"
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{view.total:,} lines and spans of {len(view.explanations)} traces{f': {counted}' if counted else ''}"


def edge_lines(edge: TransactionEdge) -> list[str]:
    """Lines that name a join key and the evidence in each trace that shows it."""
    named = zip(edge.trace_ids[:_MOST_NAMED], edge.evidence, strict=False)
    more = [f"  and {len(edge.trace_ids) - _MOST_NAMED} more"] if len(edge.trace_ids) > _MOST_NAMED else []
    return [f"joined by {edge.name}", *(f"  {to_xray(id_)}: {evidence}" for id_, evidence in named), *more]
