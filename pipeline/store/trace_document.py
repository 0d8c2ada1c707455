from itertools import islice
from typing import Any

import msgspec

from pipeline.detect.verdict import Verdict
from pipeline.model.facts import Annotation
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.model.trace_state import EMPTY, TraceState, last_seen

_MOST_KEYS = 100
_MOST_MISSING = 50
_MOST_VALUES = 50
_MOST_CORRELATION_IDS = 100


class TraceRecord(msgspec.Struct, frozen=True, kw_only=True):
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


def correlation_ids_of(state: TraceState) -> list[str]:
    """The correlation ids that the trace's lines name, sorted."""
    named = (value for value, shown in state.keys.items() if any(fact.method == "correlation id" for fact in shown.values()))
    return list(islice(named, _MOST_CORRELATION_IDS))


def trace_status(verdict: Verdict, version: int) -> dict[str, Any]:
    """The `trace` object that a trace, its lines and its spans carry; every key is there, so that a new one wipes the old."""
    return {
        "state": verdict.state, "stateReason": verdict.state_reason, "fault": verdict.fault, "error": verdict.error,
        "throttle": verdict.throttle, "edgeStatus": verdict.edge_status, "clientSaw": verdict.client_saw,
        "hiddenFault": verdict.hidden_fault, "rules": list(verdict.rules), "version": version,
    }  # fmt: skip


def document_of(record: TraceRecord) -> dict[str, Any]:
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
        "trace": trace_status(verdict, record.version),
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
