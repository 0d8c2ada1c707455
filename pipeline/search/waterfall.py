"""Waterfall: makes rows of one transaction's lines and spans: the spans as a tree, the lines inside them, in time order. Pure.

A trace that another trace caused stands below the span that caused it, if a tracing header or an X-Ray link names that span. What X-Ray
does not have is a row, too. Several lines of API Gateway's own logs in one place fold into one row.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pipeline.search.span_tree import TOP, Gap, Node, tree_of
from pipeline.search.waterfall_items import WaterfallItem

Kind = Literal["span", "log", "gap", "fold"]
_FEWEST_FOLDED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the waterfall.

    Attributes:
        key: the id of its document; of a gap or a fold a text that no document has as its id.
        kind: span; log (a line); gap (what X-Ray does not have); or fold (it stands for several lines, which are inside it).
        offset: milliseconds since the transaction began; None where it has no time.
        duration: milliseconds; 0 for a line; None for a span that is still open.
        depth: how many rows enclose it.
        size: how many of the rows that follow are inside it.
        begins: the id of the trace that begins here, in a transaction of several; else empty.
        text: on one line, cut where it is long.
        is_cut: whether the document has more text than that.
        level: the severity of a line that is a warning or worse.
        failed: whether this is what failed.
        on_way: whether it lies on the way from the entry down to a failure that findings name, that failure included.
    """

    key: str
    kind: Kind
    offset: float | None
    duration: float | None
    depth: int
    size: int = 0
    begins: str = ""
    service_name: str = ""
    text: str = ""
    is_cut: bool = False
    level: str = ""
    failed: bool = False
    on_way: bool = False


@dataclass(frozen=True, slots=True)
class _Fold:
    """Lines of API Gateway's own logs in one place."""

    lines: tuple[WaterfallItem, ...]

    @property
    def text(self) -> str:
        return f"{len(self.lines)} lines of API Gateway's logs"


_Drawn = Node | _Fold


def rows(
    items: Sequence[WaterfallItem],
    *,
    named: Collection[str] = (),
    reasons: Mapping[str, str] | None = None,
    fold: bool = True,
) -> list[Row]:
    """Returns the rows of a transaction: each span, then what is inside it.

    Args:
        items: its lines and spans.
        named: the ids of the spans, and of the documents of lines, that findings name as failed. Without them those count that failed
            inside a root that failed.
        reasons: by trace id, why X-Ray has no span of a trace.
        fold: whether lines of API Gateway's own logs fold.
    """
    begun = min((item.at for item in items if item.at is not None), default=0.0)
    nodes = list(_in_order(tree_of(items, reasons), fold=fold))
    depths = [depth for _, depth in nodes]
    marked = {place for place, (node, _) in enumerate(nodes) if _is_named(node, named)} if named else _failed_below_root(nodes)
    on_way = enclosing(marked, depths)
    sizes, begins = _sizes(depths), _begins(nodes)
    return [_row(node, begun, depth=depth, size=sizes[place], begins=begins.get(place, ""), on_way=place in on_way)
            for place, (node, depth) in enumerate(nodes)]  # fmt: skip


def closed(found: Sequence[Row]) -> list[Row]:
    """Returns the rows without those inside folds."""
    shown: list[Row] = []
    place = 0
    while place < len(found):
        shown.append(found[place])
        place += 1 + (found[place].size if found[place].kind == "fold" else 0)
    return shown


def enclosing(marked: Collection[int], depths: Sequence[int]) -> set[int]:
    """Returns the places of the rows that are marked, and of each that encloses one, by the depths of all rows."""
    above: list[int] = []
    found: set[int] = set()
    for place, depth in enumerate(depths):
        del above[depth:]
        above.append(place)
        if place in marked:
            for outer in reversed(above):
                if outer in found:
                    break
                found.add(outer)
    return found


def end_of(found: Sequence[Row]) -> float:
    """Returns the milliseconds from the beginning of a transaction to the end of its last row; more than 0."""
    return max(((row.offset or 0) + (row.duration or 0) for row in found), default=0.0) or 1.0


