"""Orders: ships recorded lines in several orders, each into an OpenSearch of its own, and compares them with the truth and each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.attribution import documents_of, lines_of, settle
from bench.real.comparison import Problem, RealComparison
from bench.real.recorder import RecordedLine
from bench.truth import LogStream
from pipeline.configure import store_for
from pipeline.local.environment import REGION
from pipeline.local.opensearch import EmbeddedOpenSearch
from pipeline.provision.install import install
from pipeline.settings import Settings

Documents = Mapping[tuple[str, str], Mapping[str, Any]]
_ALIKE = ("traceId", "spanId", "requestId", "sampled", "staleTraceId", "signals")


@dataclass(frozen=True, slots=True)
class Order:
    """What came of the lines in one order.

    Attributes:
        name: of the order, in words.
        unsettled: how many traces did not settle.
    """

    name: str
    unsettled: int
    comparison: RealComparison
    documents: Documents


def ship_in_order(streams: list[LogStream], seed: int) -> Order:
    """Ships the streams, shuffled with ``seed``, or in the order of writing if it is 0; returns what came of it."""
    with EmbeddedOpenSearch() as server:
        settings = Settings(endpoint=server.endpoint, region=REGION)
        store = store_for(settings)
        install(store, retention_days=settings.retention_days)
        unsettled = settle(streams, store, settings, seed, in_order=not seed)
        documents = documents_of(store)
        store.close()
    name = f"shuffled with seed {seed}" if seed else "in the order of writing"
    return Order(name, unsettled, RealComparison(_recorded(streams), documents), documents)


def differences(streams: list[LogStream], orders: list[Order]) -> list[Problem]:
    """Returns the lines whose documents say one thing in the first of ``orders`` and another in another one."""
    found: list[Problem] = []
    first = orders[0]
    for stream, line in _recorded(streams):
        expected = _alike(first.documents, stream, line)
        for order in orders[1:]:
            if (said := _alike(order.documents, stream, line)) != expected:
                found.append(Problem("ends differently", line.runtime, line.kind, line.message, said, f"{first.name}: {expected}"))
                break
    return found


def _recorded(streams: list[LogStream]) -> list[tuple[str, RecordedLine]]:
    return [(stream, line) for stream, line in lines_of(streams) if isinstance(line, RecordedLine)]


def _alike(documents: Documents, stream: str, line: RecordedLine) -> dict[str, Any]:
    document = documents.get((stream, line.event_id), {})
    return {name: document[name] for name in _ALIKE if name in document}
