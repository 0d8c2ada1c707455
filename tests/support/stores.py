"""Stores for tests, what becomes of a test that lacks something, and on which kinds of OpenSearch a test runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from pipeline.configure import store_for
from pipeline.local.sam_deployment import SAM
from pipeline.provision.install import install
from pipeline.settings import Settings
from pipeline.store.client import Store

KINDS = ("embedded", pytest.param("real", marks=pytest.mark.opensearch))
# the fixture `endpoint` goes by the mark
both_kinds = pytest.mark.parametrize("endpoint", KINDS, indirect=True)


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


@contextmanager
def emptied(settings: Settings) -> Iterator[Store]:
    """A store; what is under its prefix is removed afterwards."""
    store = store_for(settings)
    try:
        yield store
    finally:
        remove(store)
        store.close()


@contextmanager
def installed(settings: Settings) -> Iterator[Store]:
    """A store with everything installed; what is under its prefix is removed afterwards."""
    with emptied(settings) as store:
        install(store, retention_days=14, monitors=False)
        yield store


def remove(store: Store) -> None:
    """Deletes what is under the store's prefix."""
    for path in (f"/{store.prefix}-*", f"/_index_template/{store.prefix}-*"):
        store.find("DELETE", path)
    for name in ("identity", "status", "settings"):
        store.find("DELETE", f"/_component_template/{store.prefix}-{name}")
