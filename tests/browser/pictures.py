"""The manual's pictures of the page, on the demo's data: `make pictures`."""

import sys

from pipeline.local.demo import demo
from pipeline.settings import Settings
from tests.support.browser import Visit, chromium, chromium_path, visit
from tests.support.page import page_server
from tests.support.paths import DOCS

_FOLDER = DOCS / "pictures"
_SIZE = {"width": 1200, "height": 720}


def main() -> None:
    """Runs the demo, and writes both pictures."""
    if not chromium_path():
        sys.exit("Chromium is missing: apt-get install chromium, or name it in CHROMIUM")
    _FOLDER.mkdir(exist_ok=True)
    with demo(Settings()) as done, page_server(done.store) as served, chromium() as browser, visit(browser, served, viewport=_SIZE) as tab:
        _transaction(tab, done.run.requests[1].trace_id)
        _services(tab)


def _transaction(tab: Visit, trace_id: str) -> None:
    """A fault behind a 200, in its waterfall."""
    tab.open(f"/transaction/{trace_id}")
    tab.page.locator(".w-scroll .w-row").first.wait_for()
    tab.page.screenshot(path=_FOLDER / "transaction.png")


def _services(tab: Visit) -> None:
    """Who calls whom."""
    tab.open("/services")
    tab.page.screenshot(path=_FOLDER / "services.png")


if __name__ == "__main__":
    main()
