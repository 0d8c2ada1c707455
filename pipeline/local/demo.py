"""Demo: sends the sample application's logs and traces through the code that Lambda runs, into an embedded OpenSearch."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pipeline.alert.sns import Topic
from pipeline.configure import store_for, trace_source_for
from pipeline.local.application import SampleRun, require_sample_application, run_sample_application
from pipeline.local.environment import REGION, local_client
from pipeline.local.inbox import Inbox, Received
from pipeline.local.ministack import local_aws
from pipeline.local.opensearch import EmbeddedOpenSearch
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.provision.install import install
from pipeline.resolution import Resolution
from pipeline.resolve import Resolver
from pipeline.settings import Settings
from pipeline.ship import Ledger, ship
from pipeline.store.client import Store

# seconds until the local X-Ray returns a segment, on average; the real one takes up to half a minute
_DELAY = 0.5
# on AWS these are ten seconds and more
_LOOKUP_DELAYS = (1, 2, 4)
_MOST_ROUNDS = 10
# the trace sources that need Transaction Search
_TRANSACTION_SEARCH = frozenset({"StartTraceRetrieval", "aws/spans"})
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Demo:
    """What a finished demo found; its OpenSearch is still running."""

    store: Store
    run: SampleRun
    ledger: Ledger
    resolution: Resolution
    source: str
    summaries: list[dict[str, Any]]
    lookups_of_unsampled: int
    alerts: list[Received]


@contextmanager
def demo(settings: Settings) -> Iterator[Demo]:
    """Runs the sample application and tracejoin; yields the Demo, and stops OpenSearch at the end.

    Raises as `run_sample_application` does.
    """
    require_sample_application()
    with EmbeddedOpenSearch() as server, LocalXRay(delay=_DELAY) as xray, local_aws() as storage:
        settings = replace(settings, endpoint=server.endpoint, region=REGION, opensearch_secret="", username="", password="",
                           lookup_delays=_LOOKUP_DELAYS)  # fmt: skip
        store = store_for(settings)
        install(store, retention_days=settings.retention_days)
        begun = time.time()
        run = run_sample_application(xray, storage)
        inbox = Inbox(storage)
        client = local_client("xray", xray.endpoint)
        if settings.trace_source in _TRANSACTION_SEARCH:
            xray.destination = "CloudWatchLogs"
        ledger, unsettled = _ship(run.events, store, settings)
        if settings.trace_source == "aws/spans":
            time.sleep(_LOOKUP_DELAYS[0])
            more, found = _ship(xray.spans_events(), store, settings)
            ledger.add(more)
            unsettled += found
        source = trace_source_for(settings, lambda: client)
        resolver = Resolver(store=store, source=source, settings=settings, topic=Topic(inbox.client, inbox.arn))
        resolution = _settle(resolver, unsettled)
        store.refresh()
        # what X-Ray alone shows, whatever the trace source
        xray.destination = "XRay"
        summaries = client.get_trace_summaries(StartTime=begun - 60, EndTime=time.time() + 60)["TraceSummaries"]
        recorded = {summary["Id"] for summary in summaries}
        unsampled = [request.trace_id for request in run.requests if to_xray(request.trace_id) not in recorded]
        yield Demo(store, run, ledger, resolution, source.name, summaries, sum(xray.asked[id_] for id_ in unsampled), inbox.receive())


def _ship(events: Iterable[object], store: Store, settings: Settings) -> tuple[Ledger, list[str]]:
    ledger = Ledger()
    unsettled: list[str] = []
    deadline = time.monotonic() + _PATIENCE
    for event in events:
        shipment = ship(event, store=store, settings=settings, remaining=lambda: deadline - time.monotonic())
        ledger.add(shipment.ledger)
        unsettled += shipment.unsettled
    return ledger, unsettled


def _settle(resolver: Resolver, trace_ids: list[str]) -> Resolution:
    """Resolves these traces again and again, as the delayed queue does on AWS, but with shorter delays."""
    total = Resolution()
    waiting = tuple(trace_ids)
    for round_ in range(_MOST_ROUNDS):
        time.sleep(_LOOKUP_DELAYS[min(round_, len(_LOOKUP_DELAYS) - 1)])
        found = resolver.resolve(waiting)
        total.calls += found.calls
        total.settled += found.settled
        total.hidden_faults += found.hidden_faults
        total.alerts.latencies += found.alerts.latencies
        waiting = found.unsettled
        if not waiting:
            break
    total.unsettled = waiting
    return total
