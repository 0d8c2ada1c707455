"""Dispatch: what is due is sent, then marked, by one worker at a time."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain, islice
from typing import Any, Final, Protocol

import msgspec

from pipeline.alert.grouping import Notification, NotificationPlan, PendingAlert, full_groups, group_alerts
from pipeline.alert.message import MOST_SHOWN, ConsoleLinks, message_of, still_due
from pipeline.alert.outbox import Lease, Outbox
from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.model.trace_state import TraceState
from pipeline.store.client import Store

# longer than the function that holds it may run
LEASE_MS: Final = 90_000
# what sending one message and marking its traces may take at the worst
_ONE_MS: Final = 30_000
# seconds between the attempts to mark what was sent: only what stays unmarked is sent twice
_PAUSES: Final = (0.2, 1.0, 3.0)
_PAGE = 500
_SHOWN: Final = ("traceId", "@timestamp", "lastSeenAt", "transactionId", "trace", "findings", "state")


class Publisher(Protocol):
    """Who takes messages, such as `pipeline.alert.sns.Topic`."""

    def publish(self, subject: str, text: str, attributes: dict[str, str]) -> None:
        """Sends a message. Raises UnavailableError where trying again may help, BadInputError where this message is refused for good."""


class Dispatch(msgspec.Struct):
    """What one run came to.

    Attributes:
        sent: messages.
        told: traces that they told of.
        withdrawn: notes whose rule does not fire any more.
        held: traces that may wait for the window to be over, or for the one who is sending.
        failures: why something was not sent, or not marked; it stays due.
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

    def __init__(self, store: Store, outbox: Outbox, topic: Publisher, links: ConsoleLinks, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._outbox = outbox
        self._topic = topic
        self._links = links
        self._clock = clock

    def dispatch(self, waiting: Iterable[str] = ()) -> Dispatch:
        """Sends what is due, unless somebody else is at it: then ``waiting``, the traces that brought one here, are held.

        What SNS or OpenSearch does not take stays due, and is among the failures: traces settle all the same. Raises nothing.
        """
        done = Dispatch(held=tuple(waiting))
        try:
            lease = self._outbox.take_lease(self._now(), LEASE_MS)
            if lease:
                self._work(lease, done)
        except (BadInputError, UnavailableError) as error:
            done.failures += (str(error),)
            done.held = done.held or tuple(waiting)
        return done

    def _work(self, lease: Lease, done: Dispatch) -> None:
        window = lease.window
        # in a storm each run would read all that is held, to send nothing of it
        full = full_groups(window, self._now())
        dues = self._read(lease, full, done)
        done.held = done.held if full else ()
        if dues:
            planned = group_alerts(dues, window, self._now())
            done.held += tuple(due.trace_id for due in planned.held)
            window = planned.window
            self._send(planned, lease, done)
        self._outbox.return_lease(lease, window)

    def _read(self, lease: Lease, full: tuple[str, ...], done: Dispatch) -> list[PendingAlert]:
        try:
            self._store.refresh()
            return self._still_due(self._outbox.pending(without=full), done)
        except TracejoinError:
            # nothing is sent yet, so nobody has to wait for the lease to run out
            with suppress(TracejoinError):
                self._outbox.return_lease(lease, lease.window)
            raise

    def _still_due(self, dues: list[PendingAlert], done: Dispatch) -> list[PendingAlert]:
        """Those of which something is still so; the others are withdrawn."""
        left: list[PendingAlert] = []
        pages = iter(dues)
        while page := list(islice(pages, _PAGE)):
            found = self._traces(page, ("findings.rule", "findings.severity"))
            now = [(due, still_due(due, found.get(due.trace_id, {}).get("findings") or ())) for due in page]
            left += [holds for _, holds in now if holds]
            done.withdrawn += self._outbox.withdraw((_gone(due, holds) for due, holds in now), self._now())
        return left

    def _send(self, planned: NotificationPlan, lease: Lease, done: Dispatch) -> None:
        shown = list(chain.from_iterable(parcel.dues[:MOST_SHOWN] for parcel in planned.parcels))
        traces = self._traces(shown, _SHOWN)
        for number, parcel in enumerate(planned.parcels):
            # on a laptop nobody ends this in time: what would be sent after the lease, somebody else may be sending
            late = self._now() > lease.until - _ONE_MS
            told = parcel
            try:
                if not late:
                    told = self._publish(parcel, traces)
            except BadInputError as error:
                # its neighbours go out all the same
                done.failures += (str(error),)
                done.held += tuple(due.trace_id for due in parcel.dues)
                continue
            except UnavailableError as error:
                # it will not take the others, either
                late = True
                done.failures += (str(error),)
            if late:
                done.held += tuple(due.trace_id for left in planned.parcels[number:] for due in left.dues)
                return
            if told.dues:
                done.latencies += self._latency(told, traces)
                done.sent += 1
                done.told += len(told.dues)
                self._mark(told)

    def _publish(self, parcel: Notification, traces: Mapping[str, Mapping[str, Any]]) -> Notification:
        """Sends what of ``parcel`` nobody has sent since it was found; returns that."""
        claimed = msgspec.structs.replace(parcel, dues=self._outbox.claim(parcel.dues))
        if claimed.dues:
            message = message_of(claimed, traces, self._links)
            self._topic.publish(message.subject, message.text, message.attributes)
        return claimed

    def _mark(self, parcel: Notification) -> None:
        for pause in _PAUSES:
            try:
                return self._outbox.mark_sent(parcel.dues, self._now())
            except UnavailableError:
                time.sleep(pause)
        return self._outbox.mark_sent(parcel.dues, self._now())

    def _latency(self, parcel: Notification, traces: Mapping[str, Mapping[str, Any]]) -> tuple[int, ...]:
        found = [_last_segment(traces[due.trace_id]) for due in parcel.dues if due.trace_id in traces]
        newest = max(found, default=0)
        return (max(self._now() - newest, 0),) if newest else ()

    def _traces(self, dues: Iterable[PendingAlert], source: tuple[str, ...]) -> dict[str, dict[str, Any]]:
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


def _gone(due: PendingAlert, holds: PendingAlert | None) -> PendingAlert:
    """What of a note no longer holds."""
    return msgspec.structs.replace(due, rules=tuple(rule for rule in due.rules if holds is None or rule not in holds.rules))
