"""Outbox: a document for each trace and rule that somebody is to be told of, and the lease of the one who tells."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Literal

import msgspec

from pipeline.alert.plan import Due, Window
from pipeline.ids import to_xray
from pipeline.judge import Finding
from pipeline.opensearch import Store
from pipeline.records import Record, iso_millis
from pipeline.stories import stories

NoteState = Literal["due", "sent", "withdrawn", "untold"]
_LEASE = "lease"


class Lease(msgspec.Struct, frozen=True):
    """The right to send, until (epoch milliseconds) it runs out, and what was sent in this window."""

    window: Window = Window()
    until: int = 0
    seq_no: int = -1
    primary_term: int = -1


class Outbox:
    """The notes in OpenSearch.

    Args:
        store: OpenSearch.
        told: whether there is somebody to tell; otherwise a note is made for the record alone, and stays `untold`.
    """

    def __init__(self, store: Store, *, told: bool) -> None:
        self._store = store
        self._index = f"{store.prefix}-alerts"
        self._state: NoteState = "due" if told else "untold"

    def note(self, records: Iterable[Record], now_ms: int) -> list[Finding]:
        """Notes each rule that fired with an alert on these traces, once for ever; returns a finding for each note that is new.

        Raises UnavailableError where OpenSearch does not take one: the same call is safe to repeat.
        """
        noted = [one for record in records for one in _to_note(record)]
        lines = chain.from_iterable(self._lines(*one, now_ms) for one in noted)
        new: list[Finding] = []
        for (record, finding, _), result in zip(noted, self._store.write(list(lines)), strict=True):
            if result.ok:
                new.append(finding)
            elif not result.conflict:
                result.raise_for_failure(f"the alert {finding.rule} of trace {record.trace_id}")
        return new

    def due(self) -> list[Due]:
        """The traces that somebody is still to be told of, oldest first; sees what is refreshed."""
        found: dict[str, list[Any]] = {}
        for hit in self._store.scan({"term": {"alert.state": "due"}}, index=self._index):
            found.setdefault(hit.source["traceId"], []).append(hit.source)
        dues = (
            Due(at=min(note["@timestamp"] for note in notes), trace_id=trace_id, group=min(note["alert"]["group"] for note in notes),
                rules=tuple(sorted(note["rule"] for note in notes)))
            for trace_id, notes in found.items()
        )  # fmt: skip
        return sorted(dues)

    def mark(self, dues: Iterable[Due], state: NoteState, now_ms: int) -> None:
        """Marks the notes of these traces."""
        lines: list[object] = []
        for due in dues:
            for rule in due.rules:
                lines += [{"update": {"_index": self._index, "_id": _id(due.trace_id, rule)}},
                          {"doc": {"alert": {"state": state, "at": iso_millis(now_ms)}}}]  # fmt: skip
        for result in self._store.write(lines):
            if not (result.ok or result.gone):
                result.raise_for_failure("a sent alert")

    def take_lease(self, now_ms: int, lasts_ms: int) -> Lease | None:
        """The right to send, if nobody else has it."""
        (hit,) = self._store.get_many([(self._index, _LEASE)])
        held = msgspec.convert(hit.source["lease"], Lease) if hit else Lease()
        if held.until > now_ms:
            return None
        place = (hit.seq_no, hit.primary_term) if hit else (-1, -1)
        return self._write_lease(Lease(window=held.window, until=now_ms + lasts_ms, seq_no=place[0], primary_term=place[1]))

    def return_lease(self, lease: Lease, window: Window) -> None:
        """Lets the next one send. Where the lease ran out and somebody else has it, it is his."""
        self._write_lease(msgspec.structs.replace(lease, window=window, until=0))

    def purge(self, *, days: int) -> int:
        """Deletes notes that nobody waits for and that are older than ``days``; returns how many."""
        return self._store.delete_older(
            self._index, "@timestamp", days=days, query=[{"terms": {"alert.state": ["sent", "withdrawn", "untold"]}}]
        )

    def _write_lease(self, lease: Lease) -> Lease | None:
        action = self._store.compare_and_set(self._index, _LEASE, lease.seq_no, lease.primary_term)
        document = {"doc": {"kind": "lease"}, "lease": {"window": lease.window, "until": lease.until}}
        (result,) = self._store.write([action, document])
        if result.conflict:
            return None
        if not result.ok:
            result.raise_for_failure("the lease of the alerts")
        return msgspec.structs.replace(lease, seq_no=result.seq_no, primary_term=result.primary_term)

    def _lines(self, record: Record, finding: Finding, group: str, now_ms: int) -> Iterator[object]:
        yield {"create": {"_index": self._index, "_id": _id(record.trace_id, finding.rule)}}
        now = iso_millis(now_ms)
        yield {
            "@timestamp": now, "doc": {"kind": "alert"}, "traceId": record.trace_id, "xray": {"traceId": to_xray(record.trace_id)},
            "transactionId": record.transaction_id, "serviceName": finding.service_name, "rule": finding.rule,
            "evidence": finding.evidence, "alert": {"state": self._state, "group": group, "at": now},
        }  # fmt: skip


def _to_note(record: Record) -> Iterator[tuple[Record, Finding, str]]:
    """A finding for each rule that fired with an alert, and the service of the foremost failure, by which storms are told."""
    told = [story for story in stories(record.verdict.findings) if story.alert]
    by_rule: dict[str, Finding] = {}
    for finding in (finding for story in told for finding in story.findings if finding.severity == "alert"):
        by_rule.setdefault(finding.rule, finding)
    yield from ((record, by_rule[rule], told[0].lead.service_name) for rule in sorted(by_rule))


def _id(trace_id: str, rule: str) -> str:
    return f"{trace_id}-{rule}"
