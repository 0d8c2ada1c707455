"""The file of `trace --html` in a real browser: it works alone, with and without its script, and on paper."""

from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe

from pipeline.search.transaction_view import transaction_view
from pipeline.web.transaction_file import transaction_file


@pytest.fixture(scope="module")
def file(shown, tmp_path_factory):
    """The file of the demo's transaction with a hidden fault."""
    path = tmp_path_factory.mktemp("file") / "transaction.html"
    with path.open("w", encoding="utf-8") as page:
        page.writelines(transaction_file(transaction_view(shown.trace, shown.store), shown.store))
    return path


@pytest.fixture(scope="module")
def packed(shown, tmp_path_factory):
    """The same, as large ones are written: with documents for the script alone."""
    path = tmp_path_factory.mktemp("packed") / "transaction.html"
    with path.open("w", encoding="utf-8") as page:
        page.writelines(transaction_file(transaction_view(shown.trace, shown.store), shown.store, most_listed=5, most_articles=0))
    return path


@contextmanager
def opened(browser, file, **options):
    """A tab with the file, which asks for nothing else and has nothing to complain about."""
    context = browser.new_context(**options)
    troubles = []
    page = context.new_page()
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: None if request.url.partition("#")[0] == file.as_uri() else troubles.append(request.url))
    try:
        page.goto(file.as_uri())
        yield page
        assert troubles == []
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_does_what_the_page_does(browser, file, scheme):
    """Rows are drawn, found, closed and opened to their fields, and the next failure is a key away; no rule of accessibility is broken."""
    with opened(browser, file, color_scheme=scheme) as page:
        rows = page.locator(".w-live .w-row")
        drawn = rows.count()
        page.locator("#find").fill("the order has no lines")
        assert 0 < rows.count() < drawn
        page.keyboard.press("Escape")
        page.keyboard.press("Tab")
        page.locator(".w-scroll").focus()
        page.keyboard.press("n")
        page.keyboard.press("Enter")
        beside = page.locator("[data-opened]")
        assert "spanId" in beside.inner_text()
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found] == []
        page.keyboard.press("Escape")
        assert not beside.is_visible()


def test_a_packed_document_looks_like_any_other(browser, file, packed):
    """Of each row the script shows the same words as the server's own markup does."""
    said = []
    for each in (file, packed):
        with opened(browser, each) as page:
            page.locator(".w-scroll").focus()
            texts = []
            for _ in range(5):
                page.keyboard.press("n")
                page.keyboard.press("Enter")
                texts.append(page.locator("[data-opened-part]").inner_text().split())
            said.append(texts)
    assert said[0] == said[1]
    assert len(said[0][-1]) > 20


def test_a_row_opens_without_a_script(browser, file):
    """By a link to its document in the same file."""
    with opened(browser, file, java_script_enabled=False) as page:
        assert page.locator(".w-plain .w-row").count() > 20
        page.locator(".w-plain a.w-text", has_text="→ 502").first.click()
        assert "http.response.status" in page.locator("article:target").inner_text()


def test_it_is_fit_for_paper(browser, file):
    """All rows are printed, those that the script does not draw as well, with what failed and the exception; no button is."""
    with opened(browser, file, color_scheme="dark", viewport={"width": 794, "height": 1123}) as page:
        page.emulate_media(media="print")
        assert page.locator(".w-plain .w-row:visible").count() > 20
        assert page.locator(".w-live:visible, button:visible, input:visible").count() == 0
        text = page.locator("main").inner_text()
        assert "What failed" in text
        assert "at handler (app.py:" in text
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.pdf(format="A4").startswith(b"%PDF")
