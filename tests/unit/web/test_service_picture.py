"""The picture of a service map."""

import re

import pytest

from pipeline.search.service_map import MapEdge, MapNode, ServiceMap, Traffic
from pipeline.web.service_picture import MOST_ARROWS, MOST_BOXES, service_picture


def traffic(calls=5, errors=0, hidden=0, p95=16_000_000):
    """Traffic with these numbers."""
    return Traffic(calls=calls, errors=errors, hidden_faults=hidden, p50=p95, p95=p95, example="t")


def node(name, **numbers):
    """A service."""
    return MapNode(name=name, kind="service", entries=0, traffic=traffic(**numbers))


def edge(caller, callee, *, via=(), **numbers):
    """An edge."""
    return MapEdge(caller=caller, callee=callee, via=via, evidence=("span",), traffic=traffic(**numbers))


def drawn(*edges, more=()):
    """The picture of these edges, and of further nodes without one."""
    names = dict.fromkeys([name for each in edges for name in (each.caller, each.callee)] + list(more))
    return service_picture(ServiceMap(nodes=tuple(map(node, names)), edges=edges, spans=1))


def points(arrow):
    """The points of an arrow's line."""
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d", arrow.path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_each_arrow_leads_from_box_to_box():
    """It begins at the border of its caller and ends at that of its callee; circles, opposite arrows and lone boxes are drawn, too."""
    found = drawn(edge("a", "b"), edge("b", "a"), edge("b", "c"), edge("c", "a"), edge("a", "d"), more=("alone",))
    boxes = {box.node.name: box for box in found.boxes}
    assert set(boxes) == {"a", "b", "c", "d", "alone"}
    for arrow in found.arrows:
        for name, (x, y) in ((arrow.edge.caller, points(arrow)[0]), (arrow.edge.callee, points(arrow)[-1])):
            box = boxes[name]
            assert box.x - 1 <= x <= box.x + found.box_width + 1
            assert box.y - 1 <= y <= box.y + found.box_height + 1
    places = [(box.x, box.y) for box in found.boxes]
    assert all(
        abs(x1 - x2) >= found.box_width or abs(y1 - y2) >= found.box_height for n, (x1, y1) in enumerate(places) for x2, y2 in places[:n]
    )
    assert all(0 <= box.x <= found.width - found.box_width and 0 <= box.y <= found.height - found.box_height for box in found.boxes)


def test_the_same_map_is_the_same_picture():
    """A reader finds each box where it was."""
    edges = [edge("a", "b"), edge("a", "c"), edge("c", "d"), edge("b", "d")]
    assert drawn(*edges) == drawn(*edges)


@pytest.mark.parametrize("number", [20, 100])
def test_a_large_map_shows_faults_and_the_busiest(number):
    """Of thousands of edges a readable number is drawn, those with hidden faults among them, however rarely they are used."""
    edges = [
        edge(f"n{one}", f"n{other}", calls=1 + (one * 7 + other) % 50) for one in range(number) for other in range(number) if one != other
    ]
    edges.sort(key=lambda each: -each.traffic.calls)
    faulty = edge(f"n{number - 1}", "last", calls=1, errors=1, hidden=1)
    found = drawn(*edges, faulty)
    assert len(found.boxes) <= MOST_BOXES
    assert len(found.arrows) <= MOST_ARROWS
    assert [arrow.look for arrow in found.arrows if arrow.edge == faulty] == ["hidden"]
    assert (found.boxes_left_out, found.arrows_left_out) == (number + 1 - len(found.boxes), len(edges) + 1 - len(found.arrows))
    assert {arrow.edge.traffic.calls for arrow in found.arrows if arrow.edge != faulty} <= set(range(30, 51))


def test_words_say_what_the_picture_shows():
    """Of an arrow all of it, for those who do not see it; of a box what fits."""
    found = drawn(edge("a", "b" * 40, via=("sns orders",), calls=1200, errors=3, hidden=2))
    (arrow,) = found.arrows
    assert arrow.words == f"a calls {'b' * 40} via sns orders: 1,200 calls, 95 % within 16 ms, 3 failed, 2 hidden faults"
    assert arrow.label == "1,200 · 16 ms"
    assert {len(box.name) for box in found.boxes} == {1, 22}
    assert drawn(edge("a", "b", p95=None)).arrows[0].label == "5"


def test_nothing_is_no_picture():
    """A map without nodes has none."""
    assert service_picture(ServiceMap()) is None
