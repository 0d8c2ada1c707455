"""By request: which line moves to the trace in which the platform says that its request ran."""

from pipeline.join.by_request import assign_by_request

ONE, OTHER = "5759e988bd862e3fe1be46a994272793", "68a1b2c3bd862e3fe1be46a994272794"
LINE = {"traceId": ONE, "requestId": "r", "idSource": "inline"}


def test_a_claim_moves_and_is_stale():
    """A line that names another trace than the platform does belongs to the platform's."""
    found = assign_by_request(LINE, {OTHER})
    assert (found.trace_id, found.id_source, found.stale_trace_id) == (OTHER, "request", ONE)


def test_the_platforms_own_record_stays():
    """Of two records of one request the one that came first does not move the other: else the order would say which of them counts."""
    assert assign_by_request(LINE | {"eventName": "REPORT"}, {OTHER}) is None


def test_a_platforms_line_without_a_trace_follows_the_record():
    """START names no trace, so its request says where it belongs."""
    found = assign_by_request({"requestId": "r", "idSource": "none", "eventName": "START"}, {OTHER})
    assert (found.trace_id, found.id_source) == (OTHER, "request")
