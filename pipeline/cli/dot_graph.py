"""Dot graph: writes a service map in Graphviz's language, for `dot -Tsvg` and whatever else reads it. Pure."""

from collections.abc import Iterator
from typing import Final

from pipeline.cli.map_table import traffic_words
from pipeline.search.service_map import MapEdge, MapNode, ServiceMap, Traffic

_SHAPES: Final = {"service": "box", "aws": "box3d", "remote": "ellipse"}


def dot_lines(found: ServiceMap) -> Iterator[str]:
    """Yields the lines of a directed graph: services are boxes, what has no spans has other shapes, and what fails is red."""
    yield "digraph tracejoin {"
    yield "  rankdir=LR;"
    yield from (f"  {_node(node)}" for node in found.nodes)
    yield from (f"  {_edge(edge)}" for edge in found.edges)
    yield "}"


def _node(node: MapNode) -> str:
    return f"{_quoted(node.name)} [shape={_SHAPES[node.kind]}{_colour(node.traffic)}];"


def _edge(edge: MapEdge) -> str:
    label = traffic_words(edge.traffic) + "".join(f", via {name}" for name in edge.via[:1])
    return f"{_quoted(edge.caller)} -> {_quoted(edge.callee)} [label={_quoted(label)}{_colour(edge.traffic)}];"


def _colour(traffic: Traffic) -> str:
    return ", color=red" if traffic.errors or traffic.hidden_faults else ""


def _quoted(text: str) -> str:
    """``text`` as a string of Graphviz, in which a backslash begins an escape (graphviz.org, "The DOT Language", "escString")."""
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'
