"""Trace records: the stored document of a trace, and its compare-and-set.

All trace documents live in one index, so that a trace's address follows from its id alone: a W3C id holds no time to name a
day by. The sweep deletes old ones.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from pipeline.ids import to_xray
from pipeline.judge import Rules, Verdict, default_rules, judge
from pipeline.opensearch import Hit, Store
from pipeline.settings import Settings
from pipeline.state import EMPTY, Annotation, TraceState, last_seen, merge

Judge = Callable[[TraceState], Verdict]

_STORED = ("state", "trace", "settled", "transactionId", "changedAt")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDS = 20
_MOST_KEYS = 100
_MOST_MISSING = 50
_MOST_VALUES = 50
_MOST_CORRELATION_IDS = 100


def judge_for(settings: Settings) -> Judge:
    """The verdict as these settings want it."""
    return partial(judge, rules=rules_for(settings), give_up_after_ms=max(settings.lookup_delays) * 1000)


def rules_for(settings: Settings) -> Rules:
    """The rules as these settings want them. Raises MisconfiguredError where their file is wrong."""
    if not settings.rules_file:
        return default_rules()
    # imported here: few have one
    from pipeline.judge.rule_file import read_rule_file  # noqa: PLC0415

    return read_rule_file(settings.rules_file)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A trace as stored, with its verdict.

    Attributes:
        version: grows with each change of the verdict or of a segment; 0 where nothing is stored yet.
        settled: the verdict is final, and every line and span known of carries it.
        current: what is stored is the verdict that these settings and rules give; not so after they changed.
        transaction: the id of the group of traces that this one belongs to; empty until that was looked for.
        changed_at: when it last changed (epoch milliseconds), where what is written takes a while to show; else 0.
    """

    trace_id: str
    state: TraceState = EMPTY
    verdict: Verdict
    version: int = 0
    settled: bool = False
    current: bool = True
    transaction: str = ""
    changed_at: int = 0
    seq_no: int = -1
    primary_term: int = -1

    @property
    def transaction_id(self) -> str:
        """As it is shown: a trace that nothing joins to another one is a group of its own."""
        return self.transaction or self.trace_id


