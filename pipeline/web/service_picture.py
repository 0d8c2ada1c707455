"""Service picture: lays a service map out as boxes and arrows, left to right. Pure; a template draws it as SVG.

graphlay places the boxes and leads the arrows around them: compiled wheels for each platform, half a megabyte, no dependency, the same
picture each time. Graphviz would need a program that a user installs, grandalf is no longer kept and lets boxes overlap, igraph is GPL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any, Final, Literal

import graphlay

from pipeline.model.durations import duration
from pipeline.search.service_map import MapEdge, MapNode, ServiceMap, Traffic
from pipeline.web.formats import number

MOST_BOXES: Final = 60
"""A picture of more boxes is none; the tables name the others."""
MOST_ARROWS: Final = 100
"""With more arrows nobody can follow one, and their ways take seconds to find."""
_MANY_ARROWS: Final = 40
_WIDTH: Final = 196
_HEIGHT: Final = 46
_MARGIN: Final = 16
_CORNER: Final = 6.0
# between a label and its arrow
_ASIDE: Final = 5.0
_HEAD: Final = 12.0
_LONGEST_NAME: Final = 22
_NANOS: Final = 1_000_000
_OPTIONS: Final = {
    "direction": "leftright",
    "spacing": {"layer_gap": 144.0, "node_gap": 24.0, "isolated_gap": 24.0},
}

Look = Literal["hidden", "error", "fine"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A node at its place, by its upper left corner.

    Attributes:
        name: cut where the box is too narrow for it.
        words: its traffic in a few words.
    """

    node: MapNode
    x: float
    y: float
    name: str
    words: str
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """An edge as a line.

    Attributes:
        path: the line as SVG writes it (`d`).
        width: of the line; the more calls, the wider.
        label: its calls and latency in a few words, at ``at``, beside its head; ``anchor`` is SVG's `text-anchor`.
        words: all of it in a sentence.
    """

    edge: MapEdge
    path: str
    width: float
    label: str
    at: Point
    anchor: Literal["start", "end"]
    words: str
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePicture:
    """A drawn map.

    Attributes:
        boxes_left_out: how many nodes have no box.
        arrows_left_out: how many edges have no arrow.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    boxes_left_out: int
    arrows_left_out: int
    box_width: int = _WIDTH
    box_height: int = _HEIGHT


def service_picture(found: ServiceMap) -> ServicePicture | None:
    """Draws a service map; returns None where there is nothing to draw. Of a large one it draws the edges with faults, then the busiest."""
    if not found.nodes:
        return None
    nodes, edges = _drawn(found)
    places = {node.name: place for place, node in enumerate(nodes)}
    effort = "fast" if len(edges) > _MANY_ARROWS else "balanced"
    layout = graphlay.layout(_graph(nodes, edges, places), options={**_OPTIONS, "effort": effort})
    low, high = layout.bounds["min"], layout.bounds["max"]
    left, top = low["x"] - _MARGIN, low["y"] - _MARGIN
    centres = [(each["center"]["x"] - left, each["center"]["y"] - top) for each in layout.nodes]
    lines = [[(point["x"] - left, point["y"] - top) for point in each["points"]] for each in layout.edges]
    return ServicePicture(
        width=round(high["x"] - left + _MARGIN),
        height=round(high["y"] - top + _MARGIN),
        boxes=tuple(_box(node, *centre) for node, centre in zip(nodes, centres, strict=True)),
        arrows=tuple(_arrow(edge, line) for edge, line in zip(edges, lines, strict=True)),
        boxes_left_out=len(found.nodes) - len(nodes),
        arrows_left_out=len(found.edges) - len(edges),
    )


def _drawn(found: ServiceMap) -> tuple[list[MapNode], list[MapEdge]]:
    """The nodes and edges that have room."""
    names: set[str] = set()
    edges: list[MapEdge] = []
    # sorted is stable: of equal ones the busiest stay first
    for edge in sorted(found.edges, key=lambda edge: not edge.traffic.hidden_faults):
        ends = names | {edge.caller, edge.callee}
        if len(edges) < MOST_ARROWS and len(ends) <= MOST_BOXES:
            edges.append(edge)
            names = ends
    joined = {name for edge in found.edges for name in (edge.caller, edge.callee)}
    alone = [node.name for node in found.nodes if node.name not in joined]
    names.update(alone[: MOST_BOXES - len(names)])
    return [node for node in found.nodes if node.name in names], edges


def look_of(traffic: Traffic) -> Look:
    """What a reader should see first in some traffic: a fault that hides, an error, or nothing."""
    return "hidden" if traffic.hidden_faults else "error" if traffic.errors else "fine"


def _graph(nodes: Sequence[MapNode], edges: Sequence[MapEdge], places: Mapping[str, int]) -> dict[str, Any]:
    # by place, since a name is foreign text
    size = {"width": float(_WIDTH), "height": float(_HEIGHT)}
    ends = [(places[edge.caller], places[edge.callee]) for edge in edges]
    return {
        "nodes": [{"key": str(place), "size": size, "shape": "box"} for place in range(len(nodes))],
        "edges": [{"source": source, "target": target, "weight": 1.0} for source, target in ends],
    }


def _label_at(line: Sequence[Point]) -> tuple[Point, Literal["start", "end"]]:
    """Where a label stands beside the head of an arrow, and which end of it."""
    (before, _), (x, y) = line[-2:]
    if abs(before - x) < 1:
        return (x + _ASIDE, y - _HEAD if line[-2][1] < y else y + 2 * _HEAD), "start"
    # one that leads back stands under its line, since its opposite is right above
    return ((x - _HEAD, y - _ASIDE), "end") if before < x else ((x + _HEAD, y + _ASIDE + _HEAD), "start")


def _box(node: MapNode, x: float, y: float) -> Box:
    name = node.name if len(node.name) <= _LONGEST_NAME else f"{node.name[: _LONGEST_NAME - 1]}…"
    return Box(
        node=node,
        x=round(x - _WIDTH / 2, 1),
        y=round(y - _HEIGHT / 2, 1),
        name=name,
        words=_few_words(node.traffic),
        look=look_of(node.traffic),
    )


def _few_words(traffic: Traffic) -> str:
    if not traffic.calls:
        return ""
    return f"{_calls(traffic.calls)}{_failures(traffic)}"


def _failures(traffic: Traffic) -> str:
    if traffic.hidden_faults:
        return f", {number(traffic.hidden_faults)} hidden"
    return f", {number(traffic.errors)} failed" if traffic.errors else ""


def _arrow(edge: MapEdge, line: Sequence[Point]) -> Arrow:
    traffic, ((x, y), anchor) = edge.traffic, _label_at(line)
    latency = duration(traffic.p95 / _NANOS) if traffic.p95 is not None else ""
    return Arrow(
        edge=edge,
        path=_path(line),
        width=round(min(1.25 + log10(traffic.calls) / 1.5, 4), 2),
        label=f"{number(traffic.calls)} · {latency}" if latency else number(traffic.calls),
        at=(round(x, 1), round(y, 1)),
        anchor=anchor,
        words=_sentence(edge, latency),
        look=look_of(traffic),
    )


def _sentence(edge: MapEdge, latency: str) -> str:
    traffic = edge.traffic
    via = f" via {', '.join(edge.via)}" if edge.via else ""
    slow = f", 95 % within {latency}" if latency else ""
    failed = f", {number(traffic.errors)} failed" if traffic.errors else ""
    hidden = f", {number(traffic.hidden_faults)} hidden faults" if traffic.hidden_faults else ""
    return f"{edge.caller} calls {edge.callee}{via}: {_calls(traffic.calls)}{slow}{failed}{hidden}"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{number(count)} calls"


def _path(line: Sequence[Point]) -> str:
    """A line with round corners."""
    parts = [f"M{line[0][0]:.1f} {line[0][1]:.1f}"]
    for before, corner, after in zip(line, line[1:], line[2:], strict=False):
        (x1, y1), (x2, y2) = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{x1:.1f} {y1:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {x2:.1f} {y2:.1f}")
    parts.append(f"L{line[-1][0]:.1f} {line[-1][1]:.1f}")
    return "".join(parts)


def _towards(corner: Point, other: Point) -> Point:
    """The point at which the line leaves a corner on its way to another point."""
    length = abs(other[0] - corner[0]) + abs(other[1] - corner[1])
    part = min(_CORNER, length / 2) / length if length else 0
    return corner[0] + (other[0] - corner[0]) * part, corner[1] + (other[1] - corner[1]) * part
