"""The page keeps strangers out, and what is stored can't become anything but text."""

import asyncio
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pipeline.model.display_controls import DISPLAY_CONTROLS
from pipeline.settings import Settings
from pipeline.web.access import Access
from pipeline.web.guard import POLICY, Guard
from pipeline.web.routes import health
from tests.support.documents import BEGAN, line, put, span
from tests.support.page import TOKEN, page_server
from tests.support.stores import installed

TRACE = "5759e988bd862e3fe1be46a994272793"
HOSTILE = (
    '<script>alert(1)</script><img src=x onerror=alert(1)>"\'`><a href="javascript:alert(1)">x</a> \x1b[31mred\x1b[0m \u202eevil\u2066 \x00\x08 '
    "{{ 7*7 }} {% raw %} ${7*7} </textarea></title></script><!-- --> &lt;b&gt; \ud800"
)
PAGES = ["/", "/search", "/search?q=kind:log", "/search?q=hidden:yes", f"/transaction/{TRACE}", "/services", "/health"]


@pytest.fixture(scope="module")
def page(embedded_endpoint):
    """A page over documents whose every text is hostile."""
    settings = Settings(endpoint=embedded_endpoint, prefix="hostilepage", region="eu-west-1")
    with installed(settings) as store:
        text = HOSTILE.encode("utf-8", "replace").decode()
        trace = {"trace": {"state": "complete", "stateReason": text, "hiddenFault": True, "rules": ["timeout"], "clientSaw": "success", "edgeStatus": 200,
                           "version": 1}, "traceId": TRACE, "serviceName": text[:250]}  # fmt: skip
        finding = {"rule": "timeout", "severity": "alert", "serviceName": text, "spanId": "1" * 16, "path": [text, text], "reported": text,
                   "evidence": f"timed out: {text}", "clientSaw": "success", "exceptionType": text, "exceptionMessage": text, "unknown": [text],
                   "lines": [{"at": 0, "id": "l", "serviceName": text, "text": text, "logGroup": text, "account": ""}]}  # fmt: skip
        put(store, line("l", body=text, severity={"text": text[:30], "number": 17}, attributes={text: text}, correlationId=text[:200],
                        aws={"logGroup": text}, **trace),
            line("large", body="x" * 1_000_000, **trace),
            span("s", spanId="1" * 16, name=text, status={"code": 2, "message": text}, durationInNanos=1, parentSpanId="", **trace),
            [{"create": {"_index": "@-traces", "_id": TRACE}},
             {"doc": {"kind": "trace"}, "name": text, "xray": {"traceId": "1-x"}, "findings": [finding], "missing": [text], "state": {},
              "@timestamp": BEGAN.isoformat(), "lastSeenAt": BEGAN.isoformat()} | trace])  # fmt: skip
        with page_server(store, clock=lambda: BEGAN.timestamp() + 60) as served:
            yield served


class Markup(HTMLParser):
    """The tags, addresses and texts of a page."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.scripts, self.addresses, self.handlers, self.text, self.inside = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            self.scripts.append(dict(attrs))
        self.inside.append(tag)
        for name, value in attrs:
            if name in {"href", "src", "action", "formaction"}:
                self.addresses.append(value)
            if name.startswith("on") or name in {"style", "srcdoc"}:
                self.handlers.append((tag, name))

    def handle_data(self, data):
        if self.inside and self.inside[-1] == "script":
            # data for a script, which no browser runs; nothing in it ends the element
            assert not data.strip() or (self.scripts[-1].get("type") == "application/json" and "<" not in data)
        self.text.append(data)


def parsed(text):
    """A page as its markup."""
    found = Markup()
    found.feed(text)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_what_is_stored_stays_text(page, path):
    """No tag, script, handler, foreign address or control character comes from what is stored."""
    answer = page.ask("GET", path, {"Cookie": page.cookie})
    assert answer.status == 200
    found = parsed(answer.text)
    assert not found.handlers
    assert {script["src"].rpartition("/")[0] for script in found.scripts if "src" in script} <= {"/static/js"}
    assert all(re.match(r"(/(?!/)|#)", address) for address in found.addresses), found.addresses
    assert not DISPLAY_CONTROLS.search(answer.text)
    assert "<img" not in answer.text
    assert "49" not in "".join(found.text).split()
    assert answer.headers["content-security-policy"] == POLICY
    assert len(answer.text) < 1_000_000


def test_a_large_line_is_cut_in_the_list(page):
    """A line of a megabyte does not fill the page; what opens says how much is left out."""
    assert "x" * 500 not in page.get("/search", q="service:large OR").text
    assert "x" * 500 not in page.get("/search", q="kind:log").text
    opened = page.get("/document", key="large")
    assert opened.status == 200
    assert len(opened.text) < 200_000


def test_only_the_token_opens_the_page(page):
    """Without a session every page is refused, and shows nothing; the token begins one, in a cookie that no script reads and no other site sends."""
    for path in [*PAGES, "/document?key=l", "/search/tail?q=x", "/nothing"]:
        for headers in ({}, {"Cookie": f"{page.context.access.cookie}={'0' * 64}"}, {"Cookie": f"{page.context.access.cookie}={TOKEN}"}):
            answer = page.ask("GET", path, headers)
            assert (answer.status, "alert(1)" in answer.text) == (401, False)
    wrong = page.ask("GET", f"/?token={secrets.token_urlsafe(32)}")
    assert (wrong.status, "set-cookie" in wrong.headers) == (401, False)
    right = page.ask("GET", f"/search?q=a%20b&token={TOKEN}&live=1")
    assert (right.status, right.headers["location"]) == (303, "/search?q=a+b&live=1")
    cookie = right.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
    assert TOKEN not in cookie
    assert page.ask("GET", "/static/page.css").status == 200


def test_a_redirect_stays_here(page):
    """A path that begins with two slashes would be another host."""
    assert page.ask("GET", f"//evil.example/?token={TOKEN}").headers["location"] == "/evil.example/"


def test_the_token_may_be_given_in_a_form(page):
    """A form without a session is the one way in beside the address; it needs this page's origin, too."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": page.address}
    assert page.ask("POST", "/sign-in", form, urlencode({"token": TOKEN})).status == 303
    assert page.ask("POST", "/sign-in", form, urlencode({"token": "no"})).status == 401
    assert page.ask("POST", "/sign-in", form | {"Origin": "http://evil.example"}, urlencode({"token": TOKEN})).status == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", ""])
