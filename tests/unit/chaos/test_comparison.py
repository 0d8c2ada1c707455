"""What is the same end."""

from chaos.comparison import comparable, paths_that_differ


def test_counters_of_tries_are_no_difference_and_all_else_is():
    """`trace.version` and the look-ups record the way there; an alert's times and first evidence do, too."""
    one = {"doc": {"kind": "trace"}, "trace": {"version": 1, "state": "complete"}, "state": {"lookups": {"1": {}}, "segments": {}}}
    other = {"doc": {"kind": "trace"}, "trace": {"version": 9, "state": "complete"}, "state": {"lookups": {}, "segments": {}}}
    assert comparable(one, "traces") == comparable(other, "traces")
    assert comparable(one, "traces") != comparable(one | {"trace": {"version": 1, "state": "partial"}}, "traces")
    alert = {"doc": {"kind": "alert"}, "@timestamp": "a", "alert": {"at": "a", "state": "sent"}}
    assert comparable(alert, "alerts") == comparable(alert | {"@timestamp": "b", "alert": {"at": "b", "state": "sent"}}, "alerts")
    assert comparable(alert, "alerts") != comparable(alert | {"alert": {"at": "a", "state": "due"}}, "alerts")


def test_the_document_itself_stays_as_it_is():
    """A comparison changes nothing."""
    document = {"trace": {"version": 1}}
    comparable(document, "traces")
    assert document == {"trace": {"version": 1}}


def test_each_difference_has_its_path():
    """Ids among the keys become a star, so that equal differences are counted together."""
    one = {"a": {"b": 1, "c": [1]}, "5759e988-bd": 1}
    other = {"a": {"b": 2, "c": [1, 2]}, "d": None}
    assert list(paths_that_differ(one, other)) == [("*", 1, None), ("a.b", 1, 2), ("a.c", [1], [1, 2])]
    assert list(paths_that_differ(one, one)) == []
