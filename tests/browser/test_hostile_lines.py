"""Lines that want to be more than text: markup, scripts, escape sequences, marks of direction, a megabyte."""

import pytest

from pipeline.model.display_controls import DISPLAY_CONTROLS
from pipeline.settings import Settings
from tests.support.browser import visit
from tests.support.documents import BEGAN, line, put, span
from tests.support.hostile import HOSTILE
from tests.support.map_spans import stored
from tests.support.page import page_server
from tests.support.stores import installed

TRACE = "5759e988bd862e3fe1be46a994272793"
MARKUP = (
    "<script>window.owned=1</script><img src=//evil.example/x onerror=window.owned=1><svg onload=window.owned=1><iframe src=//evil.example></iframe>"
    "<a href=javascript:window.owned=1>x</a><style>*{display:none}</style><base href=//evil.example><meta http-equiv=refresh content=0;url=//evil.example>"
    "</title></textarea></script></template>--> \"'`{{7*7}}{% include 'x' %}"
)
TEXT = (MARKUP + HOSTILE).replace("\ud800", "").replace("\udfff", "")
LARGE = MARKUP + "<b>" * 350_000
PATHS = ["/", "/search?q=kind:log", "/search?q=kind:span", "/search?q=hidden:yes", f"/transaction/{TRACE}", "/services?since=30d", "/health",
         "/search?q=%3Cscript%3Ewindow.owned%3D1%3C/script%3E", "/transaction/%3Cimg%20src=x%20onerror=window.owned=1%3E",
         "/services?since=%3Cscript%3E", "/%3Cscript%3Ewindow.owned=1%3C/script%3E"]  # fmt: skip


def of_trace(text):
    """What every document of the trace has from it; ``text`` is each of its texts."""
    status = {"state": "complete", "stateReason": text, "hiddenFault": True, "rules": ["timeout"], "clientSaw": "success", "edgeStatus": 200,
              "version": 1}  # fmt: skip
    return {"trace": status, "traceId": TRACE, "transactionId": TRACE, "serviceName": text[:256]}


@pytest.fixture(scope="module")
def hostile(browser, embedded_endpoint):
    """The page over documents whose every text is hostile."""
    with installed(Settings(endpoint=embedded_endpoint, prefix="hostilebrowser", region="eu-west-1")) as store:
        common = of_trace(TEXT)
        finding = {"rule": "timeout", "severity": "alert", "serviceName": TEXT, "spanId": "1" * 16, "path": [TEXT, TEXT], "reported": TEXT, "evidence": TEXT,
                   "clientSaw": "success", "exceptionType": TEXT, "exceptionMessage": TEXT, "unknown": [TEXT],
                   "lines": [{"at": 0, "id": "l", "serviceName": TEXT, "text": TEXT, "logGroup": TEXT, "account": TEXT}]}  # fmt: skip
        call = stored("2" * 16, "1" * 16, kind="CLIENT", namespace="aws", name=TEXT, target=TEXT)
        put(
            store,
            line("l", body=TEXT, severity={"text": TEXT[:30], "number": 17}, attributes={TEXT: TEXT}, correlationId=TEXT[:200], aws={"logGroup": TEXT}, **common),
            line("large", body=LARGE, signals=["error"], **common),
            span("s", spanId="1" * 16, name=TEXT, status={"code": 2, "message": TEXT}, durationInNanos=1, parentSpanId="", kind="SPAN_KIND_SERVER", **common),
            span("c", **call | {"name": TEXT} | common),
            span("d", spanId="3" * 16, parentSpanId="2" * 16, name=TEXT, kind="SPAN_KIND_SERVER", durationInNanos=1, status={"code": 2},
                 **common | {"serviceName": MARKUP[:200]}),
            [{"create": {"_index": "@-traces", "_id": TRACE}},
             {"doc": {"kind": "trace"}, "name": TEXT, "xray": {"traceId": TEXT}, "findings": [finding], "missing": [TEXT], "settled": False, "state": {},
              "@timestamp": BEGAN.isoformat(), "lastSeenAt": BEGAN.isoformat()} | common],
            [{"create": {"_index": "@-dead-letters", "_id": "x"}},
             {"@timestamp": BEGAN.isoformat(), "reason": TEXT, "aws": {"logGroup": TEXT, TEXT: TEXT}, "eventId": TEXT, "document": LARGE}],
        )  # fmt: skip
        with page_server(store, clock=lambda: BEGAN.timestamp() + 3600) as served:
            yield served


