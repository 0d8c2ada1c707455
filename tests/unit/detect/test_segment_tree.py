"""The tree of a trace's segments, and which of them a log line belongs to."""

from pipeline.detect.segment_tree import SegmentTree
from tests.support.events import NOW, REQUEST, edge, function, service
from tests.support.verdicts import state_of, verdict_of


def test_lines_learn_their_own_segment():
    """Each Lambda request is given its function's segment with the status that the service answered."""
    found = SegmentTree(state_of(service(), function(error=True)).segments).status_of_line(REQUEST, "", NOW)
    assert (found.id, found.status, found.error) == ("17e84e76450d1777", 200, True)


def test_the_attempts_of_one_request_are_told_apart():
    """An asynchronous invocation fails and is tried again: each line shows the attempt that it was written in."""
    attempts = [{"id": letter * 16, "name": f"Attempt #{number}", "start_time": NOW / 1000 + 60 * number, "end_time": NOW / 1000 + 60 * number + 1}
                for number, letter in enumerate("cd")]  # fmt: skip
    functions = [function(id_ * 16, parent, start_time=NOW / 1000 + at, end_time=NOW / 1000 + at + 1, error=failed)
                 for id_, parent, at, failed in (("1", "c" * 16, 0, True), ("2", "d" * 16, 60, False))]  # fmt: skip
    tree = SegmentTree(state_of(service(http={"response": {"status": 202}}, subsegments=attempts), *functions).segments)
    told = [tree.status_of_line(REQUEST, "", NOW + at) for at in (-5, 500, 60_500)]
    assert [(status.id, status.error, status.status) for status in told] == [
        ("1" * 16, True, 202),
        ("1" * 16, True, 202),
        ("2" * 16, False, 202),
    ]


def test_a_line_with_a_span_but_no_request():
    """What runs elsewhere than on Lambda names its span: the segment around it is the line's."""
    tree = SegmentTree(state_of(edge()).segments)
    assert tree.status_of_line("", "b" * 16, NOW).name == "api/prod"
    assert tree.status_of_line("", "f" * 16, NOW) is None


def test_a_ring_of_parents_has_an_entry():
    """Two segments that name each other as parent are judged all the same."""
    ring = (
        service("1" * 16, parent_id="2" * 16),
        service("2" * 16, parent_id="1" * 16, start_time=NOW / 1000 + 1, end_time=NOW / 1000 + 2),
    )
    assert verdict_of(*ring).root.id == "1" * 16
