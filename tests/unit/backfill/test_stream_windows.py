"""Windows of pages in which log streams mix."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.backfill.stream_windows import stream_windows
from tests.support.events import end, report, start

LAMBDA = "2026/11/29/[$LATEST]" + "0" * 32
LINES = st.sampled_from(["a print", start(), end(), report(), '{"type": "platform.report"}'])
EVENTS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["a", "b", LAMBDA]), LINES), max_size=60)


def pages_of(events, size):
    """Pages of FilterLogEvents: sorted by time, with an empty one between."""
    found = [{"eventId": str(number), "timestamp": at, "logStreamName": stream, "message": message}
             for number, (at, stream, message) in enumerate(sorted(events, key=lambda event: event[0]))]  # fmt: skip
    for start_ in range(0, len(found), size):
        yield found[start_ : start_ + size]
        yield []


def windows_of(events, *, size=4, most=5, whole=True, since=0):
    """The windows of these events, at most a few at a time."""
    taken = [event for event in events if event[0] >= since]
    return list(stream_windows(pages_of(taken, size), owner="1", log_group="/g", since=since, until=40, whole=whole, most=most))


@given(EVENTS, st.integers(1, 7), st.integers(1, 12), st.booleans())
def test_every_event_comes_once_and_each_stream_in_order(events, size, most, whole):
    """However pages and windows are cut: all events, none twice, a stream's in the order of time; the last window ends the portion."""
    windows = windows_of(events, size=size, most=most, whole=whole)
    seen = [(document["logStream"], event) for window in windows for document in window.documents for event in document["logEvents"]]
    assert sorted(int(event["id"]) for _, event in seen) == list(range(len(events)))
    for stream in {name for name, _ in seen}:
        times = [event["timestamp"] for name, event in seen if name == stream]
        assert times == sorted(times)
    assert (windows[-1].position, windows[-1].share) == (40, 1.0)
    assert all(event for window in windows for event in window.documents)


@given(EVENTS, st.integers(1, 7), st.integers(1, 12), st.data())
def test_after_an_interruption_nothing_is_missing(events, size, most, data):
    """What follows any window's position, and what the windows up to there held, is everything."""
    windows = windows_of(events, size=size, most=most)
    done = data.draw(st.integers(1, len(windows)))
    kept = [event["message"] for window in windows[:done] for document in window.documents for event in document["logEvents"]]
    left = windows_of(events, size=size, most=most, since=windows[done - 1].position) if done < len(windows) else []
    later = [event["message"] for window in left for document in window.documents for event in document["logEvents"]]
    for message in {message for _, _, message in events}:
        assert kept.count(message) + later.count(message) >= sum(each == message for _, _, each in events)


def test_an_invocation_waits_for_its_end():
    """A window of a function's log stream ends with an invocation; a service's stream waits for nothing."""
    events = [
        (1, LAMBDA, start()),
        (2, LAMBDA, report()),
        (3, LAMBDA, start()),
        (3, "service", "x"),
        (4, "service", "y"),
        (5, LAMBDA, report()),
    ]
    first, *_ = windows_of(events, size=5, most=5)
    messages = {document["logStream"]: [event["message"] for event in document["logEvents"]] for document in first.documents}
    assert messages == {LAMBDA: [start(), report()], "service": ["x"]}
    assert first.position == 3
    filtered, *_ = windows_of(events, size=5, most=5, whole=False)
    assert [event["message"] for event in filtered.documents[0]["logEvents"]] == [start(), report(), start()]


def test_an_invocation_that_never_ends_is_not_waited_for():
    """Fifteen minutes later no function runs any more, and what waits is never more than half a window."""
    late = [(1, LAMBDA, start()), *((900_003, "service", str(number)) for number in range(4)), (900_004, "service", "z")]
    first, *_ = windows_of([*late[:2], late[-1]], size=2, most=2)
    assert [document["logStream"] for document in first.documents] == [LAMBDA]
    crowded = [(number, LAMBDA, "a print") for number in range(10)]
    first, *_ = windows_of(crowded, size=5, most=5)
    assert (first.events, first.position) == (4, 4)


@given(st.lists(st.tuples(st.sampled_from(["a", LAMBDA]), LINES), max_size=60), st.integers(1, 7))
def test_no_window_parts_a_moment(lines, size):
    """Equal lines of one moment are told apart by their number alone, so they are never in two windows."""
    events = [(number // 5, stream, message) for number, (stream, message) in enumerate(lines)]
    seen = {}
    for number, window in enumerate(windows_of(events, size=size, most=12)):
        for document in window.documents:
            for event in document["logEvents"]:
                assert seen.setdefault((document["logStream"], event["timestamp"]), number) == number
