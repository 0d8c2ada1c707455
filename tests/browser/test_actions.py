"""What people do on the pages, by keys and by mouse, in a real browser on the demo's data."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from pipeline.cli.letter_sender import LetterSender
from tests.support.browser import WIDTHS, visit
from tests.support.documents import line, put
from tests.support.events import packed
from tests.support.page import page_server
from tests.support.parked import stream


def question(tab):
    """What the address asks for."""
    return parse_qs(urlsplit(tab.page.url).query).get("q", [""])[0]


def test_the_bar_searches_from_anywhere(tab, shown):
    """A slash goes to the bar; an id in it finds the whole transaction, and the address holds the question."""
    tab.open("/health")
    tab.page.keyboard.press("/")
    expect(tab.page.locator("#q")).to_be_focused()
    tab.page.keyboard.type(shown.whole)
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".hit").first).to_be_visible()
    assert (urlsplit(tab.page.url).path, question(tab)) == ("/search", shown.whole)
    tab.page.reload()
    expect(tab.page.locator("#q")).to_have_value(shown.whole)


def test_keys_go_from_row_to_row(tab):
    """The keys j and k move, enter opens a row with all of its fields, esc closes it, and a question mark lists the keys."""
    tab.open("/search?q=level:error since:1h")
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("k")
    first = tab.page.locator(".hit").first
    expect(first.locator("summary")).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(first).to_have_attribute("open", "")
    expect(first.get_by_text("aws.logGroup")).to_be_visible()
    tab.page.keyboard.press("Escape")
    expect(first).not_to_have_attribute("open", "")
    tab.page.keyboard.press("?")
    expect(tab.page.locator("dialog#keys")).to_be_visible()
    assert tab.violations() == []
    tab.page.keyboard.press("Escape")
    expect(tab.page.locator("dialog#keys")).to_be_hidden()


def test_a_facet_narrows_and_its_chip_widens(tab):
    """A click on a service narrows the list to it and goes into the address; a click on its chip takes it out again."""
    tab.open("/search?q=since:1h")
    tab.follow(tab.page.get_by_role("complementary").get_by_role("link", name="service-b"))
    expect(tab.page.locator("#q")).to_have_value("since:1h service:service-b")
    assert set(tab.page.locator(".hit .who").all_inner_texts()) == {"service-b"}
    tab.follow(tab.page.get_by_role("link", name="Remove service:service-b"))
    expect(tab.page.locator("#q")).to_have_value("since:1h")


def test_dragging_over_the_histogram_chooses_a_time(tab):
    """What is dragged over becomes the times of the question, and fewer rows are found."""
    tab.open("/search?q=since:1h")
    picture = tab.page.locator(".over-time svg")
    before = tab.page.locator(".total strong").inner_text()
    box = picture.bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] - 5, box["y"] + 25, steps=5)
    with tab.page.expect_navigation():
        tab.page.mouse.up()
    times = dict(term.split(":", 1) for term in question(tab).split() if ":" in term)
    assert set(times) == {"since", "until"}
    assert datetime.fromisoformat(times["since"]) < datetime.fromisoformat(times["until"])
    assert int(tab.page.locator(".total strong").inner_text().replace(",", "")) < int(before.replace(",", ""))


def test_a_bar_is_a_link_without_scripts(browser, shown):
    """Without scripts a click on a bar of the histogram narrows the search to its time."""
    with visit(browser, shown.page, java_script_enabled=False) as tab:
        tab.open("/search?q=since:1h")
        tab.page.goto(tab.address + tab.page.locator(".over-time a").first.get_attribute("href"))
        assert "until:" in question(tab)


def test_older_rows_come_as_they_are_scrolled_to(tab):
    """The end of the list loads the next rows by itself, each once."""
    tab.open("/search?q=since:1h")
    rows = tab.page.locator(".hit")
    first = rows.count()
    tab.page.keyboard.press("End")
    expect(rows.nth(first + 10)).to_be_attached()
    keys = rows.evaluate_all("rows => rows.map(row => row.dataset.key)")
    assert len(set(keys)) == len(keys) > first


def test_the_live_tail_shows_what_is_stored(tab, shown):
    """A line that is indexed while the page is open comes to its top."""
    tab.open("/search?q=service:tailed since:1h")
    tab.page.get_by_role("link", name="Live").click()
    expect(tab.page.locator("#live")).to_have_text("Live: stop")
    put(shown.store, line("tailed-1", datetime.now(UTC), body="just now <b>in</b>", serviceName="tailed"))
    expect(tab.page.locator(".hit .said").first).to_have_text("just now <b>in</b>")
    tab.page.locator("#live").click()
    expect(tab.page.get_by_role("link", name="Live", exact=True)).to_be_visible()


def test_the_live_tail_shows_no_old_line_as_new(tab, shown):
    """A page ends between two times, so it may have less rows than the tail begins with; what is left is on the next page, and not news."""
    began = datetime.now(UTC) - timedelta(seconds=30)
    old = (line(f"old-{at}", began - timedelta(seconds=at // 60), body=f"old {at}", serviceName="untailed") for at in range(120))
    put(shown.store, *old)
    tab.open("/search?q=service:untailed since:1h&live=1")
    expect(tab.page.locator("#live")).to_have_text("Live: stop")
    assert tab.page.locator(".hit").count() == 60
    put(shown.store, line("untailed-1", datetime.now(UTC), body="just now", serviceName="untailed"))
    expect(tab.page.locator(".hit .said").first).to_have_text("just now")
    assert tab.page.locator(".hit").count() == 61


def test_a_hidden_fault_leads_to_its_transaction(tab):
    """From the inbox to the waterfall, in which the way to the failure is marked, and to the failed span's fields."""
    tab.open("/")
    tab.follow(tab.page.locator("[data-row]", has_text="ValueError").first)
    expect(tab.page.locator(".w-scroll .w-row.on-way").first).to_be_visible()
    tab.page.keyboard.press("n")
    expect(tab.page.locator(".w-row[aria-selected=true]")).to_have_class("w-row w-span failed on-way")
    tab.page.keyboard.press("Enter")
    opened = tab.page.locator("[data-opened]")
    expect(opened.get_by_text("spanId", exact=True)).to_be_visible()
    assert "open=" in tab.page.url
    assert tab.violations() == []
    tab.page.keyboard.press("Escape")
    expect(opened).to_be_hidden()


