"""Searching: by any id, page after page, by words and filters; whatever a text holds is data."""

import uuid
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from pipeline.configure import store_for
from pipeline.errors import BadInputError
from pipeline.join.transactions import Transaction
from pipeline.resolve import Resolver
from pipeline.search.findings import hidden_faults
from pipeline.search.highlights import new_marks
from pipeline.search.query import SearchQuery, clauses
from pipeline.search.search import document, find, newest_first, oldest_first, search, transaction
from pipeline.settings import Settings
from pipeline.store.pages import pages
from tests.support.documents import BEGAN, XRAY, Watched, ids, indexed, line, put, span
from tests.support.events import NOW, OTHER, REQUEST, TRACE, Traces, end, function, lambda_event, powertools, report, service, start
from tests.support.shipping import shipped
from tests.support.stores import KINDS, both_kinds, installed

HOSTILE = ['"', "\\", "* OR 1=1", "*", "?", "a*", "'; DROP TABLE logs; --", "{}", '{"match_all":{}}', "traceId:*", "/.*/", "a AND b", "(", "<script>", "-x", "日本語",
           "\x00", "\udcff", "a b", "~1", "\t", "%s", "x" * 100]  # fmt: skip


@pytest.mark.opensearch
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


@both_kinds
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


@pytest.mark.opensearch
@pytest.mark.parametrize("serverless", [False, True])
def test_what_arrives_while_pages_are_read(store, serverless):
    """With a point in time all pages show one moment; without, what was there comes once and without a gap all the same."""
    put(store, *(line(f"l{number:03d}", BEGAN + timedelta(milliseconds=number)) for number in range(100)))
    read = pages(Watched(store, serverless=serverless), {"sort": oldest_first()}, index=store.lines_and_spans, size=10)
    found = ids(next(read))
    put(
        store,
        line("early", BEGAN - timedelta(seconds=1)),
        line("late", BEGAN + timedelta(milliseconds=55)),
        span("other", BEGAN + timedelta(seconds=9)),
    )
    found += ids(chain.from_iterable(read))
    assert found[:55] + [id_ for id_ in found[55:] if id_ not in {"late", "other"}] == [f"l{number:03d}" for number in range(100)]
    assert found.count("late") == found.count("other") == int(serverless)


