"""Reading the objects of an export."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.backfill.exported_events import chunks, exported_events, family_of
from pipeline.model.timestamps import iso_millis

AT = 1_795_000_000_123
TEXT = st.text(st.characters(exclude_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", exclude_categories=["Cs"]), max_size=20)
MESSAGES = st.lists(st.tuples(st.integers(0, 3), TEXT.filter(lambda text: not text[:1].isdigit())), max_size=20)


def lines_of(text):
    """The lines as a gzip file yields them."""
    return [f"{line}\n" for line in text.split("\n")[:-1]]


@given(MESSAGES)
def test_what_was_exported_comes_back(events):
    """Each event's time and text, and an id of its own, the same each time, also for equal events of one moment."""
    text = "".join(f"{iso_millis(AT + at)} {message}\n" for at, message in events)
    found = list(exported_events(lines_of(text), "exportedlogs/task/stream/000000.gz"))
    assert [(event["timestamp"] - AT, event["message"]) for event in found] == events
    ids = [event["id"] for event in found]
    assert len(set(ids)) == len(ids)
    assert ids == [event["id"] for event in exported_events(lines_of(text), "exportedlogs/task/stream/000000.gz")]
    assert all(int(event["id"]) >> 144 == event["timestamp"] and len(event["id"]) <= 56 for event in found)
    assert [event["id"] for event in sorted(found, key=lambda event: event["timestamp"])] == sorted(ids, key=int)
    assert len({family_of(id_) for id_ in ids}) <= 1


@given(st.lists(st.text(max_size=30), max_size=10))
def test_no_text_raises(lines):
    """Whatever an object holds."""
    list(chunks(exported_events(lines, "a/000000.gz")))
    list(exported_events([f"0001-01-01T00:00:00.000Z {line}" for line in lines], "a/000000.gz"))


def test_lines_without_a_time_belong_to_the_event_before():
    """A stack trace is one event; what looks like a time and is none is part of it; what comes before the first time is no event."""
    text = (
        f"nobody's\n{iso_millis(AT)} Traceback:\n  File x\n\n2026-02-31T10:00:00.000Z no such day\n{AT} in milliseconds\n{iso_millis(AT)}\n"
    )
    found = [(event["timestamp"], event["message"]) for event in exported_events(lines_of(text), "x/1.gz")]
    assert found == [(AT, "Traceback:\n  File x\n\n2026-02-31T10:00:00.000Z no such day"), (AT, "in milliseconds"), (AT, "")]


def test_objects_of_one_log_stream_share_a_family_and_no_ids():
    """The same line at the same time in two objects is two events; ids of CloudWatch Logs have no family."""
    (one,), (other,), (elsewhere,) = (list(exported_events([f"{AT} x"], f"{key}.gz")) for key in ("t/s/000000", "t/s/000001", "u/s/000000"))
    assert len({one["id"], other["id"], elsewhere["id"]}) == 3
    assert family_of(one["id"]) == family_of(other["id"]) != family_of(elsewhere["id"])
    assert family_of("31953106606966983378809025079804211143289615424298221568") is family_of("") is family_of("x") is None


def test_chunks_are_sorted_and_part_no_moment():
    """Events come out of order; of one moment all stay together."""
    events = [{"timestamp": 5 - number % 2 if number < 10 else 7, "message": "m" * 500_000} for number in range(40)]
    found = list(chunks(events))
    assert sum(map(len, found)) == 40
    assert all(chunk == sorted(chunk, key=lambda event: event["timestamp"]) for chunk in found)
    assert [chunk[-1]["timestamp"] for chunk in found] == [7]