def test_a_waterfall_closes_opens_zooms_and_finds(tab, shown):
    """Its buttons and keys change what is drawn, and the address keeps the zoom and the words."""
    tab.open(f"/transaction/{shown.whole}")
    rows = tab.page.locator(".w-scroll .w-row")
    space = tab.page.locator(".w-scroll")
    whole = int(space.get_attribute("aria-rowcount"))
    tab.page.get_by_role("button", name="Close all").click()
    expect(rows).to_have_count(int(space.get_attribute("aria-rowcount")))
    assert rows.count() < whole
    tab.page.get_by_role("button", name="Open all").click()
    assert int(space.get_attribute("aria-rowcount")) > whole
    tab.page.keyboard.press("f")
    tab.page.keyboard.type("accepts an order")
    expect(tab.page.locator("[data-found]")).to_have_text("1 found")
    assert "find=accepts" in tab.page.url
    tab.page.keyboard.press("Escape")
    expect(tab.page.locator("[data-found]")).to_have_text("")
    tab.page.locator("main").focus()
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("z")
    assert "since=" in tab.page.url
    tab.page.keyboard.press("0")
    assert "since=" not in tab.page.url


def test_dragging_over_the_axis_zooms(tab, shown):
    """What is dragged over becomes the whole width, and stays so when the page is loaded again."""
    tab.open(f"/transaction/{shown.whole}")
    box = tab.page.locator(".w-live .w-axis").bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 10)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 10, steps=5)
    tab.page.mouse.up()
    first = tab.page.locator(".w-live .w-axis text").first
    expect(first).not_to_have_text("0.0 ms")
    label = first.text_content()
    tab.page.reload()
    expect(first).to_have_text(label)