def _in_order(inside: Mapping[str, Sequence[Node]], *, fold: bool) -> Iterator[tuple[_Drawn, int]]:
    """Each node with its depth, parents first; without recursion, since a trace may be thousands of spans deep."""
    waiting: list[tuple[_Drawn, int]] = [(node, 0) for node in reversed(_folded(inside.get(TOP, ()), fold=fold))]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        below = node.lines if isinstance(node, _Fold) else _folded(inside.get(node.key, ()), fold=fold)
        waiting += [(child, depth + 1) for child in reversed(below)]


def _folded(nodes: Sequence[Node], *, fold: bool) -> list[_Drawn]:
    """The nodes, with one fold in the place of the first of several lines of API Gateway's that tell of no failure."""
    lines = tuple(node for node in nodes if isinstance(node, WaterfallItem) and node.of_api_gateway and not node.failed) if fold else ()
    if len(lines) < _FEWEST_FOLDED:
        return list(nodes)
    kept = {id(line) for line in lines[1:]}
    return [_Fold(lines) if node is lines[0] else node for node in nodes if id(node) not in kept]


def _row(node: _Drawn, begun: float, **more: Any) -> Row:
    if isinstance(node, _Fold):
        first = node.lines[0]
        return Row(key=f"fold {first.key}", kind="fold", offset=_since(begun, first.at), duration=_length(node.lines),
                   service_name=first.service_name, text=node.text, **more)  # fmt: skip
    offset = _since(begun, node.at)
    if isinstance(node, Gap):
        return Row(key=node.key, kind="gap", offset=offset, duration=node.duration, text=node.text, **more)
    return Row(key=node.key, kind="span" if node.is_span else "log", offset=offset, duration=node.duration, service_name=node.service_name,
               text=node.text, is_cut=node.is_cut, level=node.level, failed=node.failed, **more)  # fmt: skip


def _since(begun: float, at: float | None) -> float | None:
    return at - begun if at is not None else None


def _length(lines: Sequence[WaterfallItem]) -> float:
    times = [line.at for line in lines if line.at is not None]
    return max(times) - min(times) if times else 0.0


def _is_named(node: _Drawn, named: Collection[str]) -> bool:
    return isinstance(node, WaterfallItem) and (node.key in named or (node.is_span and node.span_ids[0] in named))


def _failed_below_root(nodes: Sequence[tuple[_Drawn, int]]) -> set[int]:
    """The places of the spans that failed inside a root that failed, where no finding names them: the caller plainly saw it."""
    marked: set[int] = set()
    root_failed = False
    for place, (node, depth) in enumerate(nodes):
        failed = isinstance(node, WaterfallItem) and node.is_span and node.failed
        root_failed = root_failed if depth else failed
        if root_failed and failed:
            marked.add(place)
    return marked


def _begins(nodes: Sequence[tuple[_Drawn, int]]) -> dict[int, str]:
    """By place, the trace of each row that stands directly inside another trace, or inside nothing; empty where there is one trace."""
    found: dict[int, str] = {}
    above: list[str] = []
    for place, (node, depth) in enumerate(nodes):
        trace_id = node.lines[0].trace_id if isinstance(node, _Fold) else node.trace_id
        del above[depth:]
        if trace_id and above[-1:] != [trace_id]:
            found[place] = trace_id
        above.append(trace_id)
    return found if len(set(found.values())) > 1 else {}


def _sizes(depths: Sequence[int]) -> list[int]:
    """For each row, how many of the following ones are deeper, up to the first that is not."""
    sizes = [0] * len(depths)
    ends = [len(depths)]  # by depth, where the next row of this depth or less begins
    for place in range(len(depths) - 1, -1, -1):
        depth = depths[place]
        del ends[depth + 1 :]
        ends += [ends[-1]] * (depth + 1 - len(ends))
        sizes[place] = ends[depth] - place - 1
        ends[depth] = place
    return sizes
