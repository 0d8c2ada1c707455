"""A transaction of 5,000 spans and 20,000 lines stays usable."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from pipeline.settings import Settings
from tests.support.browser import visit
from tests.support.documents import BEGAN, line, put, span
from tests.support.page import page_server
from tests.support.stores import installed

TRACE = "5759e988bd862e3fe1be46a994272793"
SPANS, LINES = 5_000, 20_000
# rows on a screen, and those beside it
DRAWN = 120


@pytest.fixture(scope="module")
def large(browser, embedded_endpoint):
    """The page over a root with 4,999 spans below it, a few levels deep, and 20,000 lines in these spans, some of them long."""
    status = {"state": "complete", "stateReason": "Every segment is closed.", "version": 1, "rules": [], "hiddenFault": False, "clientSaw": "success",
              "edgeStatus": 200, "fault": False, "error": False, "throttle": False}  # fmt: skip
    common = {"traceId": TRACE, "transactionId": TRACE, "trace": status}
    with installed(Settings(endpoint=embedded_endpoint, prefix="largebrowser", region="eu-west-1")) as store:
        documents = []
        for number in range(SPANS):
            parent = f"{(number - 1) // 7:016x}" if number else ""
            documents.append(span(f"s{number}", BEGAN + timedelta(milliseconds=number), spanId=f"{number:016x}", parentSpanId=parent, name=f"step {number}",
                                  serviceName=f"service-{number % 20}", kind="SPAN_KIND_SERVER", durationInNanos=5_000_000_000 - number * 1_000_000,
                                  status={"code": 2 if number == SPANS - 1 else 0}, **common))  # fmt: skip
        for number in range(LINES):
            text = f"line {number} " + "x" * (3000 if number % 500 == 0 else 60)
            documents.append(line(f"l{number}", BEGAN + timedelta(milliseconds=number // 4), spanId=f"{number % SPANS:016x}", body=text,
                                  serviceName=f"service-{number % SPANS % 20}", **common))  # fmt: skip
        put(store, *documents)
        put(store, [{"create": {"_index": "@-traces", "_id": TRACE}},
                    {"doc": {"kind": "trace"}, "name": "large", "findings": [], "missing": [], "settled": True, "state": {}, "xray": {"traceId": TRACE},
                     "@timestamp": BEGAN.isoformat(), "lastSeenAt": BEGAN.isoformat()} | common])  # fmt: skip
        with page_server(store, clock=lambda: BEGAN.timestamp() + 3600) as served:
            yield served


def test_only_what_is_scrolled_to_is_drawn(browser, large, record_property):
    """All 25,000 rows are there; a screen of them is drawn; the last one, the failure and what is looked for are reached at once."""
    with visit(browser, large) as tab:
        tab.open(f"/transaction/{TRACE}")
        rows, scroll = tab.page.locator(".w-scroll .w-row"), tab.page.locator(".w-scroll")
        expect(scroll).to_have_attribute("aria-rowcount", str(SPANS + LINES))
        record_property("first paint of a transaction of 25,000 rows", f"{tab.first_paint():.0f} ms")
        assert 10 < rows.count() < DRAWN
        scroll.evaluate("each => each.scrollTop = each.scrollHeight")
        expect(rows.last).to_have_attribute("aria-rowindex", str(SPANS + LINES))
        tab.page.keyboard.press("n")
        expect(tab.page.locator(".w-row[aria-selected=true]")).to_contain_text(f"step {SPANS - 1}")
        took = tab.page.evaluate("""() => { const begun = performance.now(), input = document.querySelector("#find"); input.value = "line 1";
            input.dispatchEvent(new Event("input", { bubbles: true })); return performance.now() - begun; }""")
        record_property("finding 11,111 of 25,000 rows", f"{took:.0f} ms")
        expect(tab.page.locator("[data-found]")).to_contain_text("11,111 found")
        assert rows.count() < DRAWN


def test_it_comes_in_pages_without_scripts(browser, large):
    """Without scripts its rows come a page at a time, with links to the next."""
    with visit(browser, large, java_script_enabled=False) as tab:
        tab.open(f"/transaction/{TRACE}")
        assert 100 <= tab.page.locator(".w-plain .w-row").count() <= 2000
        tab.page.goto(tab.address + tab.page.get_by_role("link", name="Later rows").get_attribute("href"))
        assert "page 2 of" in tab.page.locator(".w-plain").inner_text()
