"""Outbox: a document for each trace and rule that somebody is to be told of, and the lease of the one who tells."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Literal

import msgspec

from pipeline.alert.grouping import Due, Window
from pipeline.detect.failures import stories
from pipeline.detect.verdict import Finding
from pipeline.errors import UnavailableError
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.store.client import Store
from pipeline.store.trace_document import Record

NoteState = Literal["due", "sent", "withdrawn"]
_LEASE = "lease"
_OPEN = frozenset({"due", "withdrawn"})
_ROUNDS = 20
_Noted = tuple[Record, Finding, str]


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
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = f"{store.prefix}-alerts"
        self._places: dict[str, tuple[int, int]] = {}
        # what is written anew may be out of sight for a while
        self._renewed = _OPEN - {"due"} if store.visible_after else _OPEN

    def note(self, records: Iterable[Record], now_ms: int) -> list[Finding]:
        """Notes each rule that fired with an alert on these traces, once for ever; returns a finding for each note that is new.

        A note that was withdrawn, since its rule did not fire any more, is due again.

        Raises UnavailableError where OpenSearch does not take one: the same call is safe to repeat.
        """
        noted = [one for record in records for one in _to_note(record)]
        lines = chain.from_iterable(self._lines(*one, now_ms) for one in noted)
        new: list[Finding] = []
        known: list[_Noted] = []
        for one, result in zip(noted, self._store.write(list(lines)), strict=True):
            if result.ok:
                new.append(one[1])
            elif result.conflict:
                known.append(one)
            else:
                result.raise_for_failure(f"the alert {one[1].rule} of trace {one[0].trace_id}")
        self._renew(known, now_ms)
        return new

    def due(self, *, without: Iterable[str] = ()) -> list[Due]:
        """The traces that somebody is still to be told of, oldest first, but for these groups; sees what is refreshed."""
        found: dict[str, list[Any]] = {}
        self._places = {}
        query = {"bool": {"filter": {"term": {"alert.state": "due"}}, "must_not": {"terms": {"alert.group": list(without)}}}}
        for hit in self._store.scan(query, index=self._index):
            self._places[hit.id] = hit.seq_no, hit.primary_term
            found.setdefault(hit.source["traceId"], []).append(hit.source)
        dues = (
            Due(at=min(note["@timestamp"] for note in notes), trace_id=trace_id, group=min(note["alert"]["group"] for note in notes),
                rules=tuple(sorted(note["rule"] for note in notes)))
            for trace_id, notes in found.items()
        )  # fmt: skip
        return sorted(dues)

    def claim(self, dues: Sequence[Due]) -> tuple[Due, ...]:
        """What of ``dues`` nobody has told of since `due` found it; all of it, where that saw everything."""
        if not self._store.visible_after:
            return tuple(dues)
        notes = [(due, rule, _id(due.trace_id, rule)) for due in dues for rule in due.rules]
        lines: list[object] = []
        for _, _, id_ in notes:
            lines += [{"update": self._place(id_)}, {"doc": {"alert": {"state": "due"}}}]
        claimed: dict[Due, list[str]] = {}
        for (due, rule, id_), result in zip(notes, self._store.write(lines), strict=True):
            if result.ok:
                claimed.setdefault(due, []).append(rule)
                self._places[id_] = result.seq_no, result.primary_term
            elif not result.conflict:
                result.raise_for_failure("a claimed alert")
        return tuple(msgspec.structs.replace(due, rules=tuple(rules)) for due, rules in claimed.items())

    def sent(self, dues: Iterable[Due], now_ms: int) -> None:
        """Marks the notes of these traces as sent, whatever became of them meanwhile: a message is out."""
        lines: list[object] = []
        for id_ in _ids(dues):
            lines += [{"update": {"_index": self._index, "_id": id_}}, _now_is("sent", now_ms)]
        for result in self._store.write(lines):
            if not (result.ok or result.gone):
                result.raise_for_failure("a sent alert")

    def withdraw(self, dues: Iterable[Due], now_ms: int) -> int:
        """Marks notes of which nothing holds any more, as `due` found them; returns how many.

        A note that was renewed since then stays due: its rule fires again.
        """
        lines: list[object] = []
        for id_ in _ids(dues):
            lines += [{"update": self._place(id_)}, _now_is("withdrawn", now_ms)]
        results = self._store.write(lines)
        for result in results:
            if not (result.ok or result.gone or result.conflict):
                result.raise_for_failure("a withdrawn alert")
        return sum(result.ok for result in results)

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
        """Deletes notes that are older than ``days``, as their traces are; returns how many."""
        return self._store.delete_older(self._index, "@timestamp", days=days)

    def _place(self, id_: str) -> dict[str, Any]:
        """The address of a note, on condition that it still is as it was found."""
        seq_no, primary_term = self._places[id_]
        return {"_index": self._index, "_id": id_, "if_seq_no": seq_no, "if_primary_term": primary_term}

    def _renew(self, known: list[_Noted], now_ms: int) -> None:
        """Makes withdrawn notes due again; one that is due is written anew, so that who is about to withdraw it comes too late."""
        for _ in range(_ROUNDS):
            if not known:
                return
            hits = self._store.get_many([(self._index, _id(record.trace_id, finding.rule)) for record, finding, _ in known])
            found = [(one, hit) for one, hit in zip(known, hits, strict=True) if hit and hit.source["alert"]["state"] in self._renewed]
            lines: list[object] = []
            for _, hit in found:
                lines += [self._store.compare_and_set(self._index, hit.id, hit.seq_no, hit.primary_term),
                          hit.source | {"alert": hit.source["alert"] | {"state": "due", "at": iso_millis(now_ms)}}]  # fmt: skip
            results = self._store.write(lines)
            for result in results:
                if not (result.ok or result.conflict):
                    result.raise_for_failure("an alert that is due again")
            known = [one for (one, _), result in zip(found, results, strict=True) if result.conflict]
        raise UnavailableError(f"others kept changing {len(known)} alerts")

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
            "evidence": finding.evidence, "alert": {"state": "due", "group": group, "at": now},
        }  # fmt: skip


def _ids(dues: Iterable[Due]) -> Iterator[str]:
    yield from (_id(due.trace_id, rule) for due in dues for rule in due.rules)


def _now_is(state: NoteState, now_ms: int) -> dict[str, object]:
    return {"doc": {"alert": {"state": state, "at": iso_millis(now_ms)}}}


def _to_note(record: Record) -> Iterator[_Noted]:
    """A finding for each rule that fired with an alert, and the service of the foremost failure, by which storms are told."""
    told = [story for story in stories(record.verdict.findings) if story.alert]
    by_rule: dict[str, Finding] = {}
    for finding in (finding for story in told for finding in story.findings if finding.severity == "alert"):
        by_rule.setdefault(finding.rule, finding)
    yield from ((record, by_rule[rule], told[0].lead.service_name) for rule in sorted(by_rule))


def _id(trace_id: str, rule: str) -> str:
    return f"{trace_id}-{rule}"
