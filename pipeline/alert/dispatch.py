"""Dispatch: what is due is sent, then marked, by one worker at a time."""

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from typing import Any, Final, Protocol

import msgspec

from pipeline.alert.message import MOST_SHOWN, Links, message_of, still_due
from pipeline.alert.outbox import Outbox
from pipeline.alert.plan import Due, Parcel, Plan, plan
from pipeline.errors import UnavailableError
from pipeline.opensearch import Store
from pipeline.state import TraceState

# longer than the function that holds it may run
LEASE_MS: Final = 90_000
_PAGE = 500
_SHOWN: Final = ("traceId", "@timestamp", "lastSeenAt", "transactionId", "trace", "findings", "state")


class Publisher(Protocol):
    """Who takes messages, such as `pipeline.sns.Topic`."""

    def publish(self, subject: str, text: str, attributes: dict[str, str]) -> None:
        """Sends a message. Raises UnavailableError."""


class Dispatch(msgspec.Struct):
    """What one run came to.

    Attributes:
        sent: messages.
        told: traces that they told of.
        withdrawn: traces of which nothing was left to tell.
        held: traces that wait for the window to be over, or for the one who is sending.
        failures: why SNS took no more.
        latencies: of each message, the milliseconds from the last segment of its newest trace to its sending.
    """

    sent: int = 0
    told: int = 0
    withdrawn: int = 0
    held: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    latencies: tuple[int, ...] = ()


class Dispatcher:
    """Sends what is due.

    Args:
        store: OpenSearch.
        outbox: the notes.
        topic: where messages go.
        links: what a message points at.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, outbox: Outbox, topic: Publisher, links: Links, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._outbox = outbox
        self._topic = topic
        self._links = links
        self._clock = clock

    def dispatch(self, waiting: Iterable[str] = ()) -> Dispatch:
        """Sends what is due, unless somebody else is at it: then ``waiting``, the traces that brought one here, are held.

        A message that SNS does not take stays due. Raises UnavailableError where OpenSearch does not answer.
        """
        lease = self._outbox.take_lease(self._now(), LEASE_MS)
        if lease is None:
            return Dispatch(held=tuple(waiting))
        done = Dispatch()
        window = lease.window
        self._store.refresh()
        dues = self._still_due(self._outbox.due(), done)
        if dues:
            planned = plan(dues, window, self._now())
            done.held = tuple(due.trace_id for due in planned.held)
            window = planned.window
            self._send(planned, done)
        self._outbox.return_lease(lease, window)
        return done

    def _still_due(self, dues: list[Due], done: Dispatch) -> list[Due]:
        """Those of which something is still so; the others are withdrawn."""
        left: list[Due] = []
        pages = iter(dues)
        while page := list(islice(pages, _PAGE)):
            found = self._traces(page, ("findings.rule", "findings.severity"))
            now = {due: still_due(due, found.get(due.trace_id, {}).get("findings") or ()) for due in page}
            left += [due for due in now.values() if due]
            self._outbox.mark((_gone(due, holds) for due, holds in now.items()), "withdrawn", self._now())
            done.withdrawn += sum(holds is None for holds in now.values())
        return left

    def _send(self, planned: Plan, done: Dispatch) -> None:
        shown = list(chain.from_iterable(parcel.dues[:MOST_SHOWN] for parcel in planned.parcels))
        traces = self._traces(shown, _SHOWN)
        for number, parcel in enumerate(planned.parcels):
            message = message_of(parcel, traces, self._links)
            try:
                self._topic.publish(message.subject, message.text, message.attributes)
            except UnavailableError as error:
                # it will not take the others, either
                done.failures = (str(error),)
                done.held += tuple(due.trace_id for left in planned.parcels[number:] for due in left.dues)
                return
            done.latencies += self._latency(parcel, traces)
            self._outbox.mark(parcel.dues, "sent", self._now())
            done.sent += 1
            done.told += len(parcel.dues)

    def _latency(self, parcel: Parcel, traces: Mapping[str, Mapping[str, Any]]) -> tuple[int, ...]:
        found = [_last_segment(traces[due.trace_id]) for due in parcel.dues if due.trace_id in traces]
        newest = max(found, default=0)
        return (max(self._now() - newest, 0),) if newest else ()

    def _traces(self, dues: Iterable[Due], source: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """The documents of these traces, realtime."""
        ids = [due.trace_id for due in dues]
        hits = self._store.get_many([(f"{self._store.prefix}-traces", id_) for id_ in ids], source=source)
        return {id_: dict(hit.source) for id_, hit in zip(ids, hits, strict=True) if hit}

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _last_segment(trace: Mapping[str, Any]) -> int:
    """When the last segment of a trace ended, in milliseconds since the epoch; 0 where there is none."""
    try:
        state = msgspec.convert(trace.get("state", {}), TraceState)
    except msgspec.ValidationError:
        return 0
    return max((fact.end or 0 for fact in state.segments.values()), default=0) // 1_000_000


def _gone(due: Due, holds: Due | None) -> Due:
    """What of a note no longer holds."""
    return msgspec.structs.replace(due, rules=tuple(rule for rule in due.rules if holds is None or rule not in holds.rules))