def test_the_axis_tells_moments_apart(tab, shown):
    """Zoomed to a tenth of a millisecond, no two marks have one text; with the script and without it they say the same."""
    tab.open(f"/transaction/{shown.whole}?since=20.04&until=20.16")
    drawn, plain = (tab.page.locator(f"{part} .w-axis text").all_text_contents() for part in (".w-live", ".w-plain"))
    assert len(set(drawn)) == 4
    assert drawn == plain


def test_the_map_leads_to_rows_and_searches(tab):
    """A box leads to its row, whose name leads to the service's lines and whose id to a transaction; each period is an address."""
    tab.open("/services")
    tab.page.locator(".map a", has_text="service-b").click()
    row = tab.page.locator("tr:target")
    expect(row).to_contain_text("service-b")
    tab.follow(row.get_by_role("link", name="service-b"))
    expect(tab.page.locator("#q")).to_have_value("service:service-b since:24h")
    assert set(tab.page.locator(".hit .who").all_inner_texts()) == {"service-b"}
    tab.open("/services")
    tab.follow(tab.page.get_by_role("navigation", name="Period").get_by_role("link", name="1h"))
    edges = tab.page.locator("table").first.locator("tbody tr")
    assert {"service-aerror", "service-aconsumer", "service-aservice-d"} <= {
        "".join(row.locator("td").all_inner_texts()[:2]) for row in edges.all()
    }
    tab.follow(edges.first.locator("td").last.get_by_role("link"))
    expect(tab.page.locator(".w-scroll .w-row").first).to_be_visible()


@pytest.mark.parametrize("name", ["Inbox", "Search", "Services", "Health"])
def test_the_pages_are_reached_by_tab_and_enter(tab, name):
    """Skip link, brand, then the pages: nothing needs a mouse."""
    tab.open("/health")
    for _ in range(8):
        tab.page.keyboard.press("Tab")
        if tab.page.evaluate("document.activeElement.textContent") == name:
            break
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("scripts", [True, False])
def test_dead_letters_are_sent_again_by_keys(browser, store, settings, scripts):
    """By tab and enter, with a script or without: a letter that can go goes, one that can't stays and says why, and a reload sends nothing."""
    for number, content in enumerate((packed(stream("s", "at last")), f"nonsense <b>{'!' * 300}</b>")):
        put(store, [{"create": {"_index": "@-dead-letters", "_id": f"{number}"}},
                    {"@timestamp": "2026-11-29T10:00:00.000Z", "reason": f"<i>reason</i> {number}", "document": content}])  # fmt: skip
    with page_server(store, send_letters=LetterSender(store, settings)) as page, visit(browser, page, java_script_enabled=scripts) as tab:
        tab.open("/health")
        one = tab.page.get_by_role("button", name="Send again: <i>reason</i> 1")
        one.focus()
        tab.page.keyboard.press("Enter")
        sent = tab.page.locator("#sent")
        expect(sent).to_contain_text("1 dead letter was tried: 0 went through and are deleted, 1 stays.")
        # the browser goes there by itself, so that a screen reader reads it and tab goes on from it
        expect(sent).to_be_focused()
        tab.page.get_by_role("button", name="Send all again").focus()
        tab.page.keyboard.press("Enter")
        expect(sent).to_contain_text("2 dead letters were tried: 1 went through and is deleted, 1 stays.")
        expect(sent).to_contain_text("1 dead letter is left.")
        tab.page.reload()
        expect(sent).to_contain_text("2 dead letters were tried")
        if scripts:
            for width in WIDTHS:
                tab.wide(width)
                tab.picture(f"health-sent-{width}")
                assert (tab.overflow(), tab.violations()) == (0, []), width