def test_another_host_is_refused(page, host):
    """A name that another site has given this computer's address, even with the session and the token."""
    answer = page.ask("GET", f"/?token={TOKEN}", {"Host": host, "Cookie": page.cookie})
    assert (answer.status, "set-cookie" in answer.headers) == (421, False)


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
                                     {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}])  # fmt: skip
def test_another_site_is_refused(page, headers):
    """What another site's page asks for, in the browser of a person with a session."""
    for path in ("/search", "/static/page.css", "/search/tail?q=x"):
        assert page.ask("GET", path, headers | {"Cookie": page.cookie}).status == 403


def test_a_link_in_a_ticket_is_followed(page):
    """A person who clicks comes from another site, and only looks."""
    clicked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Cookie": page.cookie}
    assert page.ask("GET", "/search?q=kind:log", clicked).status == 200


@pytest.fixture
def changed(monkeypatch):
    """A route that changes something, and how often it did."""
    calls = []
    route = Route("/change", lambda _: calls.append(1) or PlainTextResponse("done"), methods=["POST"])
    monkeypatch.setattr(health, "ROUTES", [*health.ROUTES, route])
    return calls


def test_a_change_needs_everything(store, changed):
    """Method, origin, session and the form's token; without one of them nothing is changed."""
    with page_server(store) as page:
        form = {"token": page.context.access.form_token, "x": "1"}
        right = {"Content-Type": "application/x-www-form-urlencoded", "Origin": page.address, "Cookie": page.cookie}
        for headers, body, status in (
            ({}, form, 200), ({"Origin": "http://evil.example"}, form, 403), ({"Origin": None}, form, 403), ({"Cookie": "a=b"}, form, 401),
            ({}, {"token": TOKEN}, 403), ({}, {"x": "1"}, 403), ({"Content-Type": "text/plain"}, form, 403), ({}, form | {"x": "y" * 70_000}, 413),
        ):  # fmt: skip
            sent = {name: value for name, value in (right | headers).items() if value is not None}
            assert page.ask("POST", "/change", sent, urlencode(body)).status == status, (headers, body)
        assert page.ask("GET", "/change?x=1", {"Cookie": page.cookie}).status == 405
        assert len(changed) == 1


def test_a_browser_that_leaves_amid_its_form_is_no_failure():
    """Anybody on this computer could else fill the server's terminal."""
    access = Access(token=TOKEN, port=1)
    scope = {"type": "http", "method": "POST", "path": "/sign-in", "query_string": b"", "headers": [(b"host", b"127.0.0.1:1")]}
    heard = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    said = []

    async def receive():
        return heard.pop(0)

    async def send(message):
        said.append(message)

    async def app(*_):
        raise AssertionError("no page is asked for")

    # in a thread of its own: another test's browser may have left an event loop in this one
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, Guard(app, access, read_only=False)(scope, receive, send)).result()
    assert (heard, said) == ([], [])


def test_read_only_changes_nothing(store, changed):
    """With --read-only even a right form is refused."""
    with page_server(store, read_only=True) as page:
        right = {"Content-Type": "application/x-www-form-urlencoded", "Origin": page.address, "Cookie": page.cookie}
        assert page.ask("POST", "/change", right, urlencode({"token": page.context.access.form_token})).status == 403
        assert "read-only" in page.get("/").text
    assert not changed


def test_each_answer_has_the_headers(store):
    """Pages, files, refusals and failures: the policy, no guessing of types, and no copy of what is stored."""
    with page_server(store) as page:
        for path, status in (
            ("/", 200),
            ("/nothing", 404),
            ("/search/tail?q=since:soon", 400),
            ("/static/js/keys.js", 200),
            ("/static/js/../../app.py", 404),
        ):
            answer = page.ask("GET", path, {"Cookie": page.cookie})
            assert (answer.status, answer.headers["content-security-policy"]) == (status, POLICY)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert path.startswith("/static") or answer.headers["cache-control"] == "no-store"


def test_opensearch_that_is_away_is_one_sentence(settings):
    """A page says so, with the status of a service that may come back."""
    from dataclasses import replace

    from pipeline.configure import store_for

    away = store_for(replace(settings, endpoint="http://127.0.0.1:1"))
    with page_server(away) as page:
        for path in ("/", "/search", "/services", f"/transaction/{TRACE}"):
            answer = page.get(path)
            assert (answer.status, "does not answer" in answer.text) == (503, True), path
    away.close()
