"""World: a real OpenSearch with everything installed, and a local X-Ray in a process of its own, so that its CPU is not ours."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from bench.join.meters import Meter, process_id
from bench.join.workload import Traced
from pipeline.configure import store_for
from pipeline.local.environment import REGION
from pipeline.local.xray import LocalXRay
from pipeline.provision.install import install
from pipeline.settings import Settings
from pipeline.store.client import Store

_FORK: Final = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Place:
    """Where documents of one prefix go, with its meter."""

    settings: Settings
    store: Store
    meter: Meter


@contextmanager
def remote_xray() -> Iterator[tuple[str, "XRayFeed"]]:
    """Runs a local X-Ray in a process of its own; yields its endpoint, and what puts segments into it."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield str(ours.recv()), XRayFeed(ours)
    finally:
        process.kill()
        process.join()


class XRayFeed:
    """Puts segments into the X-Ray of another process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def put(self, documents: list[dict[str, Any]]) -> None:
        """Puts segment documents, which can be read at once."""
        self._pipe.send(documents)
        self._pipe.recv()

    def put_traces(self, batch: list[Traced]) -> None:
        """Puts the segments of these invocations."""
        self.put([document for invocation in batch for document in invocation.segments()])


def _serve(pipe: Connection) -> None:
    with LocalXRay() as xray:
        pipe.send(xray.endpoint)
        while True:
            xray.put(pipe.recv())
            pipe.send(None)


def place(endpoint: str, prefix: str) -> Place:
    """Installs everything for ``prefix`` in the OpenSearch at ``endpoint``."""
    settings = Settings(endpoint=endpoint, region=REGION, prefix=prefix)
    store = store_for(settings)
    install(store, retention_days=settings.retention_days, monitors=False)
    return Place(settings, store, Meter(store, process_id(store)))
