"""What browser tests share: Chromium, and the page on the demo's data."""

import os
from dataclasses import dataclass

import pytest

from pipeline.local.demo import demo
from pipeline.settings import Settings
from tests.support.browser import chromium, chromium_path, visit
from tests.support.page import Page, page_server
from tests.support.paths import UNMEASURED
from tests.support.stores import left_out


@dataclass(frozen=True)
class Shown:
    """The page on the demo's data, and the requests that the demo made."""

    page: Page
    trace: str
    whole: str
    store: object


@pytest.fixture(scope="session")
def browser():
    """Chromium, for the whole run."""
    if not chromium_path():
        if os.environ.get("WITHOUT_BROWSER"):
            pytest.skip("no Chromium can be had here, as .ci/run found out")
        left_out("Chromium is missing: apt-get install chromium, or name it in CHROMIUM")
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def shown(browser, embedded_endpoint):
    """The page on the demo's data."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in UNMEASURED.items():
            patch.setenv(name, value)
        with demo(Settings()) as done, page_server(done.store) as served:
            faulty, spread = done.run.requests[1], done.run.requests[5]
            yield Shown(served, faulty.trace_id, spread.correlation_id, done.store)


@pytest.fixture
def tab(browser, shown):
    """A tab in a session at the page on the demo's data; the test fails where the page made trouble."""
    with visit(browser, shown.page) as found:
        yield found
