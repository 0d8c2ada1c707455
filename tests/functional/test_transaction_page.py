"""The page of a transaction, and its file: served from a real store, read without a browser."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from fuzz.steering import steering
from pipeline.search.transaction_view import transaction_view
from pipeline.web.transaction_file import transaction_file
from tests.support.documents import put
from tests.support.hostile import HALF, HOSTILE
from tests.support.page import page_server
from tests.support.stores import both_kinds
from tests.support.waterfalls import ONE, OTHER_TRACE, stored_bulk, stored_line, stored_span, stored_trace

XRAY = f"1-{ONE[:8]}-{ONE[8:]}"


class Elements(HTMLParser):
    """The elements of a page: names, attributes and the text of each script and style."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def with_attribute(self, name):
        """The values of an attribute, in their order."""
        return [attributes[name] for _, attributes in self.found if name in attributes]


def finding(span_id, line_id):
    """A finding of a failed span and a line that shows it."""
    shown = {"at": 1_790_000_000_000, "id": line_id, "serviceName": "orders", "text": "boom"}
    return {"rule": "edge-ok-downstream-fault", "severity": "alert", "serviceName": "orders", "spanId": span_id, "path": ["GET /orders", "pay"], "reported": "200",
            "evidence": "the caller was told 200, but pay failed: ValueError", "clientSaw": "success", "exceptionType": "ValueError", "lines": [shown]}  # fmt: skip


@pytest.fixture
def failing(store):
    """A transaction whose call fails behind a 200, with a gap and with API Gateway's logs."""
    noise = {"logGroup": "API-Gateway-Execution-Logs_abc/prod", "logStream": "s"}
    documents = [
        stored_span("a" * 16, 0, 100, name="GET /orders"),
        stored_span(
            "b" * 16,
            10,
            50,
            "a" * 16,
            name="pay",
            failed=True,
            events=[{"name": "exception", "attributes": {"exception.type": "ValueError"}}],
        ),
        stored_line("boom", 20, "b" * 16, body="boom: the card was declined", signals=["error"], severity={"text": "ERROR", "number": 17}),
        stored_line("long", 21, "b" * 16, body=f"{'x ' * 3000} a needle at its end"),
        stored_line("lost", 30, "c" * 16, body="says where X-Ray has nothing"),
        *(stored_line(f"step {number}", number, "a" * 16, body=f"(id) step {number}", aws=noise) for number in range(4)),
    ]
    put(store, *map(stored_bulk, documents), stored_trace(findings=[finding("b" * 16, "boom")]))
    with page_server(store) as page:
        yield page


def texts(html):
    """The texts of the rows that stand in a page without a script."""
    plain = html.partition('<ol class="w-list"')[2].partition("</ol>")[0]
    return [unescape(text) for text in re.findall(r'class="w-text"[^>]*>([^<]*)<', plain)]


def test_a_page_without_a_script(failing):
    """The waterfall with its gap and its fold, what failed with its way, and why."""
    answer = failing.get(f"/transaction/{XRAY}")
    assert answer.status == 200
    assert [text[:40] for text in texts(answer.text)] == ["GET /orders", "4 lines of API Gateway's logs", "pay", "boom: the card was declined", "x " * 20,
                                                          f"span {'c' * 16} is not in X-Ray", "says where X-Ray has nothing"]  # fmt: skip
    rows = [
        attributes["class"]
        for tag, attributes in Elements(answer.text).found
        if tag == "li" and attributes.get("class", "").startswith("w-row")
    ]
    assert rows == [
        "w-row w-span on-way",
        "w-row w-fold",
        "w-row w-span failed on-way",
        "w-row w-log failed on-way",
        "w-row w-log",
        "w-row w-gap",
        "w-row w-log",
    ]
    for said in ("hidden fault", "the caller was told 200 by GET /orders", "What failed", "Every segment is closed.", "1 gap", "silent: "):
        assert said in answer.text
    # on a narrow window what failed stands below the waterfall
    assert 'href="#failed"' in answer.text
    assert 'id="failed"' in answer.text
    assert len(texts(failing.get(f"/transaction/{XRAY}", folds="open").text)) == 11


def test_any_id_names_it(failing, store):
    """A trace id of either form, and what is no id of anything: 404, and why nothing is found."""
    assert failing.get(f"/transaction/{ONE}").status == 200
    unknown = failing.get("/transaction/order/9%3Fx")
    assert (unknown.status, "nothing is known of order/9?x" in unescape(unknown.text)) == (404, True)
    assert failing.get("/transaction/").status == 400


