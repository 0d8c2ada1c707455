"""What tests share: an OpenSearch of either kind, with templates installed under a prefix of the test's own."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.configure import store_for
from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.local.opensearch import EmbeddedOpenSearch, real_opensearch
from pipeline.local.sam_deployment import SAM
from pipeline.provision.install import install
from pipeline.settings import Settings
from pipeline.store.client import Store

SAMPLES = Path(__file__).parents[2] / "shared" / "real_samples"
CACHE = Path(__file__).parents[1] / ".cache" / "opensearch"


def left_out(reason: str) -> None:
    """Skips a test that lacks something; in CI nothing may be lacking."""
    if os.environ.get("CI"):
        pytest.fail(f"CI lacks nothing, yet: {reason}")
    pytest.skip(reason)


def needs_sam() -> None:
    """Skips a test that deploys a SAM template, where there is nothing to deploy it with."""
    if not SAM.exists():
        left_out("the SAM CLI is not built: make validate")
    if find_spec("samtranslator") is None:
        left_out("aws-sam-translator is missing, without which ministack knows no SAM template")


@pytest.fixture(scope="session")
def embedded_endpoint() -> Iterator[str]:
    """An embedded OpenSearch for the whole run."""
    with EmbeddedOpenSearch() as server:
        yield server.endpoint


@pytest.fixture(scope="session")
def real_endpoint() -> Iterator[str]:
    """The cluster at OPENSEARCH_URL, or a real OpenSearch started for the whole run."""
    if url := os.environ.get("OPENSEARCH_URL"):
        yield url
        return
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(real_opensearch(CACHE))
        except (MisconfiguredError, UnavailableError) as error:
            left_out(f"a real OpenSearch is missing: {error}")
        yield endpoint


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.opensearch)])
def endpoint(request: pytest.FixtureRequest) -> str:
    """An OpenSearch of each kind in turn."""
    return str(request.getfixturevalue(f"{request.param}_endpoint"))


@pytest.fixture
def settings(endpoint: str) -> Settings:
    """Settings with a prefix that no other test has."""
    return Settings(endpoint=endpoint, prefix=f"t{uuid.uuid4().hex[:10]}", region="eu-west-1")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A store with everything installed; its indices and templates are removed afterwards."""
    store = store_for(settings)
    install(store, retention_days=14, monitors=False)
    yield store
    remove(store)
    store.close()


def remove(store: Store) -> None:
    """Deletes what is under the store's prefix."""
    for path in (f"/{store.prefix}-*", f"/_index_template/{store.prefix}-*"):
        store.find("DELETE", path)
    for name in ("identity", "status", "settings"):
        store.find("DELETE", f"/_component_template/{store.prefix}-{name}")


@pytest.fixture
def samples() -> Path:
    """The folder of third-party samples beside the repository."""
    if not SAMPLES.exists():
        left_out("the folder shared/real_samples is not beside the repository")
    return SAMPLES
