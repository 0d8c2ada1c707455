"""Span tree: finds what each line and span of a transaction stands inside, and the gaps that X-Ray left. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pipeline.model.trace_ids import to_xray
from pipeline.search.waterfall_items import WaterfallItem

TOP: Final = ""
"""The key of what stands inside nothing."""

_TO_COME: Final = "of the durable execution is not there: such a span is sent at its end, or never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What X-Ray does not have, around what would stand inside it.

    Attributes:
        key: a text that no document has as its id.
        text: what is missing, in words.
        at: milliseconds since the epoch; None where nothing inside has a time.
        duration: milliseconds.
    """

    key: str
    trace_id: str
    text: str
    at: float | None = None
    duration: float = 0


Node = WaterfallItem | Gap


def tree_of(items: Sequence[WaterfallItem], reasons: Mapping[str, str] | None = None) -> dict[str, list[Node]]:
    """Returns what stands directly inside each node, by its key, in time order; at `TOP` what stands inside nothing.

    ``reasons`` says, by trace id, why X-Ray has no span of a trace.
    """
    return _Tree(items, reasons or {}).children()


class _Tree:
    def __init__(self, items: Sequence[WaterfallItem], reasons: Mapping[str, str]) -> None:
        # in an order that does not depend on how they came
        self._items = {item.key: item for item in sorted(items, key=_time)}
        self._reasons = reasons
        self._spans: dict[str, WaterfallItem] = {}
        self._roots: dict[str, str] = {}
        for item in self._items.values():
            if item.is_span:
                self._spans.setdefault(item.span_ids[0], item)
                if not item.parent_id:
                    self._roots.setdefault(item.trace_id, item.key)
        self._traces = {item.trace_id for item in self._spans.values()}
        self._callers = self._found_callers()
        self._gaps: dict[str, Gap] = {}
        self._above: dict[str, str] = {}

    def children(self) -> dict[str, list[Node]]:
        for item in self._items.values():
            self._above[item.key] = self._above_span(item) if item.is_span else self._above_line(item)
        self._break_rings()
        nodes: dict[str, Node] = {**self._items, **dict(self._spread(self._gaps))}
        found: dict[str, list[Node]] = {}
        for key, above in self._above.items():
            found.setdefault(above, []).append(nodes[key])
        for key, gap in self._unanswered(found):
            found.setdefault(key, []).append(gap)
        for below in found.values():
            below.sort(key=_time)
        return found

    def _above_span(self, item: WaterfallItem) -> str:
        parent = self._spans.get(item.parent_id)
        if parent and parent.key != item.key:
            return parent.key
        if item.parent_id and not parent:
            return self._gap(item.parent_id, item.trace_id, _TO_COME if item.of_execution else "is not in X-Ray")
        return self._callers.get(item.trace_id, TOP)

    def _above_line(self, item: WaterfallItem) -> str:
        if known := [self._spans[id_] for id_ in item.span_ids if id_ in self._spans]:
            segment, named = known[0], known[-1]
            return named.key if self._is_inside(named, segment) else segment.key
        if not item.trace_id:
            return next((self._spans[id_].key for id_ in item.caused_by if id_ in self._spans), TOP)
        if item.trace_id not in self._traces:
            return self._trace_gap(item.trace_id)
        return self._gap(item.span_ids[0], item.trace_id) if item.span_ids else self._home(item.trace_id)

    def _is_inside(self, span: WaterfallItem, outer: WaterfallItem) -> bool:
        """Whether a span is somewhere inside another one, as far as the spans between them are there."""
        above, seen = self._spans.get(span.parent_id), {span.key}
        while above and above.key not in seen:
            if above.key == outer.key:
                return True
            seen.add(above.key)
            above = self._spans.get(above.parent_id)
        return False

    def _home(self, trace_id: str) -> str:
        """Where stands what is of a trace, and of none of its known spans."""
        return self._roots.get(trace_id) or self._callers.get(trace_id, TOP)

    def _gap(self, span_id: str, trace_id: str, why: str = "is not in X-Ray") -> str:
        key = f"gap {trace_id} {span_id}"
        self._gaps.setdefault(key, Gap(key=key, trace_id=trace_id, text=f"span {span_id} {why}"))
        self._above.setdefault(key, self._home(trace_id))
        return key

    def _trace_gap(self, trace_id: str) -> str:
        key = f"gap {trace_id}"
        text = " ".join(filter(None, ("no span of this trace.", self._reasons.get(trace_id, ""), f"({to_xray(trace_id)})")))
        self._gaps.setdefault(key, Gap(key=key, trace_id=trace_id, text=text))
        self._above.setdefault(key, self._home(trace_id))
        return key

    def _found_callers(self) -> dict[str, str]:
        """For each trace that a span of another trace caused, that span's key: it began earlier, and a header or a span link names it."""
        found: dict[str, WaterfallItem] = {}
        for item in self._items.values():
            for span_id in item.caused_by:
                caller = self._spans.get(span_id)
                if caller and item.trace_id and caller.trace_id != item.trace_id and (caller.at or 0) <= (item.at or 0):
                    found.setdefault(item.trace_id, caller)
        # traces that name each other in a circle would appear nowhere
        return {trace_id: caller.key for trace_id, caller in found.items() if not _in_circle(trace_id, found)}

    def _break_rings(self) -> None:
        """Odd documents name each other as parents: one of them then stands at the top, or all of them would appear nowhere."""
        safe = {TOP}
        for start in self._above:
            path: dict[str, None] = {}
            key = start
            while key not in safe and key not in path:
                path[key] = None
                key = self._above.get(key, TOP)
            if key in path:
                self._above[key] = TOP
            safe.update(path)

    def _spread(self, gaps: Mapping[str, Gap]) -> Iterator[tuple[str, Node]]:
        """The gaps with the times of what is directly inside them."""
        inside: dict[str, list[WaterfallItem]] = {}
        for key, above in self._above.items():
            if above in gaps and key in self._items:
                inside.setdefault(above, []).append(self._items[key])
        for key, gap in gaps.items():
            timed = [item for item in inside.get(key, ()) if item.at is not None]
            begins = min((item.at for item in timed if item.at is not None), default=None)
            ends = max(((item.at or 0) + (item.duration or 0) for item in timed), default=0)
            yield key, replace(gap, at=begins, duration=ends - begins if begins is not None else 0)

    def _unanswered(self, found: Mapping[str, Sequence[Node]]) -> list[tuple[str, Gap]]:
        """The key of each call that a segment should answer, and none does, with the gap inside it."""
        calls = [item for item in self._items.values() if item.awaits_answer and not any(map(_is_segment, found.get(item.key, ())))]
        text = "the answer to this call is not in X-Ray"
        return [(call.key, Gap(key=f"answer {call.key}", trace_id=call.trace_id, text=text, at=call.at, duration=call.duration or 0))
                for call in calls]  # fmt: skip


def _is_segment(node: Node) -> bool:
    return isinstance(node, WaterfallItem) and node.is_segment


def _in_circle(trace_id: str, callers: Mapping[str, WaterfallItem]) -> bool:
    above, seen = trace_id, set[str]()
    while above in callers and above not in seen:
        seen.add(above)
        above = callers[above].trace_id
    return above in seen


def _time(node: Node) -> tuple[bool, float, bool, str]:
    """The sort key of time: what has no time comes last, and of one moment spans come before lines."""
    return node.at is None, node.at or 0.0, not (isinstance(node, Gap) or node.is_span), node.key
