"""Search, as a person expects it: by any id, page after page, as documents come in, and with advice where nothing is found."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

import msgspec
import pytest

from pipeline.cli.csv_output import DEFAULT_COLUMNS, csv_lines
from pipeline.cli.hit_table import HitTable, new_marks
from pipeline.errors import BadInputError, UnavailableError
from pipeline.join.transactions import Transaction
from pipeline.resolve import Resolver
from pipeline.search.findings import hidden_faults
from pipeline.search.live_tail import SeenDocuments, follow
from pipeline.search.no_results import explain_no_results
from pipeline.search.query import SearchQuery, clauses
from pipeline.search.search import document, find, lines_and_spans, newest_first, oldest_first, search, transaction
from pipeline.ship import ship
from pipeline.store.client import Store
from tests.events import NOW, OTHER, REQUEST, TRACE, Traces, function, lambda_event, powertools, report, service, start
from tests.functional.test_command_line import tracejoin

XRAY = "1-5759e988-bd862e3fe1be46a994272793"
BEGAN = datetime(2026, 11, 24, 10, tzinfo=UTC)
HOSTILE = ['"', "\\", "* OR 1=1", "*", "?", "a*", "'; DROP TABLE logs; --", "{}", '{"match_all":{}}', "traceId:*", "/.*/", "a AND b", "(", "<script>", "-x", "日本語",
           "\x00", "\udcff", "a b", "~1", "\t", "%s", "x" * 100]  # fmt: skip


def line(id_="1", at=BEGAN, **more):
    """The bulk lines of a log document."""
    source = {
        "@timestamp": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "doc": {"kind": "log"},
        "trace": {"state": "pending", "version": 0},
    } | more
    return [{"create": {"_index": f"@-logs-{at:%Y.%m.%d}", "_id": id_}}, source]


def span(id_="s", at=BEGAN, **more):
    """The bulk lines of a span document."""
    (action, source) = line(id_, at, doc={"kind": "span"}, **more)
    action["create"]["_index"] = f"@-spans-{at:%Y.%m.%d}"
    return [action, source]


def put(store, *documents):
    """Writes documents and makes them visible."""
    lines = list(chain.from_iterable(documents))
    for action in lines[::2]:
        action["create"]["_index"] = action["create"]["_index"].replace("@", store.prefix)
    results = [result for begin in range(0, len(lines), 4000) for result in store.write(lines[begin : begin + 4000])]
    assert {result.status for result in results} == {201}
    store.refresh()


def ids(hits):
    """The ids of hits, in their order."""
    return [hit["_id"] for hit in hits]


def shipped(event, store, settings):
    """Ships an event and makes it visible."""
    outcome = ship(event, store=store, settings=settings, remaining=lambda: 60.0)
    assert outcome.ledger.received == outcome.ledger.indexed
    store.refresh()


class Watched(Store):
    """A store that counts its points in time and searches, or has no points in time at all, as OpenSearch Serverless."""

    def __init__(self, store, *, serverless=False):
        super().__init__(store._client, endpoint=store.endpoint, prefix=store.prefix)
        self.serverless = serverless
        self.opened = self.closed = self.searches = 0

    def request(self, method, path, body=None, params=None, headers=None):
        if path.endswith("/_search/point_in_time"):
            if self.serverless:
                raise BadInputError("no handler found")
            self.opened += method == "POST"
            self.closed += method == "DELETE"
        self.searches += path.endswith("/_search")
        return super().request(method, path, body, params, headers)


def test_twelve_thousand_documents(store):
    """Past OpenSearch's 10,000: all come once, in time order, though forty share each time; the newest 11,000 are the end of them."""
    put(store, *(line(f"l{number}", BEGAN + timedelta(hours=number // 4000 * 12, milliseconds=number // 40)) for number in range(11_000)),
        *(span(f"s{number}", BEGAN + timedelta(milliseconds=number // 10)) for number in range(1000)))  # fmt: skip
    found = find(SearchQuery(limit=0), store)
    everything = [(hit["_source"]["@timestamp"], hit["_id"]) for hit in found.hits]
    assert (found.total, len(everything), len(set(everything))) == (12_000, 12_000, 12_000)
    assert everything == sorted(everything)
    for limit in (11_000, 1000, 7):
        newest = find(SearchQuery(limit=limit), store)
        assert (newest.total, ids(newest.hits)) == (12_000, [id_ for _, id_ in everything[-limit:]])
    assert len(list(find(SearchQuery(limit=12_000), store).hits)) == 12_000


def test_hits_come_as_they_are_read(store):
    """The first hit of many costs one page, not all: memory does not grow with their number. The point in time is closed at the end."""
    put(store, *(line(f"l{number:04d}", BEGAN + timedelta(milliseconds=number)) for number in range(3500)))
    watched = Watched(store)
    hits = find(SearchQuery(limit=0), watched).hits
    before = watched.searches
    next(hits)
    assert watched.searches - before == 1
    assert len(list(hits)) == 3499
    assert (watched.searches - before, watched.opened, watched.closed) == (4, 1, 1)


@pytest.mark.parametrize("serverless", [False, True])
def test_what_arrives_while_pages_are_read(store, serverless):
    """With a point in time all pages show one moment; without, what was there comes once and without a gap all the same."""
    put(store, *(line(f"l{number:03d}", BEGAN + timedelta(milliseconds=number)) for number in range(100)))
    pages = Watched(store, serverless=serverless).pages({"sort": oldest_first()}, index=lines_and_spans(store), size=10)
    found = ids(next(pages))
    put(
        store,
        line("early", BEGAN - timedelta(seconds=1)),
        line("late", BEGAN + timedelta(milliseconds=55)),
        span("other", BEGAN + timedelta(seconds=9)),
    )
    found += ids(chain.from_iterable(pages))
    assert found[:55] + [id_ for id_ in found[55:] if id_ not in {"late", "other"}] == [f"l{number:03d}" for number in range(100)]
    assert found.count("late") == found.count("other") == int(serverless)


def test_a_point_in_time_that_ends_is_no_gap(store):
    """Who reads slowly outlives the point in time: the next page comes from the present, where the last one ended."""
    put(store, *(line(f"l{number:03d}", BEGAN + timedelta(milliseconds=number // 7)) for number in range(100)))
    pits = []

    class Ended(Watched):
        def request(self, method, path, body=None, params=None, headers=None):
            answer = super().request(method, path, body, params, headers)
            pits.append(answer.get("pit_id"))
            return answer

    pages = Ended(store).pages({"sort": newest_first()}, index=lines_and_spans(store), size=30)
    found = ids(next(pages))
    store.request("DELETE", "/_search/point_in_time", {"pit_id": [pits[0]]})
    assert found + ids(chain.from_iterable(pages)) == [f"l{number:03d}" for number in range(99, -1, -1)]


def test_documents_without_a_time_are_found(store):
    """They stand before all others, in either direction; a real OpenSearch would never answer without a word on missing times."""
    timeless = [line(f"n{number}") for number in range(6)]
    for _, source in timeless:
        del source["@timestamp"]
    put(store, *timeless, *(line(f"t{number}", BEGAN + timedelta(milliseconds=number)) for number in range(5)))
    wanted = [f"n{number}" for number in range(6)] + [f"t{number}" for number in range(5)]
    for order, expected in ((oldest_first(), wanted), (newest_first(), wanted[::-1])):
        assert ids(chain.from_iterable(store.pages({"sort": order}, index=lines_and_spans(store), size=4))) == expected
    assert [found["_id"] for found in search(SearchQuery(limit=8), store)] == wanted[-8:]


def test_nothing_installed_is_nothing_found(settings):
    """Where there is no index at all, there is nothing to page through, and no error."""
    from pipeline.configure import store_for

    store = store_for(settings)
    found = find(SearchQuery(limit=0), store)
    assert (found.total, list(found.hits)) == (0, [])
    store.close()


@pytest.fixture
def orders(store, settings):
    """Two traces: one that several ids name, and another."""
    shipped(lambda_event([start(), powertools("paid", correlation_id="c-9"), report()]), store, settings)
    shipped(
        lambda_event([powertools("sent", trace=OTHER, request="11111111-2182-454f-963f-5f0f9a621d72", correlation_id="c-10")], first=100),
        store,
        settings,
    )
    return store


@pytest.mark.parametrize(
    "id_", [XRAY, TRACE, TRACE.upper(), f"Root={XRAY};Parent=53995c3f42cd8ad8;Sampled=1", f"00-{TRACE}-53995c3f42cd8ad8-01", "c-9", REQUEST]
)
def test_an_id_of_any_kind_finds_the_whole_transaction(orders, id_):
    """Every line of the trace comes, those that do not name the id among them, and no line of another trace."""
    for question in (
        SearchQuery(ids=(id_,), whole=True),
        SearchQuery(correlation_id=id_, whole=True),
        SearchQuery(request_id=(id_,), whole=True),
    ):
        found = search(question, orders)
        assert [(row["traceId"], row["body"].split()[0]) for row in found] == [(TRACE, "START"), (TRACE, "paid"), (TRACE, "REPORT")]
    assert len(transaction(id_, orders)) == 3


def test_several_ids_are_any_of_them(orders):
    """Ids of all kinds unite; what else is asked must hold as well."""
    assert len(search(SearchQuery(ids=("c-9", "c-10"), whole=True), orders)) == 4
    assert len(search(SearchQuery(trace_id=(XRAY,), correlation_id=("c-10",), whole=True), orders)) == 4
    assert len(search(SearchQuery(ids=("c-9", "c-10", "nobody"), whole=True, text="sent"), orders)) == 1
    assert search(SearchQuery(ids=("nobody",), whole=True), orders) == []


def test_exact_finds_only_what_names_the_id(orders):
    """Without the rest of its transaction; a line that claims a trace which the platform contradicts names it, too."""
    assert [row["body"] for row in search(SearchQuery(ids=("c-9",)), orders)] == ["paid"]
    assert len(search(SearchQuery(ids=(REQUEST, "c-10")), orders)) == 4
    put(orders, line("stale", traceId=OTHER, staleTraceId=TRACE, body="claims"))
    assert "stale" in ids(search(SearchQuery(ids=(XRAY,)), orders))
    assert "stale" not in ids(search(SearchQuery(ids=(XRAY,), whole=True), orders))


def test_the_query_of_a_group_is_what_the_docs_say():
    """All trace ids and keys of the group, each against its fields, as data; an empty group finds nothing."""
    asked = clauses(SearchQuery(ids=("x",), whole=True), Transaction(trace_ids=(TRACE, OTHER), keys=("c-9",)))["ids"]
    assert asked == {"bool": {"should": [{"terms": {"traceId": [TRACE, OTHER]}}, *({"terms": {field: ["c-9"]}} for field in
                                         ("correlationId", "requestId", "integrationRequestId"))], "minimum_should_match": 1}}  # fmt: skip
    assert clauses(SearchQuery(ids=("x",), whole=True), Transaction())["ids"] == {"match_none": {}}


def test_a_trace_id_that_is_none_is_refused(orders):
    """Only --trace-id insists; the same text as an id of any kind is looked for."""
    with pytest.raises(BadInputError, match="'42' is no trace id"):
        search(SearchQuery(trace_id=("42",), whole=True), orders)
    assert search(SearchQuery(ids=("42",), whole=True), orders) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_ids_and_texts_are_data(store, text):
    """Whatever an id, a name, an annotation or a text holds, it finds what holds it and nothing else, and breaks no query."""
    stored = text.encode("utf-8", "replace").decode()
    put(store, line("it", correlationId=stored, requestId=stored, serviceName=stored, aws={"logGroup": stored}, annotations={"key": stored}, body="harmless"),
        line("other", correlationId="c-9", requestId="r-9", serviceName="orders", aws={"logGroup": "/g"}, annotations={"key": "value"}, body="harmless a b x"),
        span("that", name=f"before {stored} after"), span("none", name="GET /orders"))  # fmt: skip
    for question in (SearchQuery(ids=(text,)), SearchQuery(ids=(text,), whole=True), SearchQuery(request_id=text), SearchQuery(service=text), SearchQuery(log_group=text),
                     SearchQuery(annotations=(f"key={text}",))):  # fmt: skip
        assert ids(search(question, store)) == ["it"], question
    assert ids(search(SearchQuery(phrase=text, kind="span"), store)) == ["that"]
    assert ids(search(SearchQuery(text=text, kind="span"), store)) == (["that"] if text.strip() else [])
    assert set(ids(search(SearchQuery(text=text, phrase=text, kind="log"), store))) <= {"other"}


def test_words_and_phrases(store):
    """All words in any order, or one after the other; in a line's message, a span's name, or its error."""
    put(store, line("one", body="the payment failed: no stock"), line("two", body="no payment, and it failed"), span("three", name="POST /Payments/failed"),
        span("four", name="GET /", status={"code": 2, "message": "ValueError: Payment failed"}))  # fmt: skip
    assert set(ids(search(SearchQuery(text="failed PAYMENT"), store))) == {"one", "two", "three", "four"}
    assert set(ids(search(SearchQuery(phrase="payment failed"), store))) == {"one", "four"}
    assert ids(search(SearchQuery(text="payment", phrase="no stock"), store)) == ["one"]
    with pytest.raises(BadInputError, match="more than 500 words"):
        search(SearchQuery(text="word " * 2000), store)


def test_matches_are_marked_and_documents_stay_as_stored(store):
    """Marks stand around what matched, in the highlight alone."""
    put(store, line("one", body="the payment <failed>: no stock"), span("two", name="payment failed"))
    start_, end = new_marks()
    found = {hit["_id"]: hit for hit in find(SearchQuery(text="failed payment"), store, highlight=(start_, end)).hits}
    assert found["one"]["highlight"]["body"] == [f"the {start_}payment{end} <{start_}failed{end}>: no stock"]
    assert found["one"]["_source"]["body"] == "the payment <failed>: no stock"
    assert "highlight" not in document(found["one"])
    assert start_ in found["two"]["highlight"]["name"][0]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [({"service": ("orders", "stock")}, "abcs"), ({"service": "orders"}, "ab"), ({"level": "warn"}, "bc"), ({"level": "error"}, "c"), ({"level": "trace"}, "abc"),
     ({"kind": "span"}, "s"), ({"kind": ("log",)}, "abcd"), ({"kind": ("log", "span")}, "abcds"), ({"log_group": "/aws/lambda/orders"}, "ab"),
     ({"hidden_faults": True}, "d"), ({"annotations": ("path=/orders", "vip=true")}, "c"), ({"annotations": ("path=/orders",)}, "bc"),
     ({"since": BEGAN + timedelta(seconds=2)}, "cds"), ({"until": BEGAN + timedelta(seconds=2)}, "abc"),
     ({"since": BEGAN + timedelta(seconds=1), "until": BEGAN + timedelta(seconds=2)}, "bc"), ({"since": datetime(1815, 1, 1, tzinfo=UTC)}, "abcds"),
     ({"until": datetime(2999, 1, 1, tzinfo=UTC)}, "abcds"), ({"service": "orders", "level": "warn"}, "b"), ({}, "abcds")],
)  # fmt: skip
def test_filters(store, question, wanted):
    """Each filter lets through what it says, several values are any of them, several filters all of them; ends of times belong to it."""
    seconds = [BEGAN + timedelta(seconds=number) for number in range(5)]
    put(store, line("a", seconds[0], serviceName="orders", severity={"text": "INFO", "number": 9}, aws={"logGroup": "/aws/lambda/orders"}),
        line("b", seconds[1], serviceName="orders", severity={"text": "WARN", "number": 13}, aws={"logGroup": "/aws/lambda/orders"}, annotations={"path": ["/orders"]}),
        line("c", seconds[2], serviceName="stock", severity={"text": "CRITICAL", "number": 18}, annotations={"path": ["/", "/orders"], "vip": [True]}),
        line("d", seconds[3], trace={"hiddenFault": True}), span("s", seconds[4], serviceName="stock"))  # fmt: skip
    assert "".join(ids(search(SearchQuery(**question), store))) == wanted


def test_faults_between_two_times(store, settings):
    """Hidden faults go by the time of their trace; both ends belong to it."""
    shipped(lambda_event([powertools("paid"), report()]), store, settings)
    failed = {"cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "no"}]}, "error": True}
    Resolver(store=store, source=Traces(service(error=True), function(**failed)), settings=settings).sweep(force=True)
    store.refresh()
    began = datetime.fromtimestamp(NOW / 1000, UTC)
    second = timedelta(seconds=1)
    assert len(hidden_faults(store, since=began - second, until=began + second)) == len(hidden_faults(store)) == 1
    assert hidden_faults(store, since=began + second) == hidden_faults(store, until=began - second) == []


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


ODD = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    'with "quotes", commas',
    "two\nlines\r\nand more",
    "",
    "日本語",
    "\t=1",
    "plain",
    "'=1",
    "half \ud800 pair",
]


def test_csv_round_trip():
    """What a CSV reader reads is what was stored; only what a spreadsheet would run has an apostrophe before it."""
    rows = [{"_index": "i", "_id": str(number), "doc": {"kind": "log"}, "body": text, "sampled": True, "durationInNanos": -5, "correlationId": ["a", "b"],
             "annotations": {"b.c": [1]}} for number, text in enumerate(ODD)]  # fmt: skip
    columns = ["_id", "body-or-name", "sampled", "durationInNanos", "correlationId", "annotations.b.c", "doc", "missing.path"]
    written = csv_lines(rows[:5], columns, header=True) + csv_lines(rows[5:], columns, header=False)
    header, *found = csv.reader(io.StringIO(written.decode(), newline=""))
    assert header == columns
    assert [row[0] for row in found] == [str(number) for number in range(len(ODD))]
    guarded = [f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text.replace("\ud800", "?") for text in ODD]
    assert [row[1] for row in found] == guarded
    assert {tuple(row[2:]) for row in found} == {("true", "-5", '["a","b"]', "[1]", '{"kind":"log"}', "")}


def test_default_columns_say_what_happened():
    """A line shows its message and a span its name in the same column."""
    rows = [
        {"@timestamp": "t", "doc": {"kind": kind}, "body": "said", "name": "GET /", "traceId": TRACE, "trace": {"state": "complete"}}
        for kind in ("log", "span")
    ]
    _, *found = csv.reader(io.StringIO(csv_lines(rows, DEFAULT_COLUMNS, header=True).decode(), newline=""))
    assert found == [["t", "log", "", "said", TRACE, "", "complete"], ["t", "span", "", "GET /", TRACE, "", "complete"]]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_list_fits_the_terminal_and_no_text_steers_it(width):
    """Each row is one line within the terminal, in several parts under one header; controls are shown, not sent; long ids stay whole or are listed."""
    from rich.console import Console

    marks = new_marks()
    listing = HitTable(width, marks)
    nasty = "\x1b[31m red\x07\r\n\u202eright \x9b2J" + "long " * 100
    hits = [{"_source": {"@timestamp": f"2026-11-24T10:00:00.{number:03d}Z", "doc": {"kind": "log"}, "body": nasty, "serviceName": "a-service-with-a-long-name",
                         "traceId": TRACE, "trace": {"state": "sourceDisabled"}}} for number in range(3)]  # fmt: skip
    hits[1]["highlight"] = {"body": ["x" * 500 + f" {marks[0]}needle{marks[1]} " + "y" * 500]}
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(listing.part(hits[:2]))
    console.print(listing.part(hits[2:]))
    printed = console.file.getvalue()
    rows = [row for row in printed.splitlines() if "10:00:00" in row or ":00:00." in row]
    assert len(rows) == 3
    assert all(len(row) <= width for row in printed.splitlines())
    assert printed.count("service ") == 1
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(printed)
    assert "needle" in rows[1]
    assert XRAY in rows[0] or any(XRAY in told for told in listing.traces())


def told(question, store, now=NOW / 1000):
    """The advice as one text; the question must indeed find nothing."""
    assert search(question, store) == []
    sentences = explain_no_results(question, store, delays=(10, 30, 120), now=now)
    assert all(len(sentence.splitlines()) == 1 for sentence in sentences)
    return "\n".join(sentences)


def test_advice_on_an_empty_index(store):
    """Nothing at all: set up and ship."""
    assert "run `tracejoin setup`, then `tracejoin ship`" in told(SearchQuery(ids=("c-9",), whole=True), store)


def test_advice_on_unknown_ids(orders):
    """It is said that nothing is known of them, and that lines take seconds; in a form that can be copied."""
    said = told(SearchQuery(ids=("nobody", "f" * 32), whole=True), orders)
    assert "nothing is known of nobody, 1-ffffffff-ffffffffffffffffffffffff:" in said
    assert "within seconds" in said


def test_advice_names_the_filter_to_drop(orders):
    """How many documents the ids have, and which filter would let how many of them through."""
    assert "these ids have 3 lines and spans, but --level excludes all of them" in told(
        SearchQuery(ids=("c-9",), whole=True, level="fatal"), orders
    )
    said = told(SearchQuery(ids=("c-9",), whole=True, service="nobody", text="paid"), orders)
    assert "found would be without --service 1: drop" in said
    assert "drop several" in told(SearchQuery(service="nobody", text="nonsense"), orders)
    assert "there are 4 lines and spans, but --text excludes" in told(SearchQuery(text="nonsense"), orders)


def test_advice_tells_the_state_of_a_trace(store, settings):
    """A trace that is waited for: when it is looked up again; one that was not sampled: that nothing will come."""
    shipped(lambda_event([powertools("paid"), report()]), store, settings)
    shipped(
        lambda_event([powertools("sent", trace=OTHER, request="r-11111111"), report("r-11111111", OTHER, sampled=False)], first=100),
        store,
        settings,
    )
    question = SearchQuery(ids=(XRAY, OTHER), whole=True, text="nonsense")
    Resolver(store=store, source=Traces(), settings=settings, clock=lambda: NOW / 1000).sweep(force=True)
    store.refresh()
    assert "is pending: X-Ray has nothing on this trace yet. It is looked up again in about 25 s: try again then." in told(
        question, store, NOW / 1000 + 5
    )
    assert "is due to be looked up again now" in told(question, store, NOW / 1000 + 60)
    assert "is unsampled" in told(question, store)
    assert "Nothing will ever come from X-Ray." in told(question, store)


def test_advice_points_to_lines_that_claim_the_trace(orders):
    """An id that is found as a stale one alone: --exact shows the lines that claim it."""
    put(orders, line("stale", traceId=OTHER, staleTraceId="e" * 32))
    assert "the id stands in 1 line or span of another trace, as the platform says: --exact" in told(
        SearchQuery(ids=("e" * 32,), whole=True), orders
    )


@pytest.fixture(scope="module")
def shelf(embedded_endpoint):
    """An index with 1,200 lines, a trace and an odd line, and how to reach it from the command line."""
    from pipeline.configure import store_for
    from pipeline.provision.install import install
    from pipeline.settings import Settings
    from tests.conftest import remove

    settings = Settings(endpoint=embedded_endpoint, prefix="shelf", region="eu-west-1")
    store = store_for(settings)
    install(store, retention_days=14)
    put(store, *(line(f"l{number:04d}", BEGAN + timedelta(milliseconds=number), body=f"=line {number}") for number in range(1200)))
    shipped(lambda_event([powertools("a pair", correlation_id="c-9")]), store, settings)
    action, source = line("half", datetime.now(UTC), correlationId="c-half", body="half ? pair")
    put(store, [action, msgspec.Raw(json.dumps(source).replace("?", "\\ud800").encode())])
    yield {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "shelf"}
    remove(store)
    store.close()


def test_the_command_prints_in_each_form(shelf):
    """The same documents as JSON, CSV and table; a note on stderr says that there are more."""
    status, output, errors = tracejoin("search", "--json", "--limit", "2", **shelf)
    assert (status, len(output.splitlines())) == (0, 2)
    assert errors == "tracejoin: showing the newest 2 of 1,202; --all shows everything\n"
    for arguments in (["--all"], ["--limit", "0"], ["--limit", "5000"]):
        status, output, errors = tracejoin("search", "--format", "json", *arguments, **shelf)
        assert (status, errors, len({json.loads(row)["_id"] for row in output.splitlines()})) == (0, "", 1202)
    status, output, _ = tracejoin("search", "--format", "csv", "--columns", "_id,body", "--until", "2026-11-24", "--all", TZ="UTC", **shelf)
    header, *rows = csv.reader(io.StringIO(output, newline=""))
    assert (header, len(rows), rows[0]) == (["_id", "body"], 1200, ["l0000", "'=line 0"])
    status, output, _ = tracejoin("search", "c-9", "--text", "pair", COLUMNS="80", **shelf)
    assert (status, XRAY in output, "pair" in output) == (0, True, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [(["--since", "soon"], 2, "'soon' is no time"), (["--until", "2026-13-01"], 2, "is no time"), (["--since", "1m", "--until", "2m"], 1, "lies after"),
     (["--follow", "--until", "1m"], 2, "--follow has no end"), (["--json", "--format", "csv"], 2, "contradict"), (["--columns", "a"], 2, "--format csv"),
     (["--format", "csv", "--columns", "a,,b"], 2, "empty name"), (["--limit", "-1"], 2, "-1"), (["--level", "loud"], 2, "loud"), (["nobody"], 1, "nothing is known"),
     (["--trace-id", "42"], 1, "is no trace id"), (["c-9", "--level", "fatal"], 1, "--level excludes")],
)  # fmt: skip
def test_the_command_says_what_is_wrong(shelf, arguments, status, said):
    """Wrong usage and nothing found: the right exit status, nothing on stdout, and a last line that says it."""
    code, output, errors = tracejoin("search", *arguments, **shelf)
    assert (code, output) == (status, "")
    assert said in errors.splitlines()[-1]


def test_faults_read_the_same_times(shelf):
    """The same words for times, and the same refusal."""
    code, output, errors = tracejoin("faults", "--since", "soon", **shelf)
    assert (code, output, "is no time" in errors) == (2, "", True)
    code, output, errors = tracejoin("faults", "--since", "2h30m", "--until", "now/d", **shelf)
    assert (code, output, errors.splitlines()) == (1, "", ["tracejoin: no hidden faults that meet --since, --until: drop or widen them"])


def test_follow_ends_with_ctrl_c(shelf):
    """What is there comes at once, each row as it is found; Ctrl-C is how it ends, so the exit status is 0, and there is no traceback."""
    command = [
        sys.executable,
        "-c",
        "from pipeline.cli.main import main; main()",
        "search",
        "-f",
        "--limit",
        "3",
        "--interval",
        "0.1",
        "--json",
    ]
    with subprocess.Popen(command, env=os.environ | shelf, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        shown = [json.loads(row)["_id"] for row in islice(process.stdout, 3)]
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, len(set(shown)), output, errors) == (0, 3, "", "")


def test_json_takes_half_a_pair(shelf):
    """What no UTF-8 can hold is printed by JSON's own escape, and CSV's reader gets a question mark: no traceback."""
    status, output, _ = tracejoin("search", "c-half", "--json", **shelf)
    assert (status, "\\ud800" in output, json.loads(output)["body"]) == (0, True, "half \ud800 pair")
    status, output, _ = tracejoin("search", "c-half", "--format", "csv", "--columns", "body", **shelf)
    assert (status, output.splitlines()) == (0, ["body", "half ? pair"])
    assert tracejoin("search", "c-half", **shelf)[0] == 0
