"""Retention: everything that a sweep deletes of lines, spans and trace records before their whole day goes, in its order."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pipeline.retain.days import expire_healthy
from pipeline.retain.legal_hold import LegalHolds
from pipeline.retain.policy import Policy
from pipeline.retain.sampling_out import SampledOutCount, SamplingOut
from pipeline.retain.untraced_lines import sample_untraced
from pipeline.store.client import Store
from pipeline.store.trace_records import TraceRecords


class Retention:
    """What a sweep does about what is stored.

    Args:
        store: OpenSearch.
        records: the stored trace records.
        policy: what of healthy traffic is kept.
        days: after how many days everything is deleted.
        clock: returns seconds since the epoch.
    """

    def __init__(self, store: Store, records: TraceRecords, policy: Policy, days: int, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._policy = policy
        self._days = days
        self._clock = clock
        self._holds = LegalHolds(store, records, clock)
        self._sampling = SamplingOut(store, records, policy, clock)

    def searches(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """Returns the searches, each an index pattern and a query, of which one has a hit where `sample` has something to do."""
        return self._sampling.searches()

    def sample(self, go_on: Callable[[], bool]) -> SampledOutCount:
        """Deletes healthy transactions of which the policy keeps nothing; ``go_on`` is as for `SamplingOut.run`."""
        return self._sampling.run(go_on)

    def hourly(self, purge_traces: Callable[[], object]) -> list[Callable[[], object]]:
        """Returns what is to be done once an hour, with ``purge_traces``, which deletes old trace records; each step may fail alone.

        What is held is moved away first.
        """
        ledger = f"{self._store.prefix}-sampled-out"
        return [
            self._holds.keep_up,
            partial(expire_healthy, self._policy.days, self._store),
            partial(sample_untraced, self._policy, self._store, self._clock),
            purge_traces,
            partial(self._holds.purge, days=self._days),
            partial(self._store.delete_older, ledger, "at", days=self._days),
        ]
