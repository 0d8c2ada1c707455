"""Following: each document that comes is shown once, in order, however late it comes."""

from datetime import timedelta
from itertools import chain

import pytest

from pipeline.errors import UnavailableError
from pipeline.search.live_tail import SeenDocuments, follow
from pipeline.search.query import SearchQuery
from tests.support.documents import BEGAN, Watched, ids, line, put, span
from tests.support.events import TRACE
from tests.support.stores import both_kinds


class Script:
    """Time that passes only when it is slept: before each poll the next step of a script happens, then Ctrl-C."""

    def __init__(self, *steps):
        self.now = BEGAN + timedelta(minutes=30)
        self.steps = list(steps)

    def sleep(self, seconds):
        """Lets ``seconds`` pass, and the next step happen."""
        if not self.steps:
            raise KeyboardInterrupt
        self.now += timedelta(seconds=seconds)
        self.steps.pop(0)()

    def follow(self, question, store, **more):
        """The groups of ids that following shows."""
        shown = []
        try:
            for hits in follow(question, store, sleep=self.sleep, clock=lambda: self.now, **more):
                shown.append(ids(hits))
        except KeyboardInterrupt:
            return shown
        pytest.fail("following ended by itself")


def at(minutes, seconds=0):
    """A moment so long after BEGAN; the script begins at thirty minutes."""
    return BEGAN + timedelta(minutes=minutes, seconds=seconds)


@both_kinds
def test_follow_shows_each_document_once_late_ones_too(store):
    """First the newest in time order, then what comes, however late within the overlap; what was there and not among the newest never."""
    put(store, line("a", at(20)), line("b", at(25)), line("c", at(29)))
    script = Script(
        lambda: put(store, line("e", at(30, 1)), line("late", at(18)), span("d", at(29, 59))),
        lambda: None,
        lambda: put(store, line("same", at(29)), line("older than the overlap", at(1)), line("f", at(30, 5))),
        lambda: (
            store.write([{"update": {"_index": f"{store.prefix}-logs-2026.11.24", "_id": "e"}}, {"doc": {"trace": {"version": 2}}}])
            and store.refresh()
        ),
    )
    assert script.follow(SearchQuery(limit=2), store) == [["b", "c"], ["late", "d", "e"], ["same", "f"]]


def test_follow_in_an_empty_index_waits(store):
    """Nothing there is no end; the first document is shown when it comes, and filters hold."""
    script = Script(lambda: None, lambda: put(store, line("a", at(30), body="hello"), line("b", at(30), body="other")))
    assert script.follow(SearchQuery(text="hello"), store) == [["a"]]


def test_follow_never_goes_back_behind_since(store):
    """What is older than --since is not shown, however late it comes."""
    script = Script(lambda: put(store, line("early", at(27)), line("right", at(28))))
    assert script.follow(SearchQuery(since=at(28)), store) == [["right"]]


def test_follow_takes_in_what_joins_the_transaction(store, settings):
    """An id stands for its transaction anew at each poll: a line that shows its trace brings the trace's other lines."""
    script = Script(
        lambda: put(store, line("a", at(30), traceId=TRACE)),
        lambda: put(store, line("b", at(30, 1), traceId=TRACE, correlationId="c-9")),
    )
    assert script.follow(SearchQuery(ids=("c-9",), whole=True), store) == [["a", "b"]]


def test_follow_shows_many_at_once(store):
    """More than one page between two polls come all, once, in order."""
    wanted = [f"l{number:05d}" for number in range(2500)]
    script = Script(
        lambda: put(store, *(line(id_, at(30) + timedelta(milliseconds=number)) for number, id_ in enumerate(wanted))), lambda: None
    )
    assert list(chain.from_iterable(script.follow(SearchQuery(), store))) == wanted


def test_follow_remembers_a_bounded_number(store):
    """Where more came than it may remember, late ones have less time; still nothing is shown twice, and the newest are shown."""
    wanted = [f"l{number:04d}" for number in range(300)]
    steps = [lambda first=first: put(store, *(line(id_, at(30) + timedelta(milliseconds=first + number)) for number, id_ in enumerate(wanted[first : first + 50])))
             for first in range(0, 300, 50)]  # fmt: skip
    script = Script(*steps, lambda: None, lambda: put(store, line("too late", at(30) + timedelta(milliseconds=10)), line("z", at(31))))
    assert list(chain.from_iterable(script.follow(SearchQuery(), store, most=100))) == [*wanted, "z"]


def test_seen_forgets_the_oldest_first():
    """Memory stays within its bound, and what is forgotten lies at or below the floor."""
    seen = SeenDocuments(100)
    hits = [{"_index": "i", "_id": str(number), "sort": [number * 7919 % 1000 + 1, ""]} for number in range(1000)]
    for hit in hits:
        seen.add(hit)
        assert len(seen) <= 100
        assert hit in seen or hit["sort"][0] <= seen.floor
    assert all((hit in seen) == (hit["sort"][0] > seen.floor) for hit in hits if hit["sort"][0] > seen.floor)


def test_follow_outlives_an_outage(store):
    """While OpenSearch does not answer it says so once, and goes on when it does."""
    told = []

    class Down(Watched):
        down = False

        def request(self, *arguments, **more):
            if self.down:
                raise UnavailableError("it does not answer")
            return super().request(*arguments, **more)

    watched = Down(store)
    put(store, line("a", at(29)))

    def fails(down):
        watched.down = down

    script = Script(
        lambda: fails(True), lambda: None, lambda: fails(False) or put(store, line("b", at(29))), lambda: fails(True), lambda: fails(False)
    )
    assert script.follow(SearchQuery(), watched, trouble=told.append) == [["a"], ["b"]]
    assert told == ["it does not answer"] * 2


def test_a_word_becomes_an_id(store):
    """A word that nothing names is looked for in texts; once a line names it as an id, it stands for what belongs to that id."""
    script = Script(
        lambda: put(store, line("text", at(30), body="c-77 was here")),
        lambda: put(store, line("of its trace", at(30), traceId=TRACE)),
        lambda: put(store, line("named", at(30, 1), traceId=TRACE, correlationId="c-77")),
    )
    assert script.follow(SearchQuery(words=("c-77",), whole=True), store) == [["text"], ["of its trace", "named"]]