class TraceRecords:
    """The trace documents in OpenSearch, read and written by compare-and-set; ``clock`` gives seconds since the epoch."""

    def __init__(self, store: Store, judge: Judge, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._judge = judge
        self._clock = clock
        self._index = f"{store.prefix}-traces"

    def load(self, trace_ids: Iterable[str]) -> dict[str, Record]:
        """A record for each id, an empty one where nothing is stored yet."""
        ids = list(dict.fromkeys(trace_ids))
        hits = self._store.get_many([(self._index, id_) for id_ in ids], source=_STORED)
        return {id_: self._read(id_, hit) for id_, hit in zip(ids, hits, strict=True)}

    def add(self, facts: Mapping[str, TraceState]) -> dict[str, Record]:
        """Merges ``facts`` into the stored states, whoever else writes meanwhile; returns the records that came of it.

        Raises UnavailableError where OpenSearch does not take a record.
        """
        done: dict[str, Record] = {}
        waiting = dict(facts)
        for _ in range(_ROUNDS):
            known = self.load(waiting)
            grown = {id_: self._grown(known[id_], state) for id_, state in waiting.items()}
            done |= {id_: record for id_, record in grown.items() if record is known[id_]}
            written = self.write([record for id_, record in grown.items() if record is not known[id_]])
            done |= written
            waiting = {id_: state for id_, state in waiting.items() if id_ not in done}
            if not waiting:
                return done
        # the others keep winning: our facts are in the lines and at X-Ray still, so the next sweep brings them
        return done | self.load(waiting)

    def settle(self, records: Iterable[Record]) -> None:
        """Notes that every line and span known of carries these records' final verdicts; a lost race costs a repetition."""
        self.write([msgspec.structs.replace(record, settled=True) for record in records])

    def write(self, records: list[Record]) -> dict[str, Record]:
        """Writes each record where nobody was faster; returns those that were written, with their new place."""
        if self._store.visible_after:
            # that it settled is no news to anybody who reads it
            now = int(self._clock() * 1000)
            records = [record if record.settled else msgspec.structs.replace(record, changed_at=now) for record in records]
        lines: list[object] = []
        for record in records:
            lines.append(self._store.compare_and_set(self._index, record.trace_id, record.seq_no, record.primary_term))
            lines.append(document_of(record))
        written: dict[str, Record] = {}
        for record, result in zip(records, self._store.write(lines), strict=True):
            if result.ok:
                written[record.trace_id] = msgspec.structs.replace(record, seq_no=result.seq_no, primary_term=result.primary_term)
            elif not result.conflict:
                result.raise_for_failure(f"trace {record.trace_id}")
        return written

    def unsettled(self) -> Iterator[str]:
        """The ids of traces whose verdict is not final or not everywhere yet, oldest first; sees what is refreshed."""
        yield from (hit.id for hit in self._store.scan({"term": {"settled": False}}, index=self._index, source=False))

    def purge(self, *, days: int) -> int:
        """Deletes settled trace documents without a sign of life for ``days``; returns how many."""
        return self._store.delete_older(self._index, "lastSeenAt", days=days, query=[{"term": {"settled": True}}])

    def _read(self, trace_id: str, hit: Hit | None) -> Record:
        if hit is None:
            return Record(trace_id=trace_id, verdict=self._judge(EMPTY))
        state = _state(hit)
        stored = hit.source.get("trace", {})
        verdict, version = self._judge(state), int(stored.get("version", 0))
        return Record(trace_id=trace_id, state=state, verdict=verdict, version=version, settled=bool(hit.source.get("settled")),
                      current=stored == status_of(verdict, version), transaction=hit.source.get("transactionId") or "",
                      changed_at=int(hit.source.get("changedAt", 0)), seq_no=hit.seq_no, primary_term=hit.primary_term)  # fmt: skip

    def _grown(self, record: Record, facts: TraceState) -> Record:
        state = merge(record.state, facts)
        if state == record.state and record.version and record.current:
            return record
        verdict = self._judge(state)
        # one more error line changes what a finding says, and nothing that lines and spans carry
        told_alike = status_of(verdict, 0) == status_of(record.verdict, 0)
        changed = not told_alike or _shows_more(state, record.state) or not (record.version and record.current)
        return msgspec.structs.replace(
            record,
            state=state,
            verdict=verdict,
            version=record.version + changed,
            # what others may know of, too, is still to be told
            settled=record.settled and not changed and _joins_alike(state, record.state),
            current=True,
        )


def load_states(trace_ids: Iterable[str], store: Store) -> dict[str, TraceState]:
    """What is known of each of these traces, without a verdict; nothing where nothing is stored; realtime."""
    ids = list(dict.fromkeys(trace_ids))
    hits = store.get_many([(f"{store.prefix}-traces", id_) for id_ in ids], source=("state",))
    return {id_: _state(hit) if hit else EMPTY for id_, hit in zip(ids, hits, strict=True)}


def _state(hit: Hit) -> TraceState:
    try:
        return msgspec.convert(hit.source.get("state", {}), TraceState)
    except msgspec.ValidationError:
        # its facts are in the lines and spans still
        return EMPTY


def _shows_more(state: TraceState, before: TraceState) -> bool:
    """Whether lines and spans have to show other things than before, beside the verdict."""
    return (
        state.segments != before.segments
        or correlation_ids_of(state) != correlation_ids_of(before)
        or [(request.segment_id, request.said) for request in state.requests.values() if request.platform]
        != [(request.segment_id, request.said) for request in before.requests.values() if request.platform]
    )


def _joins_alike(state: TraceState, before: TraceState) -> bool:
    """Whether nothing of what may concern other traces or lines has changed."""
    return state.keys.keys() == before.keys.keys() and [
        (key, request.platform, request.elsewhere, request.runs) for key, request in state.requests.items()
    ] == [(key, request.platform, request.elsewhere, request.runs) for key, request in before.requests.items()]


def correlation_ids_of(state: TraceState) -> list[str]:
    """The correlation ids that the trace's lines name, sorted."""
    named = (value for value, shown in state.keys.items() if any(fact.method == "correlation id" for fact in shown.values()))
    return list(islice(named, _MOST_CORRELATION_IDS))


def status_of(verdict: Verdict, version: int) -> dict[str, Any]:
    """The `trace` object that a trace, its lines and its spans carry; every key is there, so that a new one wipes the old."""
    return {
        "state": verdict.state, "stateReason": verdict.state_reason, "fault": verdict.fault, "error": verdict.error,
        "throttle": verdict.throttle, "edgeStatus": verdict.edge_status, "clientSaw": verdict.client_saw,
        "hiddenFault": verdict.hidden_fault, "rules": list(verdict.rules), "version": version,
    }  # fmt: skip


def document_of(record: Record) -> dict[str, Any]:
    """The trace document of ``record``."""
    verdict, root = record.verdict, record.verdict.root
    return {
        "@timestamp": iso_millis(_started(record.state)),
        "lastSeenAt": iso_millis(last_seen(record.state)),
        "doc": {"kind": "trace"},
        "traceId": record.trace_id,
        "xray": {"traceId": to_xray(record.trace_id)},
        "transactionId": record.transaction_id,
        "correlationId": correlation_ids_of(record.state),
        "requestId": sorted({request.request_id for request in record.state.requests.values() if request.request_id}),
        "serviceName": root.service_name if root else None,
        "name": root.name if root else None,
        "durationInNanos": root.duration if root else None,
        "annotations": annotations_of(record.state),
        "trace": status_of(verdict, record.version),
        "missing": verdict.missing[:_MOST_MISSING],
        "findings": verdict.findings,
        "settled": record.settled,
        "state": record.state,
        **({"changedAt": record.changed_at} if record.changed_at else {}),
    }


def annotations_of(state: TraceState) -> dict[str, list[Annotation]]:
    """The annotations of every segment and subsegment of a trace: each key with its values, in a fixed order."""
    found: dict[str, dict[str, Annotation]] = {}
    for fact in state.segments.values():
        for key, value in fact.annotations:
            # True and 1 are one key of a dictionary
            found.setdefault(key, {})[repr(value)] = value
    return {key: [values[name] for name in sorted(values)[:_MOST_VALUES]] for key, values in sorted(found.items())[:_MOST_KEYS]}


def _started(state: TraceState) -> int:
    starts = [fact.start for fact in state.segments.values() if fact.start]
    return min(starts) // 1_000_000 if starts else state.first_line_at


def iso_millis(at: int) -> str:
    """Milliseconds since the epoch as ISO 8601, UTC."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis_of(timestamp: str) -> int:
    """An ISO time as milliseconds since the epoch, UTC."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
