"""Meters: what some work cost: OpenSearch's CPU by the system, our own CPU, OpenSearch's counters, and the requests that were sent."""

import gc
import http.client
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipeline.store.client import Store

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAUSE: Final = 0.4
_IDLE_SHARE: Final = 0.06
_PATIENCE: Final = 20.0
_COUNTERS: Final = (
    ("index operations", "indexing", "index_total"), ("gets", "get", "total"), ("refreshes", "refresh", "external_total"),
    ("searches", "search", "query_total"),
)  # fmt: skip


@dataclass(slots=True)
class Cost:
    """What some work cost.

    Attributes:
        opensearch: CPU seconds of OpenSearch.
        own: CPU seconds of this process.
        requests: those sent to OpenSearch, by method and path.
        elsewhere: how many were sent to others, such as X-Ray.
        counters: OpenSearch's own, by name.
    """

    opensearch: float = 0.0
    own: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)
    elsewhere: int = 0
    counters: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Cost") -> None:
        """Adds what other work cost."""
        self.opensearch += other.opensearch
        self.own += other.own
        self.requests += other.requests
        self.elsewhere += other.elsewhere
        self.counters += other.counters

    @property
    def asked_refreshes(self) -> int:
        """How many of the requests ask for a refresh."""
        return sum(number for name, number in self.requests.items() if "refresh" in name)


class Meter:
    """Measures work on a store.

    Args:
        store: the connection that readings are taken through; its prefix is that of the counters.
        pid: of OpenSearch's process.
    """

    def __init__(self, store: Store, pid: int) -> None:
        self._store = store
        self._pid = pid

    def measure(self, work: Callable[[], object]) -> Cost:
        """Does ``work`` and returns what it cost. What it left in OpenSearch's memory is written at the end, and counts."""
        cost = Cost()
        gc.collect()
        counters, cpu = self.counters(), self.cpu()
        with counted_requests(self._store.endpoint, cost):
            began = time.process_time()
            work()
            cost.own = time.process_time() - began
        self._store.refresh()
        self._quiet()
        cost.opensearch = self.cpu() - cpu
        cost.counters = self.counters() - counters
        return cost

    def cpu(self) -> float:
        """The CPU seconds that OpenSearch has used so far, those of the system for it included."""
        text = Path(f"/proc/{self._pid}/stat").read_text()
        # the name of the program, which may hold spaces, ends with a bracket; user and system time are the 14th and 15th field
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS

    def counters(self) -> Counter[str]:
        """OpenSearch's counters over all indices of the prefix."""
        found = self._store.request("GET", f"/{self._store.prefix}-*/_stats/{','.join(group for _, group, _ in _COUNTERS)}")
        total = found["_all"]["total"]
        return Counter({name: int(total.get(group, {}).get(key, 0)) for name, group, key in _COUNTERS})

    def _quiet(self) -> None:
        """Waits until OpenSearch has nothing more to do."""
        deadline = time.monotonic() + _PATIENCE
        before = self.cpu()
        while time.monotonic() < deadline:
            time.sleep(_PAUSE)
            now = self.cpu()
            if now - before < _PAUSE * _IDLE_SHARE:
                return
            before = now


def process_id(store: Store) -> int:
    """Returns the process id of the OpenSearch behind ``store``, which runs on this computer as one node."""
    (node,) = store.request("GET", "/_nodes/process")["nodes"].values()
    return int(node["process"]["id"])


@contextmanager
def counted_requests(endpoint: str, cost: Cost) -> Iterator[None]:
    """Counts every request that this process sends, whatever client sends it, into ``cost``."""
    port = int(endpoint.rpartition(":")[2])
    send = http.client.HTTPConnection.putrequest

    def counted(connection: http.client.HTTPConnection, method: str, url: str, *arguments: Any, **more: Any) -> None:
        if connection.port == port:
            cost.requests[f"{method} {url.partition('?')[0]}{' refresh' if 'refresh=' in url else ''}"] += 1
        else:
            cost.elsewhere += 1
        send(connection, method, url, *arguments, **more)

    http.client.HTTPConnection.putrequest = counted  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        http.client.HTTPConnection.putrequest = send  # type: ignore[method-assign]


def measured_own(work: Callable[[], object]) -> float:
    """Does ``work`` and returns the CPU seconds of this process."""
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began
