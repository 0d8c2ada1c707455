"""What tests share: an OpenSearch, with templates installed under a prefix of the test's own.

A test runs against the embedded OpenSearch, one marked `opensearch` against a real one, and one with `@both_kinds` against either in turn.
A real one costs ten times as much, so only what the embedded one can't show is marked: what is visible when, conflicts of writers, what
a mapping refuses or analyses, aggregations, pages, hostile ids, large amounts; and of each command the one way through.
"""

import os
import signal
import uuid
from collections.abc import Iterator

import hypothesis
import pytest

from pipeline.errors import UnavailableError
from pipeline.local.opensearch import EmbeddedOpenSearch
from pipeline.settings import Settings
from pipeline.store.client import Store
from tests.support.paths import ROOT
from tests.support.shared_opensearch import shared_opensearch
from tests.support.stores import installed, left_out
from tests.support.waiting import PATIENCE

SAMPLES = ROOT.parent / "shared" / "real_samples"
# a busy machine is no failure: what must be quick has a test of its cost
hypothesis.settings.register_profile("busy", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")
# what takes longest begins first, so that no worker is left alone with it
ORDER = ("deploy", "browser", "functional", "opensearch", "property", "unit")


def pytest_configure() -> None:
    """Lets Ctrl-C reach the programs that tests start: a job in the background of a shell ignores it, and hands that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # the configuration file of whoever runs the tests
    os.environ["XDG_CONFIG_HOME"] = os.devnull


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Brings the folders into their order, and leaves that within each to pytest-randomly."""
    items.sort(key=lambda item: ORDER.index(item.nodeid.split("/")[1]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the figures that tests recorded."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, figure in report.user_properties:
            terminalreporter.write_line(f"{name}: {figure}")


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Lets the tests' own clients wait for an OpenSearch on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.store.connect._TIMEOUT", PATIENCE)
        yield


@pytest.fixture(scope="session")
def embedded_endpoint() -> Iterator[str]:
    """An embedded OpenSearch for the whole run."""
    with EmbeddedOpenSearch() as server:
        yield server.endpoint


@pytest.fixture(scope="session")
def real_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The cluster at OPENSEARCH_URL, or a real OpenSearch that all workers share."""
    if url := os.environ.get("OPENSEARCH_URL"):
        yield url
        return
    own = tmp_path_factory.getbasetemp()
    try:
        with shared_opensearch(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) as endpoint:
            yield endpoint
    except UnavailableError as error:
        left_out(str(error))


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> str:
    """The OpenSearch that the test is marked for."""
    kind = "real" if request.node.get_closest_marker("opensearch") else "embedded"
    return str(request.getfixturevalue(f"{kind}_endpoint"))


@pytest.fixture
def settings(endpoint: str) -> Settings:
    """Settings with a prefix that no other test has."""
    return Settings(endpoint=endpoint, prefix=f"t{uuid.uuid4().hex[:10]}", region="eu-west-1")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A store with everything installed; its indices and templates are removed afterwards."""
    with installed(settings) as store:
        yield store


@pytest.fixture
def samples():
    """The folder of third-party samples beside the repository."""
    if not SAMPLES.exists():
        left_out("the folder shared/real_samples is not beside the repository")
    return SAMPLES
