"""Each page in a real browser, on the demo's data."""

import pytest

from tests.support.browser import SCHEMES, WIDTHS, visit

PAGES = {
    "inbox": "/",
    "search": "/search?q=since:1h",
    "search-nothing": "/search?q=service:nobody+since:1h",
    "search-wrong": "/search?q=since:whenever",
    "transaction": "/transaction/{trace}",
    "transaction-whole": "/transaction/{whole}",
    "transaction-unknown": "/transaction/1-5759e988-bd862e3fe1be46a994272793",
    "services": "/services",
    "health": "/health",
}


def path_of(name, shown):
    """The address of a page."""
    return PAGES[name].format(trace=shown.trace, whole=shown.whole)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_fit_to_be_read(browser, shown, name, scheme):
    """At each width it fits into the window and breaks no rule of accessibility; its picture is kept for a person to look at."""
    refused = name in {"search-wrong", "transaction-unknown"}
    with visit(browser, shown.page, color_scheme=scheme) as tab:
        for width in WIDTHS:
            tab.wide(width)
            tab.open(path_of(name, shown))
            tab.picture(f"{name}-{width}-{scheme}")
            assert tab.overflow() == 0, width
            assert tab.violations() == [], width
        if refused:
            # Chromium itself reports the status 400 or 404 of the page
            tab.troubles[:] = [each for each in tab.troubles if "Failed to load resource" not in each]


@pytest.mark.parametrize("name", PAGES)
def test_each_page_works_without_scripts(browser, shown, name):
    """Server-rendered first: the heading and what the page is about are there."""
    with visit(browser, shown.page, java_script_enabled=False) as tab:
        tab.open(path_of(name, shown))
        assert tab.page.locator("h1").count() == 1
        assert len(tab.page.locator("main").inner_text()) > 50
        tab.troubles.clear()


@pytest.mark.parametrize("name", ["search", "transaction"])
def test_the_first_paint_is_a_figure(tab, shown, record_property, name):
    """How long a person waits is written into the log of the tests; it is no limit, since machines differ."""
    tab.open(path_of(name, shown))
    times = []
    for _ in range(3):
        tab.page.reload()
        times.append(tab.first_paint())
    record_property(f"first paint of {name}", f"{min(times):.0f} ms")
    assert all(each > 0 for each in times)