@pytest.mark.parametrize("path", PATHS)
def test_what_is_stored_stays_text(browser, hostile, path):
    """No page runs, loads, shows or asks anything for it; nothing of it is an element or a control; what was typed into the address neither."""
    with visit(browser, hostile) as tab:
        tab.open(path)
        for row in tab.page.locator("main details").all()[:4]:
            row.locator("summary").first.click()
        if tab.page.locator(".w-scroll .w-row").count():
            tab.page.locator(".w-scroll .w-row .w-text").nth(1).click()
        tab.page.wait_for_load_state("networkidle")
        assert tab.page.evaluate("window.owned") is None
        assert (
            tab.page.locator("iframe, base, img, object, embed, [onerror], [onload], meta[http-equiv=refresh], style, main svg svg").count()
            == 0
        )
        addresses = tab.page.locator("[href], [src]").evaluate_all(
            "all => all.map(each => each.getAttribute('href') || each.getAttribute('src'))"
        )
        assert [each for each in addresses if not each.startswith(("/", "#", "?"))] == []
        assert [each for each in addresses if each.startswith("//")] == []
        assert DISPLAY_CONTROLS.findall(tab.page.content()) == []
        assert tab.overflow() == 0, tab.widest()
        # Chromium itself reports a page's own status of 400 or 404
        tab.troubles[:] = [each for each in tab.troubles if "the server responded with a status of 40" not in each]


LONG = "W" * 400


@pytest.fixture(scope="module")
def long_words(browser, embedded_endpoint):
    """The page over documents whose every text is one long word."""
    with installed(Settings(endpoint=embedded_endpoint, prefix="longwordsbrowser", region="eu-west-1")) as store:
        common = of_trace(LONG)
        put(
            store,
            line("l", body=LONG, severity={"text": LONG[:30], "number": 17}, attributes={LONG: LONG}, aws={"logGroup": LONG, "logStream": LONG}, **common),
            span("s", spanId="1" * 16, name=LONG, status={"code": 2, "message": LONG}, durationInNanos=1, parentSpanId="", kind="SPAN_KIND_SERVER",
                 events=[{"name": LONG, "attributes": {"exception.type": LONG, "exception.message": LONG, "exception.stacktrace": LONG}}], **common),
            [{"create": {"_index": "@-traces", "_id": TRACE}},
             {"doc": {"kind": "trace"}, "name": LONG, "missing": [LONG], "settled": True, "state": {}, "@timestamp": BEGAN.isoformat(),
              "findings": [{"rule": "timeout", "severity": "alert", "serviceName": LONG, "spanId": "1" * 16, "path": [LONG], "reported": LONG, "evidence": LONG, "clientSaw": "success"}],
              "lastSeenAt": BEGAN.isoformat()} | common],
            [{"create": {"_index": "@-dead-letters", "_id": "x"}}, {"@timestamp": BEGAN.isoformat(), "reason": LONG, "aws": {"logGroup": LONG}, "document": LONG}],
        )  # fmt: skip
        with page_server(store, clock=lambda: BEGAN.timestamp() + 3600) as served:
            yield served


@pytest.mark.parametrize("width", [360, 800])
def test_no_word_is_wider_than_the_window(browser, long_words, width):
    """Messages, names, levels, log groups and reasons without a space: each page stays as wide as the window, closed and open."""
    with visit(browser, long_words) as tab:
        tab.wide(width)
        for path in (
            "/",
            "/search",
            f"/transaction/{TRACE}",
            f"/transaction/{TRACE}?open=s",
            "/services?since=30d",
            "/health",
            f"/transaction/{LONG}",
        ):
            tab.open(path)
            assert tab.overflow() == 0, (path, tab.widest())
            for row in tab.page.locator("main details").all()[:4]:
                row.evaluate("row => { row.open = true; }")
            tab.page.wait_for_load_state("networkidle")
            assert tab.overflow() == 0, (path, tab.widest())
        tab.troubles[:] = [each for each in tab.troubles if "the server responded with a status of 40" not in each]


def test_a_megabyte_of_markup_can_be_read(browser, hostile):
    """A line as large as that opens as text, and the page still answers."""
    with visit(browser, hostile) as tab:
        tab.open("/search?q=kind:log")
        row = tab.page.locator("details.hit", has=tab.page.locator(".fail, .said")).filter(has_text="<b><b>").first
        row.locator("summary").first.click()
        tab.page.wait_for_load_state("networkidle")
        assert "<script>window.owned=1</script>" in row.inner_text()
        tab.page.keyboard.press("Escape")
        assert tab.page.evaluate("window.owned") is None