def test_links_keep_an_id_with_slashes(store):
    """A browser goes up at `..` between slashes, so that the page's own links would lead elsewhere."""
    put(store, stored_bulk(stored_line("l", 0, "a" * 16, correlationId="a/../b")), stored_trace())
    with page_server(store) as page:
        answer = page.get("/transaction/a%2F..%2Fb")
    assert answer.status == 200
    assert "/transaction/a%2F..%2Fb?" in answer.text
    assert "/transaction/a/.." not in answer.text


def test_a_row_opens_to_its_fields(failing):
    """In the page by its address, and as a part for the script; a gap has no document, and no other index can be read."""
    opened = failing.get(f"/transaction/{XRAY}", open="boom").text
    assert "severity.<wbr>text" in opened
    part = failing.get("/document", key=f"{ONE}-{'b' * 16}")
    assert (part.status, "ValueError" in part.text, "<html" in part.text) == (200, True, False)
    for key in ("gap", "", ONE):
        assert failing.get("/document", key=key).status == 404


def test_words_are_found_in_whole_lines(failing):
    """Also beyond what a row shows, in any case; what encloses a row is shown with it."""
    found = failing.get(f"/transaction/{XRAY}", find="A NEEDLE")
    assert [text[:11] for text in texts(found.text)] == ["GET /orders", "pay", "x x x x x x"]
    assert failing.get(f"/transaction/{XRAY}", find="needle", part="matches").text == '["long"]'
    assert "No line or span holds these words." in failing.get(f"/transaction/{XRAY}", find="nowhere").text


def test_bars_zoom_by_the_address(failing):
    """Half of the time takes all of the width; a window that makes no sense shows everything."""

    def lengths(**window):
        page = failing.get(f"/transaction/{XRAY}", **window).text
        return re.findall(r'class="w-length" x="([\d.]+)%" y="2" width="([\d.]+)%"', page)[0]

    assert lengths() == ("0.0", "100.0")
    assert lengths(since=25, until=75) == ("0.0", "100.0")
    pay = re.compile(r'>pay</a>.*?class="w-length" x="([\d.]+)%" y="2" width="([\d.]+)%"', re.DOTALL)
    assert pay.search(failing.get(f"/transaction/{XRAY}", since=0, until=50).text).groups() == ("20.0", "80.0")
    assert pay.search(failing.get(f"/transaction/{XRAY}", since=80, until=20).text).groups() == ("10.0", "40.0")


@both_kinds
def test_many_rows_are_pages(store):
    """Without a script two hundred rows stand on a page; the one with the open row is shown. The script gets all of them."""
    root = stored_span("a" * 16, 0, 1000, name="root")
    put(
        store,
        stored_bulk(root),
        *(stored_bulk(stored_line(f"line-{number:03}", number, "a" * 16)) for number in range(450)),
        stored_trace(),
    )
    with page_server(store) as page:
        first = page.get(f"/transaction/{ONE}").text
        assert (len(texts(first)), "page 1 of 3" in first) == (200, True)
        data = first.partition('<script type="application/json" class="w-data">')[2].partition("</script>")[0]
        assert len(json.loads(data)["rows"]) == 451
        assert texts(page.get(f"/transaction/{ONE}", page=3).text)[-1] == "line-449"
        assert texts(page.get(f"/transaction/{ONE}", page=99).text)[-1] == "line-449"
        assert "page 2 of 3" in page.get(f"/transaction/{ONE}", open="line-250").text


def test_what_is_not_drawn_is_said(store):
    """Of more lines than are drawn the page names the number."""
    put(
        store,
        stored_bulk(stored_span("a" * 16)),
        *(stored_bulk(stored_line(f"{number}", number, "a" * 16)) for number in range(20)),
        stored_trace(),
    )
    view = transaction_view(ONE, store, most=15)
    assert (len(view.items), view.total) == (15, 21)
    assert "the first 15 of 21 lines and spans" in "".join(transaction_file(view, store))


def test_traces_of_one_transaction(store):
    """Each with its state and why; one without spans is a gap that says the reason."""
    logged = stored_line("other", 5, trace=OTHER_TRACE, correlationId=["c-1"])
    put(
        store,
        stored_bulk(stored_span("a" * 16, correlationId=["c-1"])),
        stored_bulk(logged),
        stored_trace(),
        stored_trace(OTHER_TRACE, state="unsampled", reason="Not sampled."),
    )
    with page_server(store) as page:
        found = page.get("/transaction/c-1")
    assert f"no span of this trace. Not sampled. (1-{OTHER_TRACE[:8]}-{OTHER_TRACE[8:]})" in texts(found.text)
    assert "2 traces" in found.text


