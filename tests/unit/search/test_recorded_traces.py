"""Recorded traces: queries for lines that leave their state to the record."""

from pipeline.search.recorded_traces import NOTHING_RECORDED, RecordedTraces

RECORDED = RecordedTraces(unfinished={"pending": ["a"], "partial": ["b", "c"], "complete": ["d"]})


def named(clauses):
    """The trace ids in these queries: those that are asked for, and those that are left out."""
    parts = [clause["bool"] for clause in clauses]
    asked = [id_ for part in parts for each in part["filter"] for id_ in each.get("terms", {}).get("traceId", ())]
    left_out = [id_ for part in parts for other in part.get("must_not", ()) for each in other["bool"]["filter"]
                for id_ in each.get("terms", {}).get("traceId", ())]  # fmt: skip
    return asked, left_out


def test_unfinished_traces_are_asked_for_by_name():
    """Only lines with `inRecord` are; others carry their state."""
    assert named(RECORDED.in_states(["pending"])) == (["a"], [])
    assert named(RECORDED.in_states(["notFound"])) == ([], [])
    assert all({"term": {"trace.state": "inRecord"}} in clause["bool"]["filter"] for clause in RECORDED.in_states(["pending"]))


def test_all_others_are_complete():
    """A trace that is complete and not settled yet is among them."""
    asked, left_out = named(RECORDED.in_states(["complete"]))
    assert (set(asked), set(left_out)) == ({"d"}, {"a", "b", "c"})


def test_more_traces_than_one_clause_takes():
    """OpenSearch refuses more than 65,536 terms: they are shared out."""
    ids = [f"{number:032x}" for number in range(150_000)]
    clauses = RecordedTraces(annotated={"path=/": ids}).with_annotation("path=/")
    assert [len(clause["bool"]["filter"][1]["terms"]["traceId"]) for clause in clauses] == [65_536, 65_536, 18_928]


def test_nothing_recorded():
    """Without such lines only what is stored is asked for."""
    assert (NOTHING_RECORDED.with_annotation("a=b"), NOTHING_RECORDED.with_correlation_ids(["x"])) == ([], [])
