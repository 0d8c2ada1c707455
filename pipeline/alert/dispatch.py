"""Dispatch: sends pending alerts, then marks them as sent; one worker does so at a time."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, Final, Protocol

import msgspec

from pipeline.alert.grouping import Notification, NotificationPlan, Outlook, PendingAlert, full_groups, group_alerts
from pipeline.alert.lease import Lease, Leases
from pipeline.alert.message import MOST_SHOWN, ConsoleLinks, message_of, still_firing
from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.model.trace_state import TraceState
from pipeline.store.client import Store

# longer than the function that holds the lease may run
LEASE_MS: Final = 90_000
# the longest that sending one message and marking its alerts may take
_SENDING_MS: Final = 30_000
# seconds between attempts to mark alerts as sent: an alert that stays unmarked is sent twice
_PAUSES: Final = (0.2, 1.0, 3.0)
_PAGE = 500
_SHOWN_FIELDS: Final = ("traceId", "@timestamp", "lastSeenAt", "transactionId", "trace", "findings", "issues", "state")


class Publisher(Protocol):
    """Takes messages, such as `pipeline.alert.sns.Topic`."""

    def publish(self, subject: str, text: str, attributes: dict[str, str]) -> None:
        """Sends a message. Raises UnavailableError if a retry may help, BadInputError if this message is refused for good."""


class DueAlerts(Protocol):
    """The alerts that are due, such as `pipeline.alert.outbox.Outbox` and `pipeline.alert.issue_outbox.IssueOutbox`."""

    def outlook(self, now_ms: int) -> Outlook:
        """When there may be something to send."""

    def pending(self, *, without: Iterable[str] = ()) -> list[PendingAlert]:
        """Gives what is due, oldest first, except that of the groups ``without``."""

    def claim(self, alerts: Sequence[PendingAlert]) -> tuple[PendingAlert, ...]:
        """Gives the part of ``alerts`` that no concurrent worker sends."""

    def mark_sent(self, alerts: Iterable[PendingAlert], now_ms: int) -> None:
        """Notes that the message about these is out."""

    def withdraw(self, alerts: Iterable[PendingAlert], now_ms: int) -> int:
        """Notes that the rules of these no longer fire; returns how many it withdrew."""


class Dispatch(msgspec.Struct):
    """The result of a dispatch.

    Attributes:
        sent: how many messages were sent.
        withdrawn: how many alerts were withdrawn, since their rule no longer fires.
        held: traces that may have alerts left for the next window, or for the worker that holds the lease.
        failures: why something was not sent or not marked; it stays pending.
        latencies: for each message, the milliseconds from the end of its newest segment to its sending.
    """

    sent: int = 0
    withdrawn: int = 0
    held: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    latencies: tuple[int, ...] = ()


def joined(one: Dispatch, other: Dispatch) -> Dispatch:
    """Returns the result of two dispatches together."""
    return Dispatch(one.sent + other.sent, one.withdrawn + other.withdrawn, one.held + other.held, one.failures + other.failures,
                    one.latencies + other.latencies)  # fmt: skip


class Dispatcher:
    """Sends pending alerts.

    Args:
        store: OpenSearch.
        outbox: the stored alerts, or issues.
        topic: takes the messages.
        links: the consoles that messages link to.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, outbox: DueAlerts, topic: Publisher, links: ConsoleLinks,
                 clock: Callable[[], float] = time.time) -> None:  # fmt: skip
        self._store = store
        self._outbox = outbox
        self._leases = Leases(store)
        self._topic = topic
        self._links = links
        self._clock = clock

    def dispatch(self, waiting: Iterable[str] = ()) -> Dispatch:
        """Sends the pending alerts, unless another worker does: then ``waiting``, the traces that caused the call, are held.

        What SNS or OpenSearch does not take stays pending, and is among the failures: traces settle all the same. Raises nothing.
        """
        done = Dispatch(held=tuple(waiting))
        try:
            outlook = self._outbox.outlook(self._now())
            if outlook == "nothing":
                done.held = ()
            elif outlook == "now" and (lease := self._leases.take(self._now(), LEASE_MS)):
                self._work(lease, done)
        except (BadInputError, UnavailableError) as error:
            done.failures += (str(error),)
            done.held = done.held or tuple(waiting)
        return done

    def _work(self, lease: Lease, done: Dispatch) -> None:
        window = lease.window
        # otherwise each dispatch of a storm would read all held alerts, and send none of them
        full = full_groups(window, self._now())
        alerts = self._read(lease, full, done)
        done.held = done.held if full else ()
        if alerts:
            plan = group_alerts(alerts, window, self._now())
            done.held += _traces_of(plan.held)
            window = plan.window
            self._send(plan, lease, done)
        self._leases.give_back(lease, window)

    def _read(self, lease: Lease, full: tuple[str, ...], done: Dispatch) -> list[PendingAlert]:
        try:
            self._store.refresh()
            return self._still_firing(self._outbox.pending(without=full), done)
        except TracejoinError:
            # nothing is sent yet, so the lease need not run out first
            with suppress(TracejoinError):
                self._leases.give_back(lease, lease.window)
            raise

    def _still_firing(self, alerts: list[PendingAlert], done: Dispatch) -> list[PendingAlert]:
        """The alerts whose rule still fires, and the decisions; the others are withdrawn."""
        left = [alert for alert in alerts if alert.decision]
        pages = iter([alert for alert in alerts if not alert.decision])
        while page := list(islice(pages, _PAGE)):
            found = self._traces(page, ("findings.rule", "findings.severity"))
            now = [(alert, still_firing(alert, found.get(alert.trace_id, {}).get("findings") or ())) for alert in page]
            left += [firing for _, firing in now if firing]
            done.withdrawn += self._outbox.withdraw((_ceased(alert, firing) for alert, firing in now), self._now())
        return left

    def _send(self, plan: NotificationPlan, lease: Lease, done: Dispatch) -> None:
        shown = list(chain.from_iterable(notification.alerts[:MOST_SHOWN] for notification in plan.notifications))
        traces = self._traces(shown, _SHOWN_FIELDS)
        for number, notification in enumerate(plan.notifications):
            # a laptop has no time limit, and after the lease another worker may be sending
            late = self._now() > lease.until - _SENDING_MS
            sent = notification
            try:
                if not late:
                    sent = self._publish(notification, traces)
            except BadInputError as error:
                # the other notifications are sent all the same
                done.failures += (str(error),)
                done.held += _traces_of(notification.alerts)
                continue
            except UnavailableError as error:
                # the topic would refuse the others, too
                late = True
                done.failures += (str(error),)
            if late:
                done.held += _traces_of(alert for left in plan.notifications[number:] for alert in left.alerts)
                return
            if sent.alerts:
                done.latencies += self._latency(sent, traces)
                done.sent += 1
                self._mark(sent)

    def _publish(self, notification: Notification, traces: Mapping[str, Mapping[str, Any]]) -> Notification:
        """Sends the part of ``notification`` that no concurrent worker sent; returns that part."""
        claimed = msgspec.structs.replace(notification, alerts=self._outbox.claim(notification.alerts))
        if claimed.alerts:
            message = message_of(claimed, traces, self._links)
            self._topic.publish(message.subject, message.text, message.attributes)
        return claimed

    def _mark(self, notification: Notification) -> None:
        for pause in _PAUSES:
            try:
                return self._outbox.mark_sent(notification.alerts, self._now())
            except UnavailableError:
                time.sleep(pause)
        return self._outbox.mark_sent(notification.alerts, self._now())

    def _latency(self, notification: Notification, traces: Mapping[str, Mapping[str, Any]]) -> tuple[int, ...]:
        found = [_last_segment(traces[alert.trace_id]) for alert in notification.alerts if alert.trace_id in traces]
        newest = max(found, default=0)
        return (max(self._now() - newest, 0),) if newest else ()

    def _traces(self, alerts: Iterable[PendingAlert], source: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """The current documents of these alerts' traces, by trace id."""
        ids = _traces_of(alerts)
        hits = self._store.get_many([(f"{self._store.prefix}-traces", id_) for id_ in ids], source=source)
        return {id_: dict(hit.source) for id_, hit in zip(ids, hits, strict=True) if hit}

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _traces_of(alerts: Iterable[PendingAlert]) -> tuple[str, ...]:
    """The traces of alerts; a decision has none, and needs none to be told later."""
    return tuple(alert.trace_id for alert in alerts if alert.trace_id)


def _last_segment(trace: Mapping[str, Any]) -> int:
    """When the last segment of a trace ended, in milliseconds since the epoch; 0 if there is none."""
    try:
        state = msgspec.convert(trace.get("state", {}), TraceState)
    except msgspec.ValidationError:
        return 0
    return max((fact.end or 0 for fact in state.segments.values()), default=0) // 1_000_000


def _ceased(alert: PendingAlert, firing: PendingAlert | None) -> PendingAlert:
    """An alert with the rules that no longer fire."""
    return msgspec.structs.replace(alert, rules=tuple(rule for rule in alert.rules if firing is None or rule not in firing.rules))