def test_an_odd_id_stays_in_links(store):
    """A correlation id may hold what means something in an address: its rows open and its pages turn all the same."""
    odd = "order/9?x=1#y %41 &z"
    put(
        store,
        stored_bulk(stored_span("a" * 16, correlationId=[odd])),
        stored_bulk(stored_line("l", 1, "a" * 16, correlationId=[odd])),
        stored_trace(),
    )
    with page_server(store) as page:
        first = page.get(f"/transaction/{quote(odd)}")
        assert first.status == 200
        link = next(
            attributes["href"]
            for tag, attributes in Elements(first.text).found
            if attributes.get("class") == "w-text" and "open=l" in attributes["href"]
        )
        opened = page.get(link.partition("#")[0])
        assert (opened.status, "aws.<wbr>logGroup" in opened.text) == (200, True)


@pytest.fixture
def hostile(store):
    """A transaction that is hostile in each text of others."""
    evil = "<script>alert(1)</script></script><img src=x onerror=alert(1)> javascript:alert(1)"
    texts_of_others = {"serviceName": f"{evil}{HOSTILE}", "correlationId": [evil, HOSTILE]}
    span = stored_span("a" * 16, name=f"{evil}{HOSTILE}", failed=True, attributes={"url": "javascript:alert(1)", evil: evil},
                       events=[{"name": "exception", "attributes": {"exception.type": evil, "exception.message": HOSTILE, "exception.stacktrace": evil}}])  # fmt: skip
    put(store, stored_bulk(span | texts_of_others), stored_bulk(stored_line("l", 1, "a" * 16, body=f"{evil}{HOSTILE}") | texts_of_others),
        stored_bulk(stored_line("big", 2, "a" * 16, body=f"{evil} {'<b>' * 400_000}")), stored_trace(findings=[finding(evil, HOSTILE) | {"evidence": f"x: {evil}{HOSTILE}"}], reason=HOSTILE))  # fmt: skip
    return store


def assert_harmless(html):
    """No element or attribute that a text of others made, and nothing that steers a reader's eye."""
    assert steering(html) == []
    elements = Elements(html)
    assert "img" not in {tag for tag, _ in elements.found}
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on") or name == "style"]
    addresses = elements.with_attribute("href") + elements.with_attribute("src")
    assert all(address.startswith(("/", "#")) for address in addresses), addresses
    assert all(attributes.get("type") in {"module", "application/json"} for tag, attributes in elements.found if tag == "script")


def test_what_others_wrote_is_text(hostile):
    """Markup, scripts, escapes and megabytes of them: in rows, documents, findings, states and data."""
    with page_server(hostile) as page:
        for path, query in ((f"/transaction/{ONE}", {}), (f"/transaction/{ONE}", {"open": "big"}), ("/document", {"key": "l"}), ("/document", {"key": f"{ONE}-{'a' * 16}"}),
                            (f"/transaction/{ONE}", {"find": "<script>"}), ("/transaction/%3Cscript%3Ealert(1)%3C/script%3E%1b", {})):  # fmt: skip
            answer = page.get(path, **query)
            assert answer.status in {200, 404}
            assert_harmless(answer.text)


def test_a_file_refers_to_nothing(hostile):
    """It holds its own style, script and data; its policy allows nothing else, and what others wrote is text there, too."""
    html = "".join(transaction_file(transaction_view(ONE, hostile), hostile))
    assert_harmless(html)
    elements = Elements(html)
    assert not {"link", "iframe", "img", "object", "form"} & {tag for tag, _ in elements.found}
    assert not [attributes for tag, attributes in elements.found if tag == "script" and "src" in attributes]
    assert all(address.startswith("#") for address in elements.with_attribute("href"))
    (policy,) = [attributes["content"] for tag, attributes in elements.found if attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "import " not in html.rpartition('<script type="module">')[2]
    assert HALF not in html


def test_a_file_has_the_documents_that_fit(failing, store):
    """All rows, and the documents of as many of them as there is room for; it says how many are left out."""
    view = transaction_view(ONE, store)
    whole = "".join(transaction_file(view, store))
    assert len(re.findall(r'<article id="fields-', whole)) == 9
    part = "".join(transaction_file(view, store, most=1500))
    left = int(re.search(r"The fields of (\d+) rows had no room", part)[1])
    assert len(re.findall(r'<article id="fields-', part)) == 9 - left
    assert len(texts(part)) == 11


def test_a_large_file_stays_quick(failing, store):
    """Beyond a number of rows and documents these are data for the script, from which nothing is left out; the page says what is listed."""
    html = "".join(transaction_file(transaction_view(ONE, store), store, most_listed=3, most_articles=2))
    assert (len(texts(html)), "the first 3 of 11 rows" in html, len(re.findall(r'<article id="fields-', html))) == (3, True, 2)
    packed = json.loads(html.partition('class="t-packed">')[2].partition("</script>")[0])
    assert len(packed["documents"]) == 7
    assert "boom: the card was declined" in packed["texts"]
