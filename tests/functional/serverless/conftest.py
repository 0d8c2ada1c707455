"""A collection, and stores on it."""

from dataclasses import replace

import pytest

from pipeline.provision.install import install
from tests.support.serverless_collection import ENVIRONMENT, in_front_of, process
from tests.support.stores import emptied


@pytest.fixture
def collection(request, endpoint, monkeypatch):
    """A collection in front of the test's OpenSearch; a real one shows what is written a second later."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with in_front_of(endpoint, lag=1.0 if request.node.get_closest_marker("opensearch") else None) as collection:
        yield collection


@pytest.fixture
def behind(settings):
    """The store that a test cleans up with, past the collection."""
    with emptied(settings) as store:
        yield store


@pytest.fixture
def options(collection, settings, behind):
    """Settings for the collection, quick enough for a test."""
    return replace(settings, endpoint=collection.endpoint, opensearch_service="aoss", lookup_delays=(1, 1, 1, 1))


@pytest.fixture
def store(options, collection):
    """A store with everything installed."""
    store = process(options, collection)
    install(store, retention_days=14)
    yield store
    store.close()
