"""Outbox: stores a document for each alert, which is one trace and rule."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import msgspec

from pipeline.alert.grouping import Outlook, PendingAlert
from pipeline.detect.failures import group_failures
from pipeline.detect.verdict import Finding
from pipeline.errors import UnavailableError
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.store.client import Store
from pipeline.store.compare_and_set import merge_until_written
from pipeline.store.results import Hit
from pipeline.store.together import Writer, write_alone
from pipeline.store.trace_document import TraceRecord, services_of

AlertState = Literal["due", "sent", "withdrawn"]
_DUE: dict[str, Any] = {"term": {"alert.state": "due"}}
_ROUNDS = 20
_OPEN = frozenset({"due", "withdrawn"})
_NewAlert = tuple[TraceRecord, Finding, str]


class Outbox:
    """The alerts that are stored in OpenSearch.

    Args:
        store: OpenSearch.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = f"{store.prefix}-alerts"
        # a due alert that is written again may be invisible for a while
        self._renewed = _OPEN - {"due"} if store.capabilities.visible_after else _OPEN

    def enqueue(self, records: Iterable[TraceRecord], now_ms: int) -> list[Finding]:
        """Stores an alert for each trace and rule with a finding of severity alert, once for ever; returns a finding for each new one.

        An alert that was withdrawn, since its rule no longer fired, is due again; so is one that was sent about a service which the trace
        does not show, once the rule finds a failure of one that it shows: nobody's line keeps another's alert away.

        Raises UnavailableError if OpenSearch does not take an alert: the same call is safe to repeat.
        """
        alerts = [alert for record in records for alert in _alerts_of(record)]
        lines = chain.from_iterable(self._lines(*alert, now_ms) for alert in alerts)
        new: list[Finding] = []
        known: dict[str, _NewAlert] = {}
        for (record, finding, group), result in zip(alerts, self._store.write(list(lines)), strict=True):
            if result.ok:
                new.append(finding)
            elif result.conflict:
                known[_id(record.trace_id, finding.rule)] = record, finding, group
            else:
                result.raise_for_failure(f"the alert {finding.rule} of trace {record.trace_id}")
        self._renew(known, now_ms)
        return new

    def pending(self, *, without: Iterable[str] = ()) -> list[PendingAlert]:
        """Gives the due alerts by trace, oldest first, except those of the groups ``without``; misses what is not refreshed."""
        found: dict[str, list[Hit]] = {}
        query = {"bool": {"filter": _DUE, "must_not": {"terms": {"alert.group": list(without)}}}}
        for hit in self._store.scan(query, index=self._index):
            found.setdefault(hit.source["traceId"], []).append(hit)
        return sorted(_pending_alert(trace_id, hits) for trace_id, hits in found.items())

    def outlook(self, now_ms: int) -> Outlook:
        """When there may be something to send: a look costs as much as sending."""
        del now_ms
        return "now"

    @property
    def search(self) -> tuple[str, dict[str, Any]]:
        """The search for due alerts: an index and a query."""
        return self._index, _DUE

    def claim(self, alerts: Sequence[PendingAlert]) -> tuple[PendingAlert, ...]:
        """Gives the part of ``alerts`` that no concurrent worker changed since `pending`; all of it if search sees each write at once."""
        if not self._store.capabilities.visible_after:
            return tuple(alerts)
        lines: list[object] = []
        for alert in alerts:
            for rule in alert.rules:
                lines += [{"update": self._unchanged(alert, rule)}, {"doc": {"alert": {"state": "due"}}}]
        results = iter(self._store.write(lines))
        claimed: list[PendingAlert] = []
        for alert in alerts:
            versions: dict[str, tuple[int, int]] = {}
            for rule, result in zip(alert.rules, results, strict=False):
                if result.ok:
                    versions[rule] = result.seq_no, result.primary_term
                elif not result.conflict:
                    result.raise_for_failure("a claimed alert")
            if versions:
                claimed.append(msgspec.structs.replace(alert, rules=tuple(versions), versions=versions))
        return tuple(claimed)

    def mark_sent(self, alerts: Iterable[PendingAlert], now_ms: int) -> None:
        """Marks these alerts as sent, even if a concurrent writer changed them: the message is out."""
        waiting = [_id(alert.trace_id, rule) for alert in alerts for rule in alert.rules]
        for _ in range(_ROUNDS):
            lines = [line for id_ in waiting for line in ({"update": {"_index": self._index, "_id": id_}}, _state_change("sent", now_ms))]
            conflicts: list[str] = []
            for id_, result in zip(waiting, self._store.write(lines), strict=True):
                if result.conflict:
                    # somebody wrote it between OpenSearch's reading and writing
                    conflicts.append(id_)
                elif not (result.ok or result.gone):
                    result.raise_for_failure("a sent alert")
            if not (waiting := conflicts):
                return
        raise UnavailableError(f"others kept changing {len(waiting)} alerts that were sent")

    def withdraw(self, alerts: Iterable[PendingAlert], now_ms: int) -> int:
        """Marks alerts whose rule no longer fires as withdrawn; returns how many.

        An alert that changed since `pending` found it stays due: its rule fires again.
        """
        lines: list[object] = []
        for alert in alerts:
            for rule in alert.rules:
                lines += [{"update": self._unchanged(alert, rule)}, _state_change("withdrawn", now_ms)]
        results = self._store.write(lines)
        for result in results:
            if not (result.ok or result.gone or result.conflict):
                result.raise_for_failure("a withdrawn alert")
        return sum(result.ok for result in results)

    def purge(self, *, days: int) -> int:
        """Deletes alerts that are older than ``days``; returns how many."""
        return self._store.delete_older(self._index, "@timestamp", days=days)

    def _unchanged(self, alert: PendingAlert, rule: str) -> dict[str, Any]:
        """A conditional write address: the write fails if the alert changed since it was read."""
        seq_no, primary_term = alert.versions[rule]
        return {"_index": self._index, "_id": _id(alert.trace_id, rule), "if_seq_no": seq_no, "if_primary_term": primary_term}

    def _renew(self, known: Mapping[str, _NewAlert], now_ms: int) -> None:
        """Makes withdrawn alerts due again, and replaces those that were sent about a service which the trace does not show.

        A due one is written again, so that a concurrent withdrawal fails.
        """

        def load(ids: Iterable[str]) -> dict[str, Hit | None]:
            wanted = list(ids)
            return dict(zip(wanted, self._store.get_many([(self._index, id_) for id_ in wanted]), strict=True))

        def renewed(hit: Hit | None, new: _NewAlert) -> Hit | None:
            return hit and self._renewed_alert(hit, new, iso_millis(now_ms))

        def write(hits: list[Hit | None]) -> Writer[dict[str, Hit | None]]:
            found = [hit for hit in hits if hit]
            lines: list[object] = []
            for hit in found:
                lines += [self._store.compare_and_set(self._index, hit.id, hit.seq_no, hit.primary_term), hit.source]
            written: dict[str, Hit | None] = {}
            for hit, result in zip(found, (yield lines), strict=True):
                if result.ok:
                    written[hit.id] = hit
                elif not result.conflict:
                    result.raise_for_failure("an alert that is due again")
            return written

        _, left = write_alone(merge_until_written(known, load=load, grow=renewed, write=write), self._store)
        if left:
            raise UnavailableError(f"others kept changing {len(left)} alerts")

    def _renewed_alert(self, hit: Hit, new: _NewAlert, at: str) -> Hit:
        """The stored alert, due again at the time ``at``; unchanged where it stands for the ``new`` one, too."""
        record, finding, group = new
        shown = services_of(record.state)
        alert = hit.source["alert"] | {"state": "due", "at": at}
        if finding.service_name in shown and hit.source.get("serviceName") not in shown:
            about = {"serviceName": finding.service_name, "evidence": finding.evidence, "alert": alert | {"group": group}}
        elif hit.source["alert"]["state"] in self._renewed:
            about = {"alert": alert}
        else:
            return hit
        return msgspec.structs.replace(hit, source=hit.source | about)

    def _lines(self, record: TraceRecord, finding: Finding, group: str, now_ms: int) -> Iterator[object]:
        yield {"create": {"_index": self._index, "_id": _id(record.trace_id, finding.rule)}}
        now = iso_millis(now_ms)
        yield {
            "@timestamp": now, "doc": {"kind": "alert"}, "traceId": record.trace_id, "xray": {"traceId": to_xray(record.trace_id)},
            "transactionId": record.transaction_id, "serviceName": finding.service_name, "rule": finding.rule,
            "evidence": finding.evidence, "alert": {"state": "due", "group": group, "at": now},
        }  # fmt: skip