@pytest.mark.opensearch
def test_a_point_in_time_that_ends_is_no_gap(store):
    """Who reads slowly outlives the point in time: the next page comes from the present, where the last one ended."""
    put(store, *(line(f"l{number:03d}", BEGAN + timedelta(milliseconds=number // 7)) for number in range(100)))
    pits = []

    class Ended(Watched):
        def request(self, method, path, body=None, params=None, headers=None):
            answer = super().request(method, path, body, params, headers)
            pits.append(answer.get("pit_id"))
            return answer

    read = pages(Ended(store), {"sort": newest_first()}, index=store.lines_and_spans, size=30)
    found = ids(next(read))
    store.request("DELETE", "/_search/point_in_time", {"pit_id": [pits[0]]})
    assert found + ids(chain.from_iterable(read)) == [f"l{number:03d}" for number in range(99, -1, -1)]


@pytest.mark.opensearch
def test_documents_without_a_time_are_found(store):
    """They stand before all others, in either direction; a real OpenSearch would never answer without a word on missing times."""
    timeless = [line(f"n{number}") for number in range(6)]
    for _, source in timeless:
        del source["@timestamp"]
    put(store, *timeless, *(line(f"t{number}", BEGAN + timedelta(milliseconds=number)) for number in range(5)))
    wanted = [f"n{number}" for number in range(6)] + [f"t{number}" for number in range(5)]
    for order, expected in ((oldest_first(), wanted), (newest_first(), wanted[::-1])):
        assert ids(chain.from_iterable(pages(store, {"sort": order}, index=store.lines_and_spans, size=4))) == expected
    assert [found["_id"] for found in search(SearchQuery(limit=8), store)] == wanted[-8:]


@pytest.mark.opensearch
def test_nothing_installed_is_nothing_found(settings):
    """Where there is no index at all, there is nothing to page through, and no error."""
    store = store_for(settings)
    found = find(SearchQuery(limit=0), store)
    assert (found.total, list(found.hits)) == (0, [])
    store.close()


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


@pytest.mark.opensearch
def test_exact_finds_only_what_names_the_id(orders):
    """Without the rest of its transaction; a line that claims a trace which the platform contradicts names it, too."""
    assert [row["body"] for row in search(SearchQuery(ids=("c-9",)), orders)] == ["paid"]
    assert len(search(SearchQuery(ids=(REQUEST, "c-10")), orders)) == 4
    put(orders, line("stale", traceId=OTHER, staleTraceId=TRACE, body="claims"))
    assert "stale" in ids(search(SearchQuery(ids=(XRAY,)), orders))
    assert "stale" not in ids(search(SearchQuery(ids=(XRAY,), whole=True), orders))


def test_a_function_without_tracing_is_found_by_the_trace_that_it_passes_on(store, settings):
    """Its line shows the header of a trace that is not its own: the search for that trace finds it, also as part of a transaction."""
    said = f"calling stock with X-Amzn-Trace-Id: Root={XRAY};Parent={'b' * 16};Sampled=1"
    untraced = f"REPORT RequestId: {REQUEST}\tDuration: 3.00 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 90 MB\t\n"
    shipped(lambda_event([start(), said, end(), untraced]), store, settings)
    store.refresh()
    for whole in (True, False):
        (found,) = search(SearchQuery(ids=(XRAY,), whole=whole), store)
        assert (found["body"], found.get("traceId"), found["propagatedTraceId"]) == (said, None, [TRACE])


def test_the_query_of_a_group_is_what_the_docs_say():
    """All trace ids and keys of the group, each against its fields, as data; an empty group finds nothing."""
    asked = clauses(SearchQuery(ids=("x",), whole=True), Transaction(trace_ids=(TRACE, OTHER), keys=("c-9",)))["ids"]
    untraced = {"bool": {"filter": [{"terms": {"propagatedTraceId": [TRACE, OTHER]}}], "must_not": [{"exists": {"field": "traceId"}}]}}
    keys = [{"terms": {field: ["c-9"]}} for field in ("correlationId", "requestId", "integrationRequestId", "state.requestId")]
    assert asked == {"bool": {"should": [{"terms": {"traceId": [TRACE, OTHER]}}, untraced, *keys], "minimum_should_match": 1}}
    assert clauses(SearchQuery(ids=("x",), whole=True), Transaction())["ids"] == {"match_none": {}}


def test_a_trace_id_that_is_none_is_refused(orders):
    """Only --trace-id insists; the same text as an id of any kind is looked for."""
    with pytest.raises(BadInputError, match="'42' is no trace id"):
        search(SearchQuery(trace_id=("42",), whole=True), orders)
    assert search(SearchQuery(ids=("42",), whole=True), orders) == []


@pytest.fixture(scope="module", params=KINDS)
def shelf(request):
    """A store of each kind for several tests, each of which takes its documents away again."""
    endpoint = request.getfixturevalue(f"{request.param}_endpoint")
    with installed(Settings(endpoint=endpoint, prefix=f"shelf{uuid.uuid4().hex[:10]}", region="eu-west-1")) as store:
        yield store


@pytest.fixture
def shelved(shelf):
    """The store without documents."""
    yield shelf
    shelf.request("POST", f"/{shelf.prefix}-*/_delete_by_query", {"query": {"match_all": {}}}, {"refresh": "true"})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_ids_and_texts_are_data(shelved, text):
    """Whatever an id, a name, an annotation or a text holds, it finds what holds it and nothing else, and breaks no query."""
    stored = text.encode("utf-8", "replace").decode()
    put(shelved, line("it", correlationId=stored, requestId=stored, serviceName=stored, aws={"logGroup": stored}, annotations={"key": stored}, body="harmless"),
        line("other", correlationId="c-9", requestId="r-9", serviceName="orders", aws={"logGroup": "/g"}, annotations={"key": "value"}, body="harmless a b x"),
        span("that", name=f"before {stored} after"), span("none", name="GET /orders"))  # fmt: skip
    for question in (SearchQuery(ids=(text,)), SearchQuery(ids=(text,), whole=True), SearchQuery(request_id=text), SearchQuery(service=text), SearchQuery(log_group=text),
                     SearchQuery(annotations=(f"key={text}",))):  # fmt: skip
        assert ids(search(question, shelved)) == ["it"], question
    assert ids(search(SearchQuery(phrase=text, kind="span"), shelved)) == ["that"]
    assert ids(search(SearchQuery(text=text, kind="span"), shelved)) == (["that"] if text.strip() else [])
    assert set(ids(search(SearchQuery(text=text, phrase=text, kind="log"), shelved))) <= {"other"}


@pytest.mark.opensearch
def test_words_and_phrases(store):
    """All words in any order, or one after the other; in a line's message, a span's name, or its error."""
    put(store, line("one", body="the payment failed: no stock"), line("two", body="no payment, and it failed"), span("three", name="POST /Payments/failed"),
        span("four", name="GET /", status={"code": 2, "message": "ValueError: Payment failed"}))  # fmt: skip
    assert set(ids(search(SearchQuery(text="failed PAYMENT"), store))) == {"one", "two", "three", "four"}
    assert set(ids(search(SearchQuery(phrase="payment failed"), store))) == {"one", "four"}
    assert ids(search(SearchQuery(text="payment", phrase="no stock"), store)) == ["one"]
    with pytest.raises(BadInputError, match="more than 500 words"):
        search(SearchQuery(text="word " * 2000), store)


@pytest.mark.opensearch
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
def test_filters(shelved, question, wanted):
    """Each filter lets through what it says, several values are any of them, several filters all of them; ends of times belong to it."""
    seconds = [BEGAN + timedelta(seconds=number) for number in range(5)]
    put(shelved, line("a", seconds[0], serviceName="orders", severity={"text": "INFO", "number": 9}, aws={"logGroup": "/aws/lambda/orders"}),
        line("b", seconds[1], serviceName="orders", severity={"text": "WARN", "number": 13}, aws={"logGroup": "/aws/lambda/orders"}, annotations={"path": ["/orders"]}),
        line("c", seconds[2], serviceName="stock", severity={"text": "CRITICAL", "number": 18}, annotations={"path": ["/", "/orders"], "vip": [True]}),
        line("d", seconds[3], trace={"hiddenFault": True}), span("s", seconds[4], serviceName="stock"))  # fmt: skip
    assert "".join(ids(search(SearchQuery(**question), shelved))) == wanted


@both_kinds
def test_faults_between_two_times(store, settings):
    """Hidden faults go by the time of their trace; both ends belong to it."""
    indexed(lambda_event([powertools("paid"), report()]), store, settings)
    failed = {"cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "no"}]}, "error": True}
    Resolver(store=store, source=Traces(service(error=True), function(**failed)), settings=settings).sweep(force=True)
    store.refresh()
    began = datetime.fromtimestamp(NOW / 1000, UTC)
    second = timedelta(seconds=1)
    assert len(hidden_faults(store, since=began - second, until=began + second)) == len(hidden_faults(store)) == 1
    assert hidden_faults(store, since=began + second) == hidden_faults(store, until=began - second) == []
