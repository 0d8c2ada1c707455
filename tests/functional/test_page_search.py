"""The page's search: the same answers as the command line, page after page, and what comes in."""

import http.client
import json
import re
from datetime import timedelta

import pytest

from pipeline.errors import BadInputError
from pipeline.model.timestamps import iso
from pipeline.search.hit_pages import read_page
from pipeline.search.overview import overview, step_between
from pipeline.search.question import parse_question, search_query
from pipeline.search.search import clause_for
from tests.support.documents import BEGAN, ids, line, put, span
from tests.support.page import page_server
from tests.support.stores import both_kinds
from tests.support.waiting import PATIENCE

ALL = {"match_all": {}}
NEWEST = BEGAN + timedelta(minutes=10)


def walk(store, size, direction="older", cursor=""):
    """The ids of all pages in a direction, and the last page."""
    found, page = [], None
    while page is None or cursor:
        page = read_page(ALL, store, size=size, cursor=cursor, direction=direction)
        found += [ids(page.hits)]
        cursor = getattr(page, direction)
    return found, page


@both_kinds
def test_each_hit_is_on_one_page(store):
    """In both directions, with more hits of one time than a page holds, and hits without a time."""
    same = [line(f"same{number}", NEWEST, body="x") for number in range(25)]
    others = [line(f"l{number}", BEGAN + timedelta(seconds=number // 2), body="x") for number in range(40)]
    action, timeless = line("timeless")
    del timeless["@timestamp"]
    put(store, *same, *others, span("s", spanId="1" * 16), [action, timeless])
    for size in (1, 7, 10, 100):
        older, last = walk(store, size)
        flat = [id_ for page in older for id_ in page]
        assert (len(flat), len(set(flat)), last.older) == (67, 67, "")
        assert max(map(len, older)) <= size
        assert {id_[:4] for id_ in flat[:25]} == {"same"}
        assert flat[-1] == "timeless"
        if last.newer:
            newer, _ = walk(store, size, "newer", last.newer)
            assert sorted(id_ for page in newer for id_ in page) == sorted(set(flat) - set(ids(last.hits)))


@pytest.mark.parametrize("cursor", ["x", "1:2:3" + "x" * 600, "-1", "1" * 30, "١", "9" * 20 + ":"])
def test_a_cursor_of_nobody_is_refused(store, cursor):
    """An address that was changed by hand is one sentence."""
    with pytest.raises(BadInputError, match="begin at its newest page"):
        read_page(ALL, store, cursor=cursor)


@both_kinds
def test_the_overview_counts_each_hit_once(store):
    """The bars add up to the total, whatever the times; facets count what they would leave, levels with what is worse."""
    put(store, *(line(f"l{number}", BEGAN + timedelta(seconds=number), serviceName=f"s{number % 3}", severity={"number": 5 + 4 * (number % 4)}) for number in range(40)),
        span("s", NEWEST, serviceName="s0", status={"code": 2}, trace={"state": "complete", "hiddenFault": True, "version": 1}))  # fmt: skip
    found = overview(ALL, store)
    assert (found.total, sum(bar.count for bar in found.bars), sum(bar.failed for bar in found.bars)) == (41, 41, 11)
    assert found.facets["level"] == [("error", 10), ("warn", 20), ("info", 30), ("debug", 40)]
    assert dict(found.facets["service"]) == {"s0": 15, "s1": 13, "s2": 13}
    assert (found.facets["hidden"], dict(found.facets["state"])) == ([("yes", 1)], {"pending": 40, "complete": 1})
    for key, values in found.facets.items():
        for value, count in values:
            clause = clause_for(search_query(parse_question("").with_term(key, value), now=BEGAN), store)
            assert overview(clause, store).total == count, (key, value)


@pytest.mark.parametrize("days", [0, 1, 400, 30_000])
def test_there_are_few_bars(days):
    """However long the time is."""
    step = step_between(0, days * 86_400_000)
    assert days * 86_400_000 // step <= 90


def test_before_anything_is_stored(store):
    """The page says what to do, as the command line does."""
    with page_server(store) as page:
        answer = page.get("/search")
        assert (answer.status, "tracejoin setup" in answer.text) == (200, True)
        assert page.get("/").status == 200


@pytest.fixture
def shop(store):
    """A page over two services."""
    put(store, *(line(f"l{number:03d}", BEGAN + timedelta(seconds=number), body=f"paid order {number}", serviceName="orders") for number in range(250)),
        line("failed", NEWEST, body="the payment failed", serviceName="my shop", correlationId="c-9", severity={"text": "ERROR", "number": 17}, traceId="1" * 32))  # fmt: skip
    with page_server(store, clock=NEWEST.timestamp) as page:
        yield page


def rows(text):
    """The keys of a page's rows."""
    return re.findall(r'data-key="([^"]+)"', text)


def address(text, rel):
    """The address of a link."""
    found = re.search(rf'href="([^"]+)" rel="{rel}"', text)
    return found[1].replace("&amp;", "&") if found else ""


def test_links_lead_through_all_pages(shop):
    """Without a script: from the newest page to the oldest, and back, each row once."""
    text, seen = shop.get("/search", q="service:orders").text, []
    while True:
        seen += rows(text)
        if not (older := address(text, "next")):
            break
        text = shop.get(older).text
    assert seen == [f"l{number:03d}" for number in range(249, -1, -1)]
    back = shop.get(address(text, "prev")).text
    assert rows(back)[-1] == f"l{int(rows(text)[0][1:]) + 1:03d}"


@pytest.mark.parametrize(("question", "found"), [("failed", 1), ('"payment failed"', 1), ('"failed payment"', 0), ('service:"my shop"', 1), ("level:error", 1), ("c-9", 1),
                                                 ("-service:orders", 1), ("since:2026-11-24T10:00:10Z until:2026-11-24T10:00:19Z", 10), ("paid -order", 0)])  # fmt: skip
def test_the_bar_takes_the_language(shop, question, found):
    """The number of rows is the one that the command line finds; where there is none, the page says why."""
    text = shop.get("/search", q=question).text
    assert len(rows(text)) == found
    assert ("What the bar takes" in text) is (found == 0)


@pytest.mark.parametrize(("question", "status", "said"), [("nobody", 200, "nothing is known of nobody"), ("paid level:error", 200, "exclude all of them"),
                                                          ("servce:orders", 200, "servce: is no key"), ("level:loud", 200, "is unknown: level is one of"), ('"', 200, "close it"),
                                                          ("x" * 4001, 200, "characters")])  # fmt: skip
def test_the_page_says_what_is_wrong(shop, question, status, said):
    """One sentence, with the question still in the bar, whatever was typed."""
    answer = shop.get("/search", q=question)
    assert (answer.status, said in answer.text) == (status, True)
    assert f'value="{question[:4000].replace(chr(34), "&#34;")}"' in answer.text


def test_a_row_opens_to_its_fields(shop):
    """By an address, for a reader without a script, and as a part of a page for the script."""
    opened = shop.get("/search", q="failed", open="failed").text
    part = shop.get("/document", key="failed").text
    for text in (opened, part):
        assert "correlationId" in text
        assert '<dd class="mono">17</dd>' in text
    assert "<mark>failed</mark>" in opened
    assert f'href="/transaction/{"1" * 32}?open=failed"' in opened


def test_facets_chips_and_bars_are_addresses(shop):
    """Each narrows or widens the question, which stands in the address; a bar finds as many as it shows, however exact their times are."""
    text = shop.get("/search", q="service:orders since:24h").text
    assert 'href="/search?q=since%3A24h"' in text
    assert 'href="/search?q=service%3Aorders"' in text
    put(shop.context.store, *(span(f"s{number}", NEWEST, spanId="1" * 16, serviceName="exact") for number in range(1)),
        *(span(f"t{number}", NEWEST + timedelta(microseconds=number * 333), serviceName="exact") for number in range(20)))  # fmt: skip
    bars = re.findall(
        r'<a href="([^"]+)" tabindex="-1" aria-label="[^"]*: (\d+) lines and spans', shop.get("/search", q="service:exact").text
    )
    assert sum(int(count) for _, count in bars) == 21
    assert all(len(rows(shop.get(address.replace("&amp;", "&")).text)) == int(count) for address, count in bars)


def test_an_index_that_is_away_is_named(shop, store):
    """What a search does without is said above its hits."""
    index = f"{store.prefix}-logs-{BEGAN:%Y.%m.%d}"
    store.request("POST", f"/{index}/_close")
    assert f"{index} can&#39;t be searched now" in shop.get("/search", q="kind:log").text.replace("can't", "can&#39;t")


def test_what_comes_in_is_sent(shop, store):
    """The tail sends what is there, then what is stored later; each event is one line of JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", shop.context.access.port, timeout=PATIENCE)
    connection.request("GET", "/search/tail?q=service:%22my+shop%22", headers={"Cookie": shop.cookie})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/event-stream; charset=utf-8")
    assert rows(next_rows(answer)) == ["failed"]
    now = NEWEST + timedelta(days=3650)
    put(store, line("late", now, body="\u2028late\n\ndata: x", serviceName="my shop"), line("other", now, serviceName="orders"))
    assert rows(next_rows(answer)) == ["late"]
    connection.close()


def next_rows(answer):
    """The HTML of the next event with rows."""
    while True:
        if answer.readline() == b"event: rows\n":
            return json.loads(answer.readline().removeprefix(b"data: "))


def test_a_tail_has_no_end(shop):
    """A question with an end is refused; a page that follows leaves the end out."""
    assert shop.get("/search/tail", q=f"until:{iso(BEGAN)}").status == 400
    assert "q=service%3Aorders&amp;live=1" in shop.get("/search", q="service:orders until:1m").text
    assert 'data-tail="/search/tail?q=nobody"' in shop.get("/search", q="nobody", live="1").text


def test_tails_are_few(shop):
    """Each has a thread, so that a page too many is told to come later; a place is free again soon after a tail has ended."""
    open_ones = []
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", shop.context.access.port, timeout=PATIENCE)
        connection.request("GET", "/search/tail?q=failed", headers={"Cookie": shop.cookie})
        assert connection.getresponse().status == 200
        open_ones.append(connection)
    assert "too many pages" in shop.get("/search/tail", q="failed").text
    for connection in open_ones:
        connection.close()
    while (answer := began(shop)) != b": begun\n":
        assert answer == b"event: trouble\n"


def began(page):
    """The first line of a tail."""
    connection = http.client.HTTPConnection("127.0.0.1", page.context.access.port, timeout=PATIENCE)
    connection.request("GET", "/search/tail?q=failed", headers={"Cookie": page.cookie})
    line_ = connection.getresponse().readline()
    connection.close()
    return line_