def _pending_alert(trace_id: str, hits: Sequence[Hit]) -> PendingAlert:
    versions = {hit.source["rule"]: (hit.seq_no, hit.primary_term) for hit in sorted(hits, key=lambda hit: str(hit.source["rule"]))}
    at = min(hit.source["@timestamp"] for hit in hits)
    group = min(hit.source["alert"]["group"] for hit in hits)
    return PendingAlert(at=at, trace_id=trace_id, group=group, rules=tuple(versions), versions=versions)


def _state_change(state: AlertState, now_ms: int) -> dict[str, object]:
    return {"doc": {"alert": {"state": state, "at": iso_millis(now_ms)}}}


def _alerts_of(record: TraceRecord) -> Iterator[_NewAlert]:
    """A finding for each rule that fired with an alert, and the service of the foremost failure, by which alerts are grouped.

    The failures of services that the trace shows come first: any log group's line can tell of another one.
    """
    shown = services_of(record.state)
    failures = [failure for failure in group_failures(record.verdict.findings) if failure.alert]
    failures.sort(key=lambda failure: failure.lead.service_name not in shown)
    by_rule: dict[str, Finding] = {}
    for failure in failures:
        for finding in sorted(failure.findings, key=lambda finding: finding.service_name not in shown):
            if finding.severity == "alert":
                by_rule.setdefault(finding.rule, finding)
    yield from ((record, by_rule[rule], failures[0].lead.service_name) for rule in sorted(by_rule))


def _id(trace_id: str, rule: str) -> str:
    return f"{trace_id}-{rule}"
